package reconcile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestAPushIsPlannedAppliedAndVerified(t *testing.T) {
	w := watching(t)
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Errorf("live VisibilityTimeout is %q, want 5", got)
	}
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if d.Reason != "applied and in sync" || d.Plan.Add != 1 || d.Drift == nil || d.Drift.InSync != 1 {
		t.Errorf("the deployment does not tell what happened: %+v", d)
	}
	a := w.app("jobs")
	if a.Health() != gitops.HealthHealthy || a.DriftDue.IsZero() || a.Deployed.StackID == "" {
		t.Errorf("the application's record is not at rest: %+v", a)
	}
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("change sets are left behind: %v", left)
	}
}

func TestAPushRollsOutOnlyWhatItTouches(t *testing.T) {
	w := watching(t)
	w.engine.Forget()
	w.push("longer", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 60\n"})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "60" {
		t.Errorf("live VisibilityTimeout is %q, want 60", got)
	}
	if got := len(w.engine.Executed()); got != 3 {
		t.Errorf("%d plans were executed in all, want 3: jobs, books, jobs", got)
	}
	if d := w.last("jobs"); d.Plan.Modify != 1 || d.Revision.Message != "longer" {
		t.Errorf("the second deployment is %+v", d)
	}
}

func TestAPushOutsideEveryApplicationRollsOutNothing(t *testing.T) {
	w := watching(t)
	w.engine.Forget()
	w.store.Forget()
	w.push("words", map[string]string{"README.md": "better words\n"})
	w.resync()
	w.settle()
	if n := w.store.Count("PutRepository"); n != 1 {
		t.Errorf("the look was stored %d times, want once", n)
	}
	if calls := w.engine.Counts(); len(calls) != 0 {
		t.Errorf("the engine was called: %v", calls)
	}
	if r := w.repository(); r.Head.Message != "words" || r.Unfinished() {
		t.Errorf("the push was not taken in: %+v", r)
	}
}

