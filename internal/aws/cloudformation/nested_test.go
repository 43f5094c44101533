package cloudformation

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// nestedPlan is an account whose change set holds that of one nested stack, and the work to
// look at it.
func nestedPlan(t *testing.T, a *account, action types.ChangeAction, changes ...types.Change) reconcile.Work {
	t.Helper()
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settle(token)
	a.sets[token].Changes = []types.Change{added("Queue"), a.nest(token, "Vpc", action, changes...)}
	return w
}

func TestNestedChangeSetsAreATree(t *testing.T) {
	a := newAccount()
	a.page = 1
	w := nestedPlan(t, a, types.ChangeActionAdd, added("Subnet"), added("Net"))
	inner := a.sets[token+"-Vpc"]
	inner.Changes = append(inner.Changes, a.nest(token+"-Vpc", "Peering", types.ChangeActionAdd, added("Link")))
	add := func(id string, nested ...gitops.Change) gitops.Change {
		return gitops.Change{Action: gitops.ActionAdd, LogicalID: id, Type: "AWS::SQS::Queue", Nested: nested}
	}
	stack := func(id string, nested ...gitops.Change) gitops.Change {
		c := add(id, nested...)
		c.Type = "AWS::CloudFormation::Stack"
		return c
	}
	want := []gitops.Change{add("Queue"), stack("Vpc", add("Net"), stack("Peering", add("Link")), add("Subnet"))}
	s := mustObserve(t, a.engine(), w)
	if diff := cmp.Diff(want, s.Plan.Changes, cmp.Comparer(func(a, b []gitops.PropertyChange) bool { return len(a) == len(b) })); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if got := s.Plan.Summary().String(); got != "+6" {
		t.Errorf("summary %q", got)
	}
	before := s.Plan.Digest
	inner.Changes[0] = added("OtherSubnet")
	if s := mustObserve(t, a.engine(), w); s.Plan.Digest == before {
		t.Error("another nested change has the same digest")
	}
	a.fails["DescribeChangeSet"] = []error{nil, nil, apiError("Throttling", "Rate exceeded")}
	if s, err := a.engine().Observe(t.Context(), w); err == nil {
		t.Errorf("half a tree: %+v", s.Plan)
	}
}

func TestANestedStackInWhichNothingChangesIsLeftOut(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := nestedPlan(t, a, types.ChangeActionModify)
	a.settleFailed(token+"-Vpc", "The submitted information didn't contain changes. Submit different information to create a change set.")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady || len(s.Plan.Changes) != 1 || s.Plan.Changes[0].LogicalID != "Queue" {
		t.Errorf("got %s %+v", s.State, s.Plan)
	}
	queue := a.sets[token].Changes[0]
	a.sets[token].Changes = a.sets[token].Changes[1:]
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationReady || !strings.Contains(s.Plan.Note, "in nested stacks neither") {
		t.Errorf("nothing but the nested stack: %s, note %q", s.State, s.Plan.Note)
	}
	a.sets[token].Changes = append([]types.Change{queue}, a.sets[token].Changes...)
	moved := a.sets[token].Changes[1].ResourceChange
	moved.Details = []types.ResourceChangeDetail{{Target: target("/Properties/Tags", "a", "b", types.RequiresRecreationNever)}}
	if s := mustObserve(t, a.engine(), w); len(s.Plan.Changes) != 2 {
		t.Errorf("a nested stack whose tags change is left out: %+v", s.Plan)
	}
}

func TestWhatANestedChangeSetMayBeInsteadOfReady(t *testing.T) {
	for name, test := range map[string]struct {
		status    types.ChangeSetStatus
		execution types.ExecutionStatus
		want      gitops.OperationState
	}{
		"still being created": {"CREATE_IN_PROGRESS", "UNAVAILABLE", gitops.OperationRunning},
		"failed":              {"FAILED", "UNAVAILABLE", gitops.OperationFailed},
		"overtaken":           {"CREATE_COMPLETE", "OBSOLETE", gitops.OperationStale},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			w := nestedPlan(t, a, types.ChangeActionModify, added("Net"))
			n := a.sets[token+"-Vpc"]
			n.Status, n.ExecutionStatus, n.StatusReason = test.status, test.execution, aws.String("no such mapping")
			s := mustObserve(t, a.engine(), w)
			if s.State != test.want || s.Plan != nil || !strings.Contains(s.Reason+s.Progress, "Vpc") {
				t.Errorf("got %s: %s%s", s.State, s.Reason, s.Progress)
			}
		})
	}
}

// TestR28_ANestedStackThatFailsIsNamedWithItsOwnReason: the root says only which ARN failed.
func TestR28_ANestedStackThatFailsIsNamedWithItsOwnReason(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	a.page = 1
	w := nestedPlan(t, a, types.ChangeActionModify)
	inner := a.sets[token+"-Vpc"]
	inner.Changes = []types.Change{a.nest(token+"-Vpc", "Peering", types.ChangeActionAdd)}
	said := func(of *string) string {
		return "Nested change set " + aws.ToString(of) + " was not successfully created: Currently in FAILED."
	}
	a.settleFailed(token, said(inner.ChangeSetId))
	a.settleFailed(token+"-Vpc", said(a.sets[token+"-Vpc-Peering"].ChangeSetId))
	a.settleFailed(token+"-Vpc-Peering", "Parameters: [Cidr] must have values")
	s := mustObserve(t, a.engine(), w)
	if want := "nested stack Vpc: nested stack Peering: Parameters: [Cidr] must have values"; s.State != gitops.OperationFailed || s.Reason != want {
		t.Errorf("got %s: %q, want %q", s.State, s.Reason, want)
	}
	delete(a.sets, token+"-Vpc-Peering")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationFailed || !strings.HasPrefix(s.Reason, "nested stack Vpc: Nested change set arn:") {
		t.Errorf("once it is gone: %s: %q", s.State, s.Reason)
	}
}

