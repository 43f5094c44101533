package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/template"
)

// noEcho is what is secret in one template, and in those nested in it. The zero value is
// that of a template that is not to be seen.
type noEcho struct {
	blind    bool               // nothing is known: everything is hidden
	names    map[string]bool    // parameters that are NoEcho, or are given the value of one
	defaults []string           // of NoEcho parameters
	sinks    *template.Sinks    // nil: not read
	nested   map[string]*noEcho // by the logical id of the stack
	template *template.Template // without its Body; nil: not to be seen
}

// declarations reads what is secret in a template and those nested in it, each file once;
// given are the parameters that one of the places naming it gives a secret. One that cannot
// be read hides everything.
func declarations(files fs.FS, name string, given map[string]bool, known map[string]*noEcho) *noEcho {
	d, again := known[name]
	if !again {
		d = open(files, name)
		known[name] = d
	}
	before := len(d.names)
	maps.Copy(d.names, given)
	if d.blind || again && len(d.names) == before {
		return d
	}
	if !d.sink(files, name) {
		d.blind = true
		return d
	}
	locals := map[string]string{}
	for _, l := range d.template.Locals {
		where := strings.TrimSuffix(strings.TrimSuffix(l.Where, ".Properties.TemplateURL"), ".Properties.Location")
		if id, ok := strings.CutPrefix(where, "Resources."); ok && l.Nested {
			locals[id] = path.Join(path.Dir(name), l.Path)
		}
	}
	for id, r := range d.template.Resources {
		if file, ok := locals[id]; ok {
			d.nested[id] = declarations(files, file, d.given(id), known)
		} else if r.Type == gitops.TypeNestedStack {
			d.nested[id] = &noEcho{names: d.given(id)}
		}
	}
	return d
}

// open reads what one template declares.
func open(files fs.FS, name string) *noEcho {
	d := &noEcho{names: map[string]bool{}, nested: map[string]*noEcho{}}
	data, err := fs.ReadFile(files, name)
	if err != nil {
		d.blind = true
		return d
	}
	t, err := template.Read(name, data)
	if err != nil {
		d.blind = true
		return d
	}
	for parameter, p := range t.Parameters {
		if p.NoEcho {
			d.names[parameter], d.defaults = true, append(d.defaults, p.Default)
		}
	}
	t.Body = nil // what many templates hold is not kept
	d.template = &t
	return d
}

// sink reads where the template puts its parameters, once, and only where one is secret. It
// reports whether it could.
func (d *noEcho) sink(files fs.FS, name string) bool {
	if len(d.names) == 0 || d.sinks != nil {
		return true
	}
	t := *d.template
	var err error
	if t.Body, err = fs.ReadFile(files, name); err != nil {
		return false
	}
	sinks, err := t.Sinks()
	d.sinks = &sinks
	return err == nil
}

// given returns the parameters of a nested stack that are given a secret.
func (d *noEcho) given(id string) map[string]bool {
	if d.sinks == nil {
		return map[string]bool{}
	}
	return d.sinks.Given(d.names, id)
}

// holds reports whether a property of a resource is to be hidden, where secret are the
// template's secret parameters.
func (d *noEcho) holds(secret map[string]bool, id, path string) bool {
	switch {
	case d.blind:
		return true
	case d.sinks != nil:
		return d.sinks.Hold(secret, id, path)
	}
	return d.template == nil && len(secret) > 0
}

// masked returns the names of the parameters whose values AWS answers as asterisks.
func masked(parameters []types.Parameter) map[string]bool {
	m := map[string]bool{}
	for _, p := range parameters {
		if v := aws.ToString(p.ParameterValue); v != "" && strings.Trim(v, "*") == "" {
			m[aws.ToString(p.ParameterKey)] = true
		}
	}
	return m
}

// conceal masks values that are there.
func conceal(values ...*string) {
	for _, v := range values {
		if *v != "" {
			*v = mask
		}
	}
}

// concealGiven masks, in a property of a nested stack, what is given for its parameters
// that are secret.
func concealGiven(path string, secret map[string]bool, values ...*string) {
	if name, one := strings.CutPrefix(path, "/Parameters/"); one && secret[name] {
		conceal(values...)
	}
	if path == "/Parameters" {
		for _, v := range values {
			*v = withoutValues(*v, secret)
		}
	}
}

// withoutValues masks members of a JSON object. What is no such object, because AWS cut it
// short, is masked as a whole where anything of it is secret.
func withoutValues(object string, secret map[string]bool) string {
	if object == "" || len(secret) == 0 {
		return object
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil {
		return mask
	}
	for name := range members {
		if secret[name] {
			members[name] = json.RawMessage(`"` + mask + `"`)
		}
	}
	return shown(members)
}

// change takes what is secret out of what is shown of a resource of a template.
func (s secrets) change(d *noEcho, secret map[string]bool, c *gitops.Change) {
	for i := range c.Properties {
		p := &c.Properties[i]
		if d.holds(secret, c.LogicalID, p.Path) {
			conceal(&p.LastDeployed, &p.Live, &p.Proposed)
		}
		p.LastDeployed, p.Live, p.Proposed = s.text(p.LastDeployed), s.text(p.Live), s.text(p.Proposed)
	}
}

// report takes what is secret out of a drift report. A nested stack whose template is not to
// be seen may have secret parameters, so that nothing that it is given is told.
func (s secrets) report(r *gitops.DriftReport) {
	r.Reason = s.text(r.Reason)
	for i := range r.Resources {
		res := &r.Resources[i]
		res.Reason = s.text(res.Reason)
		d, id := s.within(res.LogicalID)
		nested := d.nested[id]
		for j := range res.Properties {
			p := &res.Properties[j]
			unseen := res.Type == gitops.TypeNestedStack && strings.HasPrefix(p.Path, "/Parameters") && (nested == nil || nested.template == nil)
			if unseen || d.holds(d.names, id, p.Path) {
				conceal(&p.Declared, &p.Live)
			}
			if nested != nil {
				concealGiven(p.Path, nested.names, &p.Declared, &p.Live)
			}
			p.Declared, p.Live = s.text(p.Declared), s.text(p.Live)
		}
	}
}

// within returns what is secret in the template that "Nested/Resource" stands in, and the
// resource's name there. Of a template that is not to be seen everything is hidden.
func (d *noEcho) within(logical string) (*noEcho, string) {
	for {
		name, rest, nested := strings.Cut(logical, "/")
		if !nested || d.blind {
			return d, logical
		}
		if d = d.nested[name]; d == nil || d.template == nil {
			return &noEcho{blind: true}, rest
		}
		logical = rest
	}
}

// concealed takes what is secret out of a drift report, of which AWS promises nothing. Where
// the bundle that says what is secret is no longer there, or is not to be trusted, nothing of
// what differs is told but that it does; one that cannot be read now is an error.
func concealed(ctx context.Context, w reconcile.Work, r *gitops.DriftReport) error {
	if !slices.ContainsFunc(r.Resources, func(d gitops.ResourceDrift) bool { return len(d.Properties) > 0 || d.Reason != "" }) {
		return nil
	}
	hide := secrets{noEcho: &noEcho{blind: true}}
	if w.Files != nil {
		known, err := secretsOf(ctx, w)
		var refused *gitops.Refusal
		switch {
		case err == nil:
			hide = known
		case !errors.Is(err, reconcile.ErrNotFound) && !errors.As(err, &refused):
			return err
		}
	}
	hide.report(r)
	return nil
}
