package template

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Source is the text of a template or of a parameter file, JSON or YAML, of which single
// values are changed: Set, Insert and Remove return another Source, whose every other byte
// is as it was. The zero value holds nothing; ReadSource makes one.
type Source struct {
	name  string
	data  []byte
	root  *yaml.Node
	json  bool
	lines places
}

// ReadSource parses a file; name is its path in the repository, for messages.
func ReadSource(name string, data []byte) (Source, error) {
	root, err := parse(name, data)
	if err != nil {
		return Source{}, err
	}
	counted := &reader{faults: faults{file: name}}
	if !counted.inspect(root, 0) || len(counted.list) > 0 {
		return Source{}, counted.err()
	}
	start := bytes.TrimLeft(bytes.TrimPrefix(data, bom), " \t\r\n")
	return Source{name: name, data: data, root: root, json: looksLikeJSON(start), lines: newPlaces(data)}, nil
}

// Bytes returns the text, which nobody may change.
func (s Source) Bytes() []byte { return s.data }

// Form is what stands at a place of a Source.
type Form int

// The forms.
const (
	Absent Form = iota // nothing
	Scalar             // a text, a number, true or false, or null
	Mapping
	List
	Call // of a function, in the place or on the way to it
)

// Spot is what stands at a path of a Source.
type Spot struct {
	Form Form
	Line int
	Text string   // of a Scalar: as it is read; null is empty
	Keys []string // of a Mapping, in its order
	Len  int      // of a List
	// Function is what a Call calls, such as Fn::If, and Argument what with, where that is a
	// plain text. Below says that the path goes on below the function.
	Function, Argument string
	Below              bool
	Missing            int // of what is Absent: how many steps of the path there are not
}

// At returns what stands at a path: keys of mappings, and indexes of lists. Aliases and merges
// ("<<") are followed. Where a function on the way decides what is there, it is a Call: a list
// with an element that a condition may take away has no certain indexes.
func (s Source) At(path ...string) Spot {
	n := follow(s.root)
	for i, step := range path {
		if name, argument := function(n); name != "" && i > 0 {
			return call(n, name, argument, true)
		}
		next, by := below(n, step)
		if next == nil && by != "" {
			return Spot{Form: Call, Line: n.Line, Function: by, Below: true}
		}
		if next == nil || next.Tag == "!!null" && i < len(path)-1 {
			return Spot{Line: n.Line, Missing: len(path) - i}
		}
		n = next
	}
	return spot(n)
}

// below returns what a key or an index leads to, nil for nothing; by is the function that
// may put something there all the same.
func below(n *yaml.Node, step string) (next *yaml.Node, by string) {
	switch n.Kind {
	case yaml.MappingNode:
		if next := follow(raw(n, step)); next != nil {
			return next, ""
		}
		for _, e := range entries(n) {
			if strings.HasPrefix(e.key.Value, "Fn::") {
				return nil, e.key.Value
			}
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if by := unsteady(follow(item)); by != "" {
				return nil, by
			}
		}
		if i, err := strconv.Atoi(step); err == nil && i >= 0 && i < len(n.Content) {
			return follow(n.Content[i]), ""
		}
	case yaml.DocumentNode, yaml.ScalarNode, yaml.AliasNode:
	}
	return nil, ""
}

// unsteady returns the function by which an element of a list may be none, or several.
func unsteady(item *yaml.Node) string {
	name, argument := function(item)
	text, _ := value(argument)
	if name == "Fn::If" || name == "Fn::Transform" || name == "Ref" && text == "AWS::NoValue" {
		return name
	}
	for _, e := range entries(item) {
		if strings.HasPrefix(e.key.Value, forEach) {
			return e.key.Value
		}
	}
	return ""
}

func spot(n *yaml.Node) Spot {
	if name, argument := function(n); name != "" {
		return call(n, name, argument, false)
	}
	out := Spot{Line: n.Line}
	switch n.Kind {
	case yaml.MappingNode:
		out.Form = Mapping
		for _, e := range entries(n) {
			out.Keys = append(out.Keys, e.key.Value)
		}
	case yaml.SequenceNode:
		out.Form, out.Len = List, len(n.Content)
	case yaml.ScalarNode:
		out.Form = Scalar
		if n.Tag != "!!null" {
			out.Text = n.Value
		}
	case yaml.DocumentNode, yaml.AliasNode:
	}
	return out
}

