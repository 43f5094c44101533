package propose

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/template"
)

// Caps on what is looked at: a repository of 50,000 files takes seconds.
const (
	maxFiles  = 200_000          // that are seen
	maxBytes  = template.MaxSize // of one file
	maxRead   = 1 << 30          // of all files
	maxFound  = 1_000            // applications
	maxBeside = 40               // parameter files that are tried for one template
	often     = 1_000            // files between two calls of progress
)

// Sought says what Find looks for.
const Sought = "It looks for CloudFormation templates (*.yaml, *.yml, *.json, *.template, *.cfn) with parameter files and Git sync's " +
	"deployment files, for CDK apps (cdk.json), Terraform (*.tf) and Atlantis (atlantis.yaml)"

// made are directories that tools fill; what is in them is not in git, or another's.
var made = []string{".git", ".terraform", ".aws-sam", ".venv", "cdk.out", "node_modules", "vendor"}

// Find looks through a repository. progress, which may be nil, is told now and then how
// many files were seen. The error is that the files cannot be read.
func Find(files fs.FS, progress func(files int)) (Found, error) {
	s := &search{files: files, progress: progress, beside: map[string][]string{}, templates: map[string]*source{}, modules: map[string]*module{}, versions: map[string]string{}}
	if err := fs.WalkDir(files, ".", s.visit); err != nil {
		return Found{}, fmt.Errorf("look through the repository: %w", err)
	}
	s.stacks()
	s.terraform()
	name(s.found.Applications)
	s.found.sort()
	return s.found, nil
}

// search is what is known of a repository so far.
type search struct {
	files     fs.FS
	progress  func(int)
	found     Found
	read      int64
	beside    map[string][]string // by directory: files that could hold parameters
	templates map[string]*source  // by path
	deploys   []deployment
	modules   map[string]*module // by directory
	projects  []project
	versions  map[string]string // of Terraform, by the directory whose .terraform-version names it
}

// visit looks at one name of the repository.
func (s *search) visit(name string, d fs.DirEntry, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		s.pass(name, "it may not be read")
		return skip(d)
	case err != nil:
		return err
	case d.IsDir() && name != "." && slices.Contains(made, d.Name()):
		return fs.SkipDir
	case d.IsDir() && name != "." && submodule(s.files, name):
		s.pass(name, "a submodule; its files are in another repository")
		return fs.SkipDir
	case d.IsDir() || !d.Type().IsRegular() || d.Name() == config.Name:
		return nil
	}
	if s.found.Files++; s.found.Files > maxFiles || s.read > maxRead {
		s.pass(name, fmt.Sprintf("the search ended here, after %d files", s.found.Files-1))
		return fs.SkipAll
	}
	if s.progress != nil && s.found.Files%often == 0 {
		s.progress(s.found.Files)
	}
	if looks := kindOf(name); looks != nil {
		return s.look(name, d, looks)
	}
	return nil
}

// look reads a file whose name could be of interest.
func (s *search) look(name string, d fs.DirEntry, looks func(*search, string, []byte)) error {
	info, err := d.Info()
	if err != nil || info.Size() > maxBytes {
		return nil // gone meanwhile, or nothing that anybody would take
	}
	data, err := fs.ReadFile(s.files, name)
	if err != nil {
		s.pass(name, "it cannot be read")
		return nil
	}
	s.read += int64(len(data))
	looks(s, name, data)
	return nil
}

// kindOf returns what looks into a file of this name, nil when nothing does.
func kindOf(name string) func(*search, string, []byte) {
	switch base := path.Base(name); {
	case base == "cdk.json":
		return (*search).cdk
	case base == ".terraform-version":
		return (*search).version
	case base == "atlantis.yaml" || base == "atlantis.yml":
		return (*search).atlantis
	case strings.HasSuffix(base, ".tf") || strings.HasSuffix(base, ".tf.json"):
		return (*search).module
	}
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json", ".template", ".cfn":
		return (*search).template
	}
	return nil
}

// pass notes what looks like something and is left alone.
func (s *search) pass(name, why string) {
	s.found.Passed = append(s.found.Passed, Passed{name, why})
}

// skip passes over what cannot be read.
func skip(d fs.DirEntry) error {
	if d != nil && d.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// submodule reports whether a directory is another repository.
func submodule(files fs.FS, dir string) bool {
	_, err := fs.Stat(files, path.Join(dir, ".git"))
	return err == nil
}

// unnamed is why something with such a path is passed over.
const unnamed = "its path holds a character that a driftless.yaml cannot name"

// printable reports whether a path can stand in a driftless.yaml.
func printable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl) && !strings.ContainsAny(name, `\*?[{`)
}
