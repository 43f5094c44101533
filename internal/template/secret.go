package template

import (
	"slices"

	"go.yaml.in/yaml/v3"
)

// shown is a NoEcho parameter in a place where its value is shown to whoever may read the
// stack: CloudFormation masks it neither in Outputs nor in Metadata.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html, NoEcho
type shown struct {
	name, where  string
	line, column int
}

// secrets looks for NoEcho parameters in Outputs, in Metadata and in the Metadata of resources.
func (r *reader) secrets(root *yaml.Node) {
	for _, e := range entries(get(root, "Outputs")) {
		r.shows("Outputs."+e.key.Value, e.value)
	}
	r.shows("Metadata", get(root, "Metadata"))
	for _, e := range entries(get(root, "Resources")) {
		r.shows("Resources."+e.key.Value+".Metadata", get(e.value, "Metadata"))
	}
}

// shows notes the NoEcho parameters that are put in at or below a node, each once.
func (r *reader) shows(where string, n *yaml.Node) {
	if n = follow(n); n == nil {
		return
	}
	for _, name := range put(n) {
		told := slices.ContainsFunc(r.t.shown, func(s shown) bool { return s.name == name && s.where == where })
		if r.t.Parameters[name].NoEcho && !told {
			r.t.shown = append(r.t.shown, shown{name, where, n.Line, n.Column})
		}
	}
	for _, child := range n.Content {
		r.shows(where, child)
	}
}
