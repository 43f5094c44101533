package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/template"
)

// desired is what git wants of the stack.
type desired struct {
	template   string
	parameters map[string]string
}

// read reads the template and its parameters from the bundle and checks them against each
// other. What is wrong with them is one refusal that names everything, each with file and
// line, before any call is made.
func read(ctx context.Context, w reconcile.Work) (desired, error) {
	files, err := w.Files(ctx)
	if err != nil {
		return desired{}, fmt.Errorf("open bundle %s: %w", w.Bundle, err)
	}
	s := w.Settings
	body, err := file(files, path.Join(s.Path, s.CloudFormation.Template), "cloudformation.template")
	if err != nil {
		return desired{}, err
	}
	t, err := template.Read(path.Join(s.Path, s.CloudFormation.Template), body)
	if err != nil {
		return desired{}, &gitops.Refusal{Reason: err.Error()}
	}
	var parameters map[string]string
	if s.CloudFormation.Parameters != "" {
		name := path.Join(s.Path, s.CloudFormation.Parameters)
		data, err := file(files, name, "cloudformation.parameters")
		if err != nil {
			return desired{}, err
		}
		if parameters, err = template.Parameters(name, data); err != nil {
			return desired{}, &gitops.Refusal{Reason: err.Error()}
		}
	}
	if problems := template.Check(t, parameters, s.CloudFormation.Capabilities); len(problems) > 0 {
		lines := make([]string, 0, len(problems))
		for _, p := range problems {
			lines = append(lines, p.Error())
		}
		return desired{}, &gitops.Refusal{Reason: strings.Join(lines, "\n")}
	}
	return desired{template: string(body), parameters: parameters}, nil
}

// file reads one file of the bundle; a missing one is the refusal of the key that names it.
func file(files fs.FS, name, key string) ([]byte, error) {
	data, err := fs.ReadFile(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("%s: no such file, though %s names it", name, key)}
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil
}
