package supply_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// workflow is what of a workflow of GitHub's can do harm.
type workflow struct {
	On          yaml.Node
	Permissions map[string]string
	Jobs        map[string]struct {
		RunsOn      string `yaml:"runs-on"`
		Uses        string
		Permissions map[string]string
		Timeout     int `yaml:"timeout-minutes"`
		Steps       []struct {
			Uses, Run string
			With      map[string]string
		}
	}
}

// pinned is an action named by its commit, with its version beside it for people.
var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

// problems says what in a workflow lets more happen than is read here.
func problems(text string) (all []string) {
	for line := range strings.Lines(text) {
		if _, uses, ok := strings.Cut(strings.TrimLeft(line, " -"), "uses:"); ok && strings.HasPrefix(strings.TrimLeft(line, " -"), "uses:") && !pinned.MatchString(strings.TrimSpace(uses)) {
			all = append(all, "not pinned by commit:"+strings.TrimRight(uses, "\n"))
		}
	}
	var w workflow
	if err := yaml.Unmarshal([]byte(text), &w); err != nil {
		return append(all, err.Error())
	}
	for _, n := range w.On.Content {
		if n.Value == "pull_request_target" || n.Value == "workflow_run" {
			all = append(all, n.Value+" runs strangers' code with this repository's rights")
		}
	}
	if w.On.Value == "pull_request_target" || w.On.Value == "workflow_run" {
		all = append(all, w.On.Value+" runs strangers' code with this repository's rights")
	}
	if len(w.Permissions) != 1 || w.Permissions["contents"] != "read" {
		all = append(all, "its permissions are not contents: read alone")
	}
	for name, job := range w.Jobs {
		switch {
		case job.Permissions != nil:
			all = append(all, name+" has permissions of its own")
		case job.Uses != "" && !regexp.MustCompile(`@[0-9a-f]{40}$`).MatchString(job.Uses):
			all = append(all, name+" is another workflow, not pinned by commit")
		case job.Uses == "" && (strings.HasSuffix(job.RunsOn, "latest") || job.Timeout == 0):
			all = append(all, name+" runs on whatever is the latest, or for ever")
		}
		for _, step := range job.Steps {
			if strings.Contains(step.Run, "${{") {
				all = append(all, name+" puts an expression into a shell")
			}
			if strings.HasPrefix(step.Uses, "actions/checkout@") && step.With["persist-credentials"] != "false" {
				all = append(all, name+" leaves a token where later steps find it")
			}
		}
	}
	return all
}

func TestWorkflowsRunWhatIsPinnedWithoutRights(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github", "workflows", "*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows: %v, %v", files, err)
	}
	runs := false
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range problems(string(data)) {
			t.Errorf("%s: %s", file, p)
		}
		runs = runs || strings.Contains(string(data), "- run: .ci/run\n")
	}
	if !runs {
		t.Error("no workflow runs .ci/run")
	}
}

func TestAWorkflowThatLetsMoreHappenIsTold(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(root, ".github", "workflows", "ci.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ old, new, want string }{
		"a tag in place of a commit":       {"@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2", "@v4", "not pinned by commit: actions/checkout@v4"},
		"a short commit":                   {"c9af683 # v4.2.2", " # v4.2.2", "not pinned by commit"},
		"a commit without its version":     {" # v4.2.2", "", "not pinned by commit"},
		"code of strangers":                {"  pull_request:", "  pull_request_target:", "strangers"},
		"a right to write":                 {"contents: read", "contents: write", "permissions"},
		"a right of a job's own":           {"    runs-on: ubuntu-24.04", "    permissions: {contents: write}\n    runs-on: ubuntu-24.04", "permissions of its own"},
		"a title that a stranger gave":     {"- run: .ci/run", "- run: echo ${{ github.event.pull_request.title }}", "expression into a shell"},
		"a token that stays":               {"persist-credentials: false", "persist-credentials: true", "leaves a token"},
		"a machine that changes by itself": {"ubuntu-24.04", "ubuntu-latest", "latest"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(data), c.old, c.new, 1)
			if got := problems(text); text == string(data) || !slices.ContainsFunc(got, func(p string) bool { return strings.Contains(p, c.want) }) {
				t.Errorf("told %q, want %q", got, c.want)
			}
		})
	}
}
