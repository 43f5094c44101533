package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// adopting is an installation whose one application, jobs, has drifted, and the forge that its
// repository is on.
type adopting struct {
	*world
	t      *testing.T
	forges *forgetest.Server
	env    map[string]string
	files  map[string]string
}

const adoptedTemplate = `# Jobs, as the team has them.
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 5   # as long as a job
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      Name: jobs
`

// drifted makes the installation, of a forge.
func drifted(t *testing.T, of gitops.Forge) *adopting {
	t.Helper()
	a := &adopting{world: newWorld(), t: t, forges: forgetest.New(), env: map[string]string{}}
	t.Cleanup(a.close)
	t.Cleanup(a.forges.Close)
	a.files = map[string]string{"stacks/jobs/template.yaml": adoptedTemplate, "driftless.yaml": `version: 1
defaults:
  target: { account: "111122223333", region: eu-west-1 }
applications:
  - name: jobs
    path: stacks/jobs
    cloudformation: { stack: prod-jobs, template: template.yaml }
  - name: twin
    path: stacks/jobs
    cloudformation: { stack: test-jobs, template: template.yaml }
`}
	if _, err := a.forges.Create("acme/infra"); err != nil {
		t.Fatal(err)
	}
	a.push()
	url := a.forges.URL + "/acme/infra"
	deployed := maps.Clone(a.files) // the engine in memory has a language of its own
	deployed["stacks/jobs/template.yaml"] = "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\nTopic.Type: AWS::SNS::Topic\n"
	a.git.Push(url, "main", "first", deployed)
	add := []string{"repository", "add", url}
	if of != "" {
		add = append(add, "--forge", string(of))
	}
	a.must(a.run(add...))
	if err := a.settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	a.engine.Edit(target, "prod-jobs", "Topic", "", "")
	a.must(a.run("drift", "jobs", "--detect"))
	return a
}

// push commits the files to the forge.
func (a *adopting) push() {
	a.t.Helper()
	if _, err := a.forges.Commit("acme/infra", "refs/heads/main", "files", a.files); err != nil {
		a.t.Fatal(err)
	}
}

func (a *adopting) must(exit int, said string) {
	a.t.Helper()
	if exit != ExitOK {
		a.t.Fatalf("exit code %d: %s", exit, said)
	}
}

// run runs the program, and returns its exit code and what it said.
func (a *adopting) run(args ...string) (exit int, said string) {
	var out, errs bytes.Buffer
	exit = Run(a.t.Context(), a.config(a.t.Context(), func() {}, &out, &errs, func(name string) string { return a.env[name] }), args)
	return exit, out.String() + errs.String()
}

// adopt runs the command alone, and returns its exit code, what it printed, and its error.
func (a *adopting) adopt(output string, args ...string) (exit int, printed, said string) {
	a.t.Helper()
	var out bytes.Buffer
	f := &flags{Config: a.config(a.t.Context(), func() {}, &out, io.Discard, func(name string) string { return a.env[name] }), output: output}
	c := adoptCommand(f)
	c.SetArgs(append([]string{"jobs"}, args...))
	c.SilenceErrors, c.SilenceUsage = true, true
	err := c.ExecuteContext(a.t.Context())
	if err != nil {
		said = err.Error()
	}
	return code(a.t.Context(), err), out.String(), said
}

func TestDriftIsAdoptedByAPullRequestOfEachForge(t *testing.T) {
	for of, set := range map[gitops.Forge]map[string]string{
		gitops.ForgeGitHub: {"GH_ENTERPRISE_TOKEN": "forge-token", "GH_HOST": ""},
		gitops.ForgeGitLab: {"GITLAB_TOKEN": "forge-token", "GITLAB_HOST": "https://"},
	} {
		t.Run(string(of), func(t *testing.T) {
			a := drifted(t, of)
			for name, value := range set {
				if strings.HasSuffix(name, "_HOST") {
					value += a.forges.Host()
				}
				a.env[name] = value
			}
			exit, out, said := a.adopt("table")
			a.must(exit, said)
			for _, want := range []string{"written back: 1, not: 1", "~ Queue /VisibilityTimeout 5 -> 60, since 2026-11-21", "stacks/jobs/template.yaml:6",
				"? Topic", "it was deleted", "! deployed from the same files: twin", "driftless/adopt-jobs-", "-> main", "opened"} {
				if !strings.Contains(out, want) {
					t.Errorf("it does not say %q:\n%s", want, out)
				}
			}
			p := a.forges.PullRequests()[0]
			if p.Forge != of || p.Base != "main" || !strings.Contains(p.Body, "`/VisibilityTimeout`: `5` → `60`") || !strings.Contains(p.Body, "`twin`") {
				t.Errorf("the pull request is %+v", p)
			}
			got, err := a.forges.Show("acme/infra", p.Source, "stacks/jobs/template.yaml")
			if diff := cmp.Diff(strings.TrimSpace(strings.Replace(adoptedTemplate, ": 5 ", ": 60 ", 1)), got); diff != "" || err != nil {
				t.Errorf("%v, the template (-want +got):\n%s", err, diff)
			}

			exit, again, said := a.adopt("json")
			a.must(exit, said)
			var result adoption
			if err := json.Unmarshal([]byte(again), &result); err != nil || !result.PullRequest.Found || result.PullRequest.State != "open" || result.Branch != p.Source ||
				len(a.forges.PullRequests()) != 1 || len(result.Written) != 1 || result.Written[0].Live != "60" {
				t.Errorf("again: %v\n%s", err, again)
			}
		})
	}
}

