package gitops_test

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestAProblemConcernsThoseThatItStops(t *testing.T) {
	for says, c := range map[string]struct {
		problem           gitops.Problem
		application, file string
		want              bool
	}{
		"one of the repository concerns every application":            {gitops.Problem{File: "driftless.yaml"}, "jobs", "teams/a/driftless.yaml", true},
		"one of a file concerns the applications that stand in it":    {gitops.Problem{Within: "teams/a/driftless.yaml"}, "jobs", "teams/a/driftless.yaml", true},
		"one of a file concerns no application of another":            {gitops.Problem{Within: "teams/a/driftless.yaml"}, "jobs", "teams/b/driftless.yaml", false},
		"one of an included file concerns none of the root's":         {gitops.Problem{Within: "teams/a/driftless.yaml"}, "jobs", "", false},
		"an application's own concerns it":                            {gitops.Problem{Application: "jobs"}, "jobs", "", true},
		"an application's own concerns no other":                      {gitops.Problem{Application: "jobs"}, "mail", "", false},
		"an application's own concerns no neighbour in the same file": {gitops.Problem{Application: "jobs", Within: "a/driftless.yaml"}, "mail", "a/driftless.yaml", false},
	} {
		t.Run(says, func(t *testing.T) {
			if got := c.problem.Concerns(c.application, c.file); got != c.want {
				t.Errorf("Concerns(%q, %q) is %v", c.application, c.file, got)
			}
			v := gitops.NewView(gitops.Application{ID: c.application, Settings: gitops.Settings{File: c.file}}, nil,
				gitops.Repository{Problems: []gitops.Problem{c.problem}})
			if got := len(v.Repository.Problems) > 0; got != c.want {
				t.Errorf("the problem is shown on the application: %v", got)
			}
		})
	}
}
