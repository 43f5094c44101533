package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// healing returns a world whose applications heal by themselves.
func healing(t *testing.T) *world {
	t.Helper()
	w := watching(t)
	w.push("heal", map[string]string{"driftless.yaml": fileWith("    drift: { heal: true }\n", "jobs", "books")})
	w.resync()
	w.settle()
	if !w.app("jobs").Settings.Drift.Heal {
		t.Fatal("the application does not heal")
	}
	return w
}

// lookForDrift lets an hour and a few sweeps go by.
func (w *world) lookForDrift() {
	w.t.Helper()
	w.now = w.now.Add(time.Hour)
	for range 4 {
		if _, err := w.sweep.Unfinished(w.t.Context()); err != nil {
			w.t.Fatal(err)
		}
		w.settle()
	}
}

func TestDriftIsHealedWithoutAPerson(t *testing.T) {
	w := healing(t)
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.lookForDrift()
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if d.Kind != gitops.KindHeal || w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("a %s ended, live is %s", d.Kind, w.live("jobs", "Queue", "VisibilityTimeout"))
	}
	a := w.app("jobs")
	if a.Sync() != gitops.StatusSynced || len(a.Heals) != 1 || a.Heals[0].Resources[0] != "Queue" || a.Heals[0].Deployment != d.ID {
		t.Errorf("after the heal: %s, %+v", a.Sync(), a.Heals)
	}
	if w.last("books").Kind != gitops.KindDeploy {
		t.Error("the other application was healed too")
	}
}

func TestADeletedResourceIsMadeAgainByAHeal(t *testing.T) {
	w := healing(t)
	w.engine.Edit(target, "prod-jobs", "Queue", "", "")
	w.lookForDrift()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Kind != gitops.KindHeal || w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("a %s ended, live is %v", d.Kind, w.engine.Live(target, "prod-jobs"))
	}
}

func TestAHealThatWouldReplaceIsRefusedOnceAndLeavesNothingBehind(t *testing.T) {
	w := healing(t)
	w.engine.Edit(target, "prod-jobs", "Queue", "Type", "AWS::SNS::Topic")
	w.lookForDrift()
	d := w.expect("jobs", gitops.PhaseRejected)
	if d.Kind != gitops.KindHeal || !strings.Contains(d.Reason, "not healed: Queue: it would be replaced") {
		t.Errorf("%s: %s", d.Kind, d.Reason)
	}
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("change sets are left: %v", left)
	}
	w.lookForDrift()
	if again := w.last("jobs"); again.ID != d.ID {
		t.Errorf("the same drift was tried again: %s", again.Reason)
	}
	if w.app("jobs").Message() != d.Reason {
		t.Errorf("the status says %q", w.app("jobs").Message())
	}
}

