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

// result is how a call of terraform ended.
type result struct {
	code   int
	output string // what it printed, or the first part of it
}

// terraform runs a call with its output in the log. An error means that it did not run to an end
// of its own; any exit code is none. When ctx ends, terraform is told to: it waits for what is
// under way, writes the state and releases its lock, however long that takes.
func (s *session) terraform(ctx context.Context, args []string) (result, error) {
	s.log.printf("\n$ %s %s\n", s.order.Terraform.Flavor, strings.Join(args, " "))
	from := s.log.length()
	code, err := s.start(ctx, args, s.log.file, s.log.file)
	if err != nil {
		return result{}, err
	}
	output, err := s.log.read(from, maxCause)
	return result{code, string(output)}, err
}

// silently runs a call whose output is kept in memory and nowhere else: it may be secret. What it
// says of problems goes to the log.
func (s *session) silently(ctx context.Context, args []string) ([]byte, error) {
	var out bytes.Buffer
	from := s.log.length()
	code, err := s.start(ctx, args, &out, s.log.file)
	if err != nil {
		return nil, err
	}
	if code != 0 {
		said, _ := s.log.read(from, maxCause)
		return nil, fmt.Errorf("terraform %s: %s", args[0], cause(string(said)))
	}
	return out.Bytes(), nil
}

// start runs terraform in the application's directory until it ends.
func (s *session) start(ctx context.Context, args []string, stdout, stderr any) (code int, err error) {
	cmd := exec.CommandContext(ctx, s.program, args...)
	cmd.Dir, cmd.Env = s.app, s.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if f, ok := stdout.(*os.File); ok {
		cmd.Stdout = f // given to the child as it is, without a pipe between
	} else if b, ok := stdout.(*bytes.Buffer); ok {
		cmd.Stdout = b
	}
	if f, ok := stderr.(*os.File); ok {
		cmd.Stderr = f
	}
	apart(cmd)
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
	return 0, fmt.Errorf("run terraform %s: %w", args[0], err)
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
