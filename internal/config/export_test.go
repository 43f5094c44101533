package config

import (
	"encoding/json"
	"strconv"

	"io/fs"
	"reflect"

	"github.com/invopop/jsonschema"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Parse reads one file alone, without a tree: what of its text is wrong in itself.
func Parse(data []byte) ([]gitops.Settings, []gitops.Problem) {
	d := newDecoder(Name, nil)
	d.resolve(d.parse(data))
	unique([]*decoder{d})
	return d.settings, cut(sorted(d.problems), d.dropped)
}

// Read reads one file beside a tree that has what it names.
func Read(data []byte, tree fs.FS) Config {
	return Load(tree, func(string) ([]byte, error) { return data, nil })
}

// Schema returns the schema of a type that has a rule, nil for any other.
func Schema(t reflect.Type) *jsonschema.Schema {
	r, ok := rules()[t]
	if !ok {
		return nil
	}
	if r.most > 0 {
		return &jsonschema.Schema{Type: "integer", Minimum: json.Number(strconv.Itoa(r.least)), Maximum: json.Number(strconv.Itoa(r.most))}
	}
	if t.Kind() == reflect.Int {
		return &jsonschema.Schema{Type: "integer", Const: 1}
	}
	s := &jsonschema.Schema{Type: "string"}
	if r.pattern != nil {
		s.Pattern = r.pattern().String()
	}
	for _, value := range r.oneOf {
		s.Enum = append(s.Enum, value)
	}
	if t == reflect.TypeFor[Interval]() {
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{s, {Const: 0}}}
	}
	return s
}
