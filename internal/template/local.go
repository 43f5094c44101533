package template

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Local is a place where a template names a file or a folder of the repository, or where
// packaging puts one because the template names none.
type Local struct {
	Where  string // such as Resources.Api.Properties.CodeUri
	Path   string // as it is written; "." for the template's folder where nothing is
	Nested bool   // a template
	Zip    bool   // a file has to be put into an archive
	Macro  bool   // a snippet for AWS::Include
	// Object is the address that is written there already, "s3://bucket/key", in a place that
	// CloudFormation wants a mapping in: it names no file, and is only written differently.
	Object string
	// Given are the names of the parameters that a nested stack is given; nil where they are
	// not to be seen.
	Given        []string
	Line, Column int

	rule       rule
	start, end int    // of the bytes that are replaced
	lead, tail string // around what stands for the value, where it was not there
}

// locals finds the places that name files, in resources, in Metadata, in what functions have
// in common, and where AWS::Include stands.
func (r *reader) locals(root *yaml.Node) {
	l := &locator{reader: r, seen: map[*yaml.Node]rule{}}
	common := get(get(get(root, "Globals"), "Function"), functionCode.property)
	if _, plain := text(common); plain {
		l.property("Globals.Function", get(get(root, "Globals"), "Function"), functionCode)
	}
	l.resources(get(root, "Resources"), common != nil)
	for _, rule := range application {
		l.property("Metadata.AWS::ServerlessRepo::Application", get(get(root, "Metadata"), "AWS::ServerlessRepo::Application"), rule)
	}
	for _, n := range r.includes {
		if parameters := get(n, "Parameters"); parameters != nil {
			l.property("AWS::Include", parameters, rule{property: "Location", macro: true})
		}
	}
}

// locator notes places and the bytes where they are written.
type locator struct {
	*reader
	lines places              // none until it is asked for: most templates name no file
	seen  map[*yaml.Node]rule // values and mappings that were noted: an alias leads to one twice
}

func (l *locator) places() places {
	if l.lines.starts == nil {
		l.lines = newPlaces(l.t.Body)
	}
	return l.lines
}

// resources looks at each resource, those that a loop makes included.
func (l *locator) resources(n *yaml.Node, common bool) {
	for _, e := range entries(n) {
		if strings.HasPrefix(e.key.Value, forEach) {
			if e.value.Kind == yaml.SequenceNode && len(e.value.Content) == 3 {
				l.resources(follow(e.value.Content[2]), common)
			}
			continue
		}
		of, _ := text(get(e.value, "Type"))
		properties := get(e.value, "Properties")
		if properties == nil || properties.Kind != yaml.MappingNode {
			continue // without properties the CLI packages nothing
		}
		for _, rule := range rules[of] {
			if of == "AWS::Serverless::Function" {
				rule.whole = !common && !slices.ContainsFunc(elsewhere, func(key string) bool { return raw(properties, key) != nil })
			}
			l.property("Resources."+e.key.Value+".Properties", properties, rule)
		}
	}
}

// property notes the property of a mapping. What is no plain text is a function's or a
// mapping's, and names no file.
func (l *locator) property(where string, parent *yaml.Node, rule rule) {
	name := rule.property
	if outer, inner, nested := strings.Cut(name, "."); nested {
		parent, where, name = follow(raw(parent, outer)), where+"."+outer, inner
	}
	if parent == nil || parent.Kind != yaml.MappingNode || custom(parent) {
		return
	}
	n := raw(parent, name)
	written, plain := text(follow(n))
	missing := n == nil || follow(n).Tag == "!!null" || plain && written == ""
	local := Local{Where: where + "." + name, Path: written, Nested: rule.nested, Zip: rule.zip, Macro: rule.macro, rule: rule}
	switch {
	case missing && rule.whole:
		local.Path = "."
	case missing || !plain:
		return
	case strings.HasPrefix(written, "s3://") && rule.key != "":
		local.Object = written
	case strings.Contains(written, "://") || strings.Contains(written, "{{resolve:"):
		return // the place where it is, or what will say it
	}
	if rule.nested {
		local.Given = given(parent)
	}
	if n == nil {
		l.insert(parent, name, local)
		return
	}
	l.replace(n, local)
}

// replace notes a value that is written.
func (l *locator) replace(n *yaml.Node, local Local) {
	if was, twice := l.seen[n]; twice {
		if was != local.rule {
			l.add(n.Line, n.Column, "%s is used in places of different kinds: write it out in each", local.Where)
		}
		return
	}
	l.seen[n] = local.rule
	local.Line, local.Column = n.Line, n.Column
	start, end, ok := l.places().extent(n)
	if !ok {
		l.add(n.Line, n.Column, "%s names a file in a form that cannot be replaced: write it in one line, without an anchor or a tag", local.Where)
		return
	}
	if start == end && start > 0 && l.t.Body[start-1] == ':' {
		local.lead = " "
	}
	local.start, local.end = start, end
	l.t.Locals = append(l.t.Locals, local)
}

// insert notes a value that is missing, as the first of its mapping.
func (l *locator) insert(parent *yaml.Node, name string, local Local) {
	if was, twice := l.seen[parent]; twice && was == local.rule {
		return
	}
	l.seen[parent] = local.rule
	local.Line, local.Column = parent.Line, parent.Column
	at, lead, tail, ok := l.places().opening(parent, name)
	if !ok {
		l.add(parent.Line, parent.Column, "%s is missing and cannot be put in: name the file or folder there", local.Where)
		return
	}
	local.start, local.end, local.lead, local.tail = at, at, lead, tail
	l.t.Locals = append(l.t.Locals, local)
}

// given returns the parameters that a nested stack is given, nil where a macro, a function or
// a mapping from elsewhere may add to them.
func given(properties *yaml.Node) []string {
	n := follow(raw(properties, "Parameters"))
	if merged(properties) || get(properties, "Fn::Transform") != nil {
		return nil
	}
	if n == nil {
		return []string{}
	}
	if name, _ := function(n); name != "" || n.Kind != yaml.MappingNode || merged(n) {
		return nil
	}
	names := []string{}
	for _, e := range entries(n) {
		names = append(names, e.key.Value)
	}
	return names
}

// raw returns the value of a key as it stands there, an alias as such, and looks for it in
// the mappings that are merged by "<<" too.
func raw(n *yaml.Node, key string) *yaml.Node {
	n = follow(n)
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	var from *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		switch follow(n.Content[i]).Value {
		case key:
			return n.Content[i+1]
		case "<<":
			from = follow(n.Content[i+1])
		}
	}
	if from == nil || from.Kind != yaml.SequenceNode {
		return raw(from, key)
	}
	for _, child := range from.Content {
		if found := raw(child, key); found != nil {
			return found
		}
	}
	return nil
}
