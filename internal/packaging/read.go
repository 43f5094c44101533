package packaging

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// source is what an application's files say before anything is packaged.
type source struct {
	name     string // of the template, from the repository's root
	template template.Template
	values   template.Values
}

// readSource reads an application's template and its parameter file.
func readSource(files fs.FS, s gitops.Settings) (source, []error, error) {
	src := source{name: path.Join(s.Path, s.CloudFormation.Template)}
	key := string(cmp.Or(s.Engine, gitops.EngineCloudFormation))
	body, problems, err := readNamed(files, src.name, key+".template")
	if problems != nil || err != nil {
		return src, problems, err
	}
	var broken error
	src.template, broken = template.Read(src.name, body)
	problems = split(broken)
	if s.CloudFormation.Parameters != "" {
		name := path.Join(s.Path, s.CloudFormation.Parameters)
		data, missing, err := readNamed(files, name, key+".parameters")
		if missing != nil || err != nil {
			return src, append(problems, missing...), err
		}
		src.values, broken = template.Parameters(name, data)
		problems = append(problems, split(broken)...)
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

// inOrder joins the problems of the template and those of its parameter file, as they stand
// there.
func (s source) inOrder(lists ...[]error) []error {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b error) int {
		x, y := s.place(a), s.place(b)
		return slices.Compare(x[:], y[:])
	})
	return all
}

// place returns what a problem is sorted by: its file, line and column.
func (s source) place(err error) [3]int {
	var e *template.Error
	if !errors.As(err, &e) {
		return [3]int{}
	}
	file := 1
	if e.File == s.name {
		file = 0
	}
	return [3]int{file, e.Line, e.Column}
}
