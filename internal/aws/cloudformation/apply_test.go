package cloudformation

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestAnApplyIsFollowedToItsOutputs(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Topic", "CREATE_IN_PROGRESS", "")
	a.emit(token, "Topic", "CREATE_COMPLETE", "")
	a.emit(token, "Queue", "CREATE_IN_PROGRESS", "")
	a.calls = nil
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationRunning || s.Progress != "Queue CREATE_IN_PROGRESS, 1 done" {
		t.Errorf("got %s: %q", s.State, s.Progress)
	}
	if len(a.calls) != 1 {
		t.Errorf("calls while it runs: %v", a.calls)
	}
	a.emit(token, "Queue", "CREATE_COMPLETE", "")
	a.emit(token, stackName, "CREATE_COMPLETE", "")
	a.stack.Outputs = []types.Output{{OutputKey: aws.String("Url"), OutputValue: aws.String("https://q")}}
	a.calls = nil
	s = mustObserve(t, a.engine(), w)
	if diff := cmp.Diff(map[string]string{"Url": "https://q"}, s.Outputs); s.State != gitops.OperationDone || diff != "" {
		t.Errorf("got %s, outputs (-want +got):\n%s", s.State, diff)
	}
	if len(a.calls) != 2 {
		t.Errorf("calls at the end: %v", a.calls)
	}
}

func TestACleanUpIsNotTheEnd(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, stackName, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Errorf("got %s", s.State)
	}
	a.emit(token, stackName, "UPDATE_COMPLETE", "")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone {
		t.Errorf("got %s", s.State)
	}
}

func TestR29b_AnExecutionWhoseAnswerWasLostIsFoundAndNotRepeated(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	a.loses["ExecuteChangeSet"] = true
	if _, err := a.engine().Start(t.Context(), w); !errors.Is(err, errLost) {
		t.Fatalf("got %v, want the lost answer", err)
	}
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Errorf("got %s", s.State)
	}
	mustStart(t, a.engine(), w) // a repeat finds it
	if a.executed != 1 {
		t.Errorf("executed %d times", a.executed)
	}
}

func TestR29b_AnExecutionThatNeverArrivedIsReadyToBeStarted(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady {
		t.Fatalf("got %s: the change set's own event on a new stack is no execution", s.State)
	}
	mustStart(t, a.engine(), w)
	if a.executed != 1 {
		t.Errorf("executed %d times", a.executed)
	}
}

func TestR29b_AnExecutionWhoseEventsAreLateIsRunning(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := planned(t, a)
	a.sets[token].ExecutionStatus = types.ExecutionStatusExecuteInProgress
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Errorf("got %s", s.State)
	}
}

func TestAnApplyByNameAloneWorks(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	w.Operation.ID, w.Operation.StackID = "", ""
	w = mustStart(t, a.engine(), w)
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationRunning || s.Operation.StackID != stackARN {
		t.Errorf("got %s %+v", s.State, s.Operation)
	}
}

func TestR29c_ARolledBackUpdateIsFailedWithTheFirstCause(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Topic", "UPDATE_IN_PROGRESS", "")
	a.emit(token, "Topic", "UPDATE_FAILED", "Resource update cancelled")
	a.emit(token, "Queue", "UPDATE_FAILED", "invalid delay")
	a.emit(token, stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Queue].")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Errorf("while it rolls back: %s", s.State)
	}
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "")
	a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	a.page = 3 // the first failure is on another page
	s := mustObserve(t, a.engine(), w)
	want := "Queue (AWS::SQS::Queue) UPDATE_FAILED: invalid delay; rolled back to what was before (UPDATE_ROLLBACK_COMPLETE)"
	if s.State != gitops.OperationFailed || s.Reason != want {
		t.Errorf("got %s: %q", s.State, s.Reason)
	}
	// Deployable again.
	next := work(gitops.OperationPlan)
	next.Operation.Token = "driftless-01J0-2"
	mustStart(t, a.engine(), next)
}

func TestR29c_AFailedCreationSaysHowToGoOn(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Queue", "CREATE_FAILED", "name is taken")
	a.emit(token, stackName, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Queue].")
	a.emit(token, stackName, "ROLLBACK_COMPLETE", "")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationFailed || !strings.Contains(s.Reason, "name is taken") || !strings.Contains(s.Reason, "delete-stack") {
		t.Errorf("got %s: %q", s.State, s.Reason)
	}
}

func TestR29c_ARollbackThatFailsIsBlocked(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Queue", "UPDATE_FAILED", "invalid delay")
	a.emit(token, stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "")
	a.emit(token, stackName, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Queue].")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationBlocked || !strings.Contains(s.Reason, "continue-update-rollback --stack-name prod-jobs") {
		t.Errorf("got %s: %q", s.State, s.Reason)
	}
}

