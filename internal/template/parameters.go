package template

import (
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxValue is how many bytes a parameter's value may have.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const maxValue = 4096

// shapes are the parameter files that are understood, for messages.
const shapes = `allowed: the AWS CLI's [{"ParameterKey": …, "ParameterValue": …}] or ["Key=Value"], ` +
	`CodePipeline's {"Parameters": {…}, "Tags": {…}}, a deployment file of Git sync, or a mapping of parameters`

// valuesReader fills Values and collects what is wrong with them.
type valuesReader struct {
	faults
	v Values
}

// Parameters reads a parameter file, whose shape it finds out by itself: the AWS CLI's list
// of {"ParameterKey": …, "ParameterValue": …} or of "Key=Value", a template configuration of
// CodePipeline, a deployment file of CloudFormation's Git sync, or a plain mapping of
// parameters, each in JSON or YAML. The error is one *Error, or several joined.
func Parameters(name string, data []byte) (Values, error) {
	root, err := parse(name, data)
	if err != nil {
		return Values{}, err
	}
	r := &valuesReader{faults: faults{file: name}, v: Values{
		Parameters: map[string]string{}, Tags: map[string]string{}, file: name, places: map[string]place{},
	}}
	switch {
	case root.Kind == yaml.SequenceNode:
		r.listing(root)
	case root.Kind != yaml.MappingNode:
		r.add(root.Line, root.Column, "found %s; %s", form(root), shapes)
	case get(root, "template-file-path") != nil, isMapping(get(root, "parameters")), isMapping(get(root, "tags")):
		r.gitSync(root)
	case isMapping(get(root, "Parameters")), isMapping(get(root, "Tags")), isMapping(get(root, "StackPolicy")):
		r.codePipeline(root)
	default:
		r.parameters(root)
	}
	if n := len(r.v.Parameters) + len(r.v.Previous); n > maxParameters {
		r.add(root.Line, root.Column, "%d parameters; at most %d are allowed", n, maxParameters)
	}
	if err := r.err(); err != nil {
		return Values{}, err
	}
	slices.Sort(r.v.Previous)
	return r.v, nil
}

func isMapping(n *yaml.Node) bool { return n != nil && n.Kind == yaml.MappingNode }

// codePipeline reads a template configuration.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/continuous-delivery-codepipeline-cfn-artifacts.html
func (r *valuesReader) codePipeline(root *yaml.Node) {
	r.fields(root, "a template configuration of CodePipeline", map[string]func(entry){
		"Parameters": func(e entry) { r.section(e, r.parameters) },
		"Tags":       func(e entry) { r.section(e, r.tags) },
		"StackPolicy": func(e entry) {
			if len(e.value.Content) > 0 || e.value.Tag != "!!null" && e.value.Kind != yaml.MappingNode {
				r.add(e.key.Line, e.key.Column, "StackPolicy: Driftless has no right to set a stack's policy; remove it here and set it by hand")
			}
		},
	})
}

// gitSync reads a stack deployment file.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/git-sync-concepts-terms.html
func (r *valuesReader) gitSync(root *yaml.Node) {
	r.fields(root, "a deployment file of Git sync", map[string]func(entry){
		"parameters": func(e entry) { r.section(e, r.parameters) },
		"tags":       func(e entry) { r.section(e, r.tags) },
		"template-file-path": func(e entry) {
			name, ok := r.scalar("template-file-path", e.value)
			if ok && name == "" {
				r.add(e.value.Line, e.value.Column, "template-file-path is empty")
			} else if ok {
				r.v.TemplatePath = path.Clean(strings.TrimPrefix(name, "/"))
				r.v.places[""] = place{e.value.Line, e.value.Column}
			}
		},
	})
}

// fields hands each value of a mapping to what reads its key, and refuses other keys.
func (r *valuesReader) fields(n *yaml.Node, what string, read map[string]func(entry)) {
	seen := map[string]int{}
	for _, e := range entries(n) {
		key := e.key.Value
		of, known := read[key]
		switch first, twice := seen[key]; {
		case twice:
			r.add(e.key.Line, e.key.Column, "%s is there twice, first in line %d", label(key), first)
		case !known:
			allowed := make([]string, 0, len(read))
			for k := range read {
				allowed = append(allowed, k)
			}
			slices.Sort(allowed)
			r.add(e.key.Line, e.key.Column, "unknown key %s; %s has %s", label(key), what, strings.Join(allowed, ", "))
		default:
			of(e)
		}
		seen[key] = e.key.Line
	}
}

// section reads a mapping that may be left empty.
func (r *valuesReader) section(e entry, read func(*yaml.Node)) {
	switch {
	case isMapping(e.value):
		read(e.value)
	case e.value.Tag != "!!null":
		r.add(e.value.Line, e.value.Column, "%s is %s; a mapping is needed", e.key.Value, form(e.value))
	}
}

// parameters reads a mapping of names to values. CloudFormation takes a list as one text with
// commas; the schema of Git sync's file (cfn-lint, git_sync.json) takes a list, a number and
// a boolean as they are, each of which is passed on as it is written.
func (r *valuesReader) parameters(n *yaml.Node) {
	for _, e := range entries(n) {
		if !isLogicalID(e.key.Value) {
			r.add(e.key.Line, e.key.Column, "found the key %s, which is no name of a parameter; %s", label(e.key.Value), shapes)
			continue
		}
		if e.value.Kind == yaml.MappingNode {
			r.add(e.value.Line, e.value.Column, "%s is a mapping, where a value is needed; %s", e.key.Value, shapes)
			continue
		}
		value, ok := "", false
		if e.value.Kind == yaml.SequenceNode && !custom(e.value) {
			value, ok = r.joined(e)
		} else {
			value, ok = r.scalar("parameter "+e.key.Value, e.value)
		}
		if ok {
			r.set(e.key, e.key.Value, value)
		}
	}
}

// joined returns a list as CloudFormation takes it.
func (r *valuesReader) joined(e entry) (string, bool) {
	var parts []string
	for _, n := range e.value.Content {
		part, ok := r.scalar("an element of parameter "+e.key.Value, follow(n))
		if ok && strings.Contains(part, ",") {
			r.add(n.Line, n.Column, "an element of parameter %s has a comma: CloudFormation divides a list there", e.key.Value)
			ok = false
		}
		if !ok {
			return "", false
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ","), true
}

// tags reads a mapping of tags.
func (r *valuesReader) tags(n *yaml.Node) {
	for _, e := range entries(n) {
		value, ok := r.scalar("tag "+e.key.Value, e.value)
		if _, twice := r.v.Tags[e.key.Value]; twice {
			r.add(e.key.Line, e.key.Column, "tag %s is there twice", label(e.key.Value))
		} else if ok {
			r.v.Tags[e.key.Value] = value
		}
	}
}

// scalar returns a value's text as it is written: 007 is no 7.
func (r *valuesReader) scalar(what string, n *yaml.Node) (string, bool) {
	switch {
	case n.Kind != yaml.ScalarNode:
		r.add(n.Line, n.Column, "%s is %s; a text is needed", what, form(n))
	case n.Tag == "!!null":
		r.add(n.Line, n.Column, `%s is empty; write "" for an empty text`, what)
	case custom(n):
		r.add(n.Line, n.Column, "%s %s: there are no functions in a parameter file, and a text that begins with ! needs quotes", what, tagged(n))
	default:
		return n.Value, true
	}
	return "", false
}

// set notes a parameter's value, once.
func (r *valuesReader) set(at *yaml.Node, name, value string) {
	if !r.note(at, name) {
		return
	}
	if len(value) > maxValue {
		r.add(at.Line, at.Column, "the value of parameter %s has %d bytes; at most %d are allowed", label(name), len(value), maxValue)
	}
	r.v.Parameters[name] = value
}

// note keeps where a parameter stands, and refuses one that stands there twice.
func (r *valuesReader) note(at *yaml.Node, name string) bool {
	if first, twice := r.v.places[name]; twice {
		r.add(at.Line, at.Column, "parameter %s is there twice, first in line %d", label(name), first.line)
		return false
	}
	r.v.places[name] = place{at.Line, at.Column}
	return true
}

// What stands in a parameter file may be a secret, in a place where it is not expected too:
// messages show names and forms, never values.

// form names what a node is, without what it holds.
func form(n *yaml.Node) string {
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" {
		return "a text or number"
	}
	return kind(n)
}

// label returns a name in quotes, up to where a value may begin.
func label(name string) string {
	if at := strings.IndexAny(name, " \t\r\n,=:"); at >= 0 {
		name = name[:at] + "…"
	}
	return quote(name)
}

// tagged says which function a tag is for; another one is what a text without quotes begins with.
func tagged(n *yaml.Node) string {
	if name, _ := function(n); known(name) {
		return "has the tag " + n.Tag
	}
	return "has a tag"
}
