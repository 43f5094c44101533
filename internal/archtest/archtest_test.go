package archtest_test

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/driftless-gitops/driftless/"

// rule says what the files below a folder may import. The longest matching folder decides.
type rule struct {
	folder string
	why    string
	// own lists the folders of this module that may be imported; "*" is any. A folder may
	// always import what lies below it.
	own []string
	// foreign lists prefixes of other modules that may be imported; "*" is any. The standard
	// library is always allowed.
	foreign []string
}

const sdk = "github.com/aws/aws-sdk-go-v2"

var rules = []rule{
	{"internal/gitops", "the words and Decide: the standard library only, so that they can be read and tested alone", nil, nil},
	{"internal/reconcile", "carries out steps through ports; what is behind a port is none of its business",
		[]string{"internal/gitops", "internal/config"}, nil},
	{"internal/build", "what the reconciler and a build say to each other: names and shapes", []string{"internal/gitops"}, nil},
	{"internal/config", "driftless.yaml: pure", []string{"internal/gitops"}, []string{"github.com/goccy/go-yaml", "github.com/invopop/jsonschema"}},
	{"internal/packaging", "the files that a template names, as what is uploaded: pure", []string{"internal/gitops", "internal/template"}, nil},
	{"internal/template", "templates and parameter files: pure", []string{"internal/gitops", "internal/config/nearest"}, []string{"go.yaml.in/yaml/v3"}},
	{"internal/propose", "what a repository holds to a proposed driftless.yaml: pure", []string{"internal/gitops", "internal/config", "internal/template"}, []string{"go.yaml.in/yaml/v3"}},
	{"internal/trigger", "an event's payload to what to look at: pure", []string{"internal/gitops"}, nil},
	{"internal/drift", "what a difference means, and what no template says: pure", []string{"internal/gitops"}, nil},
	{"internal/adopt", "a drift report and files to the files with what is live: pure", []string{"internal/gitops", "internal/template"},
		[]string{"github.com/aymanbagabas/go-udiff", "github.com/hashicorp/hcl/", "github.com/zclconf/go-cty/"}},
	{"internal/diagnose", "records to what is wrong and what can be done: pure", []string{"internal/gitops"}, nil},
	{"internal/render", "records to text: pure", []string{"internal/gitops"}, []string{"charm.land/lipgloss/v2"}},
	{"internal/handler", "events and routes to calls of the domain: the events' shapes, never the SDK",
		[]string{"internal/gitops", "internal/reconcile", "internal/build", "internal/forge", "internal/notify", "internal/trigger"}, []string{"github.com/aws/aws-lambda-go"}},
	{"internal/secret", "a type that nobody can print", nil, nil},
	{"internal/sentinel", "secrets that are planted and searched for: they know no input and no output", nil, nil},
	{"internal/guard", "an HTTP transport that reaches public addresses only", nil, nil},
	{"internal/probe", "an application asked over HTTP: never the SDK", []string{"internal/gitops", "internal/reconcile", "internal/guard"}, nil},
	{"internal/check", "attempts at checks, by kind: wiring of adapters and a time limit",
		[]string{"internal/gitops", "internal/reconcile", "internal/probe", "internal/aws/account", "internal/aws/cloudwatch", "internal/aws/lambda"}, nil},
	{"internal/git", "heads and trees, with go-git", []string{"internal/gitops", "internal/reconcile", "internal/guard"}, []string{"github.com/go-git/"}},
	{"internal/forge", "GitHub and the like", []string{"internal/gitops", "internal/reconcile", "internal/guard", "internal/secret"},
		[]string{"github.com/google/go-github/", "github.com/bradleyfalzon/ghinstallation/"}},
	{"internal/notify", "what forges show of records: never the SDK or an adapter", []string{"internal/gitops", "internal/reconcile", "internal/forge"}, nil},
	{"internal/aws", "the adapters: the only folder, the sandbox aside, that imports the SDK",
		[]string{"internal/gitops", "internal/reconcile", "internal/build", "internal/notify", "internal/template", "internal/packaging", "internal/drift", "internal/aws", "internal/secret"}, []string{sdk, "github.com/aws/smithy-go", "github.com/oklog/ulid"}},
	{"internal/aws/awstest", "test support: moto for the adapters' tests", []string{"internal/sandbox/moto"}, []string{"*"}},
	{"internal/terraform", "what terraform says of a plan to the domain's words: pure", []string{"internal/gitops"}, []string{"github.com/hashicorp/terraform-json"}},
	{"internal/runner", "the job of a build, through ports: never the SDK", []string{"internal/gitops", "internal/build", "internal/reconcile", "internal/terraform", "internal/secret"},
		[]string{"github.com/hashicorp/", "github.com/zclconf/go-cty/"}},
	{"internal/cli", "the commands: they talk to the api", []string{"internal/gitops", "internal/git/names", "internal/config", "internal/propose", "internal/template", "internal/packaging", "internal/diagnose", "internal/adopt", "internal/drift", "internal/render",
		"internal/aws/api", "internal/aws/vault", "internal/aws/env", "internal/aws/codecommit", "internal/aws/jsonrpc", "internal/git", "internal/forge", "internal/secret", "internal/reconcile", "internal/sandbox"},
		[]string{"github.com/spf13/cobra", "github.com/spf13/pflag", "charm.land/lipgloss/v2", "github.com/mattn/go-isatty", "golang.org/x/term"}},
	{"internal/sandbox", "AWS on one machine: plainly apart, knows nothing of the product", []string{"internal/sandbox"}, []string{"*"}},
	{"internal/conformance", "what the sandbox stands for, asked of it and of AWS: knows nothing of the product", []string{"internal/sandbox", "internal/bench/price"}, []string{sdk, "github.com/aws/smithy-go"}},
	{"internal/fake", "the ports in memory", []string{"internal/gitops", "internal/reconcile", "internal/notify"}, []string{"github.com/rogpeppe/go-internal"}},
	{"internal/sim", "the real programs in a simulated world, above the fakes",
		[]string{"internal/gitops", "internal/reconcile", "internal/fake", "internal/aws/cloudformation"}, []string{sdk, "github.com/aws/smithy-go"}},
	{"internal/sim/builds", "the same for what runs in builds", []string{"internal/gitops", "internal/reconcile", "internal/fake", "internal/build", "internal/aws/codebuild", "internal/sim"}, nil},
	{"internal/porttest", "one contract suite per port", []string{"internal/gitops", "internal/reconcile", "internal/forge", "internal/notify"}, []string{"github.com/google/go-cmp"}},
	{"internal/fuzzing", "finds and runs fuzz tests, and knows nothing of what is fuzzed", nil, nil},
	{"internal/hostile", "the corpus of what means harm: texts and names alone", nil, nil},
	{"internal/supply", "what is shipped, and of what: it reads programs and runs tools", nil, nil},
	{"internal/demo", "the main job, told in the sandbox", []string{"internal/sandbox", "internal/gitops", "internal/render", "internal/aws/api"}, []string{"charm.land/lipgloss/v2", "github.com/mattn/go-isatty"}},
	{"internal/e2e", "the main job, tested in the sandbox", []string{"*"}, []string{"*"}},
	{"internal/faults", "whole rollouts by the deployed binaries, with calls that go wrong; and the table of what is tested", []string{"*"}, []string{sdk, "github.com/google/go-cmp"}},
	{"internal/bench", "what people would use instead, measured beside the whole", []string{"*"}, []string{"*"}},
	{"internal/invoke", "one function on one event, on this machine", []string{"*"}, []string{sdk}},
	{"internal/archtest", "these rules", nil, nil},
	{"functions", "wiring", []string{"*"}, []string{"github.com/aws/aws-lambda-go/lambda", "github.com/oklog/ulid"}},
	{"cmd", "wiring", []string{"*"}, []string{"golang.org/x/term"}},
	{"infra", "the CDK app: it shares the table's definition and the settings' names, no behaviour", []string{"internal/aws/dynamodb", "internal/build"}, []string{"*"}},
}

