package config_test

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

var update = flag.Bool("update", false, "write what is expected anew")

// TestProblems reads each case of testdata/problems: a driftless.yaml, the names of a tree
// where it is to be checked against one, and the problems, one in a line.
func TestProblems(t *testing.T) {
	files, err := filepath.Glob("testdata/problems/*.txtar")
	if err != nil || len(files) < 35 {
		t.Fatalf("found %d cases, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := problems(archive)
			if *update {
				set(archive, "problems", got)
				if err := os.WriteFile(file, txtar.Format(archive), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(section(archive, "problems")), got); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

// problems reads a case as the reconciler and the command line do, one problem in a line.
func problems(archive *txtar.Archive) string {
	data := section(archive, config.Name)
	_, found := config.Parse(data)
	if tree := section(archive, "tree"); tree != nil {
		found = config.Read(data, names(string(tree))).Problems
	}
	var b strings.Builder
	for _, p := range found {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

// names makes a tree of a list of names, each with what it is behind it unless it is a file.
func names(list string) fs.FS {
	tree := fstest.MapFS{}
	for line := range strings.Lines(list) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		mode := map[string]fs.FileMode{"": 0o644, "symlink": fs.ModeSymlink | 0o777, "submodule": fs.ModeDir | fs.ModeIrregular}[what]
		tree[name] = &fstest.MapFile{Mode: mode}
	}
	return tree
}

func section(archive *txtar.Archive, name string) []byte {
	for _, f := range archive.Files {
		if f.Name == name {
			return f.Data
		}
	}
	return nil
}

func set(archive *txtar.Archive, name, data string) {
	for i := range archive.Files {
		if archive.Files[i].Name == name {
			archive.Files[i].Data = []byte(data)
		}
	}
}

func TestDefaultsAreFilledIn(t *testing.T) {
	settings, problems := config.Parse([]byte(`version: 1
applications:
  - name: jobs
    path: stacks/jobs
    target: { account: "111122223333", region: eu-west-1 }
    cloudformation: {}
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []gitops.Settings{{
		Name: "jobs", Path: "stacks/jobs", Engine: gitops.EngineCloudFormation,
		Target:         gitops.Target{Account: "111122223333", Region: "eu-west-1"},
		CloudFormation: gitops.CloudFormation{Stack: "jobs", Template: "template.yaml"},
		Sync:           gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalDestructive},
		Verify:         gitops.Verify{Drift: true},
		Drift:          gitops.DriftPolicy{EverySeconds: 3600}, Recover: gitops.Recover{Continue: true},
	}}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestAnApplicationReplacesDefaultsPartByPart(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/problems/a_good_file_has_none.txtar")
	if err != nil {
		t.Fatal(err)
	}
	settings, problems := config.Parse(section(archive, config.Name))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := []gitops.Settings{{
		Name: "network", Path: "stacks/network", Engine: gitops.EngineCloudFormation,
		Target: gitops.Target{Account: "111122223333", Region: "eu-west-1"},
		CloudFormation: gitops.CloudFormation{
			Stack: "network", Template: "template.yaml", Capabilities: []string{"CAPABILITY_IAM"},
			Role: "arn:aws:iam::111122223333:role/driftless/exec", Tags: map[string]string{"team": "platform"},
		},
		Sync:   gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalAlways},
		Verify: gitops.Verify{Drift: true},
		Drift:  gitops.DriftPolicy{EverySeconds: 1800}, Recover: gitops.Recover{Continue: true},
	}, {
		Name: "jobs", Path: "stacks/jobs", Watch: []string{"stacks/shared", "README.md"}, Engine: gitops.EngineCloudFormation,
		Target: gitops.Target{Account: "111122223333", Region: "us-gov-west-1", Role: "arn:aws:iam::111122223333:role/deploy"},
		CloudFormation: gitops.CloudFormation{
			Stack: "prod-jobs", Template: "../shared/queue.yaml", Parameters: "prod.json", Capabilities: []string{"CAPABILITY_NAMED_IAM"},
			Role: "arn:aws:iam::111122223333:role/driftless/exec", Tags: map[string]string{"team": "platform", "cost center": "42"},
		},
		Sync: gitops.Sync{Mode: gitops.SyncManual, Approval: gitops.ApprovalNever}, Recover: gitops.Recover{Continue: true},
	}}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
}

func TestSAMAndCDKFillInWhatTheirStacksNeed(t *testing.T) {
	settings, problems := config.Parse([]byte(`version: 1
defaults:
  target: { account: "111122223333", region: eu-west-1 }
  cloudformation: { tags: { team: shop } }
applications:
  - name: api
    path: api
    sam: { stack: prod-api, transforms: [AWS::Include] }
  - name: plain
    path: plain
    sam: { capabilities: [] }
  - name: shop
    path: shop
    cdk: { version: 2.1148.1, context: { stage: prod }, tags: { tier: web } }
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	const serverless = "AWS::Serverless-2016-10-31"
	tags := map[string]string{"team": "shop"}
	want := []gitops.CloudFormation{
		{Stack: "prod-api", Template: "template.yaml", Capabilities: []string{"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"}, Transforms: []string{"AWS::Include", serverless}, Tags: tags},
		{Stack: "plain", Template: "template.yaml", Transforms: []string{serverless}, Tags: tags},
		{Capabilities: []string{"CAPABILITY_NAMED_IAM"}, Tags: map[string]string{"team": "shop", "tier": "web"}},
	}
	for i, w := range want {
		if diff := cmp.Diff(w, settings[i].CloudFormation); diff != "" {
			t.Errorf("%s (-want +got):\n%s", settings[i].Name, diff)
		}
	}
	if got := []gitops.Engine{settings[0].Engine, settings[2].Engine}; got[0] != gitops.EngineSAM || got[1] != gitops.EngineCDK {
		t.Errorf("engines are %v", got)
	}
	if diff := cmp.Diff(&gitops.CDK{Version: "2.1148.1", Context: map[string]string{"stage": "prod"}}, settings[2].CDK); diff != "" {
		t.Errorf("cdk (-want +got):\n%s", diff)
	}
}

func TestWhatEditorsPutInMovesNoPosition(t *testing.T) {
	const text = "version: 1\napplications:\n  - name: Jobs\n    path: a\n    nmae: b\n"
	_, want := config.Parse([]byte(text))
	for says, data := range map[string]string{
		"a byte order mark": "\xef\xbb\xbf" + text,
		"carriage returns":  strings.ReplaceAll(text, "\n", "\r\n"),
	} {
		t.Run(says, func(t *testing.T) {
			_, got := config.Parse([]byte(data))
			if diff := cmp.Diff(want, got); diff != "" || len(got) == 0 {
				t.Errorf("problems (-without +with):\n%s", diff)
			}
		})
	}
}

func TestTextThatIsNoTextIsRefused(t *testing.T) {
	for says, c := range map[string]struct {
		data []byte
		want string
	}{
		"more bytes than allowed":  {bytes.Repeat([]byte("#"), 256<<10+1), "driftless.yaml:1:1: the file has 262145 bytes; at most 262144 are allowed"},
		"more tokens than allowed": {bytes.Repeat([]byte("a: 1\n"), 30000), "driftless.yaml:1:1: the file has 90000 YAML tokens; at most 65536 are allowed"},
		"bytes that are not UTF-8": {[]byte("version: 1\n# caf\xe9\n"), "driftless.yaml:2:6: the text is not UTF-8"},
	} {
		t.Run(says, func(t *testing.T) {
			_, problems := config.Parse(c.data)
			if len(problems) != 1 || problems[0].String() != c.want {
				t.Errorf("problems are %v, want %s", problems, c.want)
			}
		})
	}
}

func TestFileOfExactlyTheAllowedSizeIsRead(t *testing.T) {
	data := []byte("version: 1\napplications:\n  - name: a\n    path: a\n    target: { account: \"111122223333\", region: eu-west-1 }\n    cloudformation: {}\n")
	data = append(data, bytes.Repeat([]byte("#"), 256<<10-len(data))...)
	if _, problems := config.Parse(data); len(problems) > 0 {
		t.Error(problems)
	}
}

func TestUnreadableTreeIsAProblem(t *testing.T) {
	data := []byte("version: 1\napplications:\n  - name: a\n    path: a/b\n    target: { account: \"111122223333\", region: eu-west-1 }\n    cloudformation: {}\n")
	got := config.Read(data, os.DirFS(filepath.Join(t.TempDir(), "gone"))).Problems
	if len(got) != 1 || got[0].Line != 4 || !strings.Contains(got[0].Message, "cannot be read") {
		t.Errorf("problems are %v", got)
	}
}

func TestAnnotatedProblemsEscapeWhatATerminalObeys(t *testing.T) {
	source := []byte("\xef\xbb\xbfversion: 1\r\nkey:\t\"\x1b[31m\" # \u202eé\r\n")
	for says, c := range map[string]struct {
		problem gitops.Problem
		want    string
	}{
		"control characters are replaced": {
			gitops.Problem{File: "driftless.yaml", Line: 2, Column: 6, Path: "key", Message: "is wrong"},
			"driftless.yaml:2:6: key: is wrong\n   1 | version: 1\n > 2 | key: \"\uFFFD[31m\" # \uFFFDé\n     |      ^\n",
		},
		"the first line has none before it": {
			gitops.Problem{File: "driftless.yaml", Line: 1, Message: "is wrong"},
			"driftless.yaml:1:1: is wrong\n > 1 | version: 1\n     | ^\n",
		},
		"a column behind the line is at its end": {
			gitops.Problem{File: "driftless.yaml", Line: 1, Column: 99, Message: "is wrong"},
			"driftless.yaml:1:99: is wrong\n > 1 | version: 1\n     |           ^\n",
		},
		"a line that the source does not have shows none": {
			gitops.Problem{File: "driftless.yaml", Line: 9, Column: 1, Message: "is wrong"},
			"driftless.yaml:9:1: is wrong\n",
		},
		"a problem without a place shows none": {gitops.Problem{Message: "is wrong"}, "is wrong\n"},
	} {
		t.Run(says, func(t *testing.T) {
			if diff := cmp.Diff(c.want, config.Annotate(c.problem, source)); diff != "" {
				t.Errorf("annotated (-want +got):\n%s", diff)
			}
		})
	}
}

func ExampleAnnotate() {
	source := []byte(`version: 1
defaults:
  target: { account: "111122223333", region: eu-west-1 }
applications:
  - name: jobs
    path: stacks/jobs
    cloudformation:
      template: quue.yaml
`)
	tree := fstest.MapFS{"driftless.yaml": {Data: source}, "stacks/jobs/queue.yaml": {}}
	c := config.Load(tree, tree.ReadFile)
	for _, p := range c.Problems {
		fmt.Print(config.Annotate(p, source))
	}
	// Output:
	// driftless.yaml:8:17: applications[0].cloudformation.template: "quue.yaml" is not in stacks/jobs; did you mean "queue.yaml"?
	//    7 |     cloudformation:
	//  > 8 |       template: quue.yaml
	//      |                 ^
}
