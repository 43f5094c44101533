package cloudformation_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// command runs a real command-line tool against the world's gateway.
func (w *world) command(program string, args ...string) string {
	w.t.Helper()
	cmd := exec.CommandContext(w.t.Context(), program, args...)
	cmd.Dir = w.t.TempDir()
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "CDK") {
			cmd.Env = append(cmd.Env, kv)
		}
	}
	cmd.Env = append(cmd.Env, "AWS_ENDPOINT_URL="+w.url, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		"AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true", "CI=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s %v: %v\n%s", filepath.Base(program), args, err, out)
	}
	return string(out)
}

func TestCDKCommandLineBootstrapsDeploysAndDestroys(t *testing.T) {
	if testing.Short() {
		t.Skip("the CDK CLI takes ten seconds")
	}
	cdk, err := filepath.Abs("../../../node_modules/.bin/cdk")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(cdk); err != nil {
		t.Skipf("the CDK CLI is not installed; run npm ci: %v", err)
	}
	app, err := filepath.Abs("testdata/cdk.out")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *cloudformation.Config) { c.Account = "123456789012" }) // as moto's STS answers
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"bootstrap", "aws://" + w.account + "/us-east-1"}, "bootstrapped"},
		{[]string{"deploy", "--app", app, "--require-approval", "never"}, "App.QueueUrl = " + w.url},
		{[]string{"deploy", "--app", app, "--require-approval", "never"}, "App (no changes)"},
		{[]string{"drift", "--app", app}, "No drift detected"},
		{[]string{"destroy", "--app", app, "--force"}, "App: destroyed"},
	} {
		if out := w.command(cdk, append(step.args, "--no-notices")...); !strings.Contains(out, step.want) {
			t.Errorf("cdk %v does not say %q:\n%s", step.args, step.want, out)
		}
	}
}

func TestAWSCommandLineDeploys(t *testing.T) {
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skipf("the AWS CLI is not installed: %v", err)
	}
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "template.yaml")
	deploy := func(stack, body string, args ...string) string {
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		return w.command(cli, append([]string{"cloudformation", "deploy", "--stack-name", stack, "--template-file", file, "--tags", "team=a"}, args...)...)
	}
	w.must("jobs", oneQueue, withTags("team", "a"))
	w.must("more", oneQueue)
	if out := deploy("jobs", oneQueue, "--no-fail-on-empty-changeset"); !strings.Contains(out, "No changes to deploy. Stack jobs is up to date") {
		t.Errorf("deploy of nothing new: %s", out)
	}
	// Not executed: the CLI's waiter would look again after thirty seconds only.
	if out := deploy("more", twoQueues, "--no-execute-changeset"); !strings.Contains(out, "Changeset created successfully") {
		t.Errorf("deploy: %s", out)
	}
	if out := w.command(cli, "cloudformation", "describe-stacks", "--stack-name", "jobs", "--query", "Stacks[0].Tags[0].Value", "--output", "text"); strings.TrimSpace(out) != "a" {
		t.Errorf("describe-stacks: %s", out)
	}
}
