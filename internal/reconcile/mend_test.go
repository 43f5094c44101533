package reconcile_test

import (
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// What an application was at when it was good may be another application's stack by now.
func TestARollbackGoesToNoStackThatItsApplicationHasLeft(t *testing.T) {
	w, _ := checking(t)
	first := w.last("jobs")
	elsewhere := strings.Replace(fileWith(checks, "jobs"), "prod-jobs", "prod-jobs-2", 1)
	w.push("elsewhere", map[string]string{"driftless.yaml": elsewhere})
	w.change("7")
	if _, err := w.op.Rollback(t.Context(), "jobs", first.ID, "ann"); err == nil || !strings.Contains(err.Error(), "stack prod-jobs in") {
		t.Errorf("to a stack that it left: %v", err)
	}
	if _, err := w.op.Rollback(t.Context(), "jobs", "", "ann"); err == nil || !strings.Contains(err.Error(), "nothing to go back to") {
		t.Errorf("to any: %v", err)
	}
	a := w.app("jobs")
	a.Rollback = &gitops.Undo{Deployment: a.Deployed.Deployment, To: first.ID, Reason: "its checks failed"}
	if err := w.store.PutApplication(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseBlocked); d.Kind != gitops.KindRollback || d.Bundle != "" || !strings.Contains(d.Reason, "or went elsewhere") {
		t.Errorf("%s of %q: %s", d.Kind, d.Bundle, d.Reason)
	}
}

func TestARequestThatIsDroppedForgetsNoChangeByHand(t *testing.T) {
	w := watching(t)
	a := w.app("jobs")
	a.Note(gitops.Touched{LogicalID: "Queue", Touch: gitops.Touch{By: "eve", At: w.now}})
	a.Request = gitops.Request{Kind: gitops.RequestHeal, N: a.Answered + 1, By: "ann", At: w.now}
	if err := w.store.PutApplication(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.settle()
	if a = w.app("jobs"); a.Drift.Drifted != 1 || len(a.Touched) > 0 || a.Answered != a.Request.N {
		t.Errorf("drift %s, touched %v, answered %d of %d", a.Drift, a.Touched, a.Answered, a.Request.N)
	}
}

// A plan without changes applies nothing, so that nothing is checked.
func TestWhatSucceededWithoutItsChecksIsNotGoneBackTo(t *testing.T) {
	w, c := checking(t)
	good := w.app("jobs").LastGood()
	w.push("no rollback by itself", map[string]string{"driftless.yaml": strings.Replace(fileWith(checks, "jobs"), "onFailure: rollback", "onFailure: report", 1)})
	c.answer = func(string, int, map[string]string) (gitops.Verdict, error) {
		return gitops.Verdict{Reason: "answered 500"}, nil
	}
	w.change("7")
	w.expect("jobs", gitops.PhaseFailed)
	if _, err := w.op.Sync(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	again := w.expect("jobs", gitops.PhaseSucceeded)
	if again.Reason != "no changes" || w.app("jobs").LastGood().Deployment != good.Deployment {
		t.Errorf("%s: good is %s, was %s", again.Reason, w.app("jobs").LastGood().Deployment, good.Deployment)
	}
	if _, err := w.op.Rollback(t.Context(), "jobs", again.ID, "ann"); err == nil || !strings.Contains(err.Error(), "whose checks were made") {
		t.Errorf("back to it: %v", err)
	}
	a, err := w.op.Rollback(t.Context(), "jobs", "", "ann")
	if err != nil || a.Request.To != good.Deployment {
		t.Errorf("back to %q, %v", a.Request.To, err)
	}
}

// A heal that gets its stack stuck ends while that is recovered, and was applied all the same.
func TestAHealThatWasRolledBackAtTheSecondTryCounts(t *testing.T) {
	w := healing(t)
	w.engine.Script("jobs", fake.Script{FailApply: "no", Stuck: &gitops.Stuck{Status: "UPDATE_ROLLBACK_FAILED"}})
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.lookForDrift()
	d := w.expect("jobs", gitops.PhaseFailed)
	heals := w.app("jobs").Heals
	if d.Kind != gitops.KindHeal || len(d.Recoveries) != 1 || len(heals) != 1 || len(heals[0].Resources) != 1 {
		t.Errorf("a %s with %d recoveries: %+v", d.Kind, len(d.Recoveries), heals)
	}
}
