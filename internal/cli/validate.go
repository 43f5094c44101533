package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/template"
)

// validation is what "validate" found.
type validation struct {
	Applications int              `json:"applications"`
	Templates    int              `json:"templates,omitempty"`
	Problems     []gitops.Problem `json:"problems"`

	parameters map[string]bool // parameter files, of which no line is shown: it may hold a secret
}

func validateCommand(f *flags) *cobra.Command {
	t := &templateFlags{}
	c := &cobra.Command{Use: "validate [DIRECTORY] | --template FILE...",
		Short: "Check a repository's driftless.yaml and what it names, or templates alone, without AWS",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(t.files) > 0 {
				return nil // templates, as a shell writes out a pattern
			}
			return cobra.MaximumNArgs(1)(cmd, args)
		},
		RunE: func(_ *cobra.Command, args []string) error {
			v, read, err := t.validate(args)
			if err != nil {
				return err
			}
			if err := f.print(v, func() string { return describe(read, v) }); err != nil {
				return err
			}
			if len(v.Problems) > 0 {
				return &exitError{code: ExitFailed}
			}
			return nil
		}}
	c.Flags().StringArrayVar(&t.files, "template", nil, "check this template alone, inside or outside of any repository; more may follow")
	c.Flags().StringVar(&t.parameters, "parameters", "", "with --template: the parameter file to hold it against")
	c.Flags().StringArrayVar(&t.capabilities, "capability", nil, "with --template: a capability that the application gives, as CAPABILITY_IAM")
	c.Flags().StringArrayVar(&t.transforms, "transform", nil, "with --template: a macro that the application allows, by its name")
	return c
}

// validateRepository finds what is wrong at and below the root of a repository.
func validateRepository(args []string) (validation, readFile, error) {
	dir := "."
	if len(args) == 1 {
		dir = args[0]
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return validation{}, nil, usage(fmt.Errorf("%q is not a directory: give the root of a repository", dir))
	}
	files := os.DirFS(dir)
	v, err := validate(files, dir)
	return v, func(name string) ([]byte, error) { return fs.ReadFile(files, name) }, err
}

// validate finds everything at once: what is wrong in the file, with what it names, in the
// templates of every application whose files are known, and with what a push would hold.
func validate(files fs.FS, dir string) (validation, error) {
	v := validation{Problems: []gitops.Problem{}, parameters: map[string]bool{}}
	if _, err := fs.Stat(files, config.Name); errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("there is no %s in %s, where the root of a repository has one; "+
			"driftless init proposes one", config.Name, dir)
	}
	c := config.Load(files, func(name string) ([]byte, error) { return fs.ReadFile(files, name) })
	v.Applications = len(c.Applications)
	v.Problems = append(v.Problems, c.Problems...)
	var paths []string
	for i, s := range c.Applications {
		file, at := c.Place(i)
		if s.CloudFormation.Parameters != "" {
			v.parameters[path.Join(s.Path, s.CloudFormation.Parameters)] = true
		}
		parsed, missing := of(c.Problems, file)
		stack := at + "." + string(s.Engine)
		if s.CloudFormation.Template != "" && known(parsed, at) && !has(missing, at+".path", stack+".template") {
			v.Problems = append(v.Problems, templateProblems(files, s, has(missing, stack+".parameters"))...)
		}
		if s.Path != "" && !has(missing, at+".path") {
			paths = append(paths, s.Path)
		}
		for j, w := range s.Watch {
			if w != "" && !has(missing, at+".path", fmt.Sprintf("%s.watch[%d]", at, j)) {
				paths = append(paths, w)
			}
		}
	}
	unusable, err := unreadable(files, dir, paths)
	for _, p := range unusable {
		told := func(q gitops.Problem) bool { return q.File == p.File && q.Line == 0 } // that it is too large, as a template
		if !slices.ContainsFunc(v.Problems, told) {
			v.Problems = append(v.Problems, p)
		}
	}
	return v, err
}

// of returns what is wrong in the text of a configuration file, the root's defaults included,
// and with what its applications name.
func of(problems []gitops.Problem, file string) (parsed, missing []gitops.Problem) {
	for _, p := range problems {
		common := p.File == config.Name && (p.Path == "defaults" || strings.HasPrefix(p.Path, "defaults."))
		switch {
		case p.File == file && p.Application != "":
			missing = append(missing, p)
		case p.File == file || common:
			parsed = append(parsed, p)
		}
	}
	return parsed, missing
}

// has reports whether a value at one of the paths has a problem.
func has(problems []gitops.Problem, paths ...string) bool {
	return slices.ContainsFunc(problems, func(p gitops.Problem) bool { return slices.Contains(paths, p.Path) })
}

// elsewhere are the keys of an application, and of the defaults, that say nothing of a
// template, its parameters and its capabilities.
var elsewhere = []string{"name", "target", "sync", "verify", "drift",
	"cloudformation.stack", "cloudformation.role", "cloudformation.tags", "sam.stack", "sam.role", "sam.tags"}

// known reports whether the file says well enough what an application's template is: what
// would be found wrong in another one is no problem of anybody's.
func known(parsed []gitops.Problem, application string) bool {
	return !slices.ContainsFunc(parsed, func(p gitops.Problem) bool {
		for _, outer := range []string{application, "defaults"} {
			key, inside := strings.CutPrefix(p.Path+".", outer+".")
			if inside && !slices.ContainsFunc(elsewhere, func(k string) bool { return strings.HasPrefix(key, k+".") || strings.HasPrefix(key, k+"[") }) {
				return true
			}
		}
		return false
	})
}

// templateProblems returns what is wrong in an application's template and parameters, but
// for parameters that were told to be missing.
func templateProblems(files fs.FS, s gitops.Settings, told bool) []gitops.Problem {
	found, err := packaging.Check(files, s)
	if err != nil && !told {
		found = append(found, err)
	}
	var problems []gitops.Problem
	for _, e := range found {
		if p := asProblem(s.Name, e); !told || p.File != path.Join(s.Path, s.CloudFormation.Parameters) {
			problems = append(problems, p)
		}
	}
	return problems
}

func asProblem(app string, err error) gitops.Problem {
	var e *template.Error
	if errors.As(err, &e) {
		return gitops.Problem{Application: app, File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}
	}
	return gitops.Problem{Application: app, Message: err.Error()}
}

// readFile reads a file that a problem names.
type readFile func(name string) ([]byte, error)

// describe shows each problem with its line, and counts.
func describe(read readFile, v validation) string {
	var b strings.Builder
	for _, p := range v.Problems {
		var source []byte // a file that cannot be read has no line to show
		if data, err := read(p.File); err == nil && !v.parameters[p.File] {
			source = data
		}
		b.WriteString(config.Annotate(p, source))
	}
	where := plural(v.Applications, "application")
	if v.Templates > 0 {
		where = plural(v.Templates, "template")
	}
	fmt.Fprintf(&b, "%s in %s\n", plural(len(v.Problems), "problem"), where)
	return b.String()
}

func plural(n int, what string) string {
	switch n {
	case 0:
		return "no " + what + "s"
	case 1:
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
