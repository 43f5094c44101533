package template

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxValue is how many bytes a parameter's value may have.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const maxValue = 4096

// Parameters reads a parameter file as the AWS CLI takes it: a list of
// {"ParameterKey": …, "ParameterValue": …}, or a list of "Key=Value". The error is one
// *Error, or several joined.
func Parameters(name string, data []byte) (map[string]string, error) {
	root, err := parse(name, data)
	if err != nil {
		return nil, err
	}
	f := &faults{file: name}
	if root.Kind != yaml.SequenceNode {
		f.add(root.Line, root.Column, "%s", otherShape(root))
		return nil, f.err()
	}
	if n := len(root.Content); n > maxParameters {
		f.add(root.Line, root.Column, "%d parameters; at most %d are allowed", n, maxParameters)
		return nil, f.err()
	}
	values, lines := map[string]string{}, map[string]int{}
	for _, n := range root.Content {
		key, value, ok := parameter(f, follow(n))
		if !ok {
			continue
		}
		if first, twice := lines[key]; twice {
			f.add(n.Line, n.Column, "parameter %s is there twice, first in line %d", quote(key), first)
			continue
		}
		if len(value) > maxValue {
			f.add(n.Line, n.Column, "the value of parameter %s has %d bytes; at most %d are allowed", quote(key), len(value), maxValue)
		}
		values[key], lines[key] = value, n.Line
	}
	if err := f.err(); err != nil {
		return nil, err
	}
	return values, nil
}

// parameter reads one element of the list.
func parameter(f *faults, n *yaml.Node) (key, value string, ok bool) {
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		if key, value, ok = strings.Cut(n.Value, "="); !ok || key == "" {
			f.add(n.Line, n.Column, "found %s; a parameter is written \"Key=Value\"", quote(n.Value))
			return "", "", false
		}
		if strings.Contains(n.Value, "ParameterKey=") {
			f.add(n.Line, n.Column, "found %s; in a file a parameter is written {\"ParameterKey\": …, \"ParameterValue\": …} or \"Key=Value\"", quote(n.Value))
			return "", "", false
		}
		return key, value, true
	}
	if n.Kind != yaml.MappingNode {
		f.add(n.Line, n.Column, "found %s; a parameter is written {\"ParameterKey\": …, \"ParameterValue\": …}", kind(n))
		return "", "", false
	}
	before, fields := len(f.list), map[string]string{}
	for _, e := range entries(n) {
		switch {
		case e.key.Value == "UsePreviousValue" && e.value.Value == "false":
			continue
		case e.key.Value == "UsePreviousValue":
			f.add(e.key.Line, e.key.Column, "UsePreviousValue is not allowed: what is deployed stands in git")
		case !slices.Contains([]string{"ParameterKey", "ParameterValue"}, e.key.Value):
			f.add(e.key.Line, e.key.Column, "unknown key %s; allowed: ParameterKey, ParameterValue", quote(e.key.Value))
		case e.value.Kind != yaml.ScalarNode || e.value.Tag != "!!str":
			f.add(e.value.Line, e.value.Column, "%s is no text; put it in quotes", e.key.Value)
		default:
			if _, twice := fields[e.key.Value]; twice {
				f.add(e.key.Line, e.key.Column, "%s is there twice", e.key.Value)
			}
			fields[e.key.Value] = e.value.Value
		}
	}
	if len(f.list) > before {
		return "", "", false
	}
	value, given := fields["ParameterValue"]
	if fields["ParameterKey"] == "" || !given {
		f.add(n.Line, n.Column, "a parameter needs ParameterKey and ParameterValue")
		return "", "", false
	}
	return fields["ParameterKey"], value, true
}

// otherShape says what a file is that is no list.
func otherShape(root *yaml.Node) string {
	has := func(keys ...string) bool {
		return slices.ContainsFunc(keys, func(key string) bool { return get(root, key) != nil })
	}
	switch {
	case has("template-file-path", "parameters"):
		return "a deployment file of CloudFormation's Git sync is " + notSupported + "; allowed: the AWS CLI's list of parameters"
	case has("Parameters", "StackPolicy"):
		return "a template configuration of CodePipeline is " + notSupported + "; allowed: the AWS CLI's list of parameters"
	}
	return "found " + kind(root) + `; allowed: [{"ParameterKey": …, "ParameterValue": …}] or ["Key=Value"]`
}
