package sandbox

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Run runs a sandbox until ctx ends, for the command `driftless sandbox`. It prints its
// address once it answers, and leaves a file by which PrintEnv and PrintGitURL find it while
// it runs.
func Run(ctx context.Context, stdout io.Writer, o Options) error {
	s, err := Start(ctx, o)
	if err != nil {
		return err
	}
	defer s.Close()
	path, err := statePath(o.Dir)
	if err != nil {
		return err
	}
	if err := writeState(path, stateFile{URL: s.url, PID: os.Getpid(), Env: s.Env()}); err != nil {
		return err
	}
	defer func() { _ = os.Remove(path) }() // who reads it asks the sandbox too
	at := ""
	if o.Dir != "" {
		at = " --dir " + o.Dir
	}
	if _, err := fmt.Fprintf(stdout, "sandbox  %s  (moto %s, account %s, region %s)\nlogs     %s\nshell    eval \"$(driftless sandbox env%s)\"\n",
		s.url, s.MotoVersion(), Account, Region, s.Dir(), at); err != nil {
		return fmt.Errorf("print address: %w", err)
	}
	select {
	case <-ctx.Done():
		return nil
	case <-s.moto.Done():
		return fmt.Errorf("moto ended by itself; its log is %s", filepath.Join(s.Dir(), "moto.log"))
	}
}
