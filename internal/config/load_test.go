package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// TestRepositoriesWithManyFiles reads each case of testdata/include: the files of a
// repository, further names of its tree, and what is made of them.
func TestRepositoriesWithManyFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/include/*.txtar")
	if err != nil || len(files) < 15 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := loaded(archive)
			if *update {
				set(archive, "result", got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(section(archive, "result")), got); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

// loaded tells what is made of a case: the files in their order, the applications with where
// they stand and whether they stay there, and the problems with whom they concern.
func loaded(archive *txtar.Archive) string {
	tree := names(string(section(archive, "tree"))).(fstest.MapFS)
	for _, f := range archive.Files {
		if f.Name != "tree" && f.Name != "result" && tree[f.Name] == nil {
			tree[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
		}
	}
	c := config.Load(tree, tree.ReadFile)
	var b strings.Builder
	for _, name := range c.Files {
		fmt.Fprintf(&b, "file %s\n", name)
	}
	for i, s := range c.Applications {
		file, at := c.Place(i)
		fmt.Fprintf(&b, "application %s at %s in %s %s target %s %s watch %v", s.Name, s.Path, file, at, s.Target.Account, s.Target.Region, s.Watch)
		if c.Stops(s.Name, s.File) {
			b.WriteString(" stays")
		}
		b.WriteString("\n")
	}
	if c.Stopped() {
		b.WriteString("nothing moves\n")
	}
	for _, p := range c.Problems {
		whom := "all"
		switch {
		case p.Application != "":
			whom = p.Application
		case p.Within != "":
			whom = "those of " + p.Within
		}
		fmt.Fprintf(&b, "problem of %s: %s\n", whom, p)
	}
	return b.String()
}

func TestFilesAreThoseThatLoadReads(t *testing.T) {
	cases, err := filepath.Glob("testdata/include/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range cases {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tree := names(string(section(archive, "tree"))).(fstest.MapFS)
		for _, f := range archive.Files {
			tree[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
		}
		var read []string
		config.Load(tree, func(name string) ([]byte, error) {
			read = append(read, name)
			return fs.ReadFile(tree, name)
		})
		if diff := cmp.Diff(read, config.Files(section(archive, config.Name), tree)); diff != "" {
			t.Errorf("%s: files (-read +told before):\n%s", file, diff)
		}
	}
}

func TestOneFileNeedsNoLookAtTheTree(t *testing.T) {
	got := config.Files([]byte("version: 1\napplications: []\n"), nil)
	if diff := cmp.Diff([]string{config.Name}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatCannotBeReadKeepsItsApplications(t *testing.T) {
	tree := fstest.MapFS{
		"driftless.yaml":         {Data: []byte("version: 1\ninclude: [teams/*]\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\n")},
		"teams/a/driftless.yaml": {Data: []byte("version: 1\napplications:\n  - { name: a, path: ., cloudformation: {} }\n")},
		"teams/a/template.yaml":  {},
		"teams/b/driftless.yaml": {},
	}
	c := config.Load(tree, func(name string) ([]byte, error) {
		if name == "teams/b/driftless.yaml" {
			return nil, errors.New("teams/b/driftless.yaml: 2 MiB; at most 1 MiB is read")
		}
		return fs.ReadFile(tree, name)
	})
	want := []gitops.Problem{{File: "teams/b/driftless.yaml", Line: 1, Column: 1, Within: "teams/b/driftless.yaml",
		Message: "cannot be read: 2 MiB; at most 1 MiB is read"}}
	if diff := cmp.Diff(want, c.Problems); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
	if c.Stopped() || c.Stops("a", "teams/a/driftless.yaml") || !c.Stops("unheard", "teams/b/driftless.yaml") {
		t.Error("what a file holds that cannot be read must stay, and nothing else")
	}
}

// large is a tree of many files that lists a directory without looking at the others, as
// fstest.MapFS does.
type large struct {
	fstest.MapFS
	dirs map[string]fstest.MapFS
}

func newLarge(files fstest.MapFS) large {
	l := large{files, map[string]fstest.MapFS{}}
	for name, f := range files {
		for f != nil {
			dir := path.Dir(name)
			if l.dirs[dir] == nil {
				l.dirs[dir] = fstest.MapFS{}
			}
			l.dirs[dir][path.Base(name)] = f
			if name, f = dir, nil; dir != "." {
				f = &fstest.MapFile{Mode: fs.ModeDir | 0o755}
			}
		}
	}
	return l
}

func (l large) ReadDir(name string) ([]fs.DirEntry, error) { return l.dirs[name].ReadDir(".") }

// many is a repository of so many included files, each of so many applications.
func many(files, applications int) fstest.MapFS {
	tree := fstest.MapFS{"driftless.yaml": {Data: []byte("version: 1\ninclude: [teams/*]\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\n")}}
	for i := range files {
		var b strings.Builder
		b.WriteString("version: 1\napplications:\n")
		for k := range applications {
			fmt.Fprintf(&b, "  - { name: a-%d-%d, path: ., cloudformation: {} }\n", i, k)
		}
		tree[fmt.Sprintf("teams/t%d/driftless.yaml", i)] = &fstest.MapFile{Data: []byte(b.String())}
		tree[fmt.Sprintf("teams/t%d/template.yaml", i)] = &fstest.MapFile{}
	}
	return tree
}

func TestAsManyFilesAndApplicationsAsAllowedAreRead(t *testing.T) {
	for says, c := range map[string]struct {
		files, applications int
		want                string
	}{
		"as many files as allowed":        {1000, 1, ""},
		"one file too many":               {1001, 1, "driftless.yaml:2:10: include: 1001 files are included; at most 1000 are allowed"},
		"as many applications as allowed": {100, 100, ""},
		"more applications than allowed":  {101, 100, "driftless.yaml:1:1: applications: 10100 applications in 102 files; at most 10000 are allowed"},
	} {
		t.Run(says, func(t *testing.T) {
			tree := newLarge(many(c.files, c.applications))
			got := config.Load(tree, tree.ReadFile)
			if c.want == "" {
				if len(got.Problems) > 0 || len(got.Applications) != c.files*c.applications {
					t.Errorf("%d applications, %v", len(got.Applications), got.Problems)
				}
				return
			}
			if len(got.Problems) != 1 || got.Problems[0].String() != c.want || !got.Stopped() {
				t.Errorf("problems are %v, want %s", got.Problems, c.want)
			}
		})
	}
}

func TestEveryFaultyApplicationStaysHoweverManyProblemsAreTold(t *testing.T) {
	tree := many(60, 20)
	for name := range maps.Keys(tree) {
		if strings.HasSuffix(name, "template.yaml") {
			delete(tree, name)
		}
	}
	c := config.Load(tree, tree.ReadFile)
	if len(c.Problems) != 51 || c.Problems[50].Message != "and 1150 more problems from here on" {
		t.Errorf("%d problems, the last is %v", len(c.Problems), c.Problems[len(c.Problems)-1])
	}
	if c.Stopped() || slices.ContainsFunc(c.Applications, func(s gitops.Settings) bool { return !c.Stops(s.Name, s.File) }) {
		t.Error("an application without a template goes on")
	}
	if last := c.Problems[50]; last.Concerns("a-0-0", "teams/t0/driftless.yaml") != true {
		t.Error("the count of the others concerns nobody")
	}
}

func TestAPatternThatLooksThroughTooMuchIsRefused(t *testing.T) {
	tree := fstest.MapFS{"driftless.yaml": {Data: []byte("version: 1\ninclude: [\"**/none\"]\n")}}
	for i := range 50_001 {
		tree[fmt.Sprintf("d%d/e%d/x", i%320, i)] = &fstest.MapFile{}
	}
	c := config.Load(newLarge(tree), tree.ReadFile)
	if len(c.Problems) != 1 || !strings.Contains(c.Problems[0].Message, "looks through too much of the repository") {
		t.Errorf("problems are %v", c.Problems)
	}
}

