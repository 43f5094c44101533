// Package schema holds what AWS's provider schemas say about resource types: which
// properties there are, which are required, which force a replacement, and what Fn::GetAtt
// answers. The table types.json is generated from cfn-lint's copy of the schemas and from
// moto's CloudFormation models, and committed.
//
// It judges the outermost level of a resource's properties, and of the values their kind
// and enumeration; what lies deeper is left to the service that makes the resource.
package schema

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:generate python3 generate.py types.json

// Type is one resource type. Nested names are written with dots.
type Type struct {
	Properties      map[string]string   `json:"properties"` // name -> JSON kind, empty where several are allowed
	Enums           map[string][]string `json:"enums"`
	Required        []string            `json:"required"`
	CreateOnly      []string            `json:"createOnly"`
	MaybeCreateOnly []string            `json:"maybeCreateOnly"` // replacement depends on the values
	Attributes      []string            `json:"attributes"`      // of Fn::GetAtt
	WriteOnly       []string            `json:"writeOnly"`
	ReadOnly        []string            `json:"readOnly"`
	Defaults        map[string]any      `json:"defaults"` // of the outermost properties
	ID              []string            `json:"id"`       // the primary identifier's properties
	Tags            string              `json:"tags"`     // the property that holds the tags, if taggable
	Moto            *Moto               `json:"moto"`
}

// Moto is what moto's CloudFormation can do with a type.
type Moto struct {
	Attributes []string `json:"attributes"`
	Update     bool     `json:"update"`
	Delete     bool     `json:"delete"`
}

//go:embed types.json
var data []byte

var table = sync.OnceValue(func() map[string]*Type {
	var m map[string]*Type
	if err := json.Unmarshal(data, &m); err != nil {
		return nil // TestTableIsReadable holds the embedded file to its form
	}
	return m
})

// Known says whether AWS has a resource type of that name.
func Known(name string) bool {
	_, ok := table()[name]
	return ok || strings.HasPrefix(name, "Custom::")
}

// Lookup returns the description of a type, or nil where there is none.
func Lookup(name string) *Type {
	if t := table()[name]; t != nil && len(t.Properties) > 0 {
		return t
	}
	return nil
}

// Names lists all types that are described, sorted.
func Names() []string {
	var out []string
	for name, t := range table() {
		if len(t.Properties) > 0 {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// Attribute says whether Fn::GetAtt may ask for that attribute. A nested stack's are
// written `Outputs\..*`, the one pattern among them.
func (t *Type) Attribute(name string) bool {
	return slices.ContainsFunc(t.Attributes, func(a string) bool {
		a = strings.TrimSuffix(a, `\..*`)
		return a == name || strings.HasPrefix(name, a+".")
	})
}

// Recreation is Always, Conditionally or Never: whether a change of that property (a name,
// or a path with dots) replaces the resource.
func (t *Type) Recreation(path string) string {
	within := func(names []string) bool {
		return slices.ContainsFunc(names, func(n string) bool {
			return n == path || strings.HasPrefix(path, n+".")
		})
	}
	switch {
	case within(t.CreateOnly):
		return "Always"
	case within(t.MaybeCreateOnly):
		return "Conditionally"
	}
	return "Never"
}

// Problem is one thing wrong with a resource's properties.
type Problem struct {
	Path    string // for example /Properties/Foo
	Message string // as AWS words it
}

// Validate judges resolved properties of the resource id.
func (t *Type) Validate(id string, properties map[string]any) []Problem {
	var out []Problem
	for _, name := range sorted(properties) {
		kind, ok := t.Properties[name]
		switch {
		case !ok:
			out = append(out, Problem{"/Properties/" + name, "Encountered unsupported property " + name})
		case !fits(kind, properties[name]):
			out = append(out, Problem{"/Properties/" + name, failed(id, fmt.Sprintf("#/%s: expected type: %s, found: %s", name, javaName(kind), javaKind(properties[name])))})
		case !t.allowed(name, properties[name]):
			out = append(out, Problem{"/Properties/" + name, failed(id, fmt.Sprintf("#/%s: %v is not a valid enum value", name, properties[name]))})
		}
	}
	for _, name := range t.Required {
		if _, ok := properties[name]; !ok {
			out = append(out, Problem{"/Properties", failed(id, "#: required key ["+name+"] not found")})
		}
	}
	return out
}

func failed(id, message string) string {
	return "Properties validation failed for resource " + id + " with message: [" + message + "]"
}

func (t *Type) allowed(name string, v any) bool {
	enum := t.Enums[name]
	s, ok := v.(string)
	return len(enum) == 0 || !ok || strings.Contains(s, "{{") || slices.Contains(enum, s)
}

// fits says whether CloudFormation takes v for that kind: scalars are converted.
func fits(kind string, v any) bool {
	s, isString := v.(string)
	if isString && strings.Contains(s, "{{") {
		return true // known after the change is applied
	}
	_, isList := v.([]any)
	_, isMap := v.(map[string]any)
	switch kind {
	case "array":
		return isList
	case "object":
		return isMap || isString // JSON documents may be given as text
	case "string":
		return !isList && !isMap
	case "boolean":
		if _, ok := v.(bool); ok {
			return true
		}
		return isString && (strings.EqualFold(s, "true") || strings.EqualFold(s, "false"))
	case "integer", "number":
		if isString {
			_, err := strconv.ParseFloat(s, 64)
			return err == nil
		}
		_, isBool := v.(bool)
		return !isList && !isMap && !isBool
	}
	return true
}

func javaName(kind string) string {
	return map[string]string{"array": "JSONArray", "object": "JSONObject", "string": "String",
		"boolean": "Boolean", "integer": "Integer", "number": "Number"}[kind]
}

func javaKind(v any) string {
	switch v.(type) {
	case []any:
		return "JSONArray"
	case map[string]any:
		return "JSONObject"
	case bool:
		return "Boolean"
	case string:
		return "String"
	}
	return "Integer"
}

func sorted(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
