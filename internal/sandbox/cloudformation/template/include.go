package template

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// expansion replaces every AWS::Include of a template by the snippet that it names (template
// reference, "AWS::Include transform"). What a snippet includes itself is refused: the
// documentation does not say what becomes of it.
type expansion struct {
	include func(location string) (string, error)
	within  string // the snippet that is expanded
	done    bool   // something was included
}

// top expands a whole template: the includes of its Transform section, then those within
// its other sections. Parameters cannot have any.
func (e *expansion) top(root *yaml.Node) error {
	for i := 0; i < len(root.Content); i += 2 {
		name, v := root.Content[i].Value, root.Content[i+1]
		switch name {
		case "Transform":
			rest, snippets, err := e.section(v)
			if err != nil {
				return err
			}
			root.Content[i+1] = rest
			root.Content = append(root.Content, snippets...)
		case "Parameters", "AWSTemplateFormatVersion":
		default:
			if err := e.node(v); err != nil {
				return err
			}
		}
	}
	return nil
}

// section takes the includes out of the Transform section: what is left of it, and the
// sections that they bring.
func (e *expansion) section(v *yaml.Node) (rest *yaml.Node, sections []*yaml.Node, err error) {
	entries := []*yaml.Node{v}
	if v.Kind == yaml.SequenceNode {
		entries = v.Content
	}
	rest = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	for _, entry := range entries {
		if field(entry, "Name") != includeTransform {
			rest.Content = append(rest.Content, entry)
			continue
		}
		snippet, err := e.snippet(entry)
		if err != nil {
			return nil, nil, err
		}
		if snippet.Kind != yaml.MappingNode {
			return nil, nil, invalid("Transform AWS::Include failed with: a snippet at the top of a template must be an object")
		}
		sections = append(sections, snippet.Content...)
	}
	return rest, sections, nil
}

// node expands the includes below n.
func (e *expansion) node(n *yaml.Node) error {
	if n.Tag == "!Transform" && field(n, "Name") == includeTransform {
		snippet, err := e.snippet(n)
		if err != nil {
			return err
		}
		*n = *snippet
		return nil
	}
	if n.Kind != yaml.MappingNode {
		for _, c := range n.Content {
			if err := e.node(c); err != nil {
				return err
			}
		}
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		v := n.Content[i+1]
		if n.Content[i].Value != "Fn::Transform" || field(v, "Name") != includeTransform {
			if err := e.node(v); err != nil {
				return err
			}
			continue
		}
		snippet, err := e.snippet(v)
		if err != nil {
			return err
		}
		if len(n.Content) == 2 {
			*n = *snippet
			return nil
		}
		if snippet.Kind != yaml.MappingNode {
			return invalid("Transform AWS::Include failed with: a snippet beside other keys must be an object")
		}
		n.Content = slices.Replace(n.Content, i, i+2, snippet.Content...)
		i += len(snippet.Content) - 2
	}
	return nil
}

// snippet reads what a transform {Name, Parameters: {Location}} includes.
func (e *expansion) snippet(transform *yaml.Node) (*yaml.Node, error) {
	location := ""
	if p := child(transform, "Parameters"); p != nil {
		location = field(p, "Location")
	}
	if e.within != "" {
		return nil, invalid("The sandbox includes no snippet within a snippet: %s within %s", location, e.within)
	}
	if e.include == nil {
		return nil, invalid("The sandbox runs no transforms: %s", includeTransform)
	}
	text, err := e.include(location)
	if err != nil {
		return nil, err
	}
	n, err := node(text)
	if err != nil {
		return nil, err
	}
	e.done = true
	within := expansion{include: e.include, within: location}
	return n, within.node(n)
}

// child is a mapping's value of that key, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// field is a mapping's text of that key, or empty.
func field(n *yaml.Node, key string) string {
	if c := child(n, key); c != nil && c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}