// TestR56AnInvalidFileIsTold holds what hostile and broken files lead to: in an included
// file its applications stay where they are, in the root's everything does.
func TestR56AnInvalidFileIsTold(t *testing.T) {
	good := "version: 1\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\napplications:\n  - { name: a, path: ., cloudformation: {} }\n"
	for says, c := range map[string]struct{ data, want string }{
		"an alias bomb":                  {"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n" + good, ":1:4: anchors, aliases and merge keys are not allowed; defaults holds what applications share"},
		"brackets without an end":        {strings.Repeat("[", 100_000), ":1:1: the file has 100000 YAML tokens; at most 65536 are allowed"},
		"deep nesting":                   {good + "x: " + strings.Repeat("{ a: ", 17), ":6:84: nested more than 16 levels deep"},
		"one key twice":                  {good + "version: 1\n", `:6:1: version: "version" is there twice, first in line 1`},
		"bytes that are not UTF-8":       {good + "# \xff\n", ":6:3: the text is not UTF-8"},
		"a NUL":                          {good + "\x00", ":6:1: not YAML: non-map value is specified"},
		"another one's YAML":             {"kind: Deployment\n", `:1:1: kind: unknown key "kind"; allowed: version, include, defaults, applications`},
		"half of a file":                 {good[:60], ":3:"},
		"a file of 256 KiB and one byte": {good + strings.Repeat("#", 256<<10+1-len(good)), ":1:1: the file has 262145 bytes; at most 262144 are allowed"},
		"a file of 1 MiB and one byte":   {good + strings.Repeat("#", 1<<20+1-len(good)), ":1:1: the file has 1048577 bytes; at most 262144 are allowed"},
	} {
		t.Run(says, func(t *testing.T) {
			const name = "teams/b/driftless.yaml"
			tree := many(1, 1)
			tree[name], tree["teams/b/template.yaml"] = &fstest.MapFile{Data: []byte(c.data)}, &fstest.MapFile{}
			got := config.Load(tree, tree.ReadFile)
			if len(got.Problems) == 0 || !strings.HasPrefix(got.Problems[0].String(), name+c.want) || got.Problems[0].Within != name {
				t.Errorf("problems are %v, want %s", got.Problems, c.want)
			}
			if got.Stopped() || got.Stops("a-0-0", "teams/t0/driftless.yaml") || !got.Stops("a", name) {
				t.Error("the file's own applications have to stay, and no others")
			}
			tree[config.Name] = tree[name]
			if root := config.Load(tree, tree.ReadFile); !root.Stopped() || !root.Stops("a-0-0", "teams/t0/driftless.yaml") {
				t.Errorf("something moves under a broken root: %v", root.Problems)
			}
		})
	}
}
