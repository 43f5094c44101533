package reconcile_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR3_WhateverTheOrderOfMessagesNothingOldIsAppliedAfterSomethingNewer(t *testing.T) {
	for seed := range uint64(50) {
		w := watching(t)
		order := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // to be repeated, not to be secret
		var waiting []reconcile.Message
		for i := range 6 {
			w.push(fmt.Sprintf("push %d", i), timeout(10+i))
			waiting = append(waiting, reconcile.Message{Repository: w.repository().ID})
			for range order.IntN(4) {
				waiting = append(waiting, w.queue.Drain()...)
				if len(waiting) == 0 {
					continue
				}
				n := order.IntN(len(waiting))
				if err := w.r.Reconcile(t.Context(), waiting[n]); err != nil {
					t.Fatal(err)
				}
				waiting = append(waiting[:n], waiting[n+1:]...)
			}
		}
		w.resync()
		w.settle()
		if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "15" {
			t.Fatalf("seed %d: live is %q, want what the last push says", seed, got)
		}
		var newest int64
		for _, e := range w.engine.Executed() {
			if e.Application == "jobs" && e.Revision.Seq < newest {
				t.Fatalf("seed %d: observation %d was applied after %d", seed, e.Revision.Seq, newest)
			}
			if e.Application == "jobs" {
				newest = e.Revision.Seq
			}
		}
	}
}

func TestR9_AMessageThatIsHandledAgainDoesNothing(t *testing.T) {
	w := watching(t)
	w.push("a push", timeout(60))
	w.resync()
	var handled []reconcile.Message
	for {
		m, ok := w.queue.Next()
		if !ok {
			break
		}
		if err := w.r.Reconcile(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		handled = append(handled, m)
	}
	w.expect("jobs", gitops.PhaseSucceeded)
	w.engine.Forget()
	before := w.app("jobs")
	for _, m := range handled { // their receipts were lost: the queue hands them out again
		w.now = w.now.Add(90 * time.Second)
		if err := w.r.Reconcile(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if calls := w.engine.Counts(); len(calls) != 0 {
		t.Errorf("the engine was called: %v", calls)
	}
	if after := w.app("jobs"); after.Version != before.Version {
		t.Errorf("the record went from version %d to %d", before.Version, after.Version)
	}
}

func TestR12_SweepsThatNeverRanAreMadeUpForByTheNext(t *testing.T) {
	w := watching(t)
	w.push("a push", timeout(60))
	w.queue.Fail(func(string) error { return fmt.Errorf("the function is throttled") })
	for range 12 { // an hour of schedules whose target takes nothing
		_, _ = w.sweep.Repositories(t.Context())
		_, _ = w.sweep.Unfinished(t.Context())
		w.now = w.now.Add(5 * time.Minute)
	}
	w.queue.Fail(nil)
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Fatalf("live moved to %q without a sweep", got)
	}
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "60" {
		t.Errorf("live is %q after the first sweep that ran", got)
	}
}

func TestR29d_AnOperationOfThreeHoursIsLookedAtShortlyAndStaysVisible(t *testing.T) {
	w := watching(t)
	w.engine.Fail(func(call string) error {
		if call == "Start apply" {
			w.engine.Script("jobs", fake.Script{Slow: 180})
		}
		return nil
	})
	w.push("slow", timeout(60))
	w.resync()
	w.drain()
	began := w.now
	for range 175 {
		w.now = w.now.Add(time.Minute)
		if _, err := w.sweep.Unfinished(t.Context()); err != nil {
			t.Fatal(err)
		}
		looked := w.now
		w.drain()
		if w.now != looked {
			t.Fatalf("a look at an operation that events announce waited %s", w.now.Sub(looked))
		}
	}
	d := w.expect("jobs", gitops.PhaseApplying)
	if d.Progress == "" || d.EndedAt != (time.Time{}) {
		t.Errorf("after %s the deployment says %q", w.now.Sub(began), d.Progress)
	}
	w.engine.Script("jobs", fake.Script{})
	w.engine.Hurry("jobs")
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
	if n := len(w.engine.Executed()); n != 3 { // two brought the applications up
		t.Errorf("%d executions in all, want 3", n)
	}
}

func TestWhatIsWantedOrSuspendedWhileAPlanIsMadeIsSeenBeforeItIsApplied(t *testing.T) {
	for name, meanwhile := range map[string]func(*world){
		"a newer push": func(w *world) {
			w.push("newer", timeout(61))
			if err := w.r.Reconcile(w.t.Context(), reconcile.Message{Repository: w.repository().ID}); err != nil {
				w.t.Fatal(err)
			}
		},
		"a suspension": func(w *world) {
			if _, err := w.op.Suspend(w.t.Context(), "jobs", "ann", "holiday"); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			w.engine.Script("jobs", fake.Script{Slow: 3})
			w.push("first", timeout(60))
			w.resync()
			looks := 0
			w.r.Sleep = func(context.Context, time.Duration) error {
				if looks++; looks == 2 {
					meanwhile(w)
				}
				return nil
			}
			executed := len(w.engine.Executed())
			m, _ := w.queue.Next()
			if err := w.r.Reconcile(t.Context(), m); err != nil { // the look at the repository
				t.Fatal(err)
			}
			m, _ = w.queue.Next()
			if err := w.r.Reconcile(t.Context(), m); err != nil { // everything up to the apply
				t.Fatal(err)
			}
			for _, e := range w.engine.Executed()[executed:] {
				if e.Revision.Message == "first" {
					t.Error("the plan was applied although the record said otherwise by then")
				}
			}
			if looks < 3 {
				t.Fatalf("the plan was looked at %d times: nothing happened while it was made", looks)
			}
		})
	}
}
