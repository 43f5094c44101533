package cloudformation

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// detecting is an account whose detection ended, and the work to observe it.
func detecting(t *testing.T, status types.StackDriftStatus) (*account, reconcile.Work) {
	t.Helper()
	a := standing("UPDATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationDetect))
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Fatalf("got %s while it runs", s.State)
	}
	a.detection.DetectionStatus, a.detection.StackDriftStatus = types.StackDriftDetectionStatusDetectionComplete, status
	a.calls = nil
	return a, w
}

// resource adds a resource, and what the detection found of it unless status is empty.
func (a *account) resource(logical, kind string, status types.StackResourceDriftStatus, differences ...types.PropertyDifference) {
	a.resources = append(a.resources, types.StackResourceSummary{LogicalResourceId: aws.String(logical),
		PhysicalResourceId: aws.String(logical + "-1"), ResourceType: aws.String(kind), ResourceStatus: types.ResourceStatusCreateComplete})
	if kind == gitops.TypeNestedStack {
		if a.below == nil {
			a.below = map[string]below{}
		}
		a.below[logical+"-1"] = below{stack: types.Stack{StackName: aws.String(logical), StackStatus: types.StackStatusUpdateComplete}}
	}
	if status == "" {
		return
	}
	a.drifts = append(a.drifts, types.StackResourceDrift{LogicalResourceId: aws.String(logical), ResourceType: aws.String(kind),
		StackResourceDriftStatus: status, PropertyDifferences: differences, Timestamp: aws.Time(a.now.Add(time.Second))})
}

func TestADriftReportHoldsEveryResourceInExactlyOneStatus(t *testing.T) {
	a, w := detecting(t, types.StackDriftStatusDrifted)
	a.resource("Topic", "AWS::SNS::Topic", types.StackResourceDriftStatusInSync)
	a.resource("Queue", "AWS::SQS::Queue", types.StackResourceDriftStatusModified,
		types.PropertyDifference{PropertyPath: aws.String("/VisibilityTimeout"), ExpectedValue: aws.String("5"), ActualValue: aws.String("60"), DifferenceType: types.DifferenceTypeNotEqual},
		types.PropertyDifference{PropertyPath: aws.String("/Tags/0"), ExpectedValue: aws.String("null"), ActualValue: aws.String(`{"Key":"a"}`), DifferenceType: types.DifferenceTypeAdd},
		types.PropertyDifference{PropertyPath: aws.String("/Delay"), ExpectedValue: aws.String("1"), ActualValue: aws.String("null"), DifferenceType: types.DifferenceTypeRemove})
	a.resource("Table", "AWS::DynamoDB::Table", types.StackResourceDriftStatusDeleted)
	a.resource("Custom", "Custom::Thing", "")
	a.resource("Listed", "AWS::X::Y", types.StackResourceDriftStatusUnsupported)
	a.resource("Gone", "AWS::X::Y", "")
	a.resources[len(a.resources)-1].ResourceStatus = types.ResourceStatusDeleteComplete
	a.page = 2
	s := mustObserve(t, a.engine(), w)
	want := &gitops.DriftReport{Application: "jobs", StackID: stackARN, At: a.now, Complete: true, Resources: []gitops.ResourceDrift{
		{LogicalID: "Custom", PhysicalID: "Custom-1", Type: "Custom::Thing", Status: gitops.ResourceNotCheckable, Reason: "drift detection does not support Custom::Thing"},
		{LogicalID: "Listed", PhysicalID: "Listed-1", Type: "AWS::X::Y", Status: gitops.ResourceNotCheckable, Reason: "drift detection does not support AWS::X::Y"},
		{LogicalID: "Queue", PhysicalID: "Queue-1", Type: "AWS::SQS::Queue", Status: gitops.ResourceModified, Properties: []gitops.Difference{
			{Path: "/Delay", Declared: "1", Kind: "REMOVE"},
			{Path: "/Tags/0", Live: `{"Key":"a"}`, Kind: "ADD"},
			{Path: "/VisibilityTimeout", Declared: "5", Live: "60", Kind: "NOT_EQUAL"},
		}},
		{LogicalID: "Table", PhysicalID: "Table-1", Type: "AWS::DynamoDB::Table", Status: gitops.ResourceDeleted},
		{LogicalID: "Topic", PhysicalID: "Topic-1", Type: "AWS::SNS::Topic", Status: gitops.ResourceInSync},
	}}
	if diff := cmp.Diff(want, s.Report, cmpopts.EquateEmpty()); s.State != gitops.OperationDone || diff != "" {
		t.Errorf("%s, report (-want +got):\n%s", s.State, diff)
	}
	if got := want.Summary(); s.Report.Summary() != got || got.Coverage() != 60 {
		t.Errorf("summary %+v", got)
	}
}