func TestAnUpdateThatSomebodyCancelsIsJudgedByItsEnd(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit("theirs", stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	a.emit("theirs", stackName, "UPDATE_ROLLBACK_COMPLETE", "")
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationFailed || !strings.HasPrefix(s.Reason, "User Initiated; rolled back") {
		t.Errorf("got %s: %q", s.State, s.Reason)
	}
}

func TestR29e_AnOperationIsJudgedByItsOwnEventsNotByALaterOne(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Queue", "UPDATE_COMPLETE", "")
	a.emit(token, stackName, "UPDATE_COMPLETE", "")
	a.emit("theirs", stackName, "UPDATE_IN_PROGRESS", "User Initiated")
	a.emit("theirs", "Queue", "UPDATE_FAILED", "their mistake")
	a.emit("theirs", stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "")
	for _, page := range []int{100, 2, 1} {
		a.page = page
		if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone {
			t.Errorf("with %d events a page: %s: %s", page, s.State, s.Reason)
		}
	}
}

func TestR29e_AChangeSetThatAForeignUpdateMadeObsoleteIsPlannedAgain(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := planned(t, a)
	a.emit("theirs", stackName, "UPDATE_IN_PROGRESS", "User Initiated")
	w = mustStart(t, a.engine(), w) // AWS refuses: nothing is concluded
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationForeign {
		t.Fatalf("while they work: %s", s.State)
	}
	a.emit("theirs", stackName, "UPDATE_COMPLETE", "")
	a.sets[token].ExecutionStatus = types.ExecutionStatusObsolete
	w = mustStart(t, a.engine(), w)
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationStale {
		t.Errorf("got %s", s.State)
	}
	delete(a.sets, token)
	w = mustStart(t, a.engine(), w)
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationStale {
		t.Errorf("once it is gone: %s", s.State)
	}
	if a.executed != 0 {
		t.Errorf("executed %d times", a.executed)
	}
}

func TestAnApplyOnAStackThatTakesNoUpdateIsRefused(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	w := planned(t, a)
	a.stack.StackStatus = "UPDATE_ROLLBACK_FAILED"
	a.fails["ExecuteChangeSet"] = []error{apiError("ValidationError", "Stack:%s is in UPDATE_ROLLBACK_FAILED state and can not be updated.", stackARN)}
	if r := refusal(t, a.engine(), w); !r.Blocked || !strings.Contains(r.Reason, "continue-update-rollback") {
		t.Errorf("got %+v", r)
	}
}

func TestR29f_AStackDeletedWhileItIsDeployedDisappeared(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit("theirs", stackName, "DELETE_IN_PROGRESS", "User Initiated")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationForeign {
		t.Errorf("while it goes: %s", s.State)
	}
	a.emit("theirs", stackName, "DELETE_COMPLETE", "")
	for _, seen := range []string{"by its ARN", "not at all"} {
		s := mustObserve(t, a.engine(), w)
		if s.State != gitops.OperationFailed || !strings.Contains(s.Reason, "disappeared") {
			t.Errorf("%s: %s: %s", seen, s.State, s.Reason)
		}
		a.stack = nil // AWS forgets a deleted stack after 90 days
	}
	clear(a.sets) // they went with it
	a.created = nil
	mustStart(t, a.engine(), work(gitops.OperationPlan))
	if a.created.ChangeSetType != types.ChangeSetTypeCreate {
		t.Errorf("the next plan is a %s", a.created.ChangeSetType)
	}
}

func TestR29f_AStackDeletedBeforeItsPlanWasExecutedDisappeared(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := planned(t, a)
	a.emit("theirs", stackName, "DELETE_COMPLETE", "")
	clear(a.sets)
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationFailed || !strings.Contains(s.Reason, "disappeared") {
		t.Errorf("got %s: %s", s.State, s.Reason)
	}
}

// Whoever plans again first removes what the plan before left, and may die or lose the answer
// then: the next look finds the stack gone, on which nothing had been deployed.
func TestR29f_AnEmptyStackThatIsGoneBeforeItsPlanWasExecutedIsPlannedAnew(t *testing.T) {
	for name, test := range map[string]struct {
		before []string
		want   gitops.OperationState
	}{
		"a shell, which held nothing": {[]string{"REVIEW_IN_PROGRESS"}, gitops.OperationStale},
		"a stack that was made once":  {[]string{"REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"}, gitops.OperationFailed},
		"one whose beginning is far":  {[]string{"DELETE_IN_PROGRESS"}, gitops.OperationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			w := planned(t, a)
			a.events = nil
			for _, status := range append(test.before, "DELETE_IN_PROGRESS", "DELETE_COMPLETE") {
				a.emit("theirs", stackName, status, "")
			}
			clear(a.sets)
			if s := mustObserve(t, a.engine(), w); s.State != test.want {
				t.Errorf("got %s: %s", s.State, s.Reason)
			}
		})
	}
}

