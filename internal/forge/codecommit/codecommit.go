// Package codecommit is the forge adapter of CodeCommit, which is git and little else: its
// pushes come as events of EventBridge (package trigger), and a commit has no status there.
// So there is nothing to receive, and nowhere to report to. Pull requests it has: they are
// opened through a port, since the SDK is not for this package.
package codecommit

import (
	"context"
	"fmt"
	"net/http"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Forge is CodeCommit.
type Forge struct{}

var _ forge.Forge = Forge{}

// Receive implements forge.Receiver: nothing is signed by CodeCommit, so nothing holds.
func (Forge) Receive([]string, http.Header, []byte) (forge.Delivery, error) {
	return forge.Delivery{}, fmt.Errorf("%w: CodeCommit has no webhooks, its pushes come as events", forge.ErrSignature)
}

// Report implements forge.Reporter: always ErrNotFound. What CodeCommit shows beside a
// commit are comments (CodeCommit API reference, PostCommentForComparedCommit), of which
// each change of a deployment would leave another one.
func (Forge) Report(_ context.Context, _ gitops.Repository, s forge.Status) error {
	return fmt.Errorf("set status %s: CodeCommit shows no statuses of commits: %w", s.Context, reconcile.ErrNotFound)
}
