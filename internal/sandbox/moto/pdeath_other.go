//go:build !linux

package moto

import "os/exec"

// dieWithParent does nothing where the kernel offers no parent-death signal: the child then
// ends with Close or its context only.
func dieWithParent(*exec.Cmd) {}
