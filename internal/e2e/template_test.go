package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// whole is a template as teams have them: over 51,200 bytes, with a nested stack and with
// code that lies beside it.
func whole(timeout int) string {
	architecture := "x86_64"
	if runtime.GOARCH == "arm64" {
		architecture = "arm64"
	}
	return strings.Repeat("# What follows is explained at length, as it deserves.\n", 1000) + fmt.Sprintf(`Resources:
  Jobs:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/jobs.yaml
      Parameters: { Timeout: %d }
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: whole-handler
      Runtime: provided.al2023
      Handler: bootstrap
      Architectures: [%s]
      Role: !GetAtt Role.Arn
      Code: code
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{ Effect: Allow, Action: sts:AssumeRole, Principal: { Service: lambda.amazonaws.com } }]
Outputs:
  Queue: { Value: !GetAtt Jobs.Outputs.Queue }
`, timeout, architecture)
}

const jobs = `Parameters:
  Timeout: { Type: Number }
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties: { QueueName: whole-jobs, VisibilityTimeout: !Ref Timeout }
Outputs:
  Queue: { Value: !GetAtt Queue.QueueName }
`

func TestALargeTemplateItsNestedStackAndItsCodeAreDeployedAsTheyLieInGit(t *testing.T) {
	const name = "whole"
	own := strings.Replace(file(name), "{ stack: whole }", "{ stack: whole, capabilities: [CAPABILITY_IAM] }", 1)
	r := watch(t, mapFS(map[string]string{
		"driftless.yaml":                own,
		"stacks/whole/template.yaml":    whole(5),
		"stacks/whole/nested/jobs.yaml": jobs,
		"stacks/whole/code/bootstrap":   "#!/bin/sh\n",
	}))
	r.must(os.Chmod(filepath.Join(r.stage.Dir, "stacks/whole/code/bootstrap"), 0o755))
	v := r.ends(name, r.push("executable"), gitops.PhaseSucceeded)
	if got := v.Application.Deployed.Outputs["Queue"]; got != "whole-jobs" {
		t.Errorf("the outputs are %v", v.Application.Deployed.Outputs)
	}

	r.set("stacks/whole/template.yaml", whole(60))
	v = r.ends(name, r.push("slower"), gitops.PhaseSucceeded)
	var diff gitops.Diff
	r.must(r.stage.JSON(t.Context(), &diff, "diff", name, "--deployment", v.Application.Ended.Deployment))
	var tree []string
	for _, c := range diff.Plan.Changes {
		tree = append(tree, fmt.Sprintf("%s %s", c.Action, c.LogicalID))
		for _, n := range c.Nested {
			tree = append(tree, fmt.Sprintf("%s.%s %s", c.LogicalID, n.LogicalID, n.Action))
		}
	}
	if got, want := strings.Join(tree, ", "), "Modify Jobs, Jobs.Queue Modify"; got != want {
		t.Errorf("the plan is %q, want %q: the code did not change", got, want)
	}
	if text := r.cli("diff", name, "--deployment", v.Application.Ended.Deployment); !strings.Contains(text, "VisibilityTimeout") {
		t.Errorf("diff does not show what changes in the nested stack:\n%s", text)
	}

	r.set("stacks/whole/notes.txt", "nothing that is deployed\n")
	v = r.ends(name, r.push("words"), gitops.PhaseSucceeded)
	// CloudFormation looks into every nested stack, so that a change set is there to be
	// executed; what it would do is nothing.
	var last gitops.Diff
	r.must(r.stage.JSON(t.Context(), &last, "diff", name, "--deployment", v.Application.Ended.Deployment))
	if last.Plan != nil && len(last.Plan.Changes) != 0 {
		t.Errorf("nothing that is deployed changed, and the plan is %+v", last.Plan.Changes)
	}
}

