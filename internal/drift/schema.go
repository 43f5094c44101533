package drift

import (
	"slices"
	"strings"
)

// Schema is what a resource type's provider schema says of its properties. Its paths have "*"
// for every position in a list.
type Schema struct {
	ReadOnly   []string       // what AWS sets
	CreateOnly []string       // what nobody can change afterwards, not by hand either
	WriteOnly  []string       // what is never read
	Defaults   map[string]any // by path
	Identifier []string       // the names that identify a resource to Cloud Control, in order
}

// ParseSchema reads the schema as CloudFormation's DescribeType gives it.
func ParseSchema(text string) (Schema, error) {
	doc, err := Properties(text)
	if err != nil {
		return Schema{}, err
	}
	s := Schema{ReadOnly: paths(doc["readOnlyProperties"]), CreateOnly: paths(doc["createOnlyProperties"]),
		WriteOnly: paths(doc["writeOnlyProperties"]), Defaults: map[string]any{}}
	for _, p := range paths(doc["primaryIdentifier"]) {
		s.Identifier = append(s.Identifier, strings.TrimPrefix(p, "/"))
	}
	definitions, _ := doc["definitions"].(map[string]any)
	s.defaults("", doc, definitions, nil)
	return s, nil
}

// paths reads a list of "/properties/Name/*/Other". What lies in a list is written with "*",
// with "items", or not at all.
func paths(v any) []string {
	all, _ := v.([]any)
	var out []string
	for _, e := range all {
		s, _ := e.(string)
		p := ""
		for _, name := range steps(s) {
			switch name {
			case "properties":
			case "items":
				p += "/*"
			default:
				p = step(p, name)
			}
		}
		out = append(out, p)
	}
	return out
}

// defaults gathers the defaults below a path. within are the definitions that the path leads
// through: some types contain themselves.
func (s *Schema) defaults(path string, of map[string]any, definitions map[string]any, within []string) {
	if ref, ok := of["$ref"].(string); ok {
		name := ref[strings.LastIndex(ref, "/")+1:]
		next, known := definitions[name].(map[string]any)
		if !known || slices.Contains(within, name) {
			return
		}
		of, within = next, append(slices.Clip(within), name)
	}
	if d, ok := of["default"]; ok && path != "" {
		s.Defaults[path] = d
	}
	if items, ok := of["items"].(map[string]any); ok {
		s.defaults(path+"/*", items, definitions, within)
	}
	properties, _ := of["properties"].(map[string]any)
	for name, v := range properties {
		if p, ok := v.(map[string]any); ok {
			s.defaults(step(path, name), p, definitions, within)
		}
	}
}

// IdentifierOf returns what Cloud Control knows a resource by, false where that cannot be told:
// its physical id where the type has one name to it, else the declared values, the physical id
// in the place of the one that is not declared, joined by "|" (Cloud Control user guide,
// "Identifying resources").
func (s Schema) IdentifierOf(physical string, declared map[string]any) (string, bool) {
	if len(s.Identifier) <= 1 || strings.Contains(physical, "|") {
		return physical, physical != ""
	}
	parts, taken := make([]string, len(s.Identifier)), false
	for i, name := range s.Identifier {
		v, ok := scalar(declared[name]).(string)
		switch {
		case ok:
			parts[i] = v
		case taken:
			return "", false
		default:
			parts[i], taken = physical, true
		}
	}
	return strings.Join(parts, "|"), physical != ""
}

// said reports whether one of the paths leads to a place or to what it lies in.
func said(paths []string, at string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return p == at || strings.HasPrefix(at, p+"/") })
}
