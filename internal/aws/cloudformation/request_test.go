package cloudformation

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestExistingResourcesAreImportedWhereTheSettingsSaySo(t *testing.T) {
	for _, existing := range []bool{true, false} {
		a := standing("CREATE_COMPLETE")
		w := work(gitops.OperationPlan)
		w.Settings.CloudFormation.ImportExisting = existing
		w = mustStart(t, a.engine(), w)
		if got := aws.ToBool(a.created.ImportExistingResources); got != existing || !aws.ToBool(a.created.IncludeNestedStacks) {
			t.Errorf("asked for %t, nested %t", got, aws.ToBool(a.created.IncludeNestedStacks))
		}
		imported := added("Queue")
		imported.ResourceChange.Action = types.ChangeActionImport
		a.settle(token, imported)
		if got := mustObserve(t, a.engine(), w).Plan.Summary().String(); got != "←1" {
			t.Errorf("the plan is %s", got)
		}
	}
}

func TestAStackThatImportedIsDoneAndUpdatable(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, stackName, "IMPORT_IN_PROGRESS", "User Initiated")
	a.emit(token, stackName, "IMPORT_COMPLETE", "")
	a.emit(token, stackName, "UPDATE_COMPLETE", "")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone {
		t.Errorf("got %s: %s", s.State, s.Reason)
	}
}

func TestAPlanOverSomebodyElsesStackSaysSo(t *testing.T) {
	tag := func(application string) []types.Tag {
		return []types.Tag{{Key: aws.String(tagApplication), Value: aws.String(application)}}
	}
	for name, test := range map[string]struct {
		account *account
		tags    []types.Tag
		want    string
	}{
		"without a tag":                       {standing("CREATE_COMPLETE"), nil, "takes over stack prod-jobs, which Driftless did not make"},
		"with the tag of another application": {standing("CREATE_COMPLETE"), tag("mail"), "takes over stack prod-jobs, which Driftless did not make"},
		"with its own":                        {standing("CREATE_COMPLETE"), tag("jobs"), ""},
		"that is not there":                   {newAccount(), nil, ""},
		"whose shell alone is there":          {standing("REVIEW_IN_PROGRESS"), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := test.account
			if a.stack != nil {
				a.stack.Tags = test.tags
			}
			w := mustStart(t, a.engine(), work(gitops.OperationPlan))
			a.settle(token, added("Queue"))
			a.calls = nil
			s := mustObserve(t, a.engine(), w)
			if s.Plan.Note != test.want {
				t.Errorf("note %q, want %q", s.Plan.Note, test.want)
			}
			if a.count("DescribeStacks") > 0 {
				t.Error("the stack is described again")
			}
		})
	}
}

func TestWarningsOfEarlyValidationAreTold(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settle(token, added("Queue"))
	a.page = 1
	finding := func(id string, status types.ValidationStatus) types.OperationEvent {
		return types.OperationEvent{EventType: types.EventTypeValidationError, LogicalResourceId: &id, ValidationStatus: status,
			ValidationFailureMode: types.HookFailureModeWarn, ValidationPath: aws.String("/Resources/" + id),
			ValidationName: aws.String("BUCKET_EMPTINESS"), ValidationStatusReason: aws.String("the bucket is not empty")}
	}
	a.findings[setARN] = []types.OperationEvent{finding("Logs", types.ValidationStatusFailed), finding("Data", types.ValidationStatusSkipped),
		{EventType: types.EventTypeStackEvent}, finding("Old", types.ValidationStatusFailed)}
	want := "Logs /Resources/Logs: the bucket is not empty (warning of BUCKET_EMPTINESS); Old /Resources/Old: the bucket is not empty (warning of BUCKET_EMPTINESS)"
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady || s.Plan.Note != want {
		t.Errorf("got %s, note %q", s.State, s.Plan.Note)
	}
	digest := s.Plan.Digest
	for _, code := range []string{"AccessDenied", "InvalidAction"} {
		a.fails["DescribeEvents"] = []error{apiError(code, "no")}
		if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationReady || s.Plan.Note != "" || s.Plan.Digest != digest {
			t.Errorf("%s: %s, note %q", code, s.State, s.Plan.Note)
		}
	}
	a.fails["DescribeEvents"] = []error{apiError("Throttling", "Rate exceeded")}
	if s, err := a.engine().Observe(t.Context(), w); err == nil {
		t.Errorf("a plan without its warnings: %s", s.State)
	}
}

func TestR29i_AnAllowedTransformIsSentWithItsCapability(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := work(gitops.OperationPlan)
	w.Settings.CloudFormation.Transforms = []string{"AWS::LanguageExtensions"}
	w.Files = files(map[string]string{"stacks/jobs/template.yaml": "Transform: AWS::LanguageExtensions\n" + goodTemplate})
	w = mustStart(t, a.engine(), w)
	if diff := cmp.Diff([]types.Capability{types.CapabilityCapabilityAutoExpand}, a.created.Capabilities); diff != "" {
		t.Errorf("capabilities (-want +got):\n%s", diff)
	}
	a.settleFailed(token, "No updates are to be performed.")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationNoChange {
		t.Errorf("got %s: %s", s.State, s.Reason)
	}
}