func TestParameterFilesOfOtherToolsAreTakenAsTheyAre(t *testing.T) {
	template := "Parameters:\n  Timeout: { Type: Number }\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: { VisibilityTimeout: !Ref Timeout }\nOutputs:\n  Timeout: { Value: !Ref Timeout }\n"
	shapes := map[string]string{
		"params-cli":      `[{"ParameterKey": "Timeout", "ParameterValue": "11"}]`,
		"params-short":    `["Timeout=12"]`,
		"params-pipeline": `{"Parameters": {"Timeout": "13"}, "Tags": {"team": "a"}}`,
		"params-gitsync":  "template-file-path: stacks/params-gitsync/template.yaml\nparameters:\n  Timeout: 14\ntags:\n  team: a\n",
	}
	want := map[string]string{"params-cli": "11", "params-short": "12", "params-pipeline": "13", "params-gitsync": "14"}
	files, names := map[string]string{}, []string{"params-cli", "params-short", "params-pipeline", "params-gitsync"}
	all := file(names...)
	for _, n := range names {
		files["stacks/"+n+"/template.yaml"], files["stacks/"+n+"/parameters"] = template, shapes[n]
		all = strings.Replace(all, "{ stack: "+n+" }", "{ stack: "+n+", parameters: parameters }", 1)
	}
	files["driftless.yaml"] = all
	r := watch(t, mapFS(files))
	head := r.git("rev-parse", "HEAD")
	for _, n := range names {
		v := r.ends(n, head, gitops.PhaseSucceeded)
		if got := v.Application.Deployed.Outputs["Timeout"]; got != want[n] {
			t.Errorf("%s: the timeout is %q, want %q", n, got, want[n])
		}
	}
}

func TestAMacroRunsOnlyWhereItIsAllowedByName(t *testing.T) {
	const name = "macro"
	template := "Transform: AWS::LanguageExtensions\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      VisibilityTimeout:\n        Fn::Length: [a, b, c]\n"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file(name), "stacks/macro/template.yaml": template}))
	v := r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseFailed)
	if reason := v.Application.Ended.Reason; !strings.Contains(reason, "AWS::LanguageExtensions") || !strings.Contains(reason, "transforms") {
		t.Errorf("the reason is %q", reason)
	}
	r.set("driftless.yaml", strings.Replace(file(name), "{ stack: macro }", "{ stack: macro, transforms: [AWS::LanguageExtensions] }", 1))
	r.ends(name, r.push("allow it"), gitops.PhaseSucceeded)
}

func TestATagIsDeployedAndFollowedWhenItMoves(t *testing.T) {
	const name = "tagged"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": "version: 1\napplications: []\n"}))
	r.set("driftless.yaml", file(name))
	r.set("stacks/tagged/template.yaml", queue("tagged", 5))
	first, err := r.stage.Commit(t.Context(), "release")
	r.must(err)
	at := r.stage.Sandbox.GitURL(r.name)
	r.git("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "tag", "-a", "-m", "the first release", "live", first)
	r.git("push", "-q", at, "refs/tags/live")
	r.cli("repository", "add", r.url(), "--tag", "live")
	r.ends(name, first, gitops.PhaseSucceeded)

	r.set("stacks/tagged/template.yaml", queue("tagged", 60))
	second, err := r.stage.Commit(t.Context(), "another release")
	r.must(err)
	r.git("tag", "-f", "live", second) // a lightweight one this time
	r.git("push", "-q", "-f", at, "refs/tags/live")
	r.ends(name, second, gitops.PhaseSucceeded)

	r.git("push", "-q", at, ":refs/tags/live")
	r.eventually("the tag is gone", func() bool {
		v, ok := r.app(name)
		return ok && v.Health == gitops.HealthSuspended
	}, func() string { v, _ := r.app(name); return describe(v, r.repository()) })
}

func TestAFilePerTeamIsEnough(t *testing.T) {
	own := func(name string) string {
		return "version: 1\napplications:\n  - name: " + name + "\n    path: .\n    cloudformation: {}\n"
	}
	r := watch(t, mapFS(map[string]string{
		"driftless.yaml":         strings.Replace(file(), "applications:\n", "include: [\"teams/*\"]\n", 1),
		"teams/a/driftless.yaml": own("team-a"), "teams/a/template.yaml": queue("team-a", 5),
		"teams/b/driftless.yaml": own("team-b"), "teams/b/template.yaml": queue("team-b", 5),
	}))
	head := r.git("rev-parse", "HEAD")
	r.ends("team-a", head, gitops.PhaseSucceeded)
	r.ends("team-b", head, gitops.PhaseSucceeded)
	r.set("teams/a/driftless.yaml", own("team-a")+"    colour: blue\n")
	r.set("teams/b/template.yaml", queue("team-b", 60))
	r.ends("team-b", r.push("a mistake of one team"), gitops.PhaseSucceeded)
	v, _ := r.app("team-a")
	if v.Sync != gitops.StatusUnknown || !strings.Contains(v.Message, "teams/a/driftless.yaml:6:5") {
		t.Errorf("team-a is %s: %s", v.Sync, v.Message)
	}
}
