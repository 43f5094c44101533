package render_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

// policy is a role's policy, as long as real ones are.
func policy(action string, extra ...string) string {
	statements := []string{`{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}`}
	for _, e := range extra {
		statements = append(statements, `{"Effect":"Allow","Action":"`+e+`","Resource":"*"}`)
	}
	statements = append(statements, `{"Effect":"Allow","Action":"`+action+`","Resource":"arn:aws:s3:::bucket/*"}`)
	return `[{"PolicyName":"jobs","PolicyDocument":{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}}]`
}

func plan() gitops.Plan {
	script := "#!/bin/sh\n" + strings.Repeat("echo preparing the machine\n", 20)
	p := gitops.Plan{Engine: gitops.EngineCloudFormation, Kind: gitops.KindDeploy, Changes: []gitops.Change{
		{Action: gitops.ActionAdd, LogicalID: "Alarm", Type: "AWS::CloudWatch::Alarm", Properties: []gitops.PropertyChange{
			{Path: "/Threshold", Proposed: "5"}, {Path: "/AlarmActions", Proposed: `["arn:aws:sns:eu-west-1:111122223333:alerts"]`},
			{Path: "/Metrics", Proposed: policy("s3:GetObject", "sqs:SendMessage")}}},
		{Action: gitops.ActionModify, LogicalID: "Queue", Type: "AWS::SQS::Queue", Properties: []gitops.PropertyChange{
			{Path: "/VisibilityTimeout", LastDeployed: "5", Proposed: "60", Recreates: "Never"},
			{Path: "/KmsMasterKeyId", Proposed: "alias/aws/sqs"},
			{Path: "/Tags", LastDeployed: `[{"Key":"team","Value":"mail"}]`}}},
		{Action: gitops.ActionModify, LogicalID: "Role", Type: "AWS::IAM::Role", Properties: []gitops.PropertyChange{
			{Path: "/Policies", LastDeployed: policy("s3:*"), Proposed: policy("s3:GetObject", "sqs:SendMessage")},
			{Path: "/AssumeRolePolicyDocument", Proposed: policy("sts:AssumeRole")}}},
		{Action: gitops.ActionReplace, LogicalID: "Server", Type: "AWS::EC2::Instance", Properties: []gitops.PropertyChange{
			{Path: "/UserData", LastDeployed: script + "exit 1\n" + script, Proposed: script + "exit 0\n" + script, Recreates: "Conditionally"},
			{Path: "/SubnetId", LastDeployed: "subnet-1", Proposed: "{{changeSet:KNOWN_AFTER_APPLY}}", Recreates: "Always"}}},
		{Action: gitops.ActionRemove, LogicalID: "Topic", Type: "AWS::SNS::Topic"},
		{Action: gitops.ActionRemove, LogicalID: "Table", Type: "AWS::DynamoDB::Table", Keeps: true},
		{Action: gitops.ActionModify, LogicalID: "Child", Type: "AWS::CloudFormation::Stack", Nested: []gitops.Change{
			{Action: gitops.ActionImport, LogicalID: "Bucket", Type: "AWS::S3::Bucket"}}}},
		Note: "values of Server were cut short by CloudFormation"}
	p.Seal()
	return p
}

func TestAPlanIsShownPropertyByProperty(t *testing.T) {
	golden(t, "plan", render.Plan(deployment(gitops.PhaseAwaitingApproval, "the plan replaces or removes resources"), plan(), false))
	golden(t, "plan coloured", render.Plan(deployment(gitops.PhaseAwaitingApproval, "the plan replaces or removes resources"), plan(), true))
	empty := gitops.Plan{}
	empty.Seal()
	golden(t, "plan empty", render.Plan(deployment(gitops.PhaseApplying, "outputs alone"), empty, false))
}

func TestARevertShowsLiveLastDeployedAndProposed(t *testing.T) {
	p := gitops.Plan{Kind: gitops.KindRevert, Changes: []gitops.Change{
		{Action: gitops.ActionModify, LogicalID: "Queue", Type: "AWS::SQS::Queue", Properties: []gitops.PropertyChange{
			{Path: "/VisibilityTimeout", Live: "60", LastDeployed: "5", Proposed: "5"},
			{Path: "/DelaySeconds", Live: "0", LastDeployed: "0", Proposed: "10"}}},
		{Action: gitops.ActionModify, LogicalID: "Role", Type: "AWS::IAM::Role", Properties: []gitops.PropertyChange{
			{Path: "/Policies", Live: policy("s3:*", "iam:*"), LastDeployed: policy("s3:GetObject"), Proposed: policy("s3:GetObject")}}},
		{Action: gitops.ActionAdd, LogicalID: "Topic", Type: "AWS::SNS::Topic"}}}
	p.Seal()
	d := deployment(gitops.PhaseApplying, "asked for by ann: live has drifted")
	d.Kind = gitops.KindRevert
	golden(t, "plan revert", render.Plan(d, p, false))
}

