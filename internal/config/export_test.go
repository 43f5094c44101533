package config

import (
	"reflect"

	"github.com/invopop/jsonschema"
)

// Schema returns the schema of a type that has a rule, nil for any other.
func Schema(t reflect.Type) *jsonschema.Schema {
	r, ok := rules[t]
	if !ok {
		return nil
	}
	if t.Kind() == reflect.Int {
		return &jsonschema.Schema{Type: "integer", Const: 1}
	}
	s := &jsonschema.Schema{Type: "string"}
	if r.pattern != nil {
		s.Pattern = r.pattern.String()
	}
	for _, value := range r.oneOf {
		s.Enum = append(s.Enum, value)
	}
	if t == reflect.TypeFor[Interval]() {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Const: 0}}}
	}
	return s
}
