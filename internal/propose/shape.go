package propose

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/template"
)

// parse reads YAML or JSON into its root node, nil when it is neither. Aliases are never
// followed.
func parse(data []byte) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil || len(doc.Content) != 1 {
		return nil
	}
	return doc.Content[0]
}

// at returns the value of a key of a mapping, nil when there is none.
func at(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// text returns a scalar's text, "" for anything else.
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// keys returns the keys of a mapping.
func keys(n *yaml.Node) []string {
	var names []string
	if n != nil && n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			names = append(names, n.Content[i].Value)
		}
	}
	return names
}

// syncFile returns the template that a deployment file of Git sync is for.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/git-sync-concepts-terms.html
func syncFile(data []byte) (string, bool) {
	if !strings.Contains(string(data), "template-file-path") {
		return "", false
	}
	file := text(at(parse(data), "template-file-path"))
	return file, file != ""
}

// fitting returns the parameter files that fit a template, in its directory or one below.
func (s *search) fitting(src *source) []string {
	if len(src.template.Parameters) == 0 {
		return nil
	}
	dir := path.Dir(src.name)
	beside := slices.Clone(s.beside[dir])
	for sub, files := range s.beside {
		if sub != dir && path.Dir(sub) == dir {
			beside = append(beside, files...)
		}
	}
	slices.Sort(beside)
	var fit []string
	for _, file := range beside[:min(len(beside), maxBeside)] {
		data, err := fs.ReadFile(s.files, file)
		if err == nil && fits(src, file, data) {
			fit = append(fit, file)
		}
	}
	return fit
}

// fits reports whether a file gives values to a template's parameters: to those that need
// one, and to no others.
func fits(src *source, name string, data []byte) bool {
	v, err := template.Parameters(name, data)
	return err == nil && v.TemplatePath == "" && len(v.Parameters) > 0 && len(template.CheckValues(src.template, v)) == 0
}

// references returns the local templates that a template nests, and what it names above
// its own directory, both from the repository's root.
func references(name string, body []byte) (nested, refers []string) {
	dir := path.Dir(name)
	resources := at(parse(body), "Resources")
	for _, id := range keys(resources) {
		r := at(resources, id)
		local(at(r, "Properties"), func(key, value string) {
			full := path.Join(dir, value)
			if full == ".." || strings.HasPrefix(full, "../") || strings.Contains(value, "://") {
				return
			}
			if key == "TemplateURL" || key == "Location" {
				nested = append(nested, full)
			}
			if strings.HasPrefix(value, "../") {
				refers = append(refers, full)
			}
		})
	}
	return nested, refers
}

// local calls see with every text of a value, and the key that it stands under.
func local(n *yaml.Node, see func(key, value string)) {
	if n == nil {
		return
	}
	for i, c := range n.Content {
		key := ""
		if n.Kind == yaml.MappingNode {
			if i%2 == 0 {
				continue
			}
			key = n.Content[i-1].Value
		}
		if c.Kind == yaml.ScalarNode && c.Value != "" {
			see(key, c.Value)
			continue
		}
		local(c, see)
	}
}
