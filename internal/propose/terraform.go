package propose

import (
	"cmp"
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
	exactly = regexp.MustCompile(`(?m)^\s*"?required_version"?\s*[=:]\s*"(?:=\s*)?([0-9]+\.[0-9]+\.[0-9]+)"`)
	backend = regexp.MustCompile(`(?m)^\s*backend\s+"([^"]*)"\s*\{([^{}]*)\}|^\s*(cloud)\s*\{|"(backend)"\s*:`)
	release = regexp.MustCompile(`^v?([0-9]+\.[0-9]+\.[0-9]+)\s*$`)
	calling = regexp.MustCompile(`(?m)^\s*"?source"?\s*[=:]\s*"(\.\.?/[^"]*)"`)
)

// module is a directory of Terraform's files.
type module struct {
	root    bool     // it has a provider or a backend
	calls   []string // directories that it calls as modules
	example string   // its first file
	version string   // of Terraform, where required_version names exactly one
	backend string   // where its own backend keeps the state
	trouble string   // why Driftless cannot tell where its state is
}

// project is one of atlantis.yaml.
type project struct{ from, name, dir, version string }

// version reads a .terraform-version, which tfenv and its like go by.
func (s *search) version(name string, data []byte) {
	if m := release.FindSubmatch(data); m != nil {
		s.versions[path.Dir(name)] = string(m[1])
	}
}

// versionOf returns the version that a directory's .terraform-version names, or that of one above.
func (s *search) versionOf(dir string) string {
	for {
		if v := s.versions[dir]; v != "" || dir == "." {
			return v
		}
		dir = path.Dir(dir)
	}
}

// state notes where a configuration's own backend keeps the state.
func (m *module) state(data []byte) {
	found := backend.FindSubmatch(data)
	switch {
	case found == nil:
	case string(found[1]) == "s3":
		bucket, key := setting(found[2], "bucket"), setting(found[2], "key")
		if m.backend = "s3://" + bucket + "/" + key; bucket == "" || key == "" {
			m.backend, m.trouble = "", "its backend is configured elsewhere: say where its state is kept, terraform.backend: s3://bucket/key"
		}
	default:
		m.trouble = "its backend is none that Driftless takes: s3, or none of its own"
	}
}

// setting returns the text of a setting in a block; "" where it is not there, or no plain text.
func setting(block []byte, name string) string {
	m := regexp.MustCompile(`(?m)^\s*` + name + `\s*=\s*"([^"$%]*)"`).FindSubmatch(block)
	if m == nil {
		return ""
	}
	return string(m[1])
}

// module looks into a file of Terraform.
func (s *search) module(name string, data []byte) {
	dir := path.Dir(name)
	m := s.modules[dir]
	if m == nil {
		m = &module{example: name}
		s.modules[dir] = m
	}
	m.root = m.root || ofRoot.Match(data)
	m.state(data)
	if v := exactly.FindSubmatch(data); v != nil {
		m.version = string(v[1])
	}
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
		version := strings.TrimPrefix(text(at(p, "terraform_version")), "v")
		s.projects = append(s.projects, project{name, text(at(p, "name")), dir, version})
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
		s.configuration(p.dir, p.from, p.version, names)
	}
	for _, dir := range dirs {
		m, by := s.modules[dir], called[dir]
		switch {
		case known[dir]:
		case m.root:
			s.configuration(dir, m.example, "", candidates(dir))
		case by == "":
			s.left(Application{Engine: gitops.EngineTerraform, Path: dir, From: m.example, names: candidates(dir),
				LeftOut: "module or root? nothing calls it, and it has neither a backend nor a provider"})
		default:
			s.pass(dir, "a Terraform module that "+by+" calls")
		}
	}
}

// configuration makes an application of a root module: one to be deployed where its version
// and its state are known.
func (s *search) configuration(dir, from, version string, names []string) {
	m := s.modules[dir]
	if m == nil {
		m = &module{}
	}
	a := Application{Engine: gitops.EngineTerraform, Path: dir, From: from, names: names, Backend: m.backend, Watch: s.called(dir),
		Version: cmp.Or(version, m.version, s.versionOf(dir))}
	switch {
	case m.trouble != "":
		a.LeftOut = m.trouble
	case a.Version == "":
		a.LeftOut = "no exact version of Terraform is named (.terraform-version, required_version): say it in terraform.version"
	}
	s.left(a)
}

// called returns the directories of the modules that a configuration calls, and that those
// call, outside its own: it is made of them too.
func (s *search) called(dir string) []string {
	var all []string
	for queue := []string{dir}; len(queue) > 0; queue = queue[1:] {
		m := s.modules[queue[0]]
		if m == nil {
			continue
		}
		for _, c := range m.calls {
			outside := s.modules[c] != nil && c != dir && dir != "." && !strings.HasPrefix(c, dir+"/")
			if outside && !slices.Contains(all, c) {
				all, queue = append(all, c), append(queue, c)
			}
		}
	}
	slices.Sort(all)
	return all
}

// left notes an application that is no stack of CloudFormation's, left out or not.
func (s *search) left(a Application) {
	if !printable(a.Path) {
		s.pass(a.From, unnamed)
		return
	}
	if _, err := fs.Stat(s.files, a.Path); err != nil {
		s.pass(a.From, "names "+a.Path+", which is not there")
		return
	}
	s.add(a)
}
