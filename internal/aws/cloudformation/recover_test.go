package cloudformation

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// recovery is the work of a recovery, with the settings that allow everything.
func recovery(skip ...string) reconcile.Work {
	w := work(gitops.OperationRecover)
	w.Settings.Recover = gitops.Recover{Continue: true, Recreate: true}
	w.Operation.Skip = skip
	return w
}

func TestAStuckRollbackIsContinuedUnderTheToken(t *testing.T) {
	a := stranded()
	w := mustStart(t, a.engine(), recovery())
	if diff := cmp.Diff(recovered{call: "continue", token: token}, a.recovered, cmp.AllowUnexported(recovered{})); diff != "" {
		t.Errorf("the call (-want +got):\n%s", diff)
	}
	a.emit(token, "Queue", "UPDATE_IN_PROGRESS", "")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationRunning || s.Progress != "Queue UPDATE_IN_PROGRESS" || s.Operation.StackID != stackARN {
		t.Errorf("while it goes on: %s %q", s.State, s.Progress)
	}
	a.emit(token, "Queue", "UPDATE_COMPLETE", "")
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone {
		t.Errorf("in the end: %s: %s", s.State, s.Reason)
	}
}

func TestAnUpdateThatWasLeftFailedIsRolledBack(t *testing.T) {
	a := standing("UPDATE_FAILED")
	mustStart(t, a.engine(), recovery())
	if a.recovered.call != "roll back" || a.recovered.token != token {
		t.Errorf("the call %+v", a.recovered)
	}
}

func TestARecoveryWhoseAnswerWasLostIsFoundAndNotRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		account *account
		call    string
	}{
		"a continued rollback": {stranded(), "ContinueUpdateRollback"},
		"a rollback":           {standing("UPDATE_FAILED"), "RollbackStack"},
		"a deletion":           {stillborn("ROLLBACK_COMPLETE"), "DeleteStack"},
	} {
		t.Run(name, func(t *testing.T) {
			a := test.account
			a.loses[test.call] = true
			if _, err := a.engine().Start(t.Context(), recovery()); !errors.Is(err, errLost) {
				t.Fatalf("got %v, want the lost answer", err)
			}
			if s := mustObserve(t, a.engine(), recovery()); s.State != gitops.OperationRunning {
				t.Errorf("got %s", s.State)
			}
			w := mustStart(t, a.engine(), recovery())
			if n := a.count(test.call); n != 1 || w.Operation.StackID != stackARN {
				t.Errorf("called %d times, for %q", n, w.Operation.StackID)
			}
		})
	}
}

func TestARollbackThatFailsAgainIsBlockedAndOffersWhatToSkip(t *testing.T) {
	a := stranded()
	w := mustStart(t, a.engine(), recovery())
	a.emit(token, "Queue", "UPDATE_FAILED", "still gone")
	a.emit(token, stackName, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Queue].")
	s := mustObserve(t, a.engine(), w)
	want := gitops.Sighting{State: gitops.OperationBlocked, Operation: w.Operation,
		Reason: "Queue (AWS::SQS::Queue) UPDATE_FAILED: still gone; stack prod-jobs is in UPDATE_ROLLBACK_FAILED: mend the cause and end the rollback with " +
			"`driftless recover jobs`, or `aws cloudformation continue-update-rollback --stack-name prod-jobs --region eu-west-1`, " +
			"or leave out what cannot be rolled back: `driftless recover jobs --skip Queue`; then sync again",
		Cause: &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: "UPDATE_FAILED", Reason: "still gone"},
		Stuck: &gitops.Stuck{Status: "UPDATE_ROLLBACK_FAILED", Resources: []string{"Queue"}}}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	mustStart(t, a.engine(), w)
	if n := a.count("ContinueUpdateRollback"); n != 1 {
		t.Errorf("the same intent was carried out %d times", n)
	}
}

func TestWhyAStackStaysStuckIsNotToldWhereNobodyKnowsWhatIsSecret(t *testing.T) {
	unreadable := func(w *reconcile.Work) {
		w.Files = func(context.Context) (fs.FS, error) {
			return fstest.MapFS{w.Settings.Path + "/" + w.Settings.CloudFormation.Template: {Data: []byte("Resources: [")}}, nil
		}
	}
	gone := func(w *reconcile.Work) {
		w.Files = func(context.Context) (fs.FS, error) { return nil, reconcile.ErrNotFound }
	}
	for name, files := range map[string]func(*reconcile.Work){"a template that cannot be read": unreadable, "a bundle that is gone": gone} {
		t.Run(name, func(t *testing.T) {
			a, w := stranded(), recovery()
			files(&w)
			w = mustStart(t, a.engine(), w)
			a.emit(token, "Queue", "UPDATE_FAILED", "still gone: "+sentinel)
			a.emit(token, stackName, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Queue].")
			s := mustObserve(t, a.engine(), w)
			tells(t, "the reason", s.Reason)
			if s.State != gitops.OperationBlocked || s.Cause != nil || s.Stuck == nil || !strings.Contains(s.Reason, "is in UPDATE_ROLLBACK_FAILED, and why is not told") {
				t.Errorf("got %s: %q, cause %+v", s.State, s.Reason, s.Cause)
			}
		})
	}
}

