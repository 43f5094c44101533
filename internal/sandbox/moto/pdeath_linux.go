package moto

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the child when this process dies without closing it.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
