package fuzzing_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
)

// module writes files below a new folder, which is a module.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	files["go.mod"] = "module example.test/fuzzed\n\ngo 1.26\n"
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestEveryFuzzTestIsFoundAndNothingElse(t *testing.T) {
	test := "package a\nimport \"testing\"\n"
	root := module(t, map[string]string{
		"a/b/x_test.go":          test + "func FuzzB(f *testing.F) {}\nfunc FuzzA(f *testing.F) {}\nfunc TestA(t *testing.T) {}\n",
		"a/y_test.go":            test + "func FuzzHelper(t *testing.T) {}\nfunc FuzzTwo(a, b *testing.F) {}\ntype s struct{}\nfunc (s) FuzzMethod(f *testing.F) {}\n",
		"a/z.go":                 test + "func FuzzNotInATest(f *testing.F) {}\n",
		"node_modules/m_test.go": test + "func FuzzForeign(f *testing.F) {}\n",
		"a/testdata/m_test.go":   test + "func FuzzData(f *testing.F) {}\n",
		"root_test.go":           test + "func FuzzRoot(f *testing.F) {}\n",
	})
	got, err := fuzzing.Targets(root)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]fuzzing.Target{{Dir: ".", Name: "FuzzRoot"}, {Dir: "a/b", Name: "FuzzA"}, {Dir: "a/b", Name: "FuzzB"}}, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
}

func TestThisProjectsParsersAreAllFuzzed(t *testing.T) {
	targets, err := fuzzing.Targets("../..")
	if err != nil {
		t.Fatal(err)
	}
	for what, dir := range map[string]string{
		"webhooks of GitHub": "internal/forge/github", "webhooks of GitLab": "internal/forge/gitlab",
		"events of EventBridge": "internal/trigger", "messages, streams, requests": "internal/handler",
		"driftless.yaml": "internal/config", "templates and parameter files": "internal/template",
		"what git servers answer": "internal/git", "names in trees": "internal/git/names",
		"plans and drift reports as they are shown": "internal/render", "addresses and names": "internal/gitops",
		"bundles": "internal/reconcile", "records": "internal/aws/dynamodb", "change sets": "internal/aws/cloudformation",
		"what init finds": "internal/propose", "what templates name": "internal/packaging", "arguments": "internal/cli",
		"cloud assemblies": "internal/runner/assembly",
	} {
		if !slices.ContainsFunc(targets, func(t fuzzing.Target) bool { return t.Dir == dir }) {
			t.Errorf("no fuzz test in %s reads %s", dir, what)
		}
	}
}

func TestABrokenPromiseIsFoundAndKept(t *testing.T) {
	test := func(body string) string {
		return "package a\nimport \"testing\"\nfunc FuzzIt(f *testing.F) { f.Add([]byte(\"x\")); f.Fuzz(func(t *testing.T, data []byte) {" + body + "}) }\n"
	}
	root := module(t, map[string]string{
		"fine/a_test.go":   test(""),
		"broken/a_test.go": test("if len(data) > 1 { t.Error(\"two bytes\") }"),
		"greedy/a_test.go": test("_ = make([]byte, 3<<30)"),
	})
	for name, c := range map[string]struct {
		only, want string
		broken     bool
	}{
		"a target that holds":                 {"fine", "ok      fine", false},
		"a target that breaks":                {"broken", "two bytes", true},
		"a target that takes too much memory": {"greedy", "BROKEN  greedy", true},
		"a choice that leaves nothing to do":  {"nothing", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := fuzzing.Run(t.Context(), fuzzing.Options{Root: root, Only: regexp.MustCompile(c.only), Time: time.Second, Memory: 3 << 20, Out: &out, Now: time.Now})
			if (err != nil) != c.broken || c.want != "" && errors.Is(err, fuzzing.ErrFound) != c.broken || !strings.Contains(out.String(), c.want) {
				t.Errorf("%v, and printed:\n%s", err, &out)
			}
		})
	}
	if kept, err := filepath.Glob(filepath.Join(root, "broken", "testdata", "fuzz", "FuzzIt", "*")); err != nil || len(kept) != 1 {
		t.Errorf("kept %v, %v; want the input that broke it", kept, err)
	}
}

// failures counts what Bounded says, in a test's place.
type failures struct {
	testing.TB
	said []string
}

func (f *failures) Helper()                        {}
func (f *failures) Errorf(format string, _ ...any) { f.said = append(f.said, format) }

func TestAnInputMayTakeSoMuchAndNoMore(t *testing.T) {
	for name, c := range map[string]struct {
		size, takes int
		want        string
	}{
		"little":                        {10, 1 << 20, ""},
		"more than a small input may":   {10, 65 << 20, "memory"},
		"more, but of an input as long": {128 << 10, 65 << 20, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &failures{TB: t}
			fuzzing.Bounded(f, c.size, func() { sink = make([]byte, c.takes) })
			sink = nil
			if said := strings.Join(f.said, " "); (said == "") != (c.want == "") || !strings.Contains(said, c.want) {
				t.Errorf("said %q, want %q", said, c.want)
			}
		})
	}
}

// sink keeps what is made from being optimised away.
var sink []byte
