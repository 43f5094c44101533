package cloudformation

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestWhatAChangeSetsStatusesMeanForAPlan(t *testing.T) {
	for name, test := range map[string]struct {
		status    types.ChangeSetStatus
		execution types.ExecutionStatus
		want      gitops.OperationState
	}{
		"being created":              {"CREATE_IN_PROGRESS", "UNAVAILABLE", gitops.OperationRunning},
		"created, not yet available": {"CREATE_COMPLETE", "UNAVAILABLE", gitops.OperationRunning},
		"available":                  {"CREATE_COMPLETE", "AVAILABLE", gitops.OperationReady},
		"overtaken by another":       {"CREATE_COMPLETE", "OBSOLETE", gitops.OperationStale},
		"executed by somebody":       {"CREATE_COMPLETE", "EXECUTE_COMPLETE", gitops.OperationStale},
		"executing by somebody":      {"CREATE_COMPLETE", "EXECUTE_IN_PROGRESS", gitops.OperationForeign},
		"being deleted":              {"DELETE_IN_PROGRESS", "UNAVAILABLE", gitops.OperationStale},
		"failed":                     {"FAILED", "UNAVAILABLE", gitops.OperationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			w := mustStart(t, a.engine(), work(gitops.OperationPlan))
			a.sets[token].Status, a.sets[token].ExecutionStatus = test.status, test.execution
			if s := mustObserve(t, a.engine(), w); s.State != test.want {
				t.Errorf("got %s (%s), want %s", s.State, s.Reason, test.want)
			}
		})
	}
}

func TestAStatusThatNobodyKnowsIsAnError(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.sets[token].Status = "NEWLY_INVENTED"
	if s, err := a.engine().Observe(t.Context(), w); err == nil {
		t.Errorf("got %s", s.State)
	}
}

func TestR27_BothWordingsOfNoChangesAreNoChange(t *testing.T) {
	for _, reason := range []string{
		"The submitted information didn't contain changes. Submit different information to create a change set.",
		"No updates are to be performed.",
	} {
		a := standing("CREATE_COMPLETE")
		w := mustStart(t, a.engine(), work(gitops.OperationPlan))
		a.settleFailed(token, reason)
		s := mustObserve(t, a.engine(), w)
		if s.State != gitops.OperationNoChange {
			t.Errorf("%q is %s", reason, s.State)
		}
		w.Operation = s.Operation
		w.Operation.Kind = gitops.OperationCancel
		mustStart(t, a.engine(), w)
		if len(a.sets) != 0 {
			t.Errorf("the empty change set is left")
		}
	}
}

func TestR28_AChangeSetThatFailedForAReasonIsFailedWithIt(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settleFailed(token, "Template error: Mapping didn't contain changes worth having")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationFailed || s.Reason != "Template error: Mapping didn't contain changes worth having" {
		t.Errorf("got %s: %s", s.State, s.Reason)
	}
}

func TestR28_EarlyValidationTellsWhereAndWhy(t *testing.T) {
	const reason = "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]"
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settleFailed(token, reason)
	a.findings[setARN] = []types.OperationEvent{
		{EventType: types.EventTypeStackEvent, LogicalResourceId: aws.String("Queue")},
		{EventType: types.EventTypeValidationError, LogicalResourceId: aws.String("Queue"),
			ValidationPath: aws.String("/Resources/Queue/Properties/VisibilityTimeout"), ValidationName: aws.String("PROPERTY_VALIDATION"),
			ValidationStatusReason: aws.String("not an integer")},
	}
	want := "Queue /Resources/Queue/Properties/VisibilityTimeout: not an integer (PROPERTY_VALIDATION)"
	if s := mustObserve(t, a.engine(), w); s.Reason != want {
		t.Errorf("got %q, want %q", s.Reason, want)
	}
	a.fails["DescribeEvents"] = []error{apiError("AccessDenied", "no")}
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationFailed || s.Reason != reason {
		t.Errorf("without the right to the details: %s: %s", s.State, s.Reason)
	}
}

func TestACapabilityThatWhatAMacroMadeNeedsIsToldWithItsRemedy(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settleFailed(token, "Requires capabilities : [CAPABILITY_NAMED_IAM]")
	want := "Requires capabilities : [CAPABILITY_NAMED_IAM]: add it to the application's capabilities in driftless.yaml"
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationFailed || s.Reason != want {
		t.Errorf("got %s %q, want %q", s.State, s.Reason, want)
	}
}

