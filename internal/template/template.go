package template

import (
	"cmp"
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
	// AWS::Include and Fn::ForEach (of AWS::LanguageExtensions) wherever it stands. What they
	// make of the template cannot be known here, so that with any of them names are not
	// looked up.
	Transforms []Transform
	// Locals are the places that name a file or a folder of the repository, in the order of
	// the file.
	Locals []Local

	file     string
	foreign  []Transform // functions that CloudFormation does not have
	loop     Transform   // the first Fn::ForEach
	declares bool        // it has a Transform section
	shown    []shown     // NoEcho parameters where everybody reads them
}

// Resource is a resource of a template.
type Resource struct {
	Type           string
	DeletionPolicy string // empty: CloudFormation's default for the type
	Line, Column   int    // of its logical id

	named bool // it is given a name of its own, which the IAM capabilities ask about
}

// Parameter is a parameter of a template.
type Parameter struct {
	Type         string
	HasDefault   bool
	Default      string // as it is written; empty where it is no plain text
	NoEcho       bool
	Line, Column int

	limits limits
}

// Output is an output of a template.
type Output struct{ Line, Column int }

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
	includes   []*yaml.Node // the arguments of each AWS::Include
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
	r := newReader(name, data)
	if !r.inspect(root, 0) {
		return Template{}, r.err()
	}
	r.sections(root)
	r.references(root)
	r.secrets(root)
	r.locals(root)
	if err := r.err(); err != nil {
		return Template{}, err
	}
	r.sort()
	return r.t, nil
}

// ReadSnippet parses a part of a template that AWS::Include puts in. Of it only the
// functions are known: the Template has no resources.
func ReadSnippet(name string, data []byte) (Template, error) {
	root, err := parse(name, data)
	if err != nil {
		return Template{}, err
	}
	r := newReader(name, data)
	if !r.inspect(root, 0) || r.err() != nil {
		return Template{}, r.err()
	}
	r.t.loop = Transform{} // whether it is known where the snippet goes is not to be seen here
	r.sort()
	return r.t, nil
}

func newReader(name string, data []byte) *reader {
	return &reader{faults: faults{file: name}, conditions: map[string]bool{}, t: Template{
		Body: data, file: name,
		Resources: map[string]Resource{}, Parameters: map[string]Parameter{}, Outputs: map[string]Output{},
	}}
}

// sort brings what was found on several ways into the order of the file.
func (r *reader) sort() {
	slices.SortStableFunc(r.t.Transforms, func(a, b Transform) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	slices.SortStableFunc(r.t.Locals, func(a, b Local) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
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
			r.looped(e.key)
		case key == "Fn::Transform": // beside other keys too, which what it makes is merged with
			r.called(e.value, e.key)
		}
		seen[key] = e.key.Line
	}
}

// macro notes a macro that is called by its tag, and a function that is none of CloudFormation's.
func (r *reader) macro(n *yaml.Node) {
	name, argument := function(n)
	switch {
	case name == "Fn::Transform" && custom(n):
		r.called(argument, n)
	case name != "" && !known(name):
		if custom(n) {
			name = n.Tag
		}
		r.t.foreign = append(r.t.foreign, Transform{name, n.Line, n.Column})
	}
}

// looped notes a loop, which needs a macro.
func (r *reader) looped(key *yaml.Node) {
	m := Transform{languageExtensions, key.Line, key.Column}
	if r.t.loop.Line == 0 {
		r.t.loop = m
	}
	r.t.Transforms = append(r.t.Transforms, m)
}

// sections reads the top level.
func (r *reader) sections(root *yaml.Node) {
	if root.Kind != yaml.MappingNode {
		r.add(root.Line, root.Column, "not a template: %s where a mapping of sections is needed", kind(root))
		return
	}
	if n := get(root, "Transform"); n != nil {
		r.t.declares = true
		r.transform(n)
	}
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

// isLogicalID reports whether a text can name a member.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html
func isLogicalID(s string) bool {
	other := strings.IndexFunc(s, func(c rune) bool { return c < '0' || '9' < c && c < 'A' || 'Z' < c && c < 'a' || 'z' < c })
	return other < 0 && s != "" && len(s) <= 255
}

// identify refuses a name that CloudFormation would refuse, unless a macro may mend it.
func (r *reader) identify(e entry, what string) {
	if len(r.t.Transforms) == 0 && !isLogicalID(e.key.Value) {
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

// yes are the texts that YAML 1.1, which CloudFormation reads, takes for true.
// https://yaml.org/type/bool.html
var yes = []string{"true", "yes", "on", "y"}

func (r *reader) parameter(e entry) {
	r.identify(e, "parameter")
	if !r.complete(e, "Parameters."+e.key.Value, "Type") {
		return
	}
	of, _ := text(get(e.value, "Type"))
	noEcho, _ := text(follow(raw(e.value, "NoEcho")))
	otherwise, _ := text(follow(raw(e.value, "Default")))
	r.t.Parameters[e.key.Value] = Parameter{
		Type: of, HasDefault: get(e.value, "Default") != nil || merged(e.value), Default: otherwise,
		NoEcho: slices.Contains(yes, strings.ToLower(noEcho)), Line: e.key.Line, Column: e.key.Column,
		limits: limitsOf(e.value),
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
	r.t.Resources[e.key.Value] = Resource{
		Type: of, DeletionPolicy: deletion, Line: e.key.Line, Column: e.key.Column,
		named: named(of, get(e.value, "Properties")),
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
