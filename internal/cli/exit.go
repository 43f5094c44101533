package cli

import (
	"context"
	"errors"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Exit codes of every command.
const (
	ExitOK          = 0
	ExitFailed      = 1   // it was tried, and failed
	ExitDifferences = 2   // with --exit-code: there are differences or drift
	ExitUsage       = 3   // the command line cannot be understood
	ExitCredentials = 4   // no AWS credentials, or refused ones
	ExitTimeout     = 5   // waited for as long as --timeout allows
	ExitInterrupted = 130 // Ctrl-C
)

const exitHelp = `Exit codes:
  0    done
  1    it was tried, and failed
  2    with --exit-code: there are differences, or drift
  3    the command line cannot be understood
  4    no AWS credentials, or refused ones
  5    waited for as long as --timeout allows
  130  interrupted
`

// exitError ends the program with a code. Its text, if any, is shown.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// usage marks an error as one of the command line.
func usage(err error) error { return &exitError{ExitUsage, err} }

// code returns the exit code of an error. An interruption goes before what it broke.
func code(ctx context.Context, err error) int {
	var exit *exitError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(ctx.Err(), context.Canceled):
		return ExitInterrupted
	case errors.As(err, &exit):
		return exit.code
	case errors.Is(err, reconcile.ErrDenied):
		return ExitCredentials
	}
	return ExitFailed
}