func report() gitops.DriftReport {
	return gitops.DriftReport{Application: "jobs", StackID: "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/0a1b", At: ago(12 * time.Second),
		Complete: true, Resources: []gitops.ResourceDrift{
			{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: gitops.ResourceModified, Since: ago(12 * time.Minute), Properties: []gitops.Difference{
				{Path: "/VisibilityTimeout", Declared: "5", Live: "60", Kind: "NOT_EQUAL"}, {Path: "/Tags/0", Live: `{"Key":"owner","Value":"ann"}`, Kind: "ADD"}}},
			{LogicalID: "Role", Type: "AWS::IAM::Role", Status: gitops.ResourceModified, Since: ago(12 * time.Minute), Properties: []gitops.Difference{
				{Path: "/Policies", Declared: policy("s3:GetObject"), Live: policy("s3:*"), Kind: "NOT_EQUAL"}}},
			{LogicalID: "Topic", Type: "AWS::SNS::Topic", Status: gitops.ResourceDeleted, Since: ago(time.Hour)},
			{LogicalID: "Table", Type: "AWS::DynamoDB::Table", Status: gitops.ResourceInSync},
			{LogicalID: "Subscription", Type: "AWS::SNS::Subscription", Status: gitops.ResourceNotCheckable, Reason: "CloudFormation cannot detect drift of this type"},
			{LogicalID: "Permission", Type: "AWS::Lambda::Permission", Status: gitops.ResourceNotCheckable, Reason: "CloudFormation cannot detect drift of this type"},
			{LogicalID: "Key", Type: "AWS::KMS::Key", Status: gitops.ResourceNotCheckable, Reason: "the drift role may not kms:DescribeKey"},
			{LogicalID: "Scaling", Type: "AWS::ApplicationAutoScaling::ScalableTarget", Status: gitops.ResourceIgnored, Reason: "set by the scaler"}}}
}

func TestADriftReportSaysWhatDiffersAndWhatWasNotSeen(t *testing.T) {
	golden(t, "drift", render.Drift(report(), now, false))
	in := report()
	in.Resources = in.Resources[3:4]
	golden(t, "drift in sync", render.Drift(in, now, false))
	others := in
	others.Foreign = "the stack was updated by somebody else at 2026-11-21 09:30:00Z"
	golden(t, "drift by others", render.Drift(others, now, false))
	gone := gitops.DriftReport{Application: "jobs", StackID: in.StackID, At: in.At, Complete: true, Gone: true, Foreign: "the stack was deleted by somebody else"}
	golden(t, "drift gone", render.Drift(gone, now, false))
	unseen := report()
	unseen.Resources = unseen.Resources[4:7]
	golden(t, "drift not checkable", render.Drift(unseen, now, false))
	in.Complete, in.Reason = false, "the detection ended early:\nRate exceeded"
	golden(t, "drift incomplete", render.Drift(in, now, false))
}

func TestADiffIsThePlanElseTheDrift(t *testing.T) {
	p, r, clean := plan(), report(), report()
	clean.Resources = clean.Resources[3:4]
	partly, unseen := report(), report()
	partly.Resources, unseen.Resources = partly.Resources[3:7], unseen.Resources[4:7]
	unsure := clean
	unsure.Complete, unsure.Reason = false, "Rate exceeded"
	waiting, planning := deployment(gitops.PhaseAwaitingApproval, ""), deployment(gitops.PhasePlanning, "a new deployment")
	var b strings.Builder
	for _, c := range []struct {
		name string
		diff gitops.Diff
	}{
		{"a plan goes before drift", gitops.Diff{Application: "jobs", Deployment: &waiting, Plan: &gitops.Plan{Digest: p.Digest}, Report: &r}},
		{"no plan yet", gitops.Diff{Application: "jobs", Deployment: &planning, Report: &clean}},
		{"nothing planned, drifted", gitops.Diff{Application: "jobs", Report: &gitops.DriftReport{Application: "jobs", At: ago(time.Minute), Complete: true, Resources: r.Resources[2:3]}}},
		{"nothing planned, in sync", gitops.Diff{Application: "jobs", Report: &clean}},
		{"nothing planned, in sync as far as it could be checked", gitops.Diff{Application: "jobs", Report: &partly}},
		{"nothing planned, and nothing could be checked", gitops.Diff{Application: "jobs", Sync: gitops.StatusSynced, Report: &unseen}},
		{"nothing planned, and nobody knows", gitops.Diff{Application: "jobs", Report: &unsure}},
		{"never looked", gitops.Diff{Application: "jobs"}},
		{"in sync, and the record says so too", gitops.Diff{Application: "jobs", Sync: gitops.StatusSynced, Report: &clean}},
		{"the last deployment failed", gitops.Diff{Application: "jobs", Sync: gitops.StatusOutOfSync, Message: findings, Report: &clean}},
		{"the repository has a problem", gitops.Diff{Application: "jobs", Sync: gitops.StatusUnknown, Message: "driftless.yaml:3:5: unknown key", Report: &clean}},
		{"the stack is gone", gitops.Diff{Application: "jobs", Sync: gitops.StatusOutOfSync, Message: "the stack was deleted by somebody else",
			Report: &gitops.DriftReport{Application: "jobs", At: ago(time.Minute), Complete: true, Gone: true, Foreign: "the stack was deleted by somebody else"}}},
	} {
		fmt.Fprintf(&b, "# %s\n%s\n", c.name, render.Diff(c.diff, now, false))
	}
	golden(t, "diff", b.String())
}