func TestADryRunNeedsNoWriteRightAndShowsWhatGitApplies(t *testing.T) {
	a := drifted(t, gitops.ForgeGitHub)
	a.env["GH_HOST"], a.env["GITHUB_TOKEN"] = a.forges.Host(), "reads"
	a.forges.Accept("reads")
	a.forges.ReadOnly("reads")
	exit, out, said := a.adopt("table", "--dry-run")
	a.must(exit, said)
	if len(a.forges.PullRequests()) != 0 || !strings.Contains(out, "-      VisibilityTimeout: 5   # as long as a job\n+      VisibilityTimeout: 60   # as long as a job\n") {
		t.Errorf("%d pull requests, and it says:\n%s", len(a.forges.PullRequests()), out)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "stacks", "jobs", "template.yaml")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(adoptedTemplate), 0o644); err != nil {
		t.Fatal(err)
	}
	apply := exec.CommandContext(t.Context(), "git", "apply", "-")
	apply.Dir, apply.Stdin = dir, strings.NewReader(out)
	if said, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("git apply: %v\n%s", err, said)
	}
	if got, err := os.ReadFile(file); err != nil || !strings.Contains(string(got), ": 60 ") {
		t.Errorf("%v, applied:\n%s", err, got)
	}
	if exit, _, said := a.adopt("table"); exit != ExitCredentials || !strings.Contains(said, "Resource not accessible") || !strings.Contains(said, "Pull requests, read and write") {
		t.Errorf("without the right to write: exit code %d, %s", exit, said)
	}
}

func TestWhoeverHasNoCredentialsIsToldWhich(t *testing.T) {
	for name, c := range map[string]struct {
		of   gitops.Forge
		set  map[string]string // with HOST for the forge's own
		args []string
		exit int
		said []string
	}{
		"a token that is for github.com is not sent elsewhere": {gitops.ForgeGitHub, map[string]string{"GITHUB_TOKEN": "forge-token"}, nil,
			ExitCredentials, []string{"set GH_HOST=127.0.0.1:", "GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN or GH_TOKEN or GITHUB_TOKEN", "Contents and Pull requests"}},
		"a host without a token": {gitops.ForgeGitHub, map[string]string{"GH_HOST": "HOST"}, nil,
			ExitCredentials, []string{"no token for 127.0.0.1:", "GITHUB_TOKEN"}},
		"a token that GitLab refuses": {gitops.ForgeGitLab, map[string]string{"GITLAB_HOST": "HOST", "GITLAB_TOKEN": "other"}, nil,
			ExitCredentials, []string{"set GITLAB_TOKEN", "scope api"}},
		"a token of GitLab's for another host": {gitops.ForgeGitLab, map[string]string{"GITLAB_HOST": "gitlab.example.com", "GITLAB_TOKEN": "forge-token"}, nil,
			ExitCredentials, []string{"set GITLAB_HOST=127.0.0.1:"}},
		"plain git has no pull requests": {"", nil, nil, ExitFailed, []string{"plain git", "--dry-run", "--forge github"}},
		"a private address is not read because a record names it": {gitops.ForgeGitHub, map[string]string{"GITHUB_TOKEN": "forge-token"}, []string{"--dry-run"},
			ExitCredentials, []string{"denied"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := drifted(t, c.of)
			maps.Copy(a.env, c.set)
			for name, value := range a.env {
				a.env[name] = strings.ReplaceAll(value, "HOST", a.forges.Host())
			}
			exit, out, said := a.adopt("table", c.args...)
			if exit != c.exit || out != "" || len(a.forges.PullRequests()) > 0 || strings.Contains(said, "forge-token") {
				t.Errorf("exit code %d, want %d; %q, %s", exit, c.exit, out, said)
			}
			for _, want := range c.said {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q:\n%s", want, said)
				}
			}
		})
	}
}

func TestWhereNothingIsToBeAdoptedNothingIsOpened(t *testing.T) {
	a := drifted(t, gitops.ForgeGitHub)
	a.env["GH_HOST"], a.env["GH_TOKEN"] = a.forges.Host(), "forge-token"
	a.files["stacks/jobs/template.yaml"] = strings.Replace(adoptedTemplate, ": 5 ", ": 60 ", 1)
	a.push()
	exit, out, said := a.adopt("table")
	if exit != ExitFailed || !strings.Contains(out, "git says so already") || !strings.Contains(said, "nothing of the drift of jobs can be written back") {
		t.Errorf("what git says already: exit code %d\n%s%s", exit, out, said)
	}
	a.must(a.run("sync", "jobs", "--wait"))
	a.must(a.run("drift", "jobs", "--detect"))
	if exit, out, said := a.adopt("table"); exit != ExitOK || !strings.Contains(out, "no drift to adopt") {
		t.Errorf("in sync: exit code %d\n%s%s", exit, out, said)
	}
	if len(a.forges.PullRequests()) > 0 {
		t.Errorf("opened: %+v", a.forges.PullRequests())
	}
}
