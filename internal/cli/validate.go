package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// validation is what "validate" found.
type validation struct {
	Applications int              `json:"applications"`
	Problems     []gitops.Problem `json:"problems"`
}

func validateCommand(f *flags) *cobra.Command {
	return &cobra.Command{Use: "validate [DIRECTORY]", Short: "Check a repository's driftless.yaml and what it names, without AWS",
		Args: cobra.MaximumNArgs(1), RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				return usage(fmt.Errorf("%q is not a directory: give the root of a repository", dir))
			}
			files := os.DirFS(dir)
			v, err := validate(files, dir)
			if err != nil {
				return err
			}
			if err := f.print(v, func() string { return describe(files, v) }); err != nil {
				return err
			}
			if len(v.Problems) > 0 {
				return &exitError{code: ExitFailed}
			}
			return nil
		}}
}

// validate checks the file first, and only with a good one the templates that it names.
func validate(files fs.FS, dir string) (validation, error) {
	v := validation{Problems: []gitops.Problem{}}
	data, err := fs.ReadFile(files, config.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return v, fmt.Errorf("there is no %s in %s, where the root of a repository has one; "+
			"templates/starter of https://github.com/driftless-gitops/driftless is one to begin with", config.Name, dir)
	}
	if err != nil {
		return v, fmt.Errorf("read %s: %w", config.Name, err)
	}
	file, problems := config.Parse(config.Name, data)
	v.Applications = len(file.Settings())
	if len(problems) == 0 {
		problems = file.Check(files)
	}
	v.Problems = append(v.Problems, problems...)
	if len(problems) > 0 {
		return v, nil
	}
	for _, s := range file.Settings() {
		_, _, found, err := template.Load(files, s)
		if err != nil {
			return v, err
		}
		for _, e := range found {
			v.Problems = append(v.Problems, asProblem(s.Name, e))
		}
	}
	return v, nil
}

func asProblem(app string, err error) gitops.Problem {
	var e *template.Error
	if errors.As(err, &e) {
		return gitops.Problem{Application: app, File: e.File, Line: e.Line, Column: e.Column, Message: e.Message}
	}
	return gitops.Problem{Application: app, Message: err.Error()}
}

// describe shows each problem with its line, and counts.
func describe(files fs.FS, v validation) string {
	var b strings.Builder
	for _, p := range v.Problems {
		source, err := fs.ReadFile(files, p.File)
		if err != nil {
			source = nil // a file that cannot be read has no line to show
		}
		b.WriteString(config.Annotate(p, source))
	}
	fmt.Fprintf(&b, "%s in %s\n", plural(len(v.Problems), "problem"), plural(v.Applications, "application"))
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