func TestR28_EarlyValidationOfANestedStackTellsWhereAndWhy(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := nestedPlan(t, a, types.ChangeActionModify)
	inner := a.sets[token+"-Vpc"]
	a.settleFailed(token, "Nested change set "+*inner.ChangeSetId+" was not successfully created: Currently in FAILED.")
	a.settleFailed(token+"-Vpc", "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation]")
	a.findings[*inner.ChangeSetId] = []types.OperationEvent{{EventType: types.EventTypeValidationError, LogicalResourceId: aws.String("Net"),
		ValidationPath: aws.String("/Resources/Net/Properties/Cidr"), ValidationName: aws.String("PROPERTY_VALIDATION"), ValidationStatusReason: aws.String("no cidr")}}
	want := "nested stack Vpc: Net /Resources/Net/Properties/Cidr: no cidr (PROPERTY_VALIDATION)"
	if s := mustObserve(t, a.engine(), w); s.Reason != want {
		t.Errorf("got %q, want %q", s.Reason, want)
	}
}

func TestR29_ANestedStackFullOfFailedChangeSetsSaysWhatClearsIt(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settleFailed(token, "ChangeSet limit exceeded for stack "+nestedARN)
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationFailed || !strings.Contains(s.Reason, nestedARN) || !strings.Contains(s.Reason, "change something in its template") {
		t.Errorf("got %s: %q", s.State, s.Reason)
	}
}

func TestACancelledPlanTakesItsNestedOnesAlong(t *testing.T) {
	a := newAccount()
	w := nestedPlan(t, a, types.ChangeActionAdd, added("Net"))
	w.Operation.Kind = gitops.OperationCancel
	mustStart(t, a.engine(), w)
	if len(a.sets) != 0 || a.stack != nil {
		t.Errorf("%d change sets, stack %v", len(a.sets), a.stack)
	}
}

// TestAShellStaysUntilItsChangeSetIsGone: with nested stacks a deletion takes its time, and
// a shell that is forgotten meanwhile would stay for ever.
func TestAShellStaysUntilItsChangeSetIsGone(t *testing.T) {
	a := newAccount()
	w := nestedPlan(t, a, types.ChangeActionAdd, added("Net"))
	a.slow = true
	w.Operation.Kind = gitops.OperationCancel
	if _, err := a.engine().Start(t.Context(), w); err == nil || !strings.Contains(err.Error(), "not yet, it is DELETE_IN_PROGRESS") {
		t.Fatalf("got %v", err)
	}
	a.slow = false
	mustStart(t, a.engine(), w)
	if a.stack != nil {
		t.Errorf("the shell is left: %+v", a.stack)
	}
}

func TestARevertLooksIntoNoNestedStack(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := work(gitops.OperationPlan)
	w.Kind = gitops.KindRevert
	mustStart(t, a.engine(), w)
	if a.created.IncludeNestedStacks != nil {
		t.Error("nested stacks are included, which AWS refuses together with REVERT_DRIFT")
	}
}

// TestR29c_TheFirstFailureIsLookedForInTheNestedStack: the parent's event says only that the
// nested stack was not successful.
func TestR29c_TheFirstFailureIsLookedForInTheNestedStack(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Vpc", "UPDATE_FAILED", "Embedded stack "+nestedARN+" was not successfully updated.")
	a.events[0].ResourceType, a.events[0].PhysicalResourceId = aws.String("AWS::CloudFormation::Stack"), aws.String(nestedARN)
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	event := func(after int, id, status, reason string) types.StackEvent {
		e := types.StackEvent{StackId: aws.String(nestedARN), PhysicalResourceId: aws.String(id + "-1"), LogicalResourceId: aws.String(id),
			ResourceType: aws.String("AWS::EC2::VPC"), ResourceStatus: types.ResourceStatus(status), ResourceStatusReason: aws.String(reason),
			Timestamp: aws.Time(a.events[len(a.events)-1].Timestamp.AddDate(0, 0, after))}
		if id == "prod-jobs-Vpc-1X" {
			e.PhysicalResourceId = aws.String(nestedARN)
		}
		return e
	}
	a.inner[nestedARN] = []types.StackEvent{ // newest first
		event(1, "prod-jobs-Vpc-1X", "UPDATE_ROLLBACK_COMPLETE", ""),
		event(1, "Net", "UPDATE_FAILED", "the range is taken"),
		event(1, "prod-jobs-Vpc-1X", "UPDATE_IN_PROGRESS", ""),
		event(-1, "Net", "UPDATE_FAILED", "an old story"),
	}
	want := "nested stack Vpc: Net (AWS::EC2::VPC) UPDATE_FAILED: the range is taken; rolled back to what was before (UPDATE_ROLLBACK_COMPLETE)"
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationFailed || s.Reason != want {
		t.Errorf("got %s: %q, want %q", s.State, s.Reason, want)
	}
	delete(a.inner, nestedARN)
	if s := mustObserve(t, a.engine(), w); !strings.HasPrefix(s.Reason, "Vpc (AWS::CloudFormation::Stack) UPDATE_FAILED: Embedded stack") {
		t.Errorf("once its events are gone: %q", s.Reason)
	}
}
