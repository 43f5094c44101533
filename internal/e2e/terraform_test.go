package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// terraformed is a driftless.yaml with one application of Terraform at tf; more follows its name.
func terraformed(t *testing.T, name, more string) string {
	t.Helper()
	for _, program := range []string{"terraform", "aws"} { // a build fetches its program with the latter
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("NOT TESTED with the real terraform in a build: there is no %s on the PATH", program)
		}
	}
	return fmt.Sprintf("version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n  - name: %s\n    path: tf\n    terraform: { version: 1.11.4 }\n%s",
		demo.Account, sandbox.Region, name, more)
}

// parameter is a configuration that makes one parameter.
func parameter(name, value string) string {
	return fmt.Sprintf("provider \"aws\" {}\n\nresource \"aws_ssm_parameter\" \"p\" {\n  name        = %q\n  type        = \"String\"\n  value       = %q\n  description = %q\n}\n\noutput \"name\" {\n  value = aws_ssm_parameter.p.name\n}\n", name, value, "holds "+value)
}

// locked returns the lock file that terraform makes for a configuration.
func locked(t *testing.T, code string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "terraform", "init", "-backend=false", "-input=false", "-no-color")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("terraform init: %v\n%s", err, out)
	}
	data, err := os.ReadFile(filepath.Join(dir, ".terraform.lock.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// stored returns what a parameter holds in AWS.
func stored(t *testing.T, name string) string {
	t.Helper()
	out, err := ssm.NewFromConfig(config(t)).GetParameter(t.Context(), &ssm.GetParameterInput{Name: &name})
	if err != nil {
		return err.Error()
	}
	return aws.ToString(out.Parameter.Value)
}

func TestATerraformApplicationIsPlannedAppliedWatchedAndBroughtBack(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": terraformed(t, "tf-main", ""), "tf/main.tf": parameter("/e2e/tf-main", "one")}))
	v := r.ends("tf-main", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	if got := stored(t, "/e2e/tf-main"); got != "one" || v.Application.Deployed.Outputs["name"] != "/e2e/tf-main" {
		t.Errorf("live holds %q, the outputs are %v", got, v.Application.Deployed.Outputs)
	}
	if log := r.cli("logs", "tf-main"); !strings.Contains(log, "aws_ssm_parameter.p: Creation complete") || !strings.Contains(log, "Apply complete!") ||
		!strings.Contains(log, "hashicorp/aws is started once for all calls") {
		t.Errorf("the log says:\n%s", log)
	}

	byHand := func() {
		_, err := ssm.NewFromConfig(config(t)).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/e2e/tf-main"), Value: aws.String("by hand"), Description: aws.String("made by hand"), Overwrite: aws.Bool(true)})
		r.must(err)
	}
	byHand()
	drift, _ := r.stage.Run(t.Context(), "drift", "tf-main", "--detect")
	for _, want := range []string{"aws_ssm_parameter.p", "description", "holds one", "made by hand"} {
		if !strings.Contains(drift, want) {
			t.Errorf("the drift does not say %q:\n%s", want, drift)
		}
	}
	if strings.Contains(drift, "by hand\"") || !strings.Contains(drift, "(sensitive)") { // a parameter's value is, to the provider
		t.Errorf("the drift shows what is sensitive:\n%s", drift)
	}
	r.cli("sync", "tf-main", "--wait")
	if got := stored(t, "/e2e/tf-main"); got != "one" {
		t.Errorf("after the sync live holds %q", got)
	}

	r.set("tf/main.tf", parameter("/e2e/tf-main", "two"))
	r.ends("tf-main", r.push("another value"), gitops.PhaseSucceeded)
	if got := stored(t, "/e2e/tf-main"); got != "two" {
		t.Errorf("after the push live holds %q", got)
	}

	byHand()
	r.cli("drift", "tf-main", "--detect")
	r.cli("heal", "tf-main", "--wait")
	if d := r.ended("tf-main", gitops.KindHeal, gitops.PhaseSucceeded, ""); d.Plan.Modify != 1 || d.Plan.Add+d.Plan.Replace+d.Plan.Remove != 0 {
		t.Errorf("the heal's plan is %s", d.Plan)
	}
	if got := stored(t, "/e2e/tf-main"); got != "two" {
		t.Errorf("after the heal live holds %q", got)
	}
	if drift := r.cli("drift", "tf-main", "--detect"); !strings.Contains(drift, "in sync") {
		t.Errorf("after the heal the drift says:\n%s", drift)
	}
}

// The other program by one word. The configuration needs no provider that would be downloaded.
func TestOpenTofuRollsOutByOneWord(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "tofu", "version", "-json").Output()
	var said struct {
		Version string `json:"terraform_version"`
	}
	if err != nil || json.Unmarshal(out, &said) != nil {
		t.Skipf("NOT TESTED with OpenTofu: there is no tofu on the PATH that tells its version: %v", err)
	}
	file := strings.Replace(terraformed(t, "tofu-main", ""), "terraform: { version: 1.11.4 }", "terraform: { flavor: tofu, version: "+said.Version+" }", 1)
	code := "resource \"terraform_data\" \"note\" {\n  input = %q\n}\n\noutput \"note\" {\n  value = terraform_data.note.output\n}\n"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file, "tf/main.tf": fmt.Sprintf(code, "one")}))
	v := r.ends("tofu-main", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	if got := v.Application.Deployed.Outputs["note"]; got != "one" {
		t.Errorf("the output is %q", got)
	}
	if log := r.cli("logs", "tofu-main"); !strings.Contains(log, "$ tofu apply") || !strings.Contains(log, "Apply complete!") {
		t.Errorf("the log says:\n%s", log)
	}
	r.set("tf/main.tf", fmt.Sprintf(code, "two"))
	v = r.ends("tofu-main", r.push("another note"), gitops.PhaseSucceeded)
	if got := v.Application.Deployed.Outputs["note"]; got != "two" {
		t.Errorf("after the push the output is %q", got)
	}
}

