package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// checker answers checks by their name.
type checker struct {
	mu       sync.Mutex
	attempts map[string]int
	answer   func(name string, attempt int, outputs map[string]string) (gitops.Verdict, error)
}

func (c *checker) Check(_ context.Context, _ reconcile.Work, check gitops.Check, outputs map[string]string) (gitops.Verdict, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.attempts[check.Name]++
	return c.answer(check.Name, c.attempts[check.Name], outputs)
}

const checks = `    verify:
      onFailure: rollback
      checks:
        - { name: web, http: { url: "https://example.org" }, retries: 3, interval: 10s }
        - { name: alarm, alarm: jobs-5xx }
`

// checking returns a world whose applications are checked, and pass.
func checking(t *testing.T) (*world, *checker) {
	t.Helper()
	w := newWorld(t)
	c := &checker{attempts: map[string]int{}, answer: func(string, int, map[string]string) (gitops.Verdict, error) {
		return gitops.Verdict{Passed: true, Reason: "200"}, nil
	}}
	w.r.Checker = c
	w.push("an application", map[string]string{"driftless.yaml": fileWith(checks, "jobs"),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\nOutputs.Url: https://example.org\n"})
	w.add()
	w.settle()
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if len(d.Checks) != 2 || !d.Checks[0].Passed || !d.Checks[1].Passed {
		t.Fatalf("checks: %+v", d.Checks)
	}
	return w, c
}

func (w *world) change(value string) {
	w.t.Helper()
	w.push("value "+value, map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: " + value + "\nTopic.Type: AWS::SNS::Topic\n"})
	w.resync()
	w.settle()
}

func TestACheckIsTriedAgainBeforeItFails(t *testing.T) {
	w, c := checking(t)
	c.attempts = map[string]int{}
	c.answer = func(name string, attempt int, _ map[string]string) (gitops.Verdict, error) {
		return gitops.Verdict{Passed: name != "web" || attempt == 3, Reason: "answered 503, not 200"}, nil
	}
	began := w.now
	w.change("7")
	d := w.expect("jobs", gitops.PhaseSucceeded)
	if d.Checks[0].Attempts != 3 || c.attempts["alarm"] != 1 {
		t.Errorf("attempts: %v", c.attempts)
	}
	if took := d.Checks[0].EndedAt.Sub(d.Checks[0].StartedAt); took < 20*time.Second || w.now.Sub(began) > 10*time.Minute {
		t.Errorf("the third attempt ended %s after the first began", took)
	}
}

func TestAFailedCheckRollsBackToWhatWasLastGood(t *testing.T) {
	w, c := checking(t)
	good := w.app("jobs").LastGood()
	bad := func(name string, _ int, _ map[string]string) (gitops.Verdict, error) {
		live := w.live("jobs", "Queue", "VisibilityTimeout")
		return gitops.Verdict{Passed: name != "web" || live == "5", Reason: "answered 500, not 200"}, nil
	}
	c.answer = bad
	w.change("7")
	all, err := w.store.ListDeployments(t.Context(), "jobs", 3)
	if err != nil {
		t.Fatal(err)
	}
	back, failed := all[0], all[1]
	if failed.Phase != gitops.PhaseFailed || failed.Reason != "verify: web: answered 500, not 200" {
		t.Errorf("the push: %s, %s", failed.Phase, failed.Reason)
	}
	if back.Kind != gitops.KindRollback || back.Phase != gitops.PhaseSucceeded || back.Undoes.To != good.Deployment || back.Undoes.Deployment != failed.ID {
		t.Errorf("what followed: %s %s (%s) of %+v", back.Kind, back.Phase, back.Reason, back.Undoes)
	}
	if live := w.engine.Live(target, "prod-jobs"); live["Queue"]["VisibilityTimeout"] != "5" || live["Topic"] != nil {
		t.Errorf("live is %v", live)
	}
	a := w.app("jobs")
	if a.Sync() != gitops.StatusOutOfSync || !strings.HasPrefix(a.Message(), "rolled back to ") || a.Deployed.Digest != good.Digest {
		t.Errorf("after the rollback: %s, %q", a.Sync(), a.Message())
	}
	w.now = w.now.Add(time.Hour)
	w.resync()
	w.settle()
	if d := w.last("jobs"); d.ID != back.ID {
		t.Errorf("what failed was deployed again: %s %s", d.Kind, d.Reason)
	}
	c.answer = func(string, int, map[string]string) (gitops.Verdict, error) { return gitops.Verdict{Passed: true}, nil }
	w.change("8")
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Kind != gitops.KindDeploy || w.live("jobs", "Queue", "VisibilityTimeout") != "8" {
		t.Errorf("the next commit: %s", d.Kind)
	}
}

// An application leaves the file, another one takes its stack, and it comes back elsewhere: that
// it cannot go back to what was good is told as loudly as of one that moved by itself.
func TestWhatWasGoodIsNotForgottenWhereTheStackWentToAnother(t *testing.T) {
	w, c := checking(t)
	good := w.app("jobs").LastGood()
	taken := strings.Replace(fileWith("", "books"), "prod-books", "prod-jobs", 1)
	w.push("books takes the stack", map[string]string{"driftless.yaml": taken, "stacks/books/template.yaml": "Queue.Type: AWS::SQS::Queue\n"})
	w.resync()
	w.settle()
	w.expect("books", gitops.PhaseSucceeded)
	if a := w.app("jobs"); !a.Removed || a.Deployed.Deployment != "" || a.LastGood().Deployment != good.Deployment {
		t.Fatalf("jobs is removed %t, deployed %q, was good at %q, want %q", a.Removed, a.Deployed.Deployment, a.LastGood().Deployment, good.Deployment)
	}
	c.answer = func(name string, _ int, _ map[string]string) (gitops.Verdict, error) {
		return gitops.Verdict{Passed: name != "web", Reason: "answered 500, not 200"}, nil
	}
	back := taken + strings.SplitAfter(strings.Replace(fileWith(checks, "jobs"), "prod-jobs", "prod-jobs-2", 1), "applications:\n")[1]
	w.push("jobs is back elsewhere", map[string]string{"driftless.yaml": back, "stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 7\nOutputs.Url: https://example.org\n"})
	w.resync()
	w.settle()
	d := w.expect("jobs", gitops.PhaseBlocked)
	if d.Kind != gitops.KindRollback || d.Undoes.To != good.Deployment || !strings.Contains(d.Reason, "or went elsewhere") {
		t.Errorf("what followed: %s %s (%s)", d.Kind, d.Phase, d.Reason)
	}
}

func TestARollbackThatFailsIsBlocked(t *testing.T) {
	w, c := checking(t)
	c.answer = func(name string, _ int, _ map[string]string) (gitops.Verdict, error) {
		return gitops.Verdict{Passed: name != "web", Reason: "answered 500, not 200"}, nil
	}
	w.change("7")
	d := w.expect("jobs", gitops.PhaseBlocked)
	if d.Kind != gitops.KindRollback || !strings.Contains(d.Reason, "the rollback failed: verify: web: answered 500") {
		t.Errorf("%s: %s", d.Kind, d.Reason)
	}
	if w.app("jobs").Health() != gitops.HealthDegraded {
		t.Errorf("its health is %s", w.app("jobs").Health())
	}
}

func TestWhatNobodyCouldLookAtIsNoReasonToRollBack(t *testing.T) {
	w, c := checking(t)
	c.answer = func(string, int, map[string]string) (gitops.Verdict, error) {
		return gitops.Verdict{}, errors.New("rate exceeded")
	}
	w.change("7")
	d := w.expect("jobs", gitops.PhaseFailed)
	if d.Kind != gitops.KindDeploy || !strings.Contains(d.Reason, "could not be looked at: rate exceeded; not rolled back") {
		t.Errorf("%s: %s", d.Kind, d.Reason)
	}
	if took := d.EndedAt.Sub(d.Checks[0].StartedAt); took < 15*time.Minute {
		t.Errorf("given up after %s", took)
	}
}

func TestAPersonRollsBackByHand(t *testing.T) {
	w, _ := checking(t)
	if _, err := w.op.Rollback(t.Context(), "jobs", "", "ann"); err == nil || !strings.Contains(err.Error(), "nothing to go back to") {
		t.Errorf("with one deployment: %v", err)
	}
	first := w.last("jobs")
	w.change("7")
	w.change("8")
	if _, err := w.op.Rollback(t.Context(), "jobs", "01JNONE", "ann"); err == nil || !strings.Contains(err.Error(), "no deployment 01JNONE") {
		t.Errorf("to one that is not there: %v", err)
	}
	if _, err := w.op.Rollback(t.Context(), "jobs", "", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Kind != gitops.KindRollback || w.live("jobs", "Queue", "VisibilityTimeout") != "7" || d.Undoes.By != "ann" {
		t.Errorf("to the one before: %s, %s", d.Kind, w.live("jobs", "Queue", "VisibilityTimeout"))
	}
	w.now = w.now.Add(time.Second)
	if _, err := w.op.Rollback(t.Context(), "jobs", first.ID, "ann"); err != nil {
		t.Fatal(err)
	}
	w.rounds(3)
	d := w.last("jobs")
	if d.Phase != gitops.PhaseAwaitingApproval || d.Undoes.To != first.ID {
		t.Fatalf("to the first, which removes a topic: %s %s", d.Phase, d.Reason)
	}
	if _, err := w.op.Approve(t.Context(), "jobs", d.Plan.Digest, "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if w.expect("jobs", gitops.PhaseSucceeded); w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("live is %s", w.live("jobs", "Queue", "VisibilityTimeout"))
	}
}
