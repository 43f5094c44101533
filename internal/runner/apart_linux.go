package runner

import (
	"os/exec"
	"syscall"
)

// apart puts a program and what it starts into a group of their own, as terraform needs it: a
// signal to the build's group would reach it beside ours, and of two it ends at once, with the
// state locked; and it would end the providers. If this program is killed, terraform is too.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// signalGroup sends a signal to all that a command of its own group started.
func signalGroup(cmd *exec.Cmd, s syscall.Signal) error { return syscall.Kill(-cmd.Process.Pid, s) }