func TestATerraformPlanIsAppliedAsItWasApproved(t *testing.T) {
	code := parameter("/e2e/tf-careful", "one")
	r := watch(t, mapFS(map[string]string{"driftless.yaml": terraformed(t, "tf-careful", "    sync: { approval: always }\n"),
		"tf/main.tf": code, "tf/.terraform.lock.hcl": locked(t, code)}))
	r.asks("tf-careful")
	if out := r.cli("diff", "tf-careful"); !strings.Contains(out, "[+] aws_ssm_parameter.p") {
		t.Errorf("the plan says:\n%s", out)
	}
	if got := stored(t, "/e2e/tf-careful"); !strings.Contains(got, "NotFound") {
		t.Errorf("before the approval live holds %q", got)
	}
	r.cli("approve", "tf-careful", "--yes")
	r.ends("tf-careful", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	if got := stored(t, "/e2e/tf-careful"); got != "one" {
		t.Errorf("after the approval live holds %q", got)
	}
}

func TestATerraformMistakeIsToldWithItsPlace(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": terraformed(t, "tf-broken", ""), "tf/main.tf": "resource \"aws_ssm_parameter\" \"p\" {\n  name =\n}\n"}))
	v := r.ends("tf-broken", r.git("rev-parse", "HEAD"), gitops.PhaseFailed)
	if !strings.Contains(v.Application.Ended.Reason, "main.tf:2") {
		t.Errorf("the reason is %q", v.Application.Ended.Reason)
	}
}

// The configuration is one of somebody else's, as it stands: a machine of the newest Ubuntu.
func TestAMachineOfSomebodyElsesConfigurationRuns(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(real, "ec2.tf"))
	if err != nil {
		t.Skipf("NOT TESTED with somebody else's configuration: %v", err)
	}
	r := watch(t, mapFS(map[string]string{"driftless.yaml": terraformed(t, "tf-machine", ""), "tf/main.tf": string(data)}))
	r.ends("tf-machine", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
}

