package drift

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// meaning is what is known of a resource type's values. Its paths have "*" for every
// position in a list.
type meaning struct {
	sets     []string       // lists whose order means nothing
	policies []string       // IAM policies, as objects or as text
	texts    []string       // other JSON documents, as objects or as text
	defaults map[string]any // what AWS takes where nothing is said
}

// of returns a value in the one form that all values of the same meaning have.
func (m meaning) of(path string, v any) any {
	switch {
	case slices.Contains(m.policies, path):
		if doc, ok := document(v); ok {
			return policy(doc)
		}
	case slices.Contains(m.texts, path):
		if doc, ok := document(v); ok {
			return shown(doc)
		}
	}
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, e := range v {
			if of := m.of(step(path, name), e); of != nil {
				out[name] = of
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = m.of(path+"/*", e)
		}
		if !m.set(path, v) {
			return out
		}
		if len(out) == 0 && strings.HasSuffix(path, "/Tags") {
			return nil // no tags, and nothing said of tags
		}
		return sorted(out)
	}
	return scalar(v)
}

// scalar returns a value of one piece as text: templates may write "60" and "true" for 60 and
// true, and CloudFormation takes both (user guide, "Template anatomy": it converts what a
// property's type asks for).
func scalar(v any) any {
	switch v := v.(type) {
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return number(v)
	case float64:
		return number(json.Number(strconv.FormatFloat(v, 'f', -1, 64)))
	case int:
		return strconv.Itoa(v)
	}
	return v
}

// set reports whether the order of a list means nothing. Tags are told apart by their keys,
// whatever the type (AWS tagging best practices: a key is unique on a resource).
func (m meaning) set(path string, v []any) bool {
	if slices.Contains(m.sets, path) {
		return true
	}
	return strings.HasSuffix(path, "/Tags") && !slices.ContainsFunc(v, func(e any) bool {
		tag, ok := e.(map[string]any)
		return !ok || tag["Key"] == nil
	})
}

// sorted returns a list in an order of its own.
func sorted(list []any) []any {
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(shown(a), shown(b)) })
	return list
}

// equal reports whether two values at a path mean the same.
func (m meaning) equal(path string, a, b any) bool {
	return reflect.DeepEqual(m.of(path, a), m.of(path, b))
}

// isDefault reports whether a value at a path is what AWS takes where nothing is said.
func (m meaning) isDefault(path string, v any) bool {
	d, ok := m.defaults[path]
	return ok && m.equal(path, d, v)
}

// unsaid returns live without the defaults that declared says nothing of. The other way round
// nothing is taken away: what is declared, if only as the default, and not there may have been
// removed.
func (m meaning) unsaid(path string, declared, live any) any {
	switch l := live.(type) {
	case map[string]any:
		d, ok := declared.(map[string]any)
		if !ok {
			return live
		}
		out := make(map[string]any, len(l))
		for name, e := range l {
			at := step(path, name)
			said, is := d[name]
			if !is && m.isDefault(at, e) {
				continue
			}
			out[name] = m.unsaid(at, said, e)
		}
		return out
	case []any:
		d, ok := declared.([]any)
		if !ok || m.set(path, l) {
			return live
		}
		out := slices.Clone(l)
		for i := range min(len(l), len(d)) {
			out[i] = m.unsaid(path+"/*", d[i], l[i])
		}
		return out
	}
	return live
}

// document returns a JSON document that is an object, or a text that is one.
func document(v any) (map[string]any, bool) {
	if s, ok := v.(string); ok {
		doc, err := decode(s)
		if err != nil {
			return nil, false
		}
		v = doc
	}
	m, ok := v.(map[string]any)
	return m, ok
}
