//go:build !linux

package runner

import (
	"os/exec"
	"syscall"
)

// apart puts a program and what it starts into a group of their own, as terraform needs it: of
// two signals it ends at once, with the state locked.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// signalGroup sends a signal to all that a command of its own group started.
func signalGroup(cmd *exec.Cmd, s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