func TestALongOperationIsFollowedByItsNewestPageAlone(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), planned(t, a))
	for range 250 {
		a.emit(token, "Queue", "CREATE_IN_PROGRESS", "")
	}
	a.calls = nil
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning || len(a.calls) != 1 {
		t.Errorf("got %s by %v", s.State, a.calls)
	}
}

func TestAnEndedOperationIsReadBackToItsBeginningAndNoFurther(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	a.page = 10
	for range 50 {
		a.emit("theirs", "Queue", "UPDATE_COMPLETE", "")
	}
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, stackName, "UPDATE_COMPLETE", "")
	a.calls = nil
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone || a.count("DescribeStackEvents") != 1 {
		t.Errorf("got %s by %v", s.State, a.calls)
	}
}

func TestTheSearchForATokenEndsWhereTheIntentWasSaved(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	a.page = 10
	for range 50 {
		a.emit("theirs", "Queue", "UPDATE_COMPLETE", "")
	}
	a.now = a.now.Add(3 * time.Hour)
	w := planned(t, a)
	w.Operation.At = a.now
	a.calls = nil
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady || a.count("DescribeStackEvents") != 1 {
		t.Errorf("got %s by %v", s.State, a.calls)
	}
}

func TestACancelledPlanLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		account *account
		gone    bool // the stack too
	}{
		"of a new stack, whose shell goes too": {newAccount(), true},
		"of a stack that stands":               {standing("CREATE_COMPLETE"), false},
	} {
		t.Run(name, func(t *testing.T) {
			a := test.account
			w := planned(t, a)
			w.Operation.Kind = gitops.OperationCancel
			mustStart(t, a.engine(), w)
			if len(a.sets) != 0 || (a.stack == nil) != test.gone {
				t.Errorf("%d change sets, stack %v", len(a.sets), a.stack)
			}
			mustStart(t, a.engine(), w) // again
		})
	}
}

func TestAShellOnWhichAnotherChangeSetStandsIsKept(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	other := work(gitops.OperationPlan)
	other.Operation.Token = "theirs"
	mustStart(t, a.engine(), other)
	w.Operation.Kind = gitops.OperationCancel
	mustStart(t, a.engine(), w)
	if a.stack == nil || a.sets["theirs"] == nil {
		t.Error("somebody else's change set went with ours")
	}
}

// A worker that had been frozen made it after the plan itself was removed.
func TestR15_NoPlanWaitsForAChangeSetThatCameLateUnderItsName(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	w.Operation.ID, w.Operation.Kind = w.Operation.ID+"-earlier", gitops.OperationCancel
	mustStart(t, a.engine(), w)
	if a.stack == nil || a.sets[token] == nil {
		t.Error("the change set that came late, or its stack, is gone")
	}
}

// thawing is an account whose stack is made for real while the worker that lists its change
// sets is frozen.
type thawing struct{ *account }

func (a thawing) ListChangeSets(ctx context.Context, in *cloudformation.ListChangeSetsInput, options ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error) {
	out, err := a.account.ListChangeSets(ctx, in, options...)
	a.stack.StackStatus = types.StackStatusCreateComplete
	return out, err
}

func TestR15_AWorkerThatFrozeDeletesNoStackThatIsNoShellAnyMore(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	w.Operation.Kind = gitops.OperationCancel
	mustStart(t, Over(thawing{a}), w)
	if a.stack == nil {
		t.Error("a stack that holds resources was deleted as an empty one")
	}
}

func TestAShellStaysWhereTheRoleMayNotDeleteStacks(t *testing.T) {
	a := newAccount()
	w := planned(t, a)
	a.fails["DeleteStack"] = []error{apiError("AccessDenied", "no")}
	w.Operation.Kind = gitops.OperationCancel
	mustStart(t, a.engine(), w)
}

func TestAChangeSetThatIsStillBeingCreatedCannotBeCancelledYet(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	w.Operation.Kind = gitops.OperationCancel
	if _, err := a.engine().Start(t.Context(), w); err == nil || !strings.Contains(err.Error(), "not yet") {
		t.Fatalf("got %v", err)
	}
	a.settle(token)
	mustStart(t, a.engine(), w)
	if len(a.sets) != 0 {
		t.Error("the change set is left")
	}
}

func TestAnExecutedChangeSetLeavesNothingToCancel(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), planned(t, a))
	a.sets[token].ExecutionStatus = types.ExecutionStatusExecuteComplete
	w.Operation.Kind = gitops.OperationCancel
	mustStart(t, a.engine(), w)
}