// The values are read in the build, on both sides: the plan's, where it waits for a person,
// and the apply's, where it does not.
func TestASecretOfTerraformsIsReadInTheBuildAndShownNowhere(t *testing.T) {
	plain, hidden := "a parameter's secret 5f1c", "a secret's password 77ab"
	_, err := ssm.NewFromConfig(config(t)).PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/driftless/terraform/e2e"), Value: &plain, Type: types.ParameterTypeSecureString})
	if err != nil {
		t.Fatal(err)
	}
	_, err = secretsmanager.NewFromConfig(config(t)).CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: aws.String("driftless/terraform/e2e"), SecretString: aws.String(`{"user":"u","password":"` + hidden + `"}`)})
	if err != nil {
		t.Fatal(err)
	}
	const code = `provider "aws" {}
variable "plain" { sensitive = true }
variable "hidden" { sensitive = true }
variable "name" {}
resource "aws_ssm_parameter" "p" {
  name  = var.name
  type  = "String"
  value = "${var.plain} and ${var.hidden}"
}
output "all" {
  value     = aws_ssm_parameter.p.value
  sensitive = true
}
`
	application := func(name, sync string) string {
		return fmt.Sprintf("  - name: %s\n    path: tf\n    sync: { approval: %s }\n    terraform:\n      version: 1.11.4\n      vars: { name: /e2e/%s }\n"+
			"      secrets: { plain: ssm:/driftless/terraform/e2e, hidden: \"secretsmanager:driftless/terraform/e2e#password\" }\n", name, sync, name)
	}
	file := terraformed(t, "x", "")
	file = file[:strings.Index(file, "  - name: x")] + application("tf-secret", "never") + application("tf-asked", "always")
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file, "tf/main.tf": code}))
	commit := r.git("rev-parse", "HEAD")
	r.asks("tf-asked")
	shown := r.cli("diff", "tf-asked") + r.cli("logs", "tf-asked")
	r.cli("approve", "tf-asked", "--yes")
	for _, name := range []string{"tf-secret", "tf-asked"} {
		r.ends(name, commit, gitops.PhaseSucceeded)
		if got := stored(t, "/e2e/"+name); got != plain+" and "+hidden {
			t.Errorf("%s: live holds %q", name, got)
		}
		shown += r.cli("logs", name) + r.cli("status", name, "-o", "json") + r.cli("history", name, "-o", "json")
	}
	if strings.Contains(shown, plain) || strings.Contains(shown, hidden) {
		t.Errorf("a secret is shown:\n%s", shown)
	}
}

func TestR38_ANewerPushTakesThePlaceOfABuildThatWaits(t *testing.T) {
	for name, asked := range map[string]bool{"tf-queued": false, "tf-queued-asked": true} { // in a queue of either project
		t.Run(name, func(t *testing.T) {
			sync := ""
			if asked {
				sync = "    sync: { approval: always }\n"
			}
			r := watch(t, mapFS(map[string]string{"driftless.yaml": terraformed(t, name, sync), "tf/main.tf": parameter("/e2e/"+name, "one")}))
			r.stage.Sandbox.Builds().Hold(true)
			defer r.stage.Sandbox.Builds().Hold(false)
			var v gitops.View
			until := func(what string, holds func() bool) {
				r.eventually(what, func() bool { v, _ = r.app(name); return v.Deployment != nil && holds() },
					func() string { return describe(v, r.repository()) })
			}
			until("waits in the queue", func() bool { return strings.Contains(v.Message, "waits in CodeBuild's queue") })
			first := v.Deployment.ID
			r.set("tf/main.tf", parameter("/e2e/"+name, "two"))
			commit := r.push("newer")
			until("superseded", func() bool { return v.Deployment.ID != first })
			r.stage.Sandbox.Builds().Hold(false)
			if asked {
				r.asks(name)
				r.cli("approve", name, "--yes")
			}
			r.ends(name, commit, gitops.PhaseSucceeded)
			if got := stored(t, "/e2e/"+name); got != "two" {
				t.Errorf("live holds %q", got)
			}
			if d := r.history(name); len(d) != 2 || d[1].Phase != gitops.PhaseSuperseded {
				t.Errorf("the history is %+v", d)
			}
		})
	}
}
