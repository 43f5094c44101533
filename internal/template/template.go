package template

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

// Template is a CloudFormation template, as far as it decides before a call.
type Template struct {
	Body       []byte // as it is sent
	Resources  map[string]Resource
	Parameters map[string]Parameter
	Outputs    map[string]Output
	// Transforms are the macros it asks for: its Transform section, and every Fn::Transform,
	// AWS::Include and Fn::ForEach wherever it stands. What they make of the template cannot
	// be known here, so that with any of them names are not looked up.
	Transforms []Transform

	file    string
	foreign []Transform // functions that CloudFormation does not have
}

// Resource is a resource of a template.
type Resource struct {
	Type           string
	DeletionPolicy string // empty: CloudFormation's default for the type
	Line, Column   int    // of its logical id

	named bool   // it is given a name of its own, which the IAM capabilities ask about
	local string // the property that names a file to be packaged
}

// Parameter is a parameter of a template.
type Parameter struct {
	Type         string
	HasDefault   bool
	NoEcho       bool
	Line, Column int
}

// Output is an output of a template.
type Output struct{ Line, Column int }

// Transform is a macro, or another function by its name, and where it is asked for.
type Transform struct {
	Name         string
	Line, Column int
}

// sections are the keys of a template.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
var sections = []string{
	"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings",
	"Conditions", "Transform", "Resources", "Outputs", "Hooks",
}

// reader fills a Template and collects what is wrong with it.
type reader struct {
	faults
	t          Template
	conditions map[string]bool
	nodes      int
	// blind: a mapping takes keys from another by "<<". CloudFormation's documentation says
	// that it does not, and its parser has done so: names are then not looked up.
	blind bool
}

// Read parses a template; name is its path in the repository, for messages. The error is
// one *Error, or several joined. What is read but not done is no error here: see Check.
func Read(name string, data []byte) (Template, error) {
	root, err := parse(name, data)
	if err != nil {
		return Template{}, err
	}
	r := &reader{faults: faults{file: name}, conditions: map[string]bool{}, t: Template{
		Body: data, file: name,
		Resources: map[string]Resource{}, Parameters: map[string]Parameter{}, Outputs: map[string]Output{},
	}}
	if !r.inspect(root, 0) {
		return Template{}, r.err()
	}
	r.sections(root)
	r.references(root)
	if err := r.err(); err != nil {
		return Template{}, err
	}
	slices.SortStableFunc(r.t.Transforms, func(a, b Transform) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return r.t, nil
}

// inspect walks everything once: it counts, notes macros and foreign functions, and
// refuses keys that stand there twice. It returns false when the file is too deep or too
// large to walk again.
func (r *reader) inspect(n *yaml.Node, depth int) bool {
	n = follow(n)
	if r.nodes++; r.nodes > maxNodes {
		r.list = nil
		r.add(n.Line, n.Column, "more than %d values, with its aliases followed", maxNodes)
		return false
	}
	if depth > maxDepth {
		r.list = nil
		r.add(n.Line, n.Column, "nested more than %d levels deep", maxDepth)
		return false
	}
	r.macro(n)
	r.keys(n)
	for _, child := range n.Content {
		if !r.inspect(child, depth+1) {
			return false
		}
	}
	return true
}

// keys looks at the keys of a mapping for those that stand there twice, and for loops.
func (r *reader) keys(n *yaml.Node) {
	seen := map[string]int{}
	for _, e := range entries(n) {
		key := e.key.Value
		switch first, twice := seen[key]; {
		case e.key.Kind != yaml.ScalarNode:
			continue
		case key == "<<":
			r.blind = true
		case twice:
			r.add(e.key.Line, e.key.Column, "%s is there twice, first in line %d", quote(key), first)
		case strings.HasPrefix(key, forEach):
			r.t.Transforms = append(r.t.Transforms, Transform{"Fn::ForEach", e.key.Line, e.key.Column})
		case key == "Fn::Transform": // beside other keys too, which what it makes is merged with
			r.t.Transforms = append(r.t.Transforms, Transform{called(e.value), e.key.Line, e.key.Column})
		}
		seen[key] = e.key.Line
	}
}

// macro notes a macro that is called by its tag, and a function that is none of CloudFormation's.
func (r *reader) macro(n *yaml.Node) {
	name, argument := function(n)
	switch {
	case name == "Fn::Transform" && custom(n):
		r.t.Transforms = append(r.t.Transforms, Transform{called(argument), n.Line, n.Column})
	case name != "" && !known(name):
		if custom(n) {
			name = n.Tag
		}
		r.t.foreign = append(r.t.foreign, Transform{name, n.Line, n.Column})
	}
}

// called returns the name of the macro that Fn::Transform calls.
func called(argument *yaml.Node) string {
	if name, ok := text(get(argument, "Name")); ok {
		return name
	}
	return "Fn::Transform"
}

// sections reads the top level.
func (r *reader) sections(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		r.add(root.Line, root.Column, "not a template: %s where a mapping of sections is needed", kind(root))
		return
	}
	r.transform(get(root, "Transform"))
	for _, e := range entries(root) {
		name := e.key.Value
		if slices.Contains(sections, name) || strings.HasPrefix(name, "Fn::") || name == "<<" || len(r.t.Transforms) > 0 {
			continue // a macro may have sections of its own, as AWS::Serverless has Globals
		}
		if near := nearest.Of(name, sections); near != "" {
			r.add(e.key.Line, e.key.Column, "unknown section %s; did you mean %s?", quote(name), near)
			continue
		}
		r.add(e.key.Line, e.key.Column, "unknown section %s; allowed: %s", quote(name), strings.Join(sections, ", "))
	}
	r.members(root, "Parameters", r.parameter)
	r.members(root, "Conditions", func(e entry) { r.conditions[e.key.Value] = true })
	r.members(root, "Resources", r.resource)
	r.members(root, "Outputs", r.output)
	if get(root, "Resources") == nil && !merged(root) && get(root, "Fn::Transform") == nil {
		r.add(root.Line, root.Column, "the template has no Resources")
	} else if all := get(root, "Resources"); all != nil && all.Kind == yaml.MappingNode && len(all.Content) == 0 {
		r.add(all.Line, all.Column, "Resources is empty; a template has at least one")
	}
}