func TestANameThatIsTakenIsToldWithItsRemedy(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settleFailed(token, "The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]")
	a.findings[setARN] = []types.OperationEvent{{EventType: types.EventTypeValidationError, LogicalResourceId: aws.String("Queue"),
		ValidationName: aws.String("NAME_CONFLICT_VALIDATION"), ValidationStatusReason: aws.String("Resource of type 'AWS::SQS::Queue' with identifier 'jobs' already exists.")}}
	want := "Queue: Resource of type 'AWS::SQS::Queue' with identifier 'jobs' already exists. (NAME_CONFLICT_VALIDATION): " +
		"importExisting: true in driftless.yaml takes it into the stack"
	if s := mustObserve(t, a.engine(), w); s.Reason != want {
		t.Errorf("got %q, want %q", s.Reason, want)
	}
}

func TestAPlanHoldsEveryPage(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	a.page = 2
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settle(token, added("E"), added("D"), added("C"), added("B"), added("A"))
	a.calls = nil
	s := mustObserve(t, a.engine(), w)
	if got := s.Plan.Summary().Add; got != 5 {
		t.Errorf("%d changes", got)
	}
	if n := a.count("DescribeChangeSet"); n != 3 || a.count("DescribeEvents") != 1 || len(a.calls) != 4 {
		t.Errorf("calls: %v", a.calls)
	}
	a.fails["DescribeChangeSet"] = []error{nil, apiError("Throttling", "Rate exceeded")}
	if s, err := a.engine().Observe(t.Context(), w); err == nil {
		t.Errorf("half a plan: %+v", s.Plan)
	}
}

func TestAPlanOfOutputsAloneIsReady(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settle(token)
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady || s.Plan.Digest == "" || s.Plan.Note == "" {
		t.Errorf("got %s %+v", s.State, s.Plan)
	}
}

func TestWhatAChangeDoesToAResource(t *testing.T) {
	for name, test := range map[string]struct {
		action      types.ChangeAction
		replacement types.Replacement
		policy      types.PolicyAction
		want        gitops.Action
		keeps       bool
	}{
		"an addition":                        {"Add", "", "", gitops.ActionAdd, false},
		"a change in place":                  {"Modify", "False", "", gitops.ActionModify, false},
		"a replacement":                      {"Modify", "True", "ReplaceAndDelete", gitops.ActionReplace, false},
		"what may be a replacement":          {"Modify", "Conditional", "", gitops.ActionReplace, false},
		"a replacement that keeps the old":   {"Modify", "True", "ReplaceAndRetain", gitops.ActionReplace, true},
		"a removal":                          {"Remove", "", "Delete", gitops.ActionRemove, false},
		"a removal that keeps the resource":  {"Remove", "", "Retain", gitops.ActionRemove, true},
		"a removal that leaves its snapshot": {"Remove", "", "Snapshot", gitops.ActionRemove, false},
		"an import":                          {"Import", "", "", gitops.ActionImport, false},
		"what is known later":                {"Dynamic", "", "", gitops.ActionModify, false},
		"live taken over":                    {"SyncWithActual", "", "", gitops.ActionModify, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := changeOf(types.ResourceChange{Action: test.action, Replacement: test.replacement, PolicyAction: test.policy}, nil)
			if err != nil || c.Action != test.want || c.Keeps != test.keeps {
				t.Errorf("got %s, keeps %t, %v", c.Action, c.Keeps, err)
			}
		})
	}
}

func target(path, before, after string, recreation types.RequiresRecreation) *types.ResourceTargetDefinition {
	return &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Path: aws.String(path),
		BeforeValue: aws.String(before), AfterValue: aws.String(after), RequiresRecreation: recreation}
}

func TestPropertiesAreMergedByPathAndSecretsStayHidden(t *testing.T) {
	got, err := properties([]types.ResourceChangeDetail{
		{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String("Delay")}},
		{Target: target("/Properties/Delay", "1", "2", types.RequiresRecreationConditionally)},
		{Target: target("/Properties/Password", "old", "new", types.RequiresRecreationNever), CausingEntity: aws.String("Secret")},
		{Target: target("/Properties/Password", "old", "new", types.RequiresRecreationAlways)},
		{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeTags, RequiresRecreation: types.RequiresRecreationNever}},
		{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, RequiresRecreation: types.RequiresRecreationNever}},
		{},
	}, masked([]types.Parameter{
		{ParameterKey: aws.String("Secret"), ParameterValue: aws.String("****")},
		{ParameterKey: aws.String("Size"), ParameterValue: aws.String("2*")}}))
	want := []gitops.PropertyChange{
		{Path: "/Delay", LastDeployed: "1", Proposed: "2", Recreates: "Conditionally"},
		{Path: "/Password", LastDeployed: mask, Proposed: mask, Recreates: "Always"},
		{Path: "/Tags", Recreates: "Never"},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, properties (-want +got):\n%s", err, diff)
	}
}