func call(n *yaml.Node, name string, argument *yaml.Node, below bool) Spot {
	text, _ := value(argument)
	return Spot{Form: Call, Line: n.Line, Function: name, Argument: text, Below: below}
}

// Uses returns the places that put a parameter in, by Ref or by Fn::Sub, in the order of the
// file: "Resources.Queue", "Conditions.IsProd". Outputs and Metadata, which only show it, are
// none; what a macro or a nested template makes of it is not to be seen.
func (s Source) Uses(parameter string) []string {
	var places []string
	for _, section := range entries(s.root) {
		switch section.key.Value {
		case "Parameters", "Outputs", "Metadata", "Description":
			continue
		}
		for _, member := range entries(section.value) {
			for range counted(member.value, parameter) {
				places = append(places, section.key.Value+"."+member.key.Value)
			}
		}
		if section.value.Kind != yaml.MappingNode && counted(section.value, parameter) > 0 {
			places = append(places, section.key.Value)
		}
	}
	return places
}

// counted returns how often a name is put in at and below a node.
func counted(n *yaml.Node, name string) int {
	n = follow(n)
	times := 0
	for _, put := range put(n) {
		if put == name {
			times++
		}
	}
	for _, child := range n.Content {
		times += counted(child, name)
	}
	return times
}

// Loops returns the loops and macros of the Resources section, by which it may make resources
// that do not stand there.
func (s Source) Loops() []string {
	var names []string
	for _, e := range entries(get(s.root, "Resources")) {
		if strings.HasPrefix(e.key.Value, "Fn::") {
			names = append(names, e.key.Value)
		}
	}
	return names
}

// Given returns the path of a parameter's value in a parameter file of any shape that
// Parameters reads, and what stands before the value in the text there: "Key=" in the AWS
// CLI's short form. It is false where the file gives the parameter no value of its own.
func (s Source) Given(name string) (path []string, before string, ok bool) {
	if s.root.Kind == yaml.SequenceNode {
		return s.listed(name)
	}
	switch {
	case get(s.root, "template-file-path") != nil, isMapping(get(s.root, "parameters")), isMapping(get(s.root, "tags")):
		path = []string{"parameters", name}
	case isMapping(get(s.root, "Parameters")), isMapping(get(s.root, "Tags")), isMapping(get(s.root, "StackPolicy")):
		path = []string{"Parameters", name}
	default:
		path = []string{name}
	}
	return path, "", s.At(path...).Form == Scalar
}

// listed is Given for the AWS CLI's list.
func (s Source) listed(name string) (path []string, before string, ok bool) {
	for i, item := range s.root.Content {
		item, at := follow(item), strconv.Itoa(i)
		if strings.HasPrefix(item.Value, name+"=") {
			return []string{at}, name + "=", true
		}
		if key, _ := text(get(item, "ParameterKey")); key == name && get(item, "ParameterValue") != nil {
			return []string{at, "ParameterValue"}, "", true
		}
	}
	return nil, "", false
}

// shared refuses a node that others are written by, or that is written by another one.
func (s Source) shared(n *yaml.Node, what string) error {
	switch {
	case n.Kind == yaml.AliasNode:
		return s.refuse(n, "%s is an alias, *%s: its value stands where the anchor is, for all that use it", what, n.Value)
	case n.Anchor != "" && aliased(s.root, n.Anchor):
		return s.refuse(n, "%s has the anchor &%s, by which others take it over", what, n.Anchor)
	}
	return nil
}

// aliased reports whether an anchor is used.
func aliased(n *yaml.Node, anchor string) bool {
	return n.Kind == yaml.AliasNode && n.Value == anchor ||
		slices.ContainsFunc(n.Content, func(child *yaml.Node) bool { return aliased(child, anchor) })
}

func (s Source) refuse(n *yaml.Node, format string, args ...any) error {
	f := &faults{file: s.name}
	f.add(n.Line, n.Column, format, args...)
	return f.list[0]
}
