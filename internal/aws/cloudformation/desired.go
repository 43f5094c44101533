package cloudformation

import (
	"context"
	"errors"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// prepare reads what git wants of the stack from the bundle. What is wrong with it is one
// refusal that names everything, each with file and line, before any call is made.
func (e *Engine) prepare(ctx context.Context, w reconcile.Work) (packaging.Prepared, error) {
	files, err := w.Files(ctx)
	if err != nil {
		return packaging.Prepared{}, fmt.Errorf("open bundle %s: %w", w.Bundle, err)
	}
	p, problems, err := packaging.Prepare(files, w.Settings, e.bucket(w))
	if err != nil {
		return packaging.Prepared{}, err
	}
	if len(problems) > 0 {
		return packaging.Prepared{}, &gitops.Refusal{Reason: errors.Join(problems...).Error()}
	}
	return p, nil
}
