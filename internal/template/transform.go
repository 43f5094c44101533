package template

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// languageExtensions is the macro without which there is no Fn::ForEach.
const languageExtensions = "AWS::LanguageExtensions"

// include is the macro that puts a file of S3 in its place.
const include = "AWS::Include"

// serverless is the macro that an application of SAM may call without more being said.
const serverless = "AWS::Serverless-2016-10-31"

// Transform is a macro, or another function by its name, and where it is asked for.
type Transform struct {
	Name         string // empty where it is no plain text
	Line, Column int
}

// called notes what Fn::Transform calls: a macro's mapping, or a list of such.
func (r *reader) called(argument, at *yaml.Node) {
	if argument = follow(argument); argument != nil && argument.Kind == yaml.SequenceNode {
		for _, n := range argument.Content {
			r.called(n, follow(n))
		}
		return
	}
	name, _ := text(get(argument, "Name"))
	r.t.Transforms = append(r.t.Transforms, Transform{name, at.Line, at.Column})
	if name == include {
		r.includes = append(r.includes, argument)
	}
}

// transform notes the macros of the Transform section: a name, a list of them, or the
// mapping of a name and its parameters. What is none of these is a macro without a name,
// so that nobody calls one by a form that is not understood here.
func (r *reader) transform(n *yaml.Node) {
	n = follow(n)
	switch name, plain := text(n); {
	case n == nil:
	case plain:
		r.t.Transforms = append(r.t.Transforms, Transform{name, n.Line, n.Column})
	case n.Kind == yaml.SequenceNode && !custom(n):
		for _, child := range n.Content {
			r.transform(child)
		}
	default:
		at := n
		if name := get(n, "Name"); name != nil {
			at = name
		}
		r.called(n, at)
	}
}

// checkTransforms refuses every macro that is not allowed by its name, each once.
func checkTransforms(f *faults, all []Transform, c gitops.CloudFormation) {
	told := map[string]bool{}
	for _, m := range all {
		if told[m.Name] || m.Name != "" && slices.Contains(c.Transforms, m.Name) {
			continue
		}
		told[m.Name] = true
		if m.Name == "" {
			f.add(m.Line, m.Column, "a macro without a plain name is called, which cannot be allowed: write its name out")
			continue
		}
		instead := ""
		if m.Name == serverless {
			instead = "say sam in place of cloudformation, or "
		}
		f.add(m.Line, m.Column, "the macro %s is not allowed: %sadd %[1]s to the application's transforms in driftless.yaml", quote(m.Name), instead)
	}
}

// checkLoops refuses Fn::ForEach in a template that has no macro which could know it.
func checkLoops(f *faults, t Template) {
	if t.loop.Line > 0 && !t.declares {
		f.add(t.loop.Line, t.loop.Column, "Fn::ForEach needs the macro %s: name it under Transform", languageExtensions)
	}
}
