package template

import (
	"maps"
	"slices"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

// Values is what a parameter file says.
type Values struct {
	Parameters map[string]string
	// Previous are the parameters that keep the value which the stack has, sorted. A stack
	// that is created has none: see Creatable.
	Previous []string
	Tags     map[string]string // of the stack
	// TemplatePath is the template that a Git sync deployment file is for, relative to the
	// repository's root; empty where the file says nothing of it.
	TemplatePath string

	file   string
	places map[string]place // of the parameters, and under "" of TemplatePath
}

type place struct{ line, column int }

// Creatable returns what keeps a stack from being created with these values: CloudFormation
// takes UsePreviousValue for updates alone (Parameter, API reference).
func (v Values) Creatable() []error {
	f := &faults{file: v.file}
	for _, name := range v.Previous {
		f.add(v.places[name].line, v.places[name].column, "parameter %s is to keep its previous value, "+
			"which a stack that is created has not: give it a value for the first deployment", label(name))
	}
	return f.errs()
}

// CheckTemplatePath returns what is wrong with the template that the file says it is for;
// name is the path of the one it is used with, relative to the repository's root.
func (v Values) CheckTemplatePath(name string) []error {
	if v.TemplatePath == "" || v.TemplatePath == name {
		return nil
	}
	at := v.places[""]
	return []error{&Error{v.file, at.line, at.column, "the file is for the template " + quote(v.TemplatePath) +
		" (a path from the repository's root), but the application's template is " + quote(name)}}
}

// CheckValues holds the values given against the parameters that a template declares.
func CheckValues(t Template, v Values) []error {
	given := func(name string) bool {
		_, ok := v.Parameters[name]
		return ok || slices.Contains(v.Previous, name)
	}
	declared := slices.Sorted(maps.Keys(t.Parameters))
	unknown := &faults{file: v.file}
	for _, name := range slices.Concat(slices.Sorted(maps.Keys(v.Parameters)), v.Previous) {
		if _, ok := t.Parameters[name]; ok || unknown.full() {
			continue
		}
		at, hint := v.places[name], ""
		if near := nearest.Of(name, declared); near != "" {
			hint = "; did you mean " + quote(near) + "?"
		}
		unknown.add(at.line, at.column, "the template has no parameter %s%s", label(name), hint)
	}
	missing := &faults{file: t.file}
	for _, name := range declared {
		if p := t.Parameters[name]; !p.HasDefault && !given(name) {
			missing.add(p.Line, p.Column, "parameter %s has no default and is given no value", name)
		}
	}
	return append(missing.errs(), unknown.errs()...)
}