func TestR51_ADetectionThatRunsAlreadyIsWaitedFor(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	a.loses["DetectStackDrift"] = true
	w := work(gitops.OperationDetect)
	if _, err := a.engine().Start(t.Context(), w); !errors.Is(err, errLost) {
		t.Fatalf("got %v", err)
	}
	_, err := a.engine().Start(t.Context(), w)
	var r *gitops.Refusal
	if err == nil || errors.As(err, &r) || !strings.Contains(err.Error(), "already in progress") {
		t.Fatalf("got %v", err)
	}
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationAbsent {
		t.Errorf("got %s", s.State)
	}
	a.detection.DetectionStatus = types.StackDriftDetectionStatusDetectionComplete
	if w = mustStart(t, a.engine(), w); w.Operation.ID != "d-1" {
		t.Errorf("id %q", w.Operation.ID)
	}
}

func TestR51_AStackUnderWayIsWaitedForAndADeadOneIsRefused(t *testing.T) {
	for status, refused := range map[types.StackStatus]bool{
		"UPDATE_IN_PROGRESS": false, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": false,
		"ROLLBACK_COMPLETE": true, "REVIEW_IN_PROGRESS": true, "DELETE_COMPLETE": true,
	} {
		a := standing(status)
		_, err := a.engine().Start(t.Context(), work(gitops.OperationDetect))
		var r *gitops.Refusal
		if err == nil || errors.As(err, &r) != refused {
			t.Errorf("%s: %v", status, err)
		}
	}
	if r := refusal(t, newAccount().engine(), work(gitops.OperationDetect)); !strings.Contains(r.Reason, "is gone") {
		t.Errorf("a stack that is gone: %q", r.Reason)
	}
}

func TestR52_AResourceThatCouldNotBeLookedAtLeavesTheReportIncomplete(t *testing.T) {
	for name, status := range map[string]types.StackDriftStatus{
		"though the stack is said to be in sync": types.StackDriftStatusInSync,
		"and the stack is said to be unknown":    types.StackDriftStatusUnknown,
	} {
		t.Run(name, func(t *testing.T) {
			a, w := detecting(t, status)
			a.resource("Queue", "AWS::SQS::Queue", types.StackResourceDriftStatusUnknown)
			a.drifts[0].DriftStatusReason = aws.String("Rate exceeded")
			s := mustObserve(t, a.engine(), w)
			if s.Report.Complete || s.Report.Summary().String() == "in sync" {
				t.Errorf("report %+v", s.Report)
			}
			if r := s.Report.Resources[0]; r.Status != gitops.ResourceNotCheckable || r.Reason != "Rate exceeded" {
				t.Errorf("resource %+v", r)
			}
		})
	}
}

func TestR52_AFailedDetectionIsReportedWithWhatItFound(t *testing.T) {
	a, w := detecting(t, types.StackDriftStatusUnknown)
	a.detection.DetectionStatus = types.StackDriftDetectionStatusDetectionFailed
	a.detection.DetectionStatusReason = aws.String("Failed to detect drift on resource [Table]")
	a.resource("Queue", "AWS::SQS::Queue", types.StackResourceDriftStatusInSync)
	a.resource("Table", "AWS::DynamoDB::Table", types.StackResourceDriftStatusInSync)
	a.drifts[1].Timestamp = aws.Time(a.now.Add(-time.Hour)) // of an earlier detection
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationDone || s.Report.Complete || s.Report.Reason != "drift detection failed: Failed to detect drift on resource [Table]" {
		t.Fatalf("got %s %+v", s.State, s.Report)
	}
	if sum := s.Report.Summary(); sum.InSync != 1 || sum.NotCheckable != 1 {
		t.Errorf("summary %+v", sum)
	}
}

func TestR53_ADetectionThatAWSForgotIsAbsent(t *testing.T) {
	a, w := detecting(t, types.StackDriftStatusInSync)
	w.Operation.ID = "d-0"
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationAbsent {
		t.Errorf("got %s", s.State)
	}
}

func TestR54_ASecondPageThatFailsPublishesNothing(t *testing.T) {
	for _, call := range []string{"DescribeStackResourceDrifts", "ListStackResources"} {
		a, w := detecting(t, types.StackDriftStatusInSync)
		a.resource("A", "AWS::SQS::Queue", types.StackResourceDriftStatusInSync)
		a.resource("B", "AWS::SQS::Queue", types.StackResourceDriftStatusInSync)
		a.page = 1
		a.fails[call] = []error{nil, apiError("Throttling", "Rate exceeded")}
		if s, err := a.engine().Observe(t.Context(), w); err == nil || s.Report != nil {
			t.Errorf("%s: %+v, %v", call, s, err)
		}
	}
}