func TestAHealGivesWayToWhatGitWants(t *testing.T) {
	w := healing(t)
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.push("another value", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 7\n"})
	w.now = w.now.Add(time.Hour)
	w.resync()
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Kind != gitops.KindDeploy || w.live("jobs", "Queue", "VisibilityTimeout") != "7" {
		t.Errorf("a %s ended, live is %s", d.Kind, w.live("jobs", "Queue", "VisibilityTimeout"))
	}
}

func TestAResourceThatSomebodyKeepsChangingIsNotFought(t *testing.T) {
	w := healing(t)
	heals := 0
	for n := range 6 {
		w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", string(rune('6'+n)))
		w.lookForDrift()
		if d := w.last("jobs"); d.Kind == gitops.KindHeal && d.Phase == gitops.PhaseSucceeded && w.live("jobs", "Queue", "VisibilityTimeout") == "5" {
			heals++
		}
	}
	if heals != gitops.HealsPerDay {
		t.Errorf("%d heals, want %d", heals, gitops.HealsPerDay)
	}
	if d := w.last("jobs"); d.Phase != gitops.PhaseRejected || !strings.Contains(d.Reason, "healed 3 times in a day") {
		t.Errorf("the last one: %s, %s", d.Phase, d.Reason)
	}
	if _, err := w.op.Heal(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Request.By != "ann" || w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("a person's heal: %+v", d.Request)
	}
}

func TestAHealIsAskedForOnlyWhereThereIsSomethingToHeal(t *testing.T) {
	w := watching(t)
	if _, err := w.op.Heal(t.Context(), "jobs", "ann"); err == nil || !strings.Contains(err.Error(), "no drift that is known") {
		t.Errorf("in sync: %v", err)
	}
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.lookForDrift()
	if d := w.last("jobs"); d.Kind == gitops.KindHeal {
		t.Fatal("an application that does not heal was healed")
	}
	if _, err := w.op.Heal(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Kind != gitops.KindHeal || w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("a %s ended", d.Kind)
	}
}

func TestAChangeThatAnEventTellsOfIsLookedAtAlone(t *testing.T) {
	w := watching(t)
	w.lookForDrift()
	due := w.app("jobs").DriftDue
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	a := w.app("jobs")
	a.Note(gitops.Touched{LogicalID: "Queue", Touch: gitops.Touch{By: "arn:aws:iam::111122223333:user/eve", From: "192.0.2.1", Event: "SetQueueAttributes", At: w.now}})
	if err := w.store.PutApplication(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	w.settle()
	a = w.app("jobs")
	r, err := w.store.LatestReport(t.Context(), "jobs")
	if err != nil {
		t.Fatal(err)
	}
	if !r.Partial || r.Summary().Drifted != 1 || r.Resources[0].By == nil || r.Resources[0].By.Event != "SetQueueAttributes" {
		t.Errorf("the report: %+v", r)
	}
	if len(a.Touched) != 0 || a.Drift.Drifted != 1 || !a.DriftDue.Equal(due) {
		t.Errorf("the application: touched %v, drift %s, due %s, was due %s", a.Touched, a.Drift, a.DriftDue, due)
	}
}

func TestAStackThatIsStuckIsContinuedOnce(t *testing.T) {
	w := watching(t)
	stuck := &gitops.Stuck{Status: "UPDATE_ROLLBACK_FAILED", Resources: []string{"Queue"}}
	w.engine.Script("jobs", fake.Script{FailApply: "Queue: no such value", Stuck: stuck})
	w.push("a value that fails", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 7\n"})
	w.resync()
	w.settle()
	d := w.expect("jobs", gitops.PhaseFailed)
	if len(d.Recoveries) != 1 || d.Recoveries[0].Status != stuck.Status || d.Cause == nil || !strings.Contains(d.Reason, "Queue (AWS::SQS::Queue) UPDATE_FAILED: Queue: no such value") {
		t.Errorf("%s; cause %+v, recoveries %+v", d.Reason, d.Cause, d.Recoveries)
	}
	w.engine.Script("jobs", fake.Script{})
	w.push("a value that works", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n"})
	w.resync()
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
}

func TestAStackThatStaysStuckIsOfferedToAPerson(t *testing.T) {
	w := watching(t)
	stuck := &gitops.Stuck{Status: "UPDATE_ROLLBACK_FAILED", Resources: []string{"Queue"}}
	w.engine.Script("jobs", fake.Script{FailApply: "no", Stuck: stuck, FailRecover: true})
	w.push("a value that fails", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 7\n"})
	w.resync()
	w.settle()
	if d := w.expect("jobs", gitops.PhaseBlocked); len(d.Recoveries) != 1 || d.Stuck == nil || d.Stuck.Resources[0] != "Queue" {
		t.Fatalf("%s: recoveries %+v, stuck %+v", d.Reason, d.Recoveries, d.Stuck)
	}
	if _, err := w.op.Recover(t.Context(), "jobs", []string{"not a name"}, "ann"); err == nil {
		t.Error("any text is taken for a resource")
	}
	deployed := w.app("jobs").Deployed
	if _, err := w.op.Recover(t.Context(), "jobs", []string{"Queue"}, "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if d.Kind != gitops.KindRecover || d.Recoveries[0].By != "ann" || d.Recoveries[0].Skip[0] != "Queue" {
		t.Errorf("%s: %+v", d.Kind, d.Recoveries)
	}
	if now := w.app("jobs").Deployed; now.Deployment != deployed.Deployment {
		t.Errorf("a recovery counts as a deployment: %+v", now)
	}
}
