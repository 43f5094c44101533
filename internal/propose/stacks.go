package propose

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/template"
)

// source is a template of the repository.
type source struct {
	name     string
	template template.Template
	refers   []string // what it names above its own directory, from the repository's root
	nested   []string // templates that it names, from the repository's root
	within   string   // the template that names this one, if any does
	deployed bool     // a deployment file names it
}

// deployment is a deployment file of CloudFormation's Git sync.
type deployment struct {
	name     string
	template string // from the repository's root
}

// looks and ofAWS tell a template that cannot be read from other files that hold the words.
var (
	looks = regexp.MustCompile(`(?m)^\s*["']?Resources["']?\s*:`)
	ofAWS = regexp.MustCompile(`["']?Type["']?\s*:\s*["']?AWS::`)
)

// template looks into a file that could be a template, by what is in it.
func (s *search) template(name string, data []byte) {
	dir := path.Dir(name)
	declared := bytes.Contains(data, []byte("AWSTemplateFormatVersion"))
	if !declared && (!bytes.Contains(data, []byte("Resources")) || !bytes.Contains(data, []byte("AWS::"))) {
		if file, ok := syncFile(data); ok && printable(name) {
			s.deploys = append(s.deploys, deployment{name, path.Clean(strings.TrimPrefix(file, "/"))})
			return
		}
		if printable(name) {
			s.beside[dir] = append(s.beside[dir], name)
		}
		return
	}
	t, err := template.Read(name, data)
	switch {
	case err != nil && (declared || looks.Match(data) && ofAWS.Match(data)):
		first, _, _ := strings.Cut(err.Error(), "\n")
		s.pass(name, "a template that cannot be read: "+strings.TrimPrefix(first, name+":"))
	case err == nil && (declared || anyAWS(t)) && !printable(name):
		s.pass(name, unnamed)
	case err == nil && (declared || anyAWS(t)):
		src := &source{name: name, template: t}
		src.nested, src.refers = references(name, t.Body)
		s.templates[name] = src
	}
}

// anyAWS reports whether a template has a resource that only CloudFormation makes.
func anyAWS(t template.Template) bool {
	for _, r := range t.Resources {
		if strings.HasPrefix(r.Type, "AWS::") || strings.HasPrefix(r.Type, "Custom::") {
			return true
		}
	}
	return false
}

// stacks makes applications of the templates and deployment files that were seen.
func (s *search) stacks() {
	for _, src := range s.templates {
		for _, n := range src.nested {
			if t := s.templates[n]; t != nil && n != src.name {
				t.within = src.name
			}
		}
	}
	for _, d := range s.deploys {
		s.deployed(d)
	}
	inDir := map[string]int{}
	for name, src := range s.templates {
		if src.within == "" && !src.deployed {
			inDir[path.Dir(name)]++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.templates)) {
		src := s.templates[name]
		switch {
		case src.deployed:
		case src.within != "":
			s.pass(name, "nested in "+src.within)
		default:
			s.stack(src, inDir[path.Dir(name)] > 1)
		}
	}
}

// stack proposes a template: once, or once for each parameter file that fits.
func (s *search) stack(src *source, several bool) {
	dir := path.Dir(src.name)
	var words []string
	if several || slices.Contains(said, path.Base(dir)) {
		words = append(words, stem(src.name))
	}
	fitting := s.fitting(src)
	if len(fitting) == 0 {
		s.add(s.application(src, src.name, candidates(dir, words...)))
	}
	for _, file := range fitting {
		more := words
		if len(fitting) > 1 {
			more = append(slices.Clone(words), distinct(file, src.name)...)
		}
		a := s.application(src, src.name, candidates(dir, more...))
		a.Parameters = strings.TrimPrefix(file, prefix(dir))
		s.add(a)
	}
}

// distinct returns what tells a parameter file from others: "network-prod.json" beside
// network.yaml says "prod".
func distinct(file, template string) []string {
	word := strings.Trim(strings.TrimPrefix(stem(file), stem(template)), "-_.")
	for _, s := range []string{"parameters", "params", "parameter"} {
		word = strings.Trim(strings.TrimPrefix(strings.TrimSuffix(word, s), s), "-_.")
	}
	if word == "" {
		word = stem(file)
	}
	return []string{word}
}

// prefix returns what the files of a directory begin with.
func prefix(dir string) string {
	if dir == "." {
		return ""
	}
	return dir + "/"
}

