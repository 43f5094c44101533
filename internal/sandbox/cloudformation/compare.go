package cloudformation

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// declared returns the part of live that the template speaks of, with lists in the order in
// which they are declared. Drift detection looks at nothing else (user guide, "Detecting
// unmanaged configuration changes"). A property that live does not mention is one that its
// kind cannot read, and is left out of both; a nil says that it is not set. Write-only
// properties and secrets cannot be compared.
func declared(kind string, expected, live map[string]any) (compared, actual map[string]any) {
	compared, actual = map[string]any{}, map[string]any{}
	t := schema.Lookup(kind)
	for name, want := range expected {
		have, readable := live[name]
		if !readable || template.Dynamic(want) || (t != nil && slices.Contains(t.WriteOnly, name)) {
			continue
		}
		compared[name] = want
		if v := restrict(want, have); v != nil {
			actual[name] = v
		}
	}
	return compared, actual
}

// restrict brings have into the shape of want: keys that want does not name are left out,
// lists are arranged alike, scalars that mean the same become the same.
func restrict(want, have any) any {
	if s, ok := want.(string); ok {
		if _, structured := have.(map[string]any); structured {
			var v any
			if json.Unmarshal([]byte(s), &v) == nil && template.Equal(v, restrict(v, have)) {
				return want // a JSON document given as text
			}
		}
	}
	switch w := want.(type) {
	case map[string]any:
		h, ok := have.(map[string]any)
		if !ok {
			return have
		}
		out := map[string]any{}
		for k, v := range w {
			if r := restrict(v, h[k]); r != nil {
				out[k] = r
			}
		}
		return out
	case []any:
		h, ok := have.([]any)
		if !ok {
			return emptyAs(want, have)
		}
		return arrange(w, h)
	}
	if same(want, have) {
		return want
	}
	return have
}

// emptyAs takes an empty list and none for the same.
func emptyAs(want, have any) any {
	if l, ok := want.([]any); ok && len(l) == 0 && have == nil {
		return want
	}
	return have
}

// same compares scalars: "true" is true in any case, 5 is "5", and nothing is empty text.
func same(want, have any) bool {
	if template.Equal(want, have) {
		return true
	}
	a, b := template.Text(want), template.Text(have)
	return a == b || (strings.EqualFold(a, b) && (strings.EqualFold(a, "true") || strings.EqualFold(a, "false")))
}

// keysOf are the properties by which elements of a list are told apart, whatever their
// order.
var keysOf = []string{"Key", "IndexName", "AttributeName", "PolicyName", "Sid", "Id"}

// arrange puts the elements of have where their equals stand in want; others follow.
func arrange(want, have []any) []any {
	left := slices.Clone(have)
	out := make([]any, 0, len(have))
	var open []int // places of want without an equal
	for i, w := range want {
		j := slices.IndexFunc(left, func(h any) bool { return alike(w, h) })
		if j < 0 {
			open = append(open, i)
			out = append(out, nil)
			continue
		}
		out = append(out, restrict(w, left[j]))
		left = slices.Delete(left, j, j+1)
	}
	for _, i := range open {
		if len(left) > 0 && identity(want[i]) == "" {
			out[i] = restrict(want[i], left[0])
			left = left[1:]
		}
	}
	return append(trim(out), left...)
}

func trim(list []any) []any {
	for len(list) > 0 && list[len(list)-1] == nil {
		list = list[:len(list)-1]
	}
	return list
}

func alike(w, h any) bool {
	if id := identity(w); id != "" {
		return id == identity(h)
	}
	return template.Equal(w, restrict(w, h))
}

func identity(v any) string {
	m, ok := v.(map[string]any)
	if !ok {
		return ""
	}
	for _, k := range keysOf {
		if id, ok := m[k]; ok {
			return k + "=" + template.Text(id)
		}
	}
	return ""
}
