package template

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// listing reads the AWS CLI's list: objects, or texts "Key=Value".
// https://docs.aws.amazon.com/cli/latest/reference/cloudformation/create-change-set.html, --parameters
func (r *valuesReader) listing(root *yaml.Node) {
	if n := len(root.Content); n > maxParameters {
		r.add(root.Line, root.Column, "%d parameters; at most %d are allowed", n, maxParameters)
		return
	}
	for _, n := range root.Content {
		switch n = follow(n); {
		case n.Kind == yaml.ScalarNode && n.Tag == "!!str":
			r.short(n)
		case n.Kind == yaml.MappingNode:
			r.object(n)
		default:
			r.add(n.Line, n.Column, "found %s; a parameter is written {\"ParameterKey\": …, \"ParameterValue\": …}", form(n))
		}
	}
}

// short reads "Key=Value".
func (r *valuesReader) short(n *yaml.Node) {
	key, value, ok := strings.Cut(n.Value, "=")
	switch {
	case !ok || key == "":
		r.add(n.Line, n.Column, "found a text that is not written \"Key=Value\", as a parameter is")
	case strings.Contains(n.Value, "ParameterKey="):
		r.add(n.Line, n.Column, "found \"ParameterKey=…\"; in a file a parameter is written {\"ParameterKey\": …, \"ParameterValue\": …} or \"Key=Value\"")
	default:
		r.set(n, key, value)
	}
}

// object reads {"ParameterKey": …, "ParameterValue": …}, or with UsePreviousValue in the
// value's place.
func (r *valuesReader) object(n *yaml.Node) {
	before, fields, previous := len(r.list), map[string]string{}, false
	for _, e := range entries(n) {
		key := e.key.Value
		switch _, twice := fields[key]; {
		case twice:
			r.add(e.key.Line, e.key.Column, "%s is there twice", key)
		case key == "UsePreviousValue":
			previous = r.flag(e)
		case !slices.Contains([]string{"ParameterKey", "ParameterValue"}, key):
			r.add(e.key.Line, e.key.Column, "unknown key %s; allowed: ParameterKey, ParameterValue, UsePreviousValue", label(key))
		case e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!str":
			r.add(e.value.Line, e.value.Column, "%s is no text; put it in quotes", key)
		}
		fields[key] = e.value.Value
	}
	value, given := fields["ParameterValue"]
	switch name := fields["ParameterKey"]; {
	case len(r.list) > before:
	case name == "" || !given && !previous:
		r.add(n.Line, n.Column, "a parameter needs ParameterKey, and ParameterValue or UsePreviousValue")
	case given && previous:
		r.add(n.Line, n.Column, "parameter %s has a ParameterValue and UsePreviousValue; only one is allowed", label(name))
	case !previous:
		r.set(n, name, value)
	case r.note(n, name):
		r.v.Previous = append(r.v.Previous, name)
	}
}

// flag reads true or false.
func (r *valuesReader) flag(e entry) bool {
	if e.value.Kind != yaml.ScalarNode || !slices.Contains([]string{"true", "false"}, e.value.Value) {
		r.add(e.value.Line, e.value.Column, "%s is %s; allowed: true, false", e.key.Value, form(e.value))
	}
	return e.value.Value == "true"
}