// deployed proposes what a deployment file says, and leaves that file as it is.
func (s *search) deployed(d deployment) {
	src := s.templates[d.template]
	if src == nil {
		s.pass(d.name, fmt.Sprintf("a deployment file for %q, which is no template of this repository", d.template))
		return
	}
	src.deployed = true
	dir := path.Dir(src.name)
	var words []string
	if slices.Contains(said, path.Base(dir)) {
		words = append(words, stem(src.name))
	}
	if s.syncs(src.name) > 1 {
		words = append(words, distinct(d.name, src.name)...)
	}
	a := s.application(src, d.name, candidates(dir, words...))
	if a.Parameters = config.Relative(dir, d.name); strings.HasPrefix(a.Parameters, "../") {
		a.Watch = append(a.Watch, d.name)
	}
	a.Note = "the deployment file does not say what the stack is called: name it here, if it is there already"
	s.add(a)
}

// syncs counts the deployment files of a template.
func (s *search) syncs(template string) int {
	n := 0
	for _, d := range s.deploys {
		if d.template == template {
			n++
		}
	}
	return n
}

// application describes a template's stack.
func (s *search) application(src *source, from string, names []string) Application {
	dir := path.Dir(src.name)
	family := s.family(src)
	a := Application{Engine: gitops.EngineCloudFormation, Path: dir, Template: path.Base(src.name), From: from, names: names,
		Watch: s.outside(family, dir)}
	for _, member := range family {
		for _, t := range member.template.Transforms {
			if !slices.Contains(a.Transforms, t.Name) {
				a.Transforms = append(a.Transforms, t.Name)
			}
		}
	}
	a.Capabilities = capabilities(family, a.Transforms)
	if slices.Contains(a.Transforms, serverless) {
		a.sam()
	}
	switch {
	case slices.Contains(a.Transforms, ""):
		a.Transforms, a.LeftOut = nil, "it calls a macro without a plain name, which cannot be allowed"
	case len(a.Transforms) > 0:
		a.LeftOut = "it calls " + strings.Join(a.Transforms, ", ") + ", which can change everything before anybody reviews it; allow it by taking the comment away"
	}
	return a
}

// serverless is the macro that an application of SAM may call without more being said.
const serverless = "AWS::Serverless-2016-10-31"

// sam makes the stack of a SAM template what it is, with what needs no saying left out.
func (a *Application) sam() {
	a.Engine = gitops.EngineSAM
	a.Transforms = slices.DeleteFunc(a.Transforms, func(t string) bool { return t == serverless })
	if slices.Contains(a.Capabilities, "CAPABILITY_NAMED_IAM") {
		a.Capabilities = append(a.Capabilities, "CAPABILITY_AUTO_EXPAND")
	} else {
		a.Capabilities = nil
	}
	if a.Note == "" {
		a.Note = "its code is deployed as it lies here: sam build is not run"
	}
}

// family returns a template and those nested in it, at any depth.
func (s *search) family(src *source) []*source {
	all := []*source{src}
	for i := 0; i < len(all); i++ {
		for _, n := range all[i].nested {
			if t := s.templates[n]; t != nil && !slices.Contains(all, t) {
				all = append(all, t)
			}
		}
	}
	return all
}

// outside returns what templates name above the directory, and that is there.
func (s *search) outside(family []*source, dir string) []string {
	var out []string
	for _, member := range family {
		for _, r := range member.refers {
			if dir == "." || r == "." || r == dir || strings.HasPrefix(r, prefix(dir)) || slices.Contains(out, r) || !printable(r) {
				continue
			}
			if _, err := fs.Stat(s.files, r); err == nil {
				out = append(out, r)
			}
		}
	}
	slices.Sort(out)
	return out
}

// capabilities returns what CloudFormation would have acknowledged: the least with which
// the templates have no more to ask for.
func capabilities(family []*source, transforms []string) []string {
	asks := func(given ...string) (n int) {
		for _, member := range family {
			n += len(template.Check(member.template, gitops.CloudFormation{Capabilities: given, Transforms: transforms}))
		}
		return n
	}
	best, least := []string(nil), asks()
	for _, c := range []string{"CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"} {
		if n := asks(c); n < least {
			best, least = []string{c}, n
		}
	}
	return best
}

// add notes an application.
func (s *search) add(a Application) {
	if len(s.found.Applications) >= maxFound {
		s.pass(a.From, fmt.Sprintf("more than %d applications were found", maxFound))
		return
	}
	s.found.Applications = append(s.found.Applications, a)
}
