package config

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Name is the file that a repository has at its root.
const Name = "driftless.yaml"

// maxProblems caps what is kept of a file that is wrong all over: a record has to hold it.
const maxProblems = 50

// File is a driftless.yaml that was read. The zero File has no applications.
type File struct {
	name     string
	at       map[string]position
	problems []gitops.Problem
	settings []gitops.Settings
}

// Settings returns the applications in their order, with every default filled in. It is
// complete only when Parse found no problem; otherwise it holds what could be made out.
func (f File) Settings() []gitops.Settings { return f.settings }

// Parse reads driftless.yaml and returns all its problems in the order of the file, each
// with a line. It never fails otherwise, whatever the bytes are. A byte order mark and
// carriage returns are tolerated.
func Parse(name string, data []byte) (File, []gitops.Problem) {
	d := &decoder{file: name, at: map[string]position{}}
	root, fault := read(normal(data))
	if fault != nil {
		d.refuse("", fault.at, "%s", fault.why)
		return File{name: name, problems: d.problems}, d.problems
	}
	var doc Document
	d.decode("", root, reflect.ValueOf(&doc).Elem())
	settings := d.resolve(doc)
	f := File{name: name, at: d.at, problems: ordered(d.problems, d.dropped), settings: settings}
	return f, f.problems
}

// ordered sorts problems by where they stand, and cuts them to what a record can hold.
func ordered(problems []gitops.Problem, dropped int) []gitops.Problem {
	slices.SortStableFunc(problems, func(a, b gitops.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	if more := len(problems) - maxProblems; more > 0 {
		more += dropped
		last := problems[maxProblems]
		problems = append(problems[:maxProblems:maxProblems], gitops.Problem{
			File: last.File, Line: last.Line, Column: last.Column, Message: fmt.Sprintf("and %d more problems from here on", more),
		})
	}
	return problems
}
