package propose

import (
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// What of Terraform's language tells a root module from one that others call. It is no
// parser: a block begins a line in everything that terraform fmt writes.
// https://developer.hashicorp.com/terraform/language/modules
var (
	ofRoot  = regexp.MustCompile(`(?m)^\s*(provider|backend)\s+"|^\s*cloud\s*\{|"(provider|backend)"\s*:`)
	calling = regexp.MustCompile(`(?m)^\s*"?source"?\s*[=:]\s*"(\.\.?/[^"]*)"`)
)

// module is a directory of Terraform's files.
type module struct {
	root    bool     // it has a provider or a backend
	calls   []string // directories that it calls as modules
	example string   // its first file
}

// project is one of atlantis.yaml.
type project struct{ from, name, dir string }

// module looks into a file of Terraform.
func (s *search) module(name string, data []byte) {
	dir := path.Dir(name)
	m := s.modules[dir]
	if m == nil {
		m = &module{example: name}
		s.modules[dir] = m
	}
	m.root = m.root || ofRoot.Match(data)
	for _, call := range calling.FindAllSubmatch(data, -1) {
		m.calls = append(m.calls, path.Join(dir, string(call[1])))
	}
}

// atlantis reads the projects of an atlantis.yaml.
// https://www.runatlantis.io/docs/repo-level-atlantis-yaml.html
func (s *search) atlantis(name string, data []byte) {
	list := at(parse(data), "projects")
	if list == nil || list.Kind != yaml.SequenceNode {
		s.pass(name, "an Atlantis configuration without projects")
		return
	}
	for _, p := range list.Content {
		dir := path.Join(path.Dir(name), text(at(p, "dir")))
		if dir == ".." || strings.HasPrefix(dir, "../") {
			s.pass(name, "a project's directory leads out of the repository")
			continue
		}
		s.projects = append(s.projects, project{name, text(at(p, "name")), dir})
	}
}

// terraform makes applications of the root modules and of Atlantis' projects.
func (s *search) terraform() {
	called := map[string]string{}
	dirs := slices.Sorted(maps.Keys(s.modules))
	for _, dir := range dirs {
		for _, c := range s.modules[dir].calls {
			called[c] = dir
		}
	}
	known := map[string]bool{}
	for _, p := range s.projects {
		known[p.dir] = true
		names := candidates(p.dir)
		if p.name != "" {
			names = append([]string{clean(p.name)}, names...)
		}
		s.left(gitops.EngineTerraform, p.dir, p.from, names, "")
	}
	for _, dir := range dirs {
		m, by := s.modules[dir], called[dir]
		switch {
		case known[dir]:
		case m.root:
			s.left(gitops.EngineTerraform, dir, m.example, candidates(dir), "")
		case by == "":
			s.left(gitops.EngineTerraform, dir, m.example, candidates(dir), "; module or root? nothing calls it, and it has neither a backend nor a provider")
		default:
			s.pass(dir, "a Terraform module that "+by+" calls")
		}
	}
}

// cdk notes a CDK app.
func (s *search) cdk(name string, data []byte) {
	if text(at(parse(data), "app")) == "" {
		return // settings of a tool, or a library's
	}
	s.left(gitops.EngineCDK, path.Dir(name), name, candidates(path.Dir(name)), "")
}

// left notes an application of an engine that this version does not have, and what else is
// to be said of it.
func (s *search) left(e gitops.Engine, dir, from string, names []string, more string) {
	if !printable(dir) {
		s.pass(from, unnamed)
		return
	}
	if _, err := fs.Stat(s.files, dir); err != nil {
		s.pass(from, "names "+dir+", which is not there")
		return
	}
	s.add(Application{Engine: e, Path: dir, From: from, LeftOut: unsupported(e) + more, names: names})
}
