// Package propose looks through a repository for what could be deployed, and writes the
// driftless.yaml that says so: CloudFormation templates with their parameter files,
// deployment files of CloudFormation's Git sync, and what other engines would deploy.
//
// It only proposes. Nothing that runs before a review is allowed, nothing is guessed of
// accounts, and what this version does not deploy is written as a comment with the reason.
// Everything here is pure: a file system goes in, text comes out. The package may import
// gitops, template and a YAML parser.
package propose

import (
	"cmp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Application is one that was found.
type Application struct {
	Name         string        `json:"name"`
	Engine       gitops.Engine `json:"engine"`
	Path         string        `json:"path"` // from the repository's root
	Watch        []string      `json:"watch,omitempty"`
	Template     string        `json:"template,omitempty"`   // relative to Path
	Parameters   string        `json:"parameters,omitempty"` // relative to Path
	Capabilities []string      `json:"capabilities,omitempty"`
	Transforms   []string      `json:"transforms,omitempty"`
	Version      string        `json:"version,omitempty"` // of Terraform
	Backend      string        `json:"backend,omitempty"` // where its own backend keeps the state
	From         string        `json:"from"`              // the file that it was found by
	Note         string        `json:"note,omitempty"`    // for the person who reads the proposal
	LeftOut      string        `json:"leftOut,omitempty"` // why it is written as a comment

	names []string // what it could be called, the shortest first
}

// Passed is something that looks like an application and is none.
type Passed struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Found is what there is in a repository.
type Found struct {
	Applications []Application `json:"applications"` // sorted by path and name
	Passed       []Passed      `json:"passed"`
	Files        int           `json:"files"` // that were seen
}

// Deployable returns the applications that are written as such.
func (f Found) Deployable() []Application {
	return slices.DeleteFunc(slices.Clone(f.Applications), func(a Application) bool { return a.LeftOut != "" })
}

// LeaveOut makes an application a comment, for a reason. It keeps the first one.
func (f *Found) LeaveOut(name, why string) {
	for i, a := range f.Applications {
		if a.Name == name && a.LeftOut == "" {
			f.Applications[i].LeftOut = why
		}
	}
}

// sort orders what was found by where it is.
func (f *Found) sort() {
	slices.SortStableFunc(f.Applications, func(a, b Application) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.From, b.From), strings.Compare(a.Parameters, b.Parameters))
	})
	slices.SortStableFunc(f.Passed, func(a, b Passed) int { return strings.Compare(a.Path, b.Path) })
}
