package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
)

// templateFlags are what "validate" is told of templates that stand alone.
type templateFlags struct {
	files        []string
	parameters   string
	capabilities []string
	transforms   []string
}

// validate finds what is wrong with the templates, or with a repository where none is named.
func (t *templateFlags) validate(args []string) (validation, readFile, error) {
	if len(t.files) == 0 {
		if t.parameters != "" || len(t.capabilities)+len(t.transforms) > 0 {
			return validation{}, nil, usage(errors.New("--parameters, --capability and --transform say something of a --template: name one"))
		}
		return validateRepository(args)
	}
	v := validation{Problems: []gitops.Problem{}, parameters: map[string]bool{}}
	if t.parameters != "" {
		file, err := filepath.Abs(t.parameters)
		if err != nil {
			return v, nil, fmt.Errorf("find %s: %w", t.parameters, err)
		}
		v.parameters[nearName(file)] = true
	}
	for _, name := range append(slices.Clone(t.files), args...) {
		problems, err := t.check(name)
		if err != nil {
			return v, nil, err
		}
		v.Templates++
		for _, p := range problems {
			if !slices.Contains(v.Problems, p) { // of the parameter file, or of a template nested in several
				v.Problems = append(v.Problems, p)
			}
		}
	}
	return v, os.ReadFile, nil
}

// check finds what is wrong with one template, and what it names.
func (t *templateFlags) check(name string) ([]gitops.Problem, error) {
	for _, file := range []string{name, t.parameters} {
		if info, err := os.Stat(file); file != "" && (err != nil || info.IsDir()) {
			return nil, usage(fmt.Errorf("%q is not a file", file))
		}
	}
	root, paths, err := t.root(name)
	if err != nil {
		return nil, err
	}
	s := gitops.Settings{Path: ".", Engine: gitops.EngineCloudFormation, CloudFormation: gitops.CloudFormation{
		Template: paths[0], Parameters: paths[1], Capabilities: t.capabilities, Transforms: t.transforms}}
	found, err := packaging.CheckTemplate(os.DirFS(root), s)
	if err != nil {
		return nil, fmt.Errorf("check %s: %w", name, err)
	}
	var problems []gitops.Problem
	for _, e := range found {
		p := asProblem("", e)
		p.File = nearName(filepath.Join(root, filepath.FromSlash(p.File)))
		problems = append(problems, p)
	}
	return problems, nil
}

// root returns the directory that the template's files are looked for in, and the paths of
// template and parameter file from there. It is the root of the repository that the template
// is in, else the template's directory, and wide enough for the parameter file.
func (t *templateFlags) root(name string) (dir string, paths [2]string, err error) {
	var files [2]string
	for i, file := range []string{name, t.parameters} {
		if file == "" {
			continue
		}
		if files[i], err = filepath.Abs(file); err != nil {
			return "", paths, fmt.Errorf("find %s: %w", file, err)
		}
	}
	dir = repositoryOf(filepath.Dir(files[0]))
	for _, file := range files {
		for file != "" && !strings.HasPrefix(file, strings.TrimSuffix(dir, string(filepath.Separator))+string(filepath.Separator)) {
			if dir == filepath.Dir(dir) {
				return "", paths, usage(fmt.Errorf("%q and %q have no directory in common", name, t.parameters))
			}
			dir = filepath.Dir(dir)
		}
	}
	for i, file := range files {
		if file != "" {
			paths[i] = filepath.ToSlash(strings.TrimPrefix(strings.TrimPrefix(file, dir), string(filepath.Separator)))
		}
	}
	return dir, paths, nil
}

// repositoryOf returns the nearest directory at or above one that git made a repository, else
// the outermost with a driftless.yaml, else the directory itself.
func repositoryOf(from string) string {
	root := from
	for d := from; ; d = filepath.Dir(d) {
		if exists(filepath.Join(d, ".git")) {
			return d
		}
		if exists(filepath.Join(d, config.Name)) {
			root = d
		}
		if d == filepath.Dir(d) {
			return root
		}
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// nearName returns a file's path from where the command runs, if it is shorter so.
func nearName(file string) string {
	here, err := os.Getwd()
	if err != nil {
		return file
	}
	if within, err := filepath.Rel(here, file); err == nil && len(within) < len(file) {
		return within
	}
	return file
}