func TestAnAdditionShowsTheResourceAsItWillBe(t *testing.T) {
	for name, test := range map[string]struct {
		context *string
		want    []gitops.PropertyChange
	}{
		"by its properties": {aws.String(`{"Properties":{"VisibilityTimeout":5,"Account":123456789012,"QueueName":"<jobs>","Fifo":true,` +
			`"Password":"****","Arn":"{{changeSet:KNOWN_AFTER_APPLY}}","Tags":[{"Value":"a & b","Key":"team"}]},"DeletionPolicy":"Retain"}`),
			[]gitops.PropertyChange{
				{Path: "/Account", Proposed: "123456789012"},
				{Path: "/Arn", Proposed: "{{changeSet:KNOWN_AFTER_APPLY}}"},
				{Path: "/Fifo", Proposed: "true"},
				{Path: "/Password", Proposed: "****"},
				{Path: "/QueueName", Proposed: "<jobs>"},
				{Path: "/Tags", Proposed: `[{"Key":"team","Value":"a & b"}]`},
				{Path: "/VisibilityTimeout", Proposed: "5"},
			}},
		"which has no properties":        {aws.String(`{"Metadata":{}}`), nil},
		"without a context":              {nil, nil},
		"as AWS wrote it, where cut off": {aws.String(`{"Properties":{"Na`), []gitops.PropertyChange{{Path: "/", Proposed: `{"Properties":{"Na`}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			w := mustStart(t, a.engine(), work(gitops.OperationPlan))
			one := added("Queue")
			one.ResourceChange.AfterContext = test.context
			a.settle(token, one)
			plan := mustObserve(t, a.engine(), w).Plan
			if diff := cmp.Diff(test.want, plan.Changes[0].Properties, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("properties (-want +got):\n%s", diff)
			}
			one.ResourceChange.AfterContext = aws.String(`{"Properties":{"Other":1}}`)
			a.settle(token, one)
			if plan.Digest == mustObserve(t, a.engine(), w).Plan.Digest {
				t.Error("another resource has the same digest")
			}
		})
	}
}

func TestARevertShowsLastDeployedLiveAndProposed(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	w := work(gitops.OperationPlan)
	w.Kind = gitops.KindRevert
	w = mustStart(t, a.engine(), w)
	drifted := target("/Properties/VisibilityTimeout", "60", "5", types.RequiresRecreationNever)
	drifted.BeforeValueFrom, drifted.AfterValueFrom = types.BeforeValueFromActualState, types.AfterValueFromTemplate
	bare := *drifted
	bare.Path = aws.String("/Properties/Delay")
	drifted.Drift = &types.LiveResourceDrift{ActualValue: aws.String("60"), PreviousValue: aws.String("5")}
	a.settle(token, types.Change{ResourceChange: &types.ResourceChange{
		Action: types.ChangeActionModify, LogicalResourceId: aws.String("Queue"), ResourceType: aws.String("AWS::SQS::Queue"),
		ResourceDriftStatus: types.StackResourceDriftStatusModified,
		ResourceDriftIgnoredAttributes: []types.ResourceDriftIgnoredAttribute{{Path: aws.String("/Arn"),
			Reason: types.DriftIgnoredReasonManagedByAws}},
		Details: []types.ResourceChangeDetail{{Target: drifted}, {Target: &bare}},
	}})
	s := mustObserve(t, a.engine(), w)
	want := []gitops.Change{{Action: gitops.ActionModify, LogicalID: "Queue", Type: "AWS::SQS::Queue", Properties: []gitops.PropertyChange{
		{Path: "/Delay", Live: "60", Proposed: "5", Recreates: "Never"},
		{Path: "/VisibilityTimeout", LastDeployed: "5", Live: "60", Proposed: "5", Recreates: "Never"},
	}}}
	if diff := cmp.Diff(want, s.Plan.Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if s.Plan.Kind != gitops.KindRevert || s.Plan.Bundle != "bundles/b1" || !strings.Contains(s.Plan.Note, "1 properties were not compared") {
		t.Errorf("plan %+v", s.Plan)
	}
}
