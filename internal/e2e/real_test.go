package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// real is where templates written by others are, beside the checkout. They are read from
// there and never copied into the project.
var real = filepath.Join(root, "..", "shared", "real")

// required are the templates that have to run, with their parameters.
var required = map[string]string{
	"vpc.yaml": "", "dynamodb.yaml": "", "sqs.yaml": "",
	"sns.yaml": `["SubscriptionEndPoint=arn:aws:sqs:` + sandbox.Region + ":" + demo.Account + `:real-endpoint"]`,
}

// parameters are given to those of the others that cannot do without.
var parameters = map[string]string{"aws/S3-compliant-bucket.yaml": `["AppName=shop"]`}

// Templates that others wrote are taken through the same path. What the sandbox cannot run
// of them is refused with its reason, and listed.
func TestTemplatesOfOthersRunOrAreRefusedWithTheReason(t *testing.T) {
	if _, err := os.Stat(real); err != nil {
		t.Skipf("there are no templates of others at %s on this machine; CI has them", real)
	}
	files := fstest.MapFS{}
	var names []string
	for _, path := range append(glob(t, "*.yaml"), glob(t, "aws/*")...) {
		name := appName(path)
		names = append(names, name)
		data, err := os.ReadFile(filepath.Join(real, path))
		if err != nil {
			t.Fatal(err)
		}
		files["stacks/"+name+"/template.yaml"] = &fstest.MapFile{Data: data}
		given := required[path] + parameters[path]
		if given == "" {
			given = "[]"
		}
		files["stacks/"+name+"/parameters.json"] = &fstest.MapFile{Data: []byte(given)}
	}
	files["stacks/real-endpoint/template.yaml"] = &fstest.MapFile{Data: []byte(queue("real-endpoint", 30))}
	files["stacks/real-endpoint/parameters.json"] = &fstest.MapFile{Data: []byte("[]")}
	text := fileWith("", append(names, "real-endpoint")...)
	text = regexp.MustCompile(`cloudformation: \{ stack: (\S+) \}`).ReplaceAllString(text,
		"cloudformation: { stack: $1, parameters: parameters.json, capabilities: [CAPABILITY_IAM, CAPABILITY_NAMED_IAM] }")
	files["driftless.yaml"] = &fstest.MapFile{Data: []byte(text)}
	r := watch(t, files)
	commit := r.git("rev-parse", "HEAD")
	report(t, r, names, commit)
	for path := range required {
		name := appName(path)
		v, _ := r.app(name)
		if a := v.Application; a.Ended.Phase != gitops.PhaseSucceeded || a.Drift.Drifted != 0 || !a.Drift.Complete {
			t.Errorf("%s ended %s (%s), drift %+v; want it to run and to be in sync", path, a.Ended.Phase, a.Ended.Reason, a.Drift)
		}
	}
}

// report waits for every application's end and lists how it went.
func report(t *testing.T, r *repo, names []string, commit string) {
	t.Helper()
	ran, refused := 0, 0
	for _, name := range names {
		var v gitops.View
		r.eventually(name+" ends", func() bool {
			v, _ = r.app(name)
			return v.Deployment == nil && v.Application.Ended.Phase != "" && v.Application.Wanted.Revision.Commit == commit
		}, func() string { return describe(v, r.repository()) })
		a := v.Application
		switch {
		case a.Ended.Phase == gitops.PhaseSucceeded && a.Drift.Drifted == 0:
			ran++
		case a.Ended.Phase == gitops.PhaseSucceeded:
			t.Errorf("%s: a false alarm right after its deployment: %s", name, a.Drift.Message)
		case a.Ended.Reason == "":
			t.Errorf("%s ended %s without a reason", name, a.Ended.Phase)
		default:
			refused++
		}
		first, _, _ := strings.Cut(a.Ended.Reason, "\n")
		t.Logf("%-50s %-10s coverage %3d %%  %s", name, a.Ended.Phase, a.Drift.Coverage(), first)
	}
	t.Logf("%d ran, %d were refused with their reason", ran, refused)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(real, pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("nothing at %s/%s: %v", real, pattern, err)
	}
	for i, f := range found {
		if found[i], err = filepath.Rel(real, f); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

var noName = regexp.MustCompile(`[^a-z0-9]+`)

// appName makes an application's name of a template's path.
func appName(path string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(path), ".yaml"), ".yml")
	return fmt.Sprintf("real-%s", strings.Trim(noName.ReplaceAllString(name, "-"), "-"))
}
