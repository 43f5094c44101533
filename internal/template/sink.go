package template

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// Sinks says what the values of parameters are put into. Where a template leaves that to a
// macro, or to a file that is not to be seen, it answers for more rather than for less.
type Sinks struct {
	resources map[string]sinks // by logical id
	common    map[string]bool  // parameters in what resources have in common, as Globals
	macro     bool             // resources come out as others than they stand here
	wild      bool             // and any parameter may be in any of them
}

// sinks are the parameters in a resource's properties and other attributes, by the name of
// each; under "" those of a property whose name is not to be seen.
type sinks struct {
	of    map[string]map[string]bool
	given map[string]map[string]bool // in the parameters that a nested stack is given, by theirs
}

// tame are macros that are known to put a parameter nowhere but where it is named.
var tame = map[string]bool{"AWS::Serverless-2016-10-31": true, languageExtensions: true,
	"AWS::CodeDeployBlueGreen": true, "AWS::SecretsManager-2020-07-23": true, "AWS::SecretsManager-2024-09-16": true}

// Sinks reads from the template's Body, so that a Template which nobody asks holds no more
// than it needs.
func (t Template) Sinks() (Sinks, error) {
	root, err := parse(t.file, t.Body)
	if err != nil {
		return Sinks{}, err
	}
	s := Sinks{resources: map[string]sinks{}, common: map[string]bool{}, macro: len(t.Transforms) > 0}
	for _, m := range t.Transforms {
		s.wild = s.wild || !tame[m.Name]
	}
	for _, e := range entries(root) {
		switch e.key.Value {
		case "Resources", "Parameters", "Conditions", "Rules", "Outputs", "Metadata":
		default:
			puts(e.value, s.common)
		}
	}
	for _, e := range entries(get(root, "Resources")) {
		s.resources[e.key.Value] = sinksOf(e.value)
	}
	return s, nil
}

// sinksOf reads one resource.
func sinksOf(resource *yaml.Node) sinks {
	s := sinks{of: map[string]map[string]bool{}, given: map[string]map[string]bool{}}
	for _, e := range entries(resource) {
		switch e.key.Value {
		case "Properties":
			members(e.value, s.of)
		case "<<":
			members(follow(raw(resource, "Properties")), s.of)
		default:
			note(s.of, e.key.Value, e.value)
		}
	}
	of, _ := text(follow(raw(resource, "Type")))
	if parameters := follow(raw(raw(resource, "Properties"), "Parameters")); of == "AWS::CloudFormation::Stack" && parameters != nil {
		members(parameters, s.given)
	}
	return s
}

// members notes what is put into each member of a mapping, those that it takes from another
// by "<<" included; what is no plain mapping is put under "".
func members(n *yaml.Node, of map[string]map[string]bool) {
	n = follow(n)
	if name, _ := function(n); n == nil || name != "" || n.Kind != yaml.MappingNode {
		note(of, "", n)
		return
	}
	for _, e := range entries(n) {
		switch {
		case e.key.Value != "<<":
			note(of, e.key.Value, e.value)
		case e.value.Kind == yaml.SequenceNode:
			for _, child := range e.value.Content {
				members(child, of)
			}
		default:
			members(e.value, of)
		}
	}
}

func note(of map[string]map[string]bool, name string, n *yaml.Node) {
	if of[name] == nil {
		of[name] = map[string]bool{}
	}
	puts(n, of[name])
}

// puts adds the names that are put in at or below a node.
func puts(n *yaml.Node, names map[string]bool) {
	if n = follow(n); n == nil {
		return
	}
	for _, name := range put(n) {
		names[name] = true
	}
	for _, child := range n.Content {
		puts(child, names)
	}
}

// put returns the names that a node itself puts in, by Ref or by the text of Fn::Sub.
func put(n *yaml.Node) []string {
	switch name, argument := function(n); name {
	case "Ref":
		if id, ok := value(argument); ok {
			return []string{id}
		}
	case "Fn::Sub":
		if argument.Kind == yaml.SequenceNode && len(argument.Content) > 0 {
			argument = follow(argument.Content[0])
		}
		if s, ok := value(argument); ok {
			return variables(s)
		}
	}
	return nil
}

// Hold reports whether the value of one of the secret parameters is, or may be, in a
// resource's property or attribute; path is "/Property/…", "/" for all of the resource. What
// a nested stack is given is asked for by Given.
func (s Sinks) Hold(secret map[string]bool, id, path string) bool {
	if len(secret) == 0 {
		return false
	}
	r, known := s.resources[id]
	property, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch {
	case s.wild, !known, s.macro && meet(s.common, secret), meet(r.of[""], secret):
		return true // a resource that does not stand here is made by a macro or a module
	case s.macro || property == "":
		for _, names := range r.of {
			if meet(names, secret) {
				return true
			}
		}
		return false
	case property == "Parameters" && len(r.given) > 0:
		return meet(r.given[""], secret)
	}
	return meet(r.of[property], secret)
}

// Given returns the names of the parameters that a nested stack is given with the value of
// one of the secret parameters in it.
func (s Sinks) Given(secret map[string]bool, id string) map[string]bool {
	names := map[string]bool{}
	for name, of := range s.resources[id].given {
		if meet(of, secret) {
			names[name] = true
		}
	}
	return names
}

// meet reports whether two sets have a member in common.
func meet(a, b map[string]bool) bool {
	for name := range a {
		if b[name] {
			return true
		}
	}
	return false
}