func TestAPersonSaysWhatARollbackLeavesOut(t *testing.T) {
	a := stranded()
	r := refusal(t, a.engine(), recovery("Queue", "Table"))
	if want := "--skip Table: a rollback can leave out only what could not be rolled back: Queue"; r.Reason != want || !r.Blocked || a.recovered.call != "" {
		t.Errorf("got %q, call %+v", r.Reason, a.recovered)
	}
	mustStart(t, a.engine(), recovery("Queue"))
	if diff := cmp.Diff([]string{"Queue"}, a.recovered.skip); diff != "" {
		t.Errorf("left out (-want +got):\n%s", diff)
	}
}

// As in the user guide's example: by the name of the stack that has it, however deep that is.
func TestWhatToSkipOfNestedStacksIsNamedByTheirOwnNames(t *testing.T) {
	a := stranded()
	a.page = 1
	lb := a.embed("LB", "WebInfra-Compute-LB-1X", "UPDATE_ROLLBACK_FAILED", summary("myLoadBalancer", "AWS::X", "UPDATE_FAILED", "gone"), summary("ok", "AWS::X", "UPDATE_COMPLETE", ""))
	a.resources = []types.StackResourceSummary{
		summary("myCustom", "Custom::X", "UPDATE_FAILED", "no answer"),
		a.embed("Compute", "WebInfra-Compute-2X", "UPDATE_ROLLBACK_FAILED", lb, summary("myAsg", "AWS::X", "UPDATE_FAILED", "gone")),
		a.embed("Storage", "WebInfra-Storage-3X", "DELETE_FAILED", summary("DB", "AWS::X", "UPDATE_FAILED", "gone")),
	}
	want := []string{"myCustom", "WebInfra-Compute-LB-1X.myLoadBalancer", "WebInfra-Compute-2X.myAsg", "Storage"}
	r := refusal(t, a.engine(), work(gitops.OperationPlan))
	if diff := cmp.Diff(want, r.Stuck.Resources); diff != "" || !strings.Contains(r.Reason, "--skip "+strings.Join(want, ",")+"`") {
		t.Errorf("(-want +got):\n%s\n%s", diff, r.Reason)
	}
	a.fails["ListStackResources"] = []error{apiError("AccessDenied", "no")}
	if r := refusal(t, a.engine(), work(gitops.OperationPlan)); r.Stuck.Resources != nil || strings.Contains(r.Reason, "--skip") {
		t.Errorf("without the right to look: %+v", r)
	}
}

func TestWhatIsStuckIsToldWithWhyTheRollbackFailed(t *testing.T) {
	r := refusal(t, stranded().engine(), work(gitops.OperationPlan))
	want := "stack prod-jobs is in UPDATE_ROLLBACK_FAILED (Queue (AWS::SQS::Queue) UPDATE_FAILED: no such delay; rolling back: Queue (AWS::SQS::Queue) UPDATE_FAILED: the queue is gone): "
	if !strings.HasPrefix(r.Reason, want) || !r.Blocked {
		t.Errorf("got %q", r.Reason)
	}
}

func TestAStackThatNeverWasIsDeletedOnlyWhereTheSettingsSaySo(t *testing.T) {
	for _, status := range []types.StackStatus{"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"} {
		a, w := stillborn(status), recovery()
		w.Settings.Recover.Recreate = false
		if r := refusal(t, a.engine(), w); r.Blocked || !r.Stuck.NeverComplete || !strings.Contains(r.Reason, "recover: { recreate: true }") || a.recovered.call != "" {
			t.Errorf("%s, not allowed: %+v, call %+v", status, r, a.recovered)
		}
		w = mustStart(t, a.engine(), recovery())
		if a.recovered.call != "delete" || a.recovered.token != token {
			t.Errorf("%s, allowed: %+v", status, a.recovered)
		}
		if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
			t.Errorf("%s, while it goes: %s", status, s.State)
		}
		a.emit(token, stackName, "DELETE_COMPLETE", "")
		if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone {
			t.Errorf("%s, once it is gone: %s", status, s.State)
		}
		a.stack = nil // by its name nobody finds it any more
		if s := mustObserve(t, a.engine(), recovery()); s.State != gitops.OperationDone {
			t.Errorf("%s, by its name: %s", status, s.State)
		}
	}
}

