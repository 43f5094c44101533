package sandbox

import (
	"context"
	"fmt"
	"io"
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
	if err := s.announce(o.Dir); err != nil {
		return err
	}
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
	case <-s.tables.Done():
	}
	return fmt.Errorf("moto ended by itself; its logs are moto.log and dynamodb.log in %s", s.Dir())
}
