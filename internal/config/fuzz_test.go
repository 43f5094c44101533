package config_test

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// FuzzLoad reads a root's file and one that it includes: whatever they hold, every problem
// has a place and a message, and who moves is in agreement with what is told.
func FuzzLoad(f *testing.F) {
	cases, _ := filepath.Glob("testdata/*/*.txtar")
	for _, file := range cases {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		included := "version: 1\napplications: [{ name: a, path: ., cloudformation: {} }]\n"
		for _, s := range archive.Files {
			if strings.HasSuffix(s.Name, "/"+config.Name) {
				included = string(s.Data)
			}
		}
		f.Add(string(section(archive, config.Name)), included)
	}
	for _, text := range hostile.Texts() {
		quoted := strconv.Quote(text)
		f.Add("version: 1\ninclude: ["+quoted+"]\napplications: [{ name: "+quoted+", path: "+quoted+", cloudformation: { template: "+quoted+" } }]\n", text)
	}
	f.Fuzz(func(t *testing.T, root, included string) {
		tree := fstest.MapFS{config.Name: {Data: []byte(root)}, "teams/a/driftless.yaml": {Data: []byte(included)}, "teams/a/template.yaml": {},
			"stacks/jobs/template.yaml": {}, "x.yaml": {}}
		var c config.Config
		fuzzing.Bounded(t, len(root)+len(included), func() { c = config.Load(tree, tree.ReadFile) })
		for _, p := range c.Problems {
			if p.Line < 1 || p.Column < 1 || p.File == "" || p.Message == "" {
				t.Errorf("problem %+v has no place or no message", p)
			}
			if why := hostile.Trouble(config.Annotate(p, tree[p.File].Data)); why != "" {
				t.Errorf("problem %+v as it is shown: %s", p, why)
			}
		}
		if len(c.Problems) == 0 && len(c.Applications) == 0 {
			t.Error("a configuration without a problem has no application")
		}
		for _, s := range c.Applications {
			told := slices.ContainsFunc(c.Problems, func(p gitops.Problem) bool { return p.Concerns(s.Name, s.File) })
			if c.Stops(s.Name, s.File) && !told || told && !c.Stops(s.Name, s.File) && len(c.Problems) <= 50 {
				t.Errorf("%q of %q: stops %v, told %v: %v", s.Name, s.File, c.Stops(s.Name, s.File), told, c.Problems)
			}
		}
		if files := config.Files([]byte(root), tree); !slices.Equal(files, c.Files) {
			t.Errorf("files are %q, %q were read", files, c.Files)
		}
	})
}
