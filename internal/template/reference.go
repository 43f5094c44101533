package template

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/config/nearest"
)

// references looks up every name that the template uses of itself. It does not where a
// macro will have its say, nor where a module is used: both make resources that are not
// to be seen here. A template without its sections right has been told so already.
func (r *reader) references(root *yaml.Node) {
	module := slices.ContainsFunc(slices.Collect(maps.Values(r.t.Resources)), func(res Resource) bool {
		return strings.HasSuffix(res.Type, "::MODULE")
	})
	if len(r.t.Transforms)+len(r.list) > 0 || module || r.blind {
		return
	}
	for _, section := range []string{"Rules", "Conditions", "Resources", "Outputs", "Hooks"} {
		for _, e := range entries(get(root, section)) {
			r.attributes(section, e)
			r.walk(e.value)
		}
	}
}

// attributes looks up what a member names outside of functions.
func (r *reader) attributes(section string, member entry) {
	if section != "Resources" && section != "Outputs" {
		return
	}
	r.condition(get(member.value, "Condition"))
	if section != "Resources" {
		return
	}
	dependsOn := get(member.value, "DependsOn")
	if dependsOn == nil {
		return
	}
	names := []*yaml.Node{dependsOn}
	if dependsOn.Kind == yaml.SequenceNode {
		names = dependsOn.Content
	}
	for _, n := range names {
		if name, ok := text(follow(n)); ok {
			r.attributed(follow(n), "DependsOn", name)
		}
	}
}

// walk looks up the names in every function at and below a node.
func (r *reader) walk(n *yaml.Node) {
	if n = follow(n); n == nil || r.full() {
		return
	}
	switch name, argument := function(n); name {
	case "Ref":
		if id, ok := value(argument); ok {
			r.referred(argument, "Ref", id)
		}
	case "Fn::GetAtt":
		r.getAtt(argument)
	case "Fn::Sub":
		r.sub(argument)
	case "Fn::If":
		if argument.Kind == yaml.SequenceNode && len(argument.Content) > 0 {
			r.condition(follow(argument.Content[0]))
		}
	}
	for _, child := range n.Content {
		r.walk(child)
	}
}

// value returns the text of a function's argument, which may itself bear the function's tag.
func value(n *yaml.Node) (string, bool) {
	if n = follow(n); n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return "", false
	}
	return n.Value, true
}

// getAtt looks up "Id.Attribute" or [Id, Attribute].
func (r *reader) getAtt(argument *yaml.Node) {
	n := argument
	if n.Kind == yaml.SequenceNode && len(n.Content) > 0 {
		n = follow(n.Content[0])
	}
	if name, ok := value(n); ok && (n == argument || !custom(n)) {
		id, _, _ := strings.Cut(name, ".")
		r.attributed(n, "GetAtt", id)
	}
}

// sub looks up the variables of a text, or of [text, variables].
func (r *reader) sub(argument *yaml.Node) {
	n, own := argument, map[string]bool{}
	if argument.Kind == yaml.SequenceNode {
		if len(argument.Content) != 2 {
			return
		}
		n = follow(argument.Content[0])
		given := follow(argument.Content[1])
		if given.Kind != yaml.MappingNode || merged(given) {
			return
		}
		for _, e := range entries(given) {
			own[e.key.Value] = true
		}
	}
	s, ok := value(n)
	if !ok {
		return
	}
	for _, name := range variables(s) {
		id, attribute, dotted := strings.Cut(name, ".")
		switch {
		case own[name]:
		case dotted && attribute != "":
			r.attributed(n, "Sub", id)
		default:
			r.referred(n, "Sub", name)
		}
	}
}

// condition looks up a condition that is named by a plain text.
func (r *reader) condition(n *yaml.Node) {
	name, ok := text(follow(n))
	if !ok || r.conditions[name] || r.full() {
		return
	}
	r.unknown(n, "Condition", name, "condition", slices.Sorted(maps.Keys(r.conditions)))
}

// attributed refuses the name of a resource that is not there.
func (r *reader) attributed(n *yaml.Node, by, name string) {
	if _, ok := r.t.Resources[name]; !ok && !r.full() {
		r.unknown(n, by, name, "resource", slices.Sorted(maps.Keys(r.t.Resources)))
	}
}

// referred refuses a name that Ref cannot mean.
func (r *reader) referred(n *yaml.Node, by, name string) {
	_, resource := r.t.Resources[name]
	_, parameter := r.t.Parameters[name]
	if resource || parameter || slices.Contains(pseudo, name) || r.full() {
		return
	}
	r.unknown(n, by, name, "resource or parameter", slices.Concat(
		slices.Sorted(maps.Keys(r.t.Resources)), slices.Sorted(maps.Keys(r.t.Parameters)), pseudo))
}

// unknown refuses a name, and guesses which of those that are there was meant.
func (r *reader) unknown(n *yaml.Node, by, name, what string, among []string) {
	if near := nearest.Of(name, among); near != "" {
		r.add(n.Line, n.Column, "%s %s: the template has no such %s; did you mean %q?", by, quote(name), what, near)
		return
	}
	r.add(n.Line, n.Column, "%s %s: the template has no such %s", by, quote(name), what)
}
