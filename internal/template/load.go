package template

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Load reads an application's template and its parameters from the files of a repository,
// and checks them against each other: what is wrong is found before any call is made. The
// problems are a person's to mend; the error is that the files cannot be read at all.
func Load(files fs.FS, s gitops.Settings) (t Template, parameters map[string]string, problems []error, err error) {
	name := path.Join(s.Path, s.CloudFormation.Template)
	body, missing, err := read(files, name, "cloudformation.template")
	if missing != nil || err != nil {
		return t, nil, missing, err
	}
	t, broken := Read(name, body)
	problems = split(broken)
	if s.CloudFormation.Parameters != "" {
		name := path.Join(s.Path, s.CloudFormation.Parameters)
		data, missing, err := read(files, name, "cloudformation.parameters")
		if missing != nil || err != nil {
			return t, nil, append(problems, missing...), err
		}
		parameters, broken = Parameters(name, data)
		problems = append(problems, split(broken)...)
	}
	if len(problems) == 0 {
		problems = Check(t, parameters, s.CloudFormation.Capabilities)
	}
	return t, parameters, problems, nil
}

// read reads one file; one that is not there is a problem of the key that names it.
func read(files fs.FS, name, key string) (data []byte, missing []error, err error) {
	data, err = fs.ReadFile(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, []error{&Error{File: name, Message: "no such file, though " + key + " names it"}}, nil
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