// transform notes the macros of the Transform section: a name, a list of them, or the
// mapping of a name and its parameters.
func (r *reader) transform(n *yaml.Node) {
	if n == nil {
		return
	}
	if name, ok := text(n); ok {
		r.t.Transforms = append(r.t.Transforms, Transform{name, n.Line, n.Column})
	}
	if n.Kind == yaml.MappingNode {
		r.transform(get(n, "Name"))
	}
	if n.Kind == yaml.SequenceNode {
		for _, child := range n.Content {
			r.transform(follow(child))
		}
	}
}

// members hands each member of a section on.
func (r *reader) members(root *yaml.Node, section string, read func(entry)) {
	n := get(root, section)
	if n == nil {
		return
	}
	if n.Kind != yaml.MappingNode || custom(n) {
		r.add(n.Line, n.Column, "%s is %s; a mapping is needed", section, kind(n))
		return
	}
	for _, e := range entries(n) {
		if e.key.Value != "<<" && !strings.HasPrefix(e.key.Value, "Fn::") {
			read(e)
		}
	}
}

// logicalID is what names members.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
var logicalID = regexp.MustCompile(`^[a-zA-Z0-9]{1,255}$`)

// identify refuses a name that CloudFormation would refuse, unless a macro may mend it.
func (r *reader) identify(e entry, what string) {
	if len(r.t.Transforms) == 0 && !logicalID.MatchString(e.key.Value) {
		r.add(e.key.Line, e.key.Column, "%s %s: a logical id has letters and digits only, at most 255", what, quote(e.key.Value))
	}
}

// complete reports whether a member is a mapping that has a key, and refuses it if not.
func (r *reader) complete(e entry, what, key string) bool {
	if e.value.Kind != yaml.MappingNode {
		r.add(e.value.Line, e.value.Column, "%s is %s; a mapping is needed", what, kind(e.value))
		return false
	}
	if get(e.value, key) == nil && !merged(e.value) && get(e.value, "Fn::Transform") == nil && !custom(e.value) {
		r.add(e.key.Line, e.key.Column, "%s has no %s", what, key)
		return false
	}
	return true
}

func (r *reader) parameter(e entry) {
	r.identify(e, "parameter")
	if !r.complete(e, "Parameters."+e.key.Value, "Type") {
		return
	}
	of, _ := text(get(e.value, "Type"))
	noEcho, _ := text(get(e.value, "NoEcho"))
	r.t.Parameters[e.key.Value] = Parameter{
		Type: of, HasDefault: get(e.value, "Default") != nil || merged(e.value),
		NoEcho: strings.EqualFold(noEcho, "true"), Line: e.key.Line, Column: e.key.Column,
	}
}

func (r *reader) output(e entry) {
	if r.complete(e, "Outputs."+e.key.Value, "Value") {
		r.t.Outputs[e.key.Value] = Output{e.key.Line, e.key.Column}
	}
}

func (r *reader) resource(e entry) {
	r.identify(e, "resource")
	what := "Resources." + e.key.Value
	if !r.complete(e, what, "Type") {
		return
	}
	n := get(e.value, "Type")
	of, ok := text(n)
	if n != nil && (!ok || of == "") {
		r.add(n.Line, n.Column, "%s.Type is no text", what)
		return
	}
	deletion, _ := text(get(e.value, "DeletionPolicy"))
	properties := get(e.value, "Properties")
	r.t.Resources[e.key.Value] = Resource{
		Type: of, DeletionPolicy: deletion, Line: e.key.Line, Column: e.key.Column,
		named: named(of, properties), local: local(of, properties),
	}
}

// kind names what a node is.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!null":
		return "empty"
	}
	return "the text " + quote(n.Value)
}
