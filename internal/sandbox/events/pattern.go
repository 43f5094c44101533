package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Pattern is a compiled event pattern.
type Pattern struct {
	root object
}

// object is the conjunction of its fields, and of its alternatives where it has any.
type object struct {
	fields map[string]field
	or     []object
}

// field is either a nested object or a list of matchers of which one must hold.
type field struct {
	nested *object
	any    []matcher
}

// ParsePattern compiles an event pattern. The error says which key is wrong, in words for
// the person who wrote the rule.
func ParsePattern(text string) (*Pattern, error) {
	v, err := decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("parse event pattern: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("parse event pattern: a pattern must be an object")
	}
	root, err := parseObject(m)
	if err != nil {
		return nil, fmt.Errorf("parse event pattern: %w", err)
	}
	return &Pattern{root: root}, nil
}

// Match reports whether the event, a JSON document, fits the pattern.
func (p *Pattern) Match(event []byte) (bool, error) {
	v, err := decode(event)
	if err != nil {
		return false, fmt.Errorf("decode event: %w", err)
	}
	return p.root.match(v), nil
}

func parseObject(m map[string]any) (object, error) {
	o := object{fields: map[string]field{}}
	if len(m) == 0 {
		return o, errors.New("an object must name at least one field")
	}
	for key, v := range m {
		if key == "$or" {
			or, err := parseOr(v)
			if err != nil {
				return o, err
			}
			o.or = or
			continue
		}
		f, err := parseField(v)
		if err != nil {
			return o, fmt.Errorf("%q: %w", key, err)
		}
		o.fields[key] = f
	}
	return o, nil
}

func parseOr(v any) ([]object, error) {
	list, ok := v.([]any)
	if !ok || len(list) < 2 {
		return nil, errors.New("\"$or\": must be an array of two objects or more")
	}
	var or []object
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			return nil, errors.New("\"$or\": must be an array of objects")
		}
		o, err := parseObject(m)
		if err != nil {
			return nil, fmt.Errorf("\"$or\": %w", err)
		}
		or = append(or, o)
	}
	return or, nil
}

func parseField(v any) (field, error) {
	switch v := v.(type) {
	case map[string]any:
		o, err := parseObject(v)
		return field{nested: &o}, err
	case []any:
		if len(v) == 0 {
			return field{}, errors.New("empty arrays are not allowed")
		}
		var f field
		for _, e := range v {
			m, err := parseMatcher(e)
			if err != nil {
				return field{}, err
			}
			f.any = append(f.any, m)
		}
		return f, nil
	default:
		return field{}, errors.New("must be an object or an array")
	}
}

// match holds for an array when it holds for one of its elements, as EventBridge treats
// arrays of objects in an event.
func (o object) match(v any) bool {
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if o.match(e) {
				return true
			}
		}
		return false
	}
	m, _ := v.(map[string]any) // no object: only `exists: false` can hold
	for key, f := range o.fields {
		if !f.match(m[key], has(m, key)) {
			return false
		}
	}
	if len(o.or) == 0 {
		return true
	}
	for _, alternative := range o.or {
		if alternative.match(m) {
			return true
		}
	}
	return false
}

func (f field) match(v any, present bool) bool {
	if f.nested != nil {
		return f.nested.match(v)
	}
	leaves := leavesOf(v, present)
	for _, m := range f.any {
		if m.match(leaves) {
			return true
		}
	}
	return false
}

// leavesOf is what matchers see of a field: its value, or the elements of an array. An
// object is no leaf, and an empty array has none.
func leavesOf(v any, present bool) []any {
	if !present {
		return nil
	}
	switch v := v.(type) {
	case map[string]any:
		return nil
	case []any:
		var leaves []any
		for _, e := range v {
			leaves = append(leaves, leavesOf(e, true)...)
		}
		return leaves
	default:
		return []any{v}
	}
}

func has(m map[string]any, key string) bool {
	_, ok := m[key]
	return ok
}

// decode reads one JSON document and keeps numbers as they are written.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON document")
	}
	return v, nil
}
