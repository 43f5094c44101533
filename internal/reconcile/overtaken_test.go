package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// A look froze before it marked an application as removed; meanwhile the application came
// back. What it writes when it wakes is not the last word.
func TestR15_ALookThatWasOvertakenIsFollowedByAnother(t *testing.T) {
	w := watching(t)
	w.push("without books", map[string]string{"driftless.yaml": file("jobs")})
	w.resync()
	frozen := false
	w.store.Fail(func(call string) error {
		if call != "ApplicationsByID" || frozen {
			return nil
		}
		frozen = true
		w.push("with books", map[string]string{"driftless.yaml": file("jobs", "books")})
		w.resync()
		w.settle()
		return nil
	})
	w.drain()
	w.settle()
	if !frozen {
		t.Fatal("no look was taken")
	}
	if a := w.app("books"); a.Removed {
		t.Error("books is in the file, and its record says that it is removed")
	}
}

// A look froze before it suspended an application of a branch that was gone; meanwhile the
// branch came back as it had been.
func TestR15_ASuspensionThatComesTooLateIsLifted(t *testing.T) {
	w := watching(t)
	head := w.repository().Head.Commit
	w.git.Delete(repoURL, "main")
	w.resync()
	frozen := false
	w.store.Fail(func(call string) error {
		if call != "PutApplication" || frozen {
			return nil
		}
		frozen = true
		w.git.Reset(repoURL, "main", head)
		w.resync()
		w.settle()
		return nil
	})
	w.drain()
	w.settle()
	if a := w.app("books"); !frozen || a.Suspended != nil {
		t.Errorf("frozen %t; the branch is back, and books is %+v", frozen, a.Suspended)
	}
}

// The write that marks an application as removed fails: the next look still knows of it.
func TestR21_AnApplicationThatLeftTheFileIsNotForgottenWhenALookFails(t *testing.T) {
	for _, fault := range []error{errors.New("503 Service Unavailable"), fake.ErrLost} {
		w := watching(t)
		w.push("without books", map[string]string{"driftless.yaml": file("jobs")})
		failed := false
		w.store.Fail(func(call string) error {
			if call == "PutApplication" && !failed {
				failed = true
				return fault
			}
			return nil
		})
		w.resync()
		w.settle()
		w.resync()
		w.settle()
		if a := w.app("books"); !failed || !a.Removed {
			t.Errorf("%v: failed %t, removed %t", fault, failed, a.Removed)
		}
	}
}

// The same changes of another stack are another plan: an approval of the one says nothing of
// the other.
func TestAnApprovalOfThePlanOfAnotherStackIsRefused(t *testing.T) {
	w := newWorld(t)
	ask := "    sync: { approval: always }\n"
	w.push("one application", map[string]string{"driftless.yaml": fileWith(ask, "jobs"),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\n"})
	w.add()
	w.rounds(2)
	shown := w.last("jobs")
	moved := "version: 1\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\napplications:\n" +
		"  - name: jobs\n    path: stacks/jobs\n    cloudformation: { stack: other-jobs, template: template.yaml }\n" + ask
	w.push("another stack", map[string]string{"driftless.yaml": moved})
	w.resync()
	w.rounds(3)
	now := w.last("jobs")
	if shown.Phase == "" || now.ID == shown.ID || now.Phase != gitops.PhaseAwaitingApproval {
		t.Fatalf("%s is %s, want another deployment than %s that waits", now.ID, now.Phase, shown.ID)
	}
	_, err := w.op.Approve(t.Context(), "jobs", shown.Plan.Digest, "ann")
	var refusal *gitops.Refusal
	if !errors.As(err, &refusal) {
		t.Errorf("approving the plan of stack prod-jobs for other-jobs: %v, want a refusal", err)
	}
}

// The time that is left is judged by the clock that was handed in: it alone says what time
// an invocation of a simulated, or of a frozen, worker has.
func TestR14_NothingBeginsOnceTheTimeIsUpByTheClockThatWasHandedIn(t *testing.T) {
	w := watching(t)
	w.push("more", timeout(9))
	w.resync()
	m, _ := w.queue.Next()
	if err := w.r.Reconcile(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	opened := w.store.Count("Open")
	for _, test := range []struct {
		left time.Duration
		want int
	}{{7 * time.Second, 0}, {time.Minute, 1}} {
		ctx := until{t.Context(), w.now.Add(test.left)}
		if err := w.r.Reconcile(ctx, reconcile.Message{Application: "jobs"}); err != nil {
			t.Fatal(err)
		}
		if got := w.store.Count("Open") - opened; got != test.want {
			t.Errorf("with %s left %d deployments were begun, want %d", test.left, got, test.want)
		}
	}
}

// until is a context whose deadline is told, and never comes.
type until struct {
	context.Context
	at time.Time
}

// Deadline implements context.Context.
func (u until) Deadline() (time.Time, bool) { return u.at, true }

// A look froze before it registered an application that it had noted; meanwhile the application
// left the file again. It registers it when it wakes, and dies.
func TestR15_WhatAnOvertakenLookRegisteredLeavesWithTheNextCommit(t *testing.T) {
	w := watching(t)
	w.push("with mail", map[string]string{"driftless.yaml": file("jobs", "books", "mail"), "stacks/mail/template.yaml": "Queue.Type: AWS::SQS::Queue\n"})
	w.resync()
	frozen, dead := false, false
	w.store.Fail(func(call string) error {
		switch {
		case call == "Register" && !frozen:
			frozen = true
			w.push("without mail", map[string]string{"driftless.yaml": file("jobs", "books")})
			w.resync()
			w.drain()
			dead = true
		case dead:
			return errors.New("the process died")
		}
		return nil
	})
	m, _ := w.queue.Next()
	if err := w.r.Reconcile(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	dead = false
	if a := w.app("mail"); !frozen || a.Removed {
		t.Fatalf("frozen %t, removed %t", frozen, a.Removed)
	}
	w.push("next", timeout(9))
	w.resync()
	w.settle()
	if a := w.app("mail"); !a.Removed {
		t.Error("mail is not in the file, and its record does not say so")
	}
}

// What was under way when it left was never finished, and may have left the stack as it is.
func TestAnApplicationThatLostADeploymentWhenItLeftIsRolledOutOnceItIsBack(t *testing.T) {
	w := watching(t)
	before := w.files["stacks/jobs/template.yaml"]
	w.engine.Script("jobs", fake.Script{FailApply: "limit exceeded"})
	w.push("slower", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 60\n"})
	w.resync()
	w.settle()
	w.expect("jobs", gitops.PhaseFailed)
	w.engine.Script("jobs", fake.Script{Slow: 1000})
	w.push("as it was", map[string]string{"stacks/jobs/template.yaml": before})
	w.resync()
	w.drain()
	w.push("without jobs", map[string]string{"driftless.yaml": file("books")})
	w.resync()
	w.drain()
	w.engine.Script("jobs", fake.Script{})
	w.engine.Hurry("jobs")
	w.settle()
	w.expect("jobs", gitops.PhaseSuperseded)
	w.push("with jobs", map[string]string{"driftless.yaml": file("jobs", "books")})
	w.resync()
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Reason != "no changes" {
		t.Errorf("it is back, and ended: %s", d.Reason)
	}
}