func TestNothingIsDeletedThatTheDeploymentDidNotMake(t *testing.T) {
	for name, test := range map[string]struct {
		change func(a *account)
		want   string
	}{
		"protected": {func(a *account) { a.stack.EnableTerminationProtection = aws.Bool(true) },
			"`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name prod-jobs --region eu-west-1`"},
		"complete once": {func(a *account) {
			a.events = nil
			a.emit("driftless-01A0-1", stackName, "CREATE_IN_PROGRESS", "User Initiated")
			a.emit("driftless-01A0-1", stackName, "CREATE_COMPLETE", "")
			a.emit("driftless-01A0-2", stackName, "ROLLBACK_COMPLETE", "")
		}, "its events do not tell that it never was complete"},
		"beginning out of sight": {func(a *account) { a.events = a.events[:2] }, "its events do not tell that it never was complete"},
		"of another application": {func(a *account) { a.stack.Tags[0].Value = aws.String("books") }, "Driftless did not make it for jobs"},
		"without our tag":        {func(a *account) { a.stack.Tags = nil }, "Driftless did not make it for jobs"},
		"made by somebody with our tag": {func(a *account) {
			a.events = nil
			a.emit("theirs", stackName, "CREATE_IN_PROGRESS", "User Initiated")
			a.emit("theirs", stackName, "ROLLBACK_COMPLETE", "")
		}, "Driftless did not make it for jobs"},
		"holding what it took over": {func(a *account) {
			a.emit("driftless-01A0-1", "Data", "IMPORT_COMPLETE", "Resource import completed.")
			a.resources = []types.StackResourceSummary{summary("Queue", "AWS::SQS::Queue", "DELETE_COMPLETE", ""), summary("Data", "AWS::S3::Bucket", "IMPORT_COMPLETE", "")}
		}, "it took over Data, which was there before"},
	} {
		t.Run(name, func(t *testing.T) {
			a := stillborn("ROLLBACK_COMPLETE")
			test.change(a)
			r := refusal(t, a.engine(), recovery())
			if !strings.Contains(r.Reason, test.want) || a.count("DeleteStack") > 0 {
				t.Errorf("got %q, calls %v", r.Reason, a.calls)
			}
		})
	}
}

func TestWhatATakenOverResourceWasLetGoOfDoesNotKeepAStack(t *testing.T) {
	a := stillborn("ROLLBACK_COMPLETE")
	a.emit("driftless-01A0-1", "Data", "IMPORT_COMPLETE", "Resource import completed.")
	a.resources = []types.StackResourceSummary{summary("Data", "AWS::S3::Bucket", "DELETE_SKIPPED", "")}
	mustStart(t, a.engine(), recovery())
	if a.recovered.call != "delete" {
		t.Errorf("the call %+v", a.recovered)
	}
}

func TestADeletionThatFailsIsBlocked(t *testing.T) {
	a := stillborn("ROLLBACK_FAILED")
	w := mustStart(t, a.engine(), recovery())
	a.emit(token, "Queue", "DELETE_FAILED", "in use")
	a.emit(token, stackName, "DELETE_FAILED", "The following resource(s) failed to delete: [Queue].")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationBlocked || s.Stuck.Status != "DELETE_FAILED" || !strings.HasPrefix(s.Reason, "Queue (AWS::SQS::Queue) DELETE_FAILED: in use; stack prod-jobs is in DELETE_FAILED") {
		t.Errorf("got %s: %s, %+v", s.State, s.Reason, s.Stuck)
	}
}

