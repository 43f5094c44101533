package packaging

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// source is what an application's files say before anything is packaged.
type source struct {
	name     string // of the template, from the repository's root
	template template.Template
	values   template.Values
}

// readSource reads an application's template and its parameter file, and holds the template
// against the settings.
func readSource(files fs.FS, s gitops.Settings) (source, []error, error) {
	src := source{name: path.Join(s.Path, s.CloudFormation.Template)}
	body, problems, err := readNamed(files, src.name, "cloudformation.template")
	if problems != nil || err != nil {
		return src, problems, err
	}
	var broken error
	src.template, broken = template.Read(src.name, body)
	problems = split(broken)
	if s.CloudFormation.Parameters != "" {
		name := path.Join(s.Path, s.CloudFormation.Parameters)
		data, missing, err := readNamed(files, name, "cloudformation.parameters")
		if missing != nil || err != nil {
			return src, append(problems, missing...), err
		}
		src.values, broken = template.Parameters(name, data)
		problems = append(problems, split(broken)...)
	}
	if len(problems) == 0 {
		problems = template.Check(src.template, s.CloudFormation)
	}
	return src, problems, nil
}

// readNamed reads one file; one that is not there is a problem of the key that names it.
func readNamed(files fs.FS, name, key string) (data []byte, missing []error, err error) {
	data, err = fs.ReadFile(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []error{&template.Error{File: name, Message: "no such file, though " + key + " names it"}}, nil
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", name, err)
	}
	return data, nil, nil
}

// split returns the errors that were joined.
func split(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	return []error{err}
}
