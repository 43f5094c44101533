package builds

import (
	"context"
	"io/fs"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// stacks is CloudFormation, which opens the bundle before it does anything: the world goes on
// meanwhile, and nobody may hold it up.
type stacks struct{ *fake.Engine }

var _ reconcile.Engine = stacks{}

// Start implements reconcile.Engine.
func (s stacks) Start(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	if w.Operation.Kind == gitops.OperationPlan {
		files, err := w.Files(ctx)
		if err != nil {
			return gitops.Operation{}, err
		}
		w.Files = func(context.Context) (fs.FS, error) { return files, nil }
	}
	return s.Engine.Start(ctx, w)
}