func TestTheParameterFilesTagsAndPreviousValuesAreSent(t *testing.T) {
	template := "Parameters: {Size: {Type: String}, Kept: {Type: String}}\n" + goodTemplate
	parameters := `[{"ParameterKey":"Size","ParameterValue":"7"},{"ParameterKey":"Kept","UsePreviousValue":true}]`
	w := work(gitops.OperationPlan)
	w.Settings.CloudFormation.Parameters = "prod.json"
	w.Files = files(map[string]string{"stacks/jobs/template.yaml": template, "stacks/jobs/prod.json": parameters})
	a := standing("CREATE_COMPLETE")
	mustStart(t, a.engine(), w)
	want := []types.Parameter{
		{ParameterKey: aws.String("Size"), ParameterValue: aws.String("7")}, {ParameterKey: aws.String("Kept"), UsePreviousValue: aws.Bool(true)}}
	if got := fmt.Sprintln(told(a.created.Parameters)); got != fmt.Sprintln(told(want)) {
		t.Errorf("parameters %s", got)
	}
	a = newAccount()
	if reason := refusal(t, a.engine(), w).Reason; !strings.Contains(reason, "prod.json:1:") || !strings.Contains(reason, "Kept") || slices.Contains(a.calls, "CreateChangeSet") {
		t.Errorf("a creation with a previous value: %q by %v", reason, a.calls)
	}
}

// told writes parameters in one line.
func told(all []types.Parameter) string {
	var b strings.Builder
	for _, p := range all {
		fmt.Fprintf(&b, "%s=%s %t;", aws.ToString(p.ParameterKey), aws.ToString(p.ParameterValue), aws.ToBool(p.UsePreviousValue))
	}
	return b.String()
}

// TestR29_AThousandLeftoversAreClearedAndTriedAgainOnce: what is removed in one step is
// bounded, and enough for the plan at hand.
func TestR29_AThousandLeftoversAreClearedAndTriedAgainOnce(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	for i := range a.limit {
		name := fmt.Sprintf("driftless-old-%d", i)
		w := work(gitops.OperationPlan)
		w.Operation.Token = name
		mustStart(t, a.engine(), w)
		a.settleFailed(name, noChanges[0])
	}
	a.calls = nil
	mustStart(t, a.engine(), work(gitops.OperationPlan))
	if a.sets[token] == nil || a.count("CreateChangeSet") != 2 || a.count("DeleteChangeSet") != room || len(a.sets) != a.limit-room+1 {
		t.Errorf("%d change sets are left; calls: %d creations, %d deletions", len(a.sets), a.count("CreateChangeSet"), a.count("DeleteChangeSet"))
	}
	a.fails["CreateChangeSet"] = []error{apiError("LimitExceededException", "ChangeSet limit exceeded"), apiError("LimitExceededException", "ChangeSet limit exceeded")}
	next := work(gitops.OperationPlan)
	next.Operation.Token = "driftless-01J0-9"
	if r := refusal(t, a.engine(), next); !r.Blocked {
		t.Errorf("a limit that stays is %+v", r)
	}
}

// TestR29k_WhatCanBeFoundHereIsFoundBeforeAnyCall: nothing is half done.
func TestR29k_WhatCanBeFoundHereIsFoundBeforeAnyCall(t *testing.T) {
	var many strings.Builder
	for i := range 201 {
		fmt.Fprintf(&many, "  P%d: {Type: String, Default: a}\n", i)
	}
	const role = "Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties: {RoleName: admin, AssumeRolePolicyDocument: {}}\n"
	for name, test := range map[string]struct{ template, parameters, want string }{
		"a missing capability":       {role, "[]", "CAPABILITY_NAMED_IAM"},
		"more than 200 parameters":   {"Parameters:\n" + many.String() + goodTemplate, "[]", "200"},
		"a missing parameter":        {"Parameters: {Size: {Type: String}}\n" + goodTemplate, "[]", "Size"},
		"a secret that is shown":     {"Parameters: {S: {Type: String, NoEcho: true}}\n" + goodTemplate + "Outputs: {O: {Value: !Ref S}}\n", `["S=` + "hunter2" + `"]`, "Outputs.O"},
		"a parameter of no one":      {goodTemplate, `["Size=1"]`, "Size"},
		"a stack policy beside it":   {goodTemplate, `{"Parameters":{},"StackPolicy":{"Statement":[]}}`, "StackPolicy"},
		"two mistakes, both of them": {role + "  Other: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Nobody}}\n", "[]", "Nobody"},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			w := work(gitops.OperationPlan)
			w.Settings.CloudFormation.Parameters = "prod.json"
			w.Files = files(map[string]string{"stacks/jobs/template.yaml": test.template, "stacks/jobs/prod.json": test.parameters})
			r := refusal(t, a.engine(), w)
			if !strings.Contains(r.Reason, test.want) || r.Blocked || len(a.calls) > 0 {
				t.Errorf("%q, blocked %t, calls %v", r.Reason, r.Blocked, a.calls)
			}
			if strings.Contains(r.Reason, "hunter2") {
				t.Errorf("the secret is told: %q", r.Reason)
			}
		})
	}
}
