package terraform

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// How long a sensitive value has to be to be looked for elsewhere: as a whole value, and as a
// part of one. Of shorter ones every other word would be hidden.
const (
	leastWhole = 6
	leastPart  = 12
)

// Secrets returns the values that a plan marks as sensitive and that are long enough to be told
// from any word, the longest first. Terraform does not mark everything that comes of a sensitive
// value: what a provider gives back of an input is plain once it is applied (seen with the output
// of terraform_data on 1.11.4), so that what is sensitive in one place is hidden in all.
func Secrets(p *tfjson.Plan) []string {
	var found []string
	for _, r := range append(slices.Clone(p.ResourceChanges), p.ResourceDrift...) {
		if r != nil {
			found = marked(found, r.Change)
		}
	}
	for _, c := range p.OutputChanges {
		found = marked(found, c)
	}
	if p.PriorState != nil && p.PriorState.Values != nil {
		found = kept(found, p.PriorState.Values.RootModule, 0)
	}
	if p.Config != nil && p.Config.RootModule != nil {
		for name, v := range p.Config.RootModule.Variables {
			if given := p.Variables[name]; v != nil && v.Sensitive && given != nil {
				found = collect(found, given.Value, true, 0)
			}
		}
	}
	return sorted(found)
}

// longest orders texts by their length, so that one is hidden before those that are a part of it.
func longest(a, b string) int {
	return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b))
}

// marked adds what a change marks.
func marked(found []string, c *tfjson.Change) []string {
	if c == nil {
		return found
	}
	return collect(collect(found, c.Before, c.BeforeSensitive, 0), c.After, c.AfterSensitive, 0)
}

// kept adds what the state marks of the resources of a module and those below it.
func kept(found []string, m *tfjson.StateModule, depth int) []string {
	if m == nil || depth > maxDepth {
		return found
	}
	for _, r := range m.Resources {
		var marks any
		if r == nil || len(r.SensitiveValues) > 0 && decode(r.SensitiveValues, &marks) != nil {
			continue
		}
		for name, value := range r.AttributeValues {
			found = collect(found, value, child(marks, name), 0)
		}
	}
	for _, below := range m.ChildModules {
		found = kept(found, below, depth+1)
	}
	return found
}

// collect adds the texts of a value that its marks hide.
func collect(found []string, value, marks any, depth int) []string {
	if marks == nil || depth > maxDepth {
		return found
	}
	switch v := value.(type) {
	case string:
		if hidden(marks) && len(v) >= leastWhole {
			found = append(found, v)
		}
	case json.Number:
		if hidden(marks) && len(v) >= leastPart {
			found = append(found, v.String())
		}
	case map[string]any:
		for name, part := range v {
			found = collect(found, part, child(marks, name), depth+1)
		}
	case []any:
		for i, part := range v {
			found = collect(found, part, at(marks, i), depth+1)
		}
	}
	return found
}

// hider hides in texts what is sensitive elsewhere. The zero value hides nothing.
type hider struct {
	whole map[string]bool
	parts *strings.Replacer
}

func newHider(secrets []string) hider {
	h := hider{whole: map[string]bool{}}
	var pairs []string
	for _, s := range secrets {
		h.whole[s] = true
		if len(s) >= leastPart {
			pairs = append(pairs, s, Sensitive)
		}
	}
	if len(pairs) > 0 {
		h.parts = strings.NewReplacer(pairs...)
	}
	return h
}

// text returns a text without secrets.
func (h hider) text(s string) string {
	if h.whole[s] {
		return Sensitive
	}
	if h.parts == nil {
		return s
	}
	return h.parts.Replace(s)
}

// value returns a value without secrets in its texts.
func (h hider) value(v any, depth int) any {
	if depth > maxDepth {
		return Sensitive
	}
	switch v := v.(type) {
	case string:
		return h.text(v)
	case json.Number:
		if h.whole[v.String()] {
			return Sensitive
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, part := range v {
			out[h.text(name)] = h.value(part, depth+1)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, part := range v {
			out[i] = h.value(part, depth+1)
		}
		return out
	}
	return v
}
