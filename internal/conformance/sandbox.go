package conformance

import (
	"context"
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// inSandbox starts a sandbox that takes no time of its own, and returns it as a place in
// which expectations are tried, with what ends it.
func inSandbox(ctx context.Context, run string) (where, func(), error) {
	s, err := sandbox.Start(ctx, sandbox.Options{Addr: "127.0.0.1:0", Timing: &sandbox.Timing{}})
	if err != nil {
		return where{}, nil, fmt.Errorf("start the sandbox: %w", err)
	}
	return where{
		config: s.Config(), account: sandbox.Account, run: run, poll: 20 * time.Millisecond,
	}, s.Close, nil
}
