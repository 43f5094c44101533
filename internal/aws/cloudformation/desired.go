package cloudformation

import (
	"context"
	"errors"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/template"
)

// desired is what git wants of the stack.
type desired struct {
	template   string
	parameters map[string]string
}

// read reads the template and its parameters from the bundle. What is wrong with them is
// one refusal that names everything, each with file and line, before any call is made.
func read(ctx context.Context, w reconcile.Work) (desired, error) {
	files, err := w.Files(ctx)
	if err != nil {
		return desired{}, fmt.Errorf("open bundle %s: %w", w.Bundle, err)
	}
	t, parameters, problems, err := template.Load(files, w.Settings)
	if err != nil {
		return desired{}, err
	}
	if len(problems) > 0 {
		return desired{}, &gitops.Refusal{Reason: errors.Join(problems...).Error()}
	}
	return desired{template: string(t.Body), parameters: parameters}, nil
}
