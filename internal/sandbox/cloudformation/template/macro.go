package template

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// Pending is what AWS::Serverless-2016-10-31 has to be run on before the template is one of
// resources, nil for nothing. Until then Resources have no more than their ids and types, and
// there are no Conditions, Mappings, Rules or Outputs.
func (t *Template) Pending() map[string]any { return t.fragment }

// Process returns the template that the macro made, as JSON, of what was pending.
func (t *Template) Process(made []byte) (*Template, error) {
	root, err := document(string(made))
	if err != nil {
		return nil, err
	}
	out := &Template{Body: t.Body, Processed: string(made), Transforms: slices.Clone(t.Transforms)}
	return out, out.sections(root)
}

// serverless says whether a template's Transform section calls the macro.
func serverless(root *yaml.Node) bool {
	called := child(root, "Transform")
	if called == nil {
		return false
	}
	for _, n := range append([]*yaml.Node{called}, called.Content...) {
		if n.Value == Serverless || field(n, "Name") == Serverless {
			return true
		}
	}
	return false
}

// outline reads what does not wait for the macro: the parameters, and of the resources what
// they are. The Transform section is not handed to the macro, which takes it for its own.
func (t *Template) outline(root *yaml.Node) error {
	t.fragment = map[string]any{}
	for i := 0; i < len(root.Content); i += 2 {
		name, n := root.Content[i].Value, root.Content[i+1]
		var err error
		switch name {
		case "Parameters", "Transform", "Description", "AWSTemplateFormatVersion", "Metadata":
			err = t.section(name, n)
		case "Globals", "Mappings", "Conditions", "Rules", "Resources", "Outputs":
		default:
			err = invalid("Invalid template property or properties [%s]", name)
		}
		if err == nil && name != "Transform" {
			t.fragment[name], err = value(n, "/"+name)
		}
		if err != nil {
			return err
		}
		if name == "Resources" {
			t.Resources = declared(n)
		}
	}
	if len(t.Resources) == 0 {
		return invalid("Template format error: At least one Resources member must be defined.")
	}
	return nil
}

// declared are the resources that are written, by id and type.
func declared(n *yaml.Node) (out []*Resource) {
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for _, id := range keys(n) {
		out = append(out, &Resource{ID: id, Type: field(child(n, id), "Type")})
	}
	return out
}
