package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// result is how a program ended.
type result struct {
	code   int
	output string // what it printed, or the first part of it
}

// terraform runs a call with its output in the log. An error means that it did not run to an end
// of its own; any exit code is none. When ctx ends, terraform is told to: it waits for what is
// under way, writes the state and releases its lock, however long that takes.
func (s *session) terraform(ctx context.Context, args []string) (result, error) {
	return s.logged(ctx, s.command(ctx, s.program, args), string(s.order.Terraform.Flavor))
}

// silently runs a call whose output is kept in memory and nowhere else: it may be secret. What it
// says of problems goes to the log.
func (s *session) silently(ctx context.Context, args []string) ([]byte, error) {
	var out bytes.Buffer
	from := s.log.length()
	cmd := s.command(ctx, s.program, args)
	cmd.Stdout, cmd.Stderr = &out, s.log.file
	code, err := run(ctx, cmd, "terraform "+args[0])
	if err != nil {
		return nil, err
	}
	if code != 0 {
		said, _ := s.log.read(from, maxCause)
		why := cause(string(said))
		if summary, _ := firstError(string(said)); summary == "" { // as "state pull" says it
			why = lastWords(strings.Split(string(said), "\n"))
		}
		return nil, fmt.Errorf("terraform %s: %s", args[0], why)
	}
	return out.Bytes(), nil
}

// command is a program that runs in the application's directory. It is interrupted when ctx ends.
func (s *session) command(ctx context.Context, program string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = s.app, s.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	apart(cmd)
	return cmd
}

// logged runs a command under a name with its output in the log: the file is given to it as it
// is, without a pipe between.
func (s *session) logged(ctx context.Context, cmd *exec.Cmd, name string) (result, error) {
	s.log.printf("\n$ %s %s\n", name, strings.Join(cmd.Args[1:], " "))
	from := s.log.length()
	cmd.Stdout, cmd.Stderr = s.log.file, s.log.file
	code, err := run(ctx, cmd, name+" "+cmd.Args[1])
	if err != nil {
		return result{}, err
	}
	output, err := s.log.read(from, maxCause)
	return result{code, string(output)}, err
}

// run runs a command until it ends, and returns its exit code.
func run(ctx context.Context, cmd *exec.Cmd, name string) (code int, err error) {
	err = pinned(cmd.Run)
	var exit *exec.ExitError
	switch {
	case err == nil || errors.Is(err, context.Canceled) && cmd.ProcessState.Success():
		return 0, nil
	case errors.As(err, &exit) && exit.Exited():
		return exit.ExitCode(), nil
	case ctx.Err() != nil && cmd.ProcessState != nil && cmd.ProcessState.Exited():
		return cmd.ProcessState.ExitCode(), nil // it ended by itself once it was told to
	}
	return 0, fmt.Errorf("run %s: %w", name, err)
}

// pinned runs do on a thread that lives until it returns: the kernel ends a child with the thread
// that started it (prctl(2), PR_SET_PDEATHSIG).
func pinned(do func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- do()
	}()
	return <-done
}
