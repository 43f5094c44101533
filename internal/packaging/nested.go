package packaging

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/template"
)

// stack packages a nested template, checked as the application's own is, and holds its
// parameters against those that the place gives it.
func (p *packager) stack(at *template.Error, file string, parent template.Template, l template.Local) (string, error) {
	if slices.Contains(p.chain, file) {
		p.problem(at, "%s nests the template in itself: %s", l.Where, strings.Join(append(slices.Clone(p.chain), file), " → "))
		return "", nil
	}
	n, known := p.nested[file]
	if !known {
		var err error
		if n, err = p.open(at, file, l); err != nil {
			return "", err
		}
		p.nested[file] = n
	}
	if n.key == "" {
		return "", nil // its problems are told
	}
	p.parameters(at, file, parent, n.template, l)
	p.needs = append(p.needs, need{l.Where, at})
	return n.key, nil
}

// open reads, checks and packages a nested template. One with a problem has no key.
func (p *packager) open(at *template.Error, file string, l template.Local) (nested, error) {
	if len(p.chain) > maxNesting || len(p.nested) >= maxNested {
		p.problem(at, "%s: more than %d templates in each other, or %d in all", l.Where, maxNesting, maxNested)
		return nested{}, nil
	}
	data, err := fs.ReadFile(p.files, file)
	if err != nil {
		return nested{}, fmt.Errorf("read %s: %w", file, err)
	}
	t, broken := template.Read(file, data)
	problems := split(broken)
	if broken == nil {
		problems = template.Check(t, p.settings.CloudFormation)
	}
	before := len(p.problems)
	p.tell(problems)
	if len(problems) > 0 {
		return nested{}, nil
	}
	objects, err := p.objects(file, t)
	if err != nil || len(p.problems) > before {
		return nested{}, err
	}
	a := inMemory(t.Rewrite(objects), ".template")
	if a.Size > template.MaxSize {
		p.problem(&template.Error{File: file}, tooLong, a.Size, template.MaxSize)
	}
	t.Body = nil // what many templates hold is not kept: what they declare is
	a.Data = func() ([]byte, error) {
		body, err := fs.ReadFile(p.files, file)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", file, err)
		}
		t := t
		t.Body = body
		return t.Rewrite(objects), nil
	}
	p.artefacts[a.Key] = a
	return nested{a.Key, t}, nil
}

// parameters holds what a nested stack is given against what its template declares, where
// both are to be seen: a macro may make either of them another.
func (p *packager) parameters(at *template.Error, file string, parent, t template.Template, l template.Local) {
	if l.Given == nil || len(parent.Transforms)+len(t.Transforms) > 0 {
		return
	}
	for _, name := range l.Given {
		if _, ok := t.Parameters[name]; !ok {
			p.problem(at, "%s: %s has no parameter %q, for which a value is given", l.Where, file, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		if !slices.Contains(l.Given, name) && !t.Parameters[name].HasDefault {
			p.problem(at, "%s: parameter %s of %s has no default and is given no value", l.Where, name, file)
		}
	}
}

// snippet checks what AWS::Include puts in, as far as it can be known alone.
func (p *packager) snippet(at *template.Error, file string) error {
	data, err := fs.ReadFile(p.files, file)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	t, broken := template.ReadSnippet(file, data)
	problems := split(broken)
	if broken == nil {
		problems = template.Check(t, p.settings.CloudFormation)
	}
	for _, m := range t.Transforms {
		p.transforms[m.Name] = true
	}
	p.tell(problems)
	return nil
}
