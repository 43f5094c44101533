//go:build unix && !linux

package bootstrap

import (
	"os/exec"
	"syscall"
)

// attributes give the process a group of its own. Only Linux can tie its life to ours.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// kill ends the process and all it started.
func kill(cmd *exec.Cmd) {
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) //nolint:errcheck // gone already
}