func TestLongValuesAreCutAroundWhatDiffers(t *testing.T) {
	long := strings.Repeat("x", 500)
	many := func(v string) string {
		var parts []string
		for i := range 30 {
			parts = append(parts, fmt.Sprintf(`"key%02d":%q`, i, v))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	key := func(digit, suffix string) string { return "artefacts/" + strings.Repeat(digit, 64) + "." + suffix }
	packaged := func(digit, suffix string) string {
		return "https://driftless-artefacts-111122223333-eu-west-1.s3.eu-west-1.amazonaws.com/" + key(digit, suffix)
	}
	var b strings.Builder
	for _, c := range []struct{ name, before, after string }{
		{"a difference at the end", long + "a", long + "b"},
		{"a difference at the beginning", "a" + long, "b" + long},
		{"one side far shorter", long, "x"},
		{"nothing before", "", long},
		{"nothing after", many("a"), ""},
		{"an object whose every value changed", many("a"), many("b")},
		{"a list that grew at its front", `["a","b","c"` + strings.Repeat(`,"more"`, 20) + `]`, `["z","a","b","c"` + strings.Repeat(`,"more"`, 20) + `]`},
		{"a list that shrank in between", `["a","b","c"` + strings.Repeat(`,"more"`, 20) + `]`, `["a","c"` + strings.Repeat(`,"more"`, 20) + `]`},
		{"another kind of JSON", many("a"), "[" + many("a") + "]"},
		{"JSON that is cut short", many("a")[:200], many("b")[:200]},
		{"text and number", `{"a":5,"b":"` + long + `"}`, `{"a":"5","b":"` + long + `"}`},
		{"a nested template that was packaged", packaged("a", "template"), packaged("b", "template")},
		{"code that was packaged", `{"S3Bucket":"driftless-artefacts","S3Key":"` + key("a", "zip") + `"}`, `{"S3Bucket":"driftless-artefacts","S3Key":"` + key("b", "zip") + `"}`},
		{"a hash that is no artefact's", strings.Repeat("a1", 32), strings.Repeat("b2", 32)},
		{"empty and absent", `{"a":"","b":"` + long + `"}`, `{"b":"` + long + `"}`},
	} {
		p := gitops.Plan{Changes: []gitops.Change{{Action: gitops.ActionModify, LogicalID: "R", Type: "T",
			Properties: []gitops.PropertyChange{{Path: "/Value", LastDeployed: c.before, Proposed: c.after}}}}}
		_, text, _ := strings.Cut(render.Plan(gitops.Deployment{Application: "jobs"}, p, false), "\n")
		fmt.Fprintf(&b, "# %s\n%s\n", c.name, text)
	}
	golden(t, "values", b.String())
	for l := range strings.Lines(b.String()) {
		if n := len([]rune(l)); n > 220 {
			t.Errorf("a line has %d characters: %s", n, l)
		}
	}
}

func TestAStateIsCalledOne(t *testing.T) {
	for id, want := range map[string]string{
		"s3://states/applications/data.tfstate": "data  state s3://states/applications/data.tfstate  ",
		"terraform:data":                        "data  state terraform:data  ",
		"arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-data/8f2d": "data  stack prod-data  ",
	} {
		if got := render.Drift(gitops.DriftReport{Application: "data", StackID: id, Complete: true}, time.Time{}, false); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", id, got, want)
		}
	}
	v := gitops.View{Application: gitops.Application{ID: "data", Settings: gitops.Settings{Terraform: &gitops.Terraform{}}, Deployed: gitops.Deployed{StackID: "s3://states/a"}}}
	if got := render.Application(v, time.Time{}, false); !strings.Contains(got, "\nstate         s3://states/a\n") {
		t.Errorf("got %q", got)
	}
}