// Whoever looks freezes before anything of the look is stored. Meanwhile another one sees an older
// commit, and then nobody tells of the newest.
func TestR15_ALookThatHadStoredNothingAndWasOvertakenIsTakenAgain(t *testing.T) {
	w := watching(t)
	longer := map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 60\n"}
	w.push("longer", longer)
	w.resync()
	w.freeze("PutRepository", func() {
		w.push("as before", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\n"})
		w.resync()
		w.drain()
		w.push("longer all the same", longer)
	})
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "60" {
		t.Errorf("live VisibilityTimeout is %q, want 60", got)
	}
}

func TestAResyncWithoutChangesMakesOneGitCallAndNoOther(t *testing.T) {
	w := watching(t)
	w.engine.Forget()
	w.git.Forget()
	w.store.Forget()
	w.resync()
	w.settle()
	if calls := w.git.Counts(); len(calls) != 1 || calls["Head"] != 1 {
		t.Errorf("git was called %v, want one Head", calls)
	}
	for _, write := range []string{"PutRepository", "PutApplication", "Open", "Close"} {
		if n := w.store.Count(write); n != 0 {
			t.Errorf("%s was called %d times", write, n)
		}
	}
	if calls := w.engine.Counts(); len(calls) != 0 {
		t.Errorf("the engine was called: %v", calls)
	}
}

func TestABrokenTemplateFailsAloneAndTheNextPushMendsIt(t *testing.T) {
	w := watching(t)
	w.push("oops", map[string]string{
		"stacks/jobs/template.yaml":  "Queue.Type: AWS::SQS::Queue\nthis is not a template\n",
		"stacks/books/template.yaml": "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PROVISIONED\n",
	})
	w.resync()
	w.settle()
	d := w.expect("jobs", gitops.PhaseFailed)
	if !strings.Contains(d.Reason, "stacks/jobs/template.yaml:2:") {
		t.Errorf("the reason names no file and line: %s", d.Reason)
	}
	w.expect("books", gitops.PhaseSucceeded)
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Errorf("the broken push changed live to %q", got)
	}
	if a := w.app("jobs"); a.Health() != gitops.HealthDegraded || a.Sync() != gitops.StatusOutOfSync {
		t.Errorf("jobs is %s and %s", a.Health(), a.Sync())
	}
	w.push("mended", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 7\n"})
	w.resync()
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
}

func TestR1_EveryMessageLostIsMendedByTheSweep(t *testing.T) {
	w := watching(t)
	w.push("unheard", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
	w.resync()
	m, _ := w.queue.Next()
	w.queue.Fail(func(string) error { return nil })
	if err := w.r.Reconcile(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if lost := w.queue.Drain(); len(lost) != 1 {
		t.Fatalf("the look at the repository sent %d messages, want 1", len(lost))
	}
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "9" {
		t.Errorf("live is %q: the push was lost with its message", got)
	}
}

func TestR2_EveryMessageTenTimesExecutesOnce(t *testing.T) {
	w := watching(t)
	w.push("once", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
	before := len(w.engine.Executed())
	for range 10 {
		w.resync()
		for range 10 {
			if err := w.queue.Send(t.Context(), reconcile.Message{Application: "jobs"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.settle()
	if got := len(w.engine.Executed()) - before; got != 1 {
		t.Errorf("%d executions, want 1", got)
	}
}

func TestADestructivePlanWaitsAndWhatWasApprovedIsExecuted(t *testing.T) {
	w := watching(t)
	w.push("no queue", map[string]string{"stacks/jobs/template.yaml": "Topic.Type: AWS::SNS::Topic\n"})
	w.resync()
	w.rounds(3)
	d := w.expect("jobs", gitops.PhaseAwaitingApproval)
	if d.Plan.Remove != 1 || d.Reason != "the plan replaces or removes resources" {
		t.Fatalf("the plan waits for %q with %+v", d.Reason, d.Plan)
	}
	if _, err := w.op.Approve(t.Context(), "jobs", "another digest", "bob"); err == nil {
		t.Fatal("a yes to another plan was taken")
	}
	if w.live("jobs", "Queue", "Type") == "" {
		t.Fatal("the queue was removed before anybody said yes")
	}
	if _, err := w.op.Approve(t.Context(), "jobs", d.Plan.Digest, "bob"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Approved.By != "bob" {
		t.Errorf("who approved is lost: %+v", d.Approved)
	}
	if w.live("jobs", "Queue", "Type") != "" {
		t.Error("the approved plan was not executed")
	}
}

func TestAWorldThatMovedIsPlannedAndAskedForAgain(t *testing.T) {
	w := watching(t)
	w.push("no queue", map[string]string{"stacks/jobs/template.yaml": "Topic.Type: AWS::SNS::Topic\n"})
	w.resync()
	w.rounds(3)
	first := w.expect("jobs", gitops.PhaseAwaitingApproval)
	w.engine.Script("jobs", fake.Script{Refuse: nil, Foreign: "UPDATE_IN_PROGRESS by somebody else"})
	if _, err := w.op.Approve(t.Context(), "jobs", first.Plan.Digest, "bob"); err != nil {
		t.Fatal(err)
	}
	w.rounds(2)
	w.expect("jobs", gitops.PhaseAwaitingApproval)
	w.engine.Script("jobs", fake.Script{})
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
}

func TestARejectedPlanIsNotTriedAgain(t *testing.T) {
	w := watching(t)
	w.push("no queue", map[string]string{"stacks/jobs/template.yaml": "Topic.Type: AWS::SNS::Topic\n"})
	w.resync()
	w.rounds(3)
	d := w.last("jobs")
	if _, err := w.op.Reject(t.Context(), "jobs", d.Plan.Digest, "bob", "we need it"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.resync()
	w.settle()
	if d := w.expect("jobs", gitops.PhaseRejected); d.Reason != "rejected by bob: we need it" {
		t.Errorf("the reason is %q", d.Reason)
	}
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("change sets are left behind: %v", left)
	}
}

func TestANewerPushSupersedesWhatWaits(t *testing.T) {
	w := watching(t)
	w.push("no queue", map[string]string{"stacks/jobs/template.yaml": "Topic.Type: AWS::SNS::Topic\n"})
	w.resync()
	w.rounds(3)
	waiting := w.expect("jobs", gitops.PhaseAwaitingApproval)
	w.push("back", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n"})
	w.resync()
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
	d, err := w.store.Deployment(t.Context(), "jobs", waiting.ID)
	if err != nil || d.Phase != gitops.PhaseSuperseded {
		t.Errorf("the one that waited is %s, %v", d.Phase, err)
	}
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("change sets are left behind: %v", left)
	}
}

func TestManualSyncWaitsWhateverApprovalSaysAndSyncIsTheApproval(t *testing.T) {
	w := watching(t)
	w.push("manual", map[string]string{
		"driftless.yaml":            fileWith("    sync: { mode: manual, approval: never }\n", "jobs", "books"),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n",
	})
	w.resync()
	w.rounds(3)
	if d := w.expect("jobs", gitops.PhaseAwaitingApproval); d.Reason != "sync.mode is manual" {
		t.Fatalf("it waits for %q", d.Reason)
	}
	if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Approved == nil || d.Approved.By != "bob" {
		t.Errorf("the sync was not the approval: %+v", d)
	}
}

func TestAChangeByHandIsFoundWhenDriftIsDueAndSyncBringsItBack(t *testing.T) {
	w := watching(t)
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.now = w.now.Add(2 * time.Hour)
	if _, err := w.sweep.Unfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.settle()
	a := w.app("jobs")
	if a.Drift.Drifted != 1 || a.Drift.Message != "Queue VisibilityTimeout 5 -> 60" || a.Sync() != gitops.StatusOutOfSync {
		t.Fatalf("the drift was not found: %+v", a.Drift)
	}
	if b := w.app("books"); b.Drift.Drifted != 0 || b.Drift.At != w.now {
		t.Errorf("books was not looked at: %+v", b.Drift)
	}
	if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if d.Kind != gitops.KindRevert || w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("live was not brought back: %+v", d)
	}
	if a := w.app("jobs"); a.Sync() != gitops.StatusSynced || a.Drift.Drifted != 0 {
		t.Errorf("a second detection did not prove it: %+v", a.Drift)
	}
}

func TestDriftThatStaysRightAfterAnApplyIsLookedAtTwiceAndRecorded(t *testing.T) {
	w := watching(t)
	w.push("more", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 7\n"})
	w.resync()
	for w.last("jobs").Phase != gitops.PhaseVerifying {
		m, ok := w.queue.Next()
		if !ok {
			t.Fatal("the deployment never verified")
		}
		w.engine.Script("jobs", fake.Script{Slow: 1})
		if err := w.r.Reconcile(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if w.queue.Len() == 0 {
			w.now = w.now.Add(time.Minute)
			_, _ = w.sweep.Unfinished(t.Context())
		}
	}
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	w.engine.Script("jobs", fake.Script{})
	w.settle()
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if !d.Operation.Again || !strings.HasPrefix(d.Reason, "applied; drifted right after: Queue VisibilityTimeout") {
		t.Errorf("the deployment ended with %q", d.Reason)
	}
	if a := w.app("jobs"); a.Deployed.Deployment != d.ID || a.Sync() != gitops.StatusOutOfSync {
		t.Errorf("the drift is not on the record: %+v", a)
	}
}

func TestASuspendedApplicationWaitsUntilItIsResumed(t *testing.T) {
	w := watching(t)
	if _, err := w.op.Suspend(t.Context(), "jobs", "ann", "migration"); err != nil {
		t.Fatal(err)
	}
	w.push("later", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n"})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Fatalf("suspended, yet live is %q", got)
	}
	if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err == nil {
		t.Error("a sync of a suspended application was taken")
	}
	if _, err := w.op.Resume(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "8" {
		t.Errorf("resumed, yet live is %q", got)
	}
}

func TestR29g_WhatIsNotKnownIsNeverAFailure(t *testing.T) {
	w := watching(t)
	w.push("throttled", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n"})
	w.engine.Fail(func(string) error { return errors.New("Throttling: Rate exceeded") })
	w.resync()
	w.rounds(10)
	if d := w.last("jobs"); d.Phase.Done() {
		t.Fatalf("throttling ended the deployment: %s %s", d.Phase, d.Reason)
	}
	w.engine.Fail(nil)
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
}

func TestR55_RefusedCredentialsBlockWithTheReason(t *testing.T) {
	w := watching(t)
	w.push("denied", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n"})
	w.engine.Fail(func(string) error {
		return errors.Join(errors.New("assume role driftless-deploy"), reconcile.ErrDenied)
	})
	w.resync()
	w.settle()
	if d := w.expect("jobs", gitops.PhaseBlocked); !strings.Contains(d.Reason, "driftless-deploy") {
		t.Errorf("the reason names no role: %q", d.Reason)
	}
	w.engine.Fail(nil)
	if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
}

func TestAStackThatSomebodyElseUpdatedIsDeployedAgainBySync(t *testing.T) {
	w := watching(t)
	a := w.app("jobs")
	a.Drift = gitops.DriftSummary{At: w.now, Complete: true, InSync: 1, Foreign: "the stack was updated by somebody else"}
	if err := w.store.PutApplication(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	if a.Sync() != gitops.StatusOutOfSync {
		t.Errorf("it is shown as %s", a.Sync())
	}
	if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Kind != gitops.KindDeploy {
		t.Errorf("it was brought back as a %s", d.Kind)
	}
	if a := w.app("jobs"); a.Sync() != gitops.StatusSynced || a.Drift.Foreign != "" {
		t.Errorf("after the sync it is %s: %+v", a.Sync(), a.Drift)
	}
}