func TestSomebodyElsesOperationOnAStuckStackIsWaitedFor(t *testing.T) {
	a := stranded()
	a.emit("theirs", stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	w := mustStart(t, a.engine(), recovery())
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationForeign || a.recovered.call != "" {
		t.Fatalf("got %s, call %+v", s.State, a.recovered)
	}
	a.emit("theirs", stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone {
		t.Errorf("once they mended it: %s", s.State)
	}
}

func TestADeletionThatCutsIntoARecoveryIsForeign(t *testing.T) {
	a := stranded()
	w := mustStart(t, a.engine(), recovery())
	a.emit("theirs", stackName, "DELETE_IN_PROGRESS", "User Initiated")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationForeign {
		t.Errorf("got %s", s.State)
	}
}

func TestR29g_WhatAWSCannotSayOfARecoveryIsNoState(t *testing.T) {
	for _, call := range []string{"DescribeStackEvents", "DescribeStacks"} {
		a := stranded()
		a.fails[call] = []error{apiError("Throttling", "Rate exceeded")}
		if s, err := a.engine().Observe(t.Context(), recovery()); err == nil {
			t.Errorf("%s throttled: %s", call, s.State)
		}
	}
	a := stranded()
	a.fails["ContinueUpdateRollback"] = []error{apiError("Throttling", "Rate exceeded")}
	var r *gitops.Refusal
	if _, err := a.engine().Start(t.Context(), recovery()); err == nil || errors.As(err, &r) {
		t.Errorf("a throttled start: %v", err)
	}
}

func TestWhatAWSSaysToARecovery(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"the stack moved on":    {apiError("ValidationError", "Stack:%s is in UPDATE_ROLLBACK_COMPLETE state and can not continue rollback.", stackARN), "begun"},
		"the token was used":    {apiError("TokenAlreadyExistsException", "again"), "begun"},
		"a resource cannot be":  {apiError("ValidationError", "Resource Queue cannot be skipped"), "blocked"},
		"a right is missing":    {apiError("AccessDenied", "no"), "denied"},
		"it is still as it was": {apiError("ValidationError", "Stack:%s is in UPDATE_ROLLBACK_FAILED state and can not continue rollback.", stackARN), "blocked"},
		"it cannot say":         {apiError("Throttling", "Rate exceeded"), "again later"},
	} {
		t.Run(name, func(t *testing.T) {
			a := stranded()
			a.fails["ContinueUpdateRollback"] = []error{test.err}
			_, err := a.engine().Start(t.Context(), recovery())
			if got := said("begun", err); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestR29j_AStackOfAnotherRoleIsNotRecovered(t *testing.T) {
	const exec = "arn:aws:iam::111122223333:role/exec"
	for has, want := range map[string]string{"": exec, exec: ""} {
		a, w := stranded(), recovery()
		w.Settings.CloudFormation.Role, a.stack.RoleARN = exec, aws.String(has)
		mustStart(t, a.engine(), w)
		if a.recovered.role != want {
			t.Errorf("a stack with role %q is given %q", has, a.recovered.role)
		}
	}
	a, w := stranded(), recovery()
	w.Settings.CloudFormation.Role, a.stack.RoleARN = exec, aws.String("arn:aws:iam::111122223333:role/admin")
	if r := refusal(t, a.engine(), w); !strings.Contains(r.Reason, "role/admin") || a.recovered.call != "" {
		t.Errorf("got %q, call %+v", r.Reason, a.recovered)
	}
}

func TestAPlanOnAStackThatNeverWasIsForARecoveryWhereTheSettingsSaySo(t *testing.T) {
	for name, test := range map[string]struct {
		account *account
		allowed bool
		want    gitops.Refusal
	}{
		"not allowed":   {stillborn("ROLLBACK_COMPLETE"), false, gitops.Refusal{Stuck: &gitops.Stuck{Status: "ROLLBACK_COMPLETE", NeverComplete: true}}},
		"allowed":       {stillborn("ROLLBACK_COMPLETE"), true, gitops.Refusal{Blocked: true, Stuck: &gitops.Stuck{Status: "ROLLBACK_COMPLETE", NeverComplete: true}}},
		"nobody knows":  {standing("ROLLBACK_COMPLETE"), true, gitops.Refusal{Stuck: &gitops.Stuck{Status: "ROLLBACK_COMPLETE"}}},
		"always a case": {standing("DELETE_FAILED"), false, gitops.Refusal{Blocked: true, Stuck: &gitops.Stuck{Status: "DELETE_FAILED"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := work(gitops.OperationPlan)
			w.Settings.Recover.Recreate = test.allowed
			got := *refusal(t, test.account.engine(), w)
			got.Reason = ""
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A stack that was found stuck in its shell needs no recovery: the next plan takes it over, and
// leftover change sets of ours go as soon as they are in the way.
func TestR29_AStackThatIsLeftInReviewIsPlannedOnAndItsLeftoversGo(t *testing.T) {
	a := newAccount()
	old := work(gitops.OperationPlan)
	old.Operation.Token = "driftless-old-1"
	mustStart(t, a.engine(), old)
	a.settle("driftless-old-1")
	w := mustStart(t, a.engine(), recovery())
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone || a.recovered.call != "" {
		t.Errorf("a recovery is %s, call %+v", s.State, a.recovered)
	}
	a.limit = 1
	mustStart(t, a.engine(), work(gitops.OperationPlan))
	if a.created.ChangeSetType != types.ChangeSetTypeCreate || len(a.sets) != 1 || a.sets[token] == nil {
		t.Errorf("planned as %s, change sets %d", a.created.ChangeSetType, len(a.sets))
	}
}
