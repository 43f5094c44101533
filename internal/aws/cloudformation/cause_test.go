package cloudformation

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR29c_TheCauseIsTheFirstRealFailureAsData(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Topic", "UPDATE_FAILED", "Resource update cancelled")
	a.emit(token, "Queue", "UPDATE_FAILED", "invalid delay")
	a.emit(token, "Table", "UPDATE_FAILED", "Resource update cancelled")
	a.emit(token, stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Topic, Queue, Table].")
	a.emit(token, "Topic", "UPDATE_FAILED", "much later")
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	s := mustObserve(t, a.engine(), w)
	want := &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: "UPDATE_FAILED", Reason: "invalid delay"}
	if diff := cmp.Diff(want, s.Cause); diff != "" || s.Stuck != nil {
		t.Errorf("stuck %+v, cause (-want +got):\n%s", s.Stuck, diff)
	}
}

func TestR29c_TheCauseOfANestedFailureIsItsOwnWithTheWayThere(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	deeper := strings.Replace(nestedARN, "8a1b", "9c2d", 1)
	fails := func(id, kind, physical, reason string) types.StackEvent {
		return types.StackEvent{StackId: aws.String(nestedARN), LogicalResourceId: aws.String(id), ResourceType: aws.String(kind),
			PhysicalResourceId: aws.String(physical), ResourceStatus: "UPDATE_FAILED", ResourceStatusReason: aws.String(reason), Timestamp: aws.Time(a.now)}
	}
	a.emit(token, "Vpc", "UPDATE_FAILED", "Embedded stack was not successfully updated")
	a.events[0].ResourceType, a.events[0].PhysicalResourceId = aws.String(gitops.TypeNestedStack), aws.String(nestedARN)
	a.inner[nestedARN] = []types.StackEvent{fails("Subnets", gitops.TypeNestedStack, deeper, "Embedded stack was not successfully updated")}
	a.inner[deeper] = []types.StackEvent{fails("A", "AWS::EC2::Subnet", "subnet-1", "the range is taken")}
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	s := mustObserve(t, a.engine(), w)
	want := &gitops.Cause{LogicalID: "A", Type: "AWS::EC2::Subnet", Status: "UPDATE_FAILED", Reason: "the range is taken", Nested: "Vpc/Subnets"}
	if diff := cmp.Diff(want, s.Cause); diff != "" || !strings.HasPrefix(s.Reason, "nested stack Vpc: nested stack Subnets: A (AWS::EC2::Subnet) UPDATE_FAILED: the range is taken; ") {
		t.Errorf("%q, cause (-want +got):\n%s", s.Reason, diff)
	}
}

func TestR28_TheCauseOfAFailedChangeSetHasThePathThatValidationFound(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settleFailed(token, "The following hook(s)/validation failed: [AWS::EarlyValidation::PropertyValidation].")
	found := func(id, path, reason string, mode types.HookFailureMode) types.OperationEvent {
		return types.OperationEvent{EventType: types.EventTypeValidationError, LogicalResourceId: &id, ResourceType: aws.String("AWS::SQS::Queue"), ValidationPath: &path,
			ValidationStatusReason: &reason, ValidationName: aws.String("PROPERTY_VALIDATION"), ValidationStatus: types.ValidationStatusFailed, ValidationFailureMode: mode}
	}
	a.findings[setARN] = []types.OperationEvent{found("Old", "/Resources/Old", "it is old", types.HookFailureModeWarn),
		found("Queue", "/Resources/Queue/Properties/DelaySeconds", "too long", types.HookFailureModeFail)}
	s := mustObserve(t, a.engine(), w)
	want := &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Path: "/Resources/Queue/Properties/DelaySeconds", Reason: "too long (PROPERTY_VALIDATION)"}
	if diff := cmp.Diff(want, s.Cause); diff != "" {
		t.Errorf("cause (-want +got):\n%s", diff)
	}
	text := "Queue /Resources/Queue/Properties/DelaySeconds: too long (PROPERTY_VALIDATION)\nOld /Resources/Old: it is old (warning of PROPERTY_VALIDATION)"
	if s.State != gitops.OperationFailed || s.Reason != text {
		t.Errorf("%s: %q", s.State, s.Reason)
	}
}

func TestNoSecretIsInACause(t *testing.T) {
	const secret = "hunter2-and-more"
	template := "Parameters: {Password: {Type: String, NoEcho: true}}\n" + goodTemplate
	values := `[{"ParameterKey":"Password","ParameterValue":"` + secret + `"}]`
	a, w := stranded(), recovery()
	w.Settings.CloudFormation.Parameters = "prod.json"
	w.Files = files(map[string]string{"stacks/jobs/template.yaml": template, "stacks/jobs/prod.json": values})
	w = mustStart(t, a.engine(), w)
	a.emit(token, "Queue", "UPDATE_FAILED", "no such password: "+secret)
	a.emit(token, stackName, "UPDATE_ROLLBACK_FAILED", "")
	s := mustObserve(t, a.engine(), w)
	if s.Cause.Reason != "no such password: ****" || strings.Contains(s.Reason, secret) {
		t.Errorf("%q, %+v", s.Reason, s.Cause)
	}
	w.Files = func(context.Context) (fs.FS, error) { return nil, reconcile.ErrNotFound }
	s = mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationBlocked || s.Cause != nil || strings.Contains(s.Reason, "password") || !strings.Contains(s.Reason, "--skip Queue") {
		t.Errorf("without the bundle: %s: %q, %+v", s.State, s.Reason, s.Cause)
	}
	w.Operation.Token = "driftless-01J0-2"
	w.Operation.Skip = []string{"Table"}
	if r := refusal(t, a.engine(), w); strings.Contains(r.Reason, "password") || r.Stuck == nil {
		t.Errorf("a refusal without the bundle: %+v", r)
	}
	down := errors.New("503")
	w.Files = func(context.Context) (fs.FS, error) { return nil, down }
	if _, err := a.engine().Start(t.Context(), w); !errors.Is(err, down) {
		t.Errorf("a bundle that cannot be read now: %v", err)
	}
}