func TestImportsPointOneWay(t *testing.T) {
	root := root(t)
	used := map[string]bool{}
	for file, imports := range sources(t, root) {
		r, ok := ruleOf(file)
		if !ok {
			t.Errorf("%s is in a folder that docs/design.md does not name: give it a room, and a rule here", file)
			continue
		}
		used[r.folder] = true
		for _, path := range imports {
			if !r.allows(path) {
				t.Errorf("%s imports %s, which %s may not: %s", file, path, r.folder, r.why)
			}
		}
	}
	for _, r := range rules {
		if !used[r.folder] {
			t.Errorf("the rule of %s holds for no file: remove it", r.folder)
		}
	}
}

func TestMainsOnlyWire(t *testing.T) {
	root := root(t)
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) != 6 {
		t.Fatalf("%d functions, %v; want 6", len(mains), err)
	}
	for _, main := range mains {
		data, err := os.ReadFile(main)
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(data), "\n"); lines > 40 {
			t.Errorf("%s has %d lines, at most 40 do: move what it decides into a package", main, lines)
		}
		for _, word := range []string{"\tif ", "\tfor ", "func init(", "panic("} {
			if strings.Contains(string(data), word) {
				t.Errorf("%s has %q: a main only wires", main, strings.TrimSpace(word))
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	root := root(t)
	said := map[string]bool{}
	for file := range sources(t, root) {
		dir := filepath.Dir(file)
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, file), nil, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		said[dir] = said[dir] || f.Doc != nil
	}
	for dir, ok := range said {
		if !ok {
			t.Errorf("no file of %s has a package comment", dir)
		}
	}
}

// allows reports whether a file under the rule may import a path.
func (r rule) allows(path string) bool {
	own, ours := strings.CutPrefix(path, module)
	if ours {
		return within(own, r.folder) || slices.ContainsFunc(r.own, func(f string) bool { return f == "*" || within(own, f) })
	}
	if !strings.Contains(strings.Split(path, "/")[0], ".") { // the standard library's paths have no dot
		return true
	}
	return slices.ContainsFunc(r.foreign, func(p string) bool { return p == "*" || strings.HasPrefix(path, p) })
}

func ruleOf(file string) (rule, bool) {
	best := rule{}
	for _, r := range rules {
		if within(filepath.ToSlash(filepath.Dir(file)), r.folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best, best.folder != ""
}

func within(path, folder string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }

// sources returns the imports of every file of the module that is not a test, by its path
// relative to the root.
func sources(t *testing.T, root string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := e.Name()
		if e.IsDir() && path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "cdk.out" || name == "bin") {
			return filepath.SkipDir
		}
		if _, err := os.Stat(filepath.Join(path, "go.mod")); e.IsDir() && path != root && err == nil {
			return filepath.SkipDir // a module of its own
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		imports := []string{}
		for _, i := range f.Imports {
			imports = append(imports, strings.Trim(i.Path.Value, `"`))
		}
		out[relative] = imports
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 20 {
		t.Fatalf("only %d files found below %s", len(out), root)
	}
	return out
}

// root returns the module's root: where go.mod is.
func root(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above")
		}
		dir = filepath.Dir(dir)
	}
}
