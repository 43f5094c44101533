package reconcile_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// A rollout is run again and again, each time with the next of its calls failing, either
// before it takes effect or with its answer lost. Whatever call that is, the push ends as
// it does without a fault, executed once, with nothing left behind.
func TestR13_AnyOneCallThatFailsChangesNothingButTheDelay(t *testing.T) {
	for _, fault := range []error{errors.New("503 Service Unavailable"), fake.ErrLost} {
		for n := 1; ; n++ {
			if !rollout(t, n, fault) {
				if n < 20 {
					t.Fatalf("a rollout makes only %d calls", n-1)
				}
				break
			}
		}
	}
}

// rollout rolls out one push with the n-th call failing, and reports whether there was one.
func rollout(t *testing.T, n int, fault error) bool {
	t.Helper()
	w := watching(t)
	w.push("more", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
	w.resync()
	before := len(w.engine.Executed())
	name := w.oneFails(n, fault)
	where := fmt.Sprintf("call %d (%s) with %v", n, name, fault)
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "9" {
		t.Errorf("%s: live is %q", where, got)
	}
	if got := len(w.engine.Executed()) - before; got != 1 {
		t.Errorf("%s: %d executions", where, got)
	}
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("%s: change sets are left behind: %v", where, left)
	}
	if a := w.app("jobs"); a.Ended.Phase != gitops.PhaseSucceeded || a.InFlight != "" {
		t.Errorf("%s: jobs ended %s %s", where, a.Ended.Phase, a.Ended.Reason)
	}
	return name != ""
}

// oneFails lets the n-th call of whichever port fail, and all come to rest. It returns that call's
// name, nothing where there were not as many.
func (w *world) oneFails(n int, fault error) (name string) {
	w.t.Helper()
	ports, count := []interface{ Fail(func(string) error) }{w.store, w.queue, w.blobs, w.git, w.engine}, 0
	for _, p := range ports {
		p.Fail(func(call string) error {
			if count++; count == n {
				name = call
				return fault
			}
			return nil
		})
	}
	w.lenient()
	_, _ = w.sweep.Repositories(w.t.Context()) // what the five-minute schedule does in the end, or the one after
	_, _ = w.sweep.Repositories(w.t.Context())
	w.lenient()
	for _, p := range ports {
		p.Fail(nil)
	}
	w.settle()
	return name
}

// lenient handles messages and sweeps, taking an error for what it is in the queue: the
// message comes again, by itself or through the sweep.
func (w *world) lenient() {
	w.t.Helper()
	for range 10 {
		for {
			m, ok := w.queue.Next()
			if !ok {
				break
			}
			_ = w.r.Reconcile(w.t.Context(), m)
		}
		w.now = w.now.Add(60e9)
		_, _ = w.sweep.Unfinished(w.t.Context())
	}
}

func TestR16_TwoWorkersOnOneApplicationExecuteOnce(t *testing.T) {
	for range 20 {
		w := watching(t)
		w.r.Sleep = nil
		w.push("raced", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
		w.resync()
		before := len(w.engine.Executed())
		m, _ := w.queue.Next()
		if err := w.r.Reconcile(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		var ids sync.Mutex
		next := w.r.NewID
		w.r.NewID = func() string { ids.Lock(); defer ids.Unlock(); return next() }
		var workers sync.WaitGroup
		for range 4 {
			workers.Go(func() {
				if err := w.r.Reconcile(t.Context(), reconcile.Message{Application: "jobs"}); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		w.settle()
		if got := len(w.engine.Executed()) - before; got != 1 {
			t.Fatalf("%d executions, want 1", got)
		}
		w.expect("jobs", gitops.PhaseSucceeded)
	}
}

// A worker froze between the intent to plan and the call, and makes the call when the
// deployment is long over: what it makes is removed by itself.
func TestR15_APlanThatIsMadeAfterItsDeploymentEndedIsRemoved(t *testing.T) {
	w := watching(t)
	w.r.Sleep = nil
	w.push("first", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
	w.resync()
	frozen := false
	w.engine.Fail(func(call string) error {
		if call != "Start plan" || frozen {
			return nil
		}
		frozen = true
		w.push("second", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 10\n"})
		w.resync()
		w.settle()
		return nil
	})
	w.drain()
	if !frozen {
		t.Fatal("no plan was begun")
	}
	w.settle()
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("change sets are left behind: %v", left)
	}
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "10" {
		t.Errorf("live is %q", got)
	}
}

// Two workers plan; one has found the plan unfit, removed it and ended the deployment, while
// the other one was about to begin it again.
func TestR16_APlanThatAnotherWorkerRemovedIsNotBegunAgain(t *testing.T) {
	w := watching(t)
	w.r.Sleep = nil
	w.engine.Script("jobs", fake.Script{FailPlan: "no"})
	w.push("unfit", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
	w.resync()
	looked, begun := 0, 0
	w.engine.Fail(func(call string) error {
		switch {
		case call == "Start plan" && begun == 0:
			begun++
			return fake.ErrLost // so that nobody knows its id
		case call == "Observe plan" && looked == 0:
			looked++
			w.settle() // the other worker
		}
		return nil
	})
	w.drain()
	w.settle()
	if looked == 0 {
		t.Fatal("nobody looked at a plan")
	}
	if left := w.engine.Leftovers(); len(left) > 0 {
		t.Errorf("change sets are left behind: %v", left)
	}
	if n := w.engine.Count("Start plan"); n != 3 { // two to bring both applications up
		t.Errorf("plans were begun %d times, want 3", n)
	}
}

// The stack moved, so that a deployment plans again, and dies before it has; a newer push
// overtakes it. Of its first plan nothing is left.
func TestR13_WhatWasPlannedBeforeIsRemovedBeforeItIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.push("one application", map[string]string{"driftless.yaml": fileWith("    sync: { approval: always }\n", "jobs"),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\n"})
	w.add()
	w.rounds(2)
	if _, err := w.op.Approve(t.Context(), "jobs", w.last("jobs").Plan.Digest, "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	w.push("waits", timeout(9))
	w.resync()
	w.rounds(2)
	w.engine.Touch(target, "prod-jobs")
	w.engine.Fail(func(call string) error {
		if call == "Start plan" {
			return errors.New("503 Service Unavailable")
		}
		return nil
	})
	w.rounds(1)
	w.engine.Fail(nil)
	w.push("newer", timeout(10))
	w.resync()
	w.rounds(3)
	if d := w.last("jobs"); d.Phase != gitops.PhaseAwaitingApproval {
		t.Fatalf("the newer push is %s (%s)", d.Phase, d.Reason)
	}
	if left := w.engine.Leftovers(); len(left) != 1 {
		t.Errorf("change sets are there: %v, want the one that waits", left)
	}
}
