package template

import "go.yaml.in/yaml/v3"

// Tree returns what a file is read into.
func Tree(data []byte) (*yaml.Node, error) { return parse("t.yaml", data) }
