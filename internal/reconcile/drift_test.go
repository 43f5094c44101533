package reconcile_test

import (
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestALookThatFindsNothingNewIsNotedAndNotStored(t *testing.T) {
	w := watching(t)
	stored := func() (last gitops.DriftReport, kept int) {
		all, err := w.store.Reports("jobs")
		if err != nil {
			t.Fatal(err)
		}
		last, err = w.store.LatestReport(t.Context(), "jobs")
		if err != nil {
			t.Fatal(err)
		}
		return last, len(all)
	}
	look := func() gitops.DriftSummary {
		w.now = w.now.Add(time.Hour)
		w.settle()
		for range 3 {
			if _, err := w.sweep.Unfinished(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.drain()
		}
		return w.app("jobs").Drift
	}
	look() // the first one outside a deployment
	before, kept := stored()
	now := w.now
	w.store.Forget()
	if s := look(); !s.At.After(now) || s.Drifted != 0 {
		t.Errorf("that it was looked at is not noted: %+v, looked after %s", s, now)
	}
	if n := w.store.Count("LatestReport"); n != 0 {
		t.Errorf("the report before was read %d times, and there is nothing to compare", n)
	}
	if last, n := stored(); n != kept || !last.At.Equal(before.At) {
		t.Errorf("a look that found nothing new was stored: %d reports, were %d; the latest of %s, was of %s", n, kept, last.At, before.At)
	}
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "77")
	look()
	if last, n := stored(); n != kept+1 || !last.News || last.Summary().Drifted != 1 {
		t.Errorf("drift was not stored: %d reports, were %d; %+v", n, kept, last)
	}
	if s := look(); s.Drifted != 1 {
		t.Errorf("the same drift again: %+v", s)
	}
	if _, n := stored(); n != kept+1 {
		t.Errorf("the same drift was stored again: %d reports, were %d", n, kept)
	}
}

// What was found on the stack that an application had is not said of the one that it has.
func TestDriftOfTheStackThatWasLeftIsForgotten(t *testing.T) {
	w := watching(t)
	at := func(stack string) {
		w.push("on "+stack, map[string]string{"driftless.yaml": strings.Replace(file("jobs", "books"), "prod-jobs", stack, 1)})
		w.resync()
		w.settle()
	}
	at("prod-work")
	w.engine.Edit(target, "prod-work", "Queue", "VisibilityTimeout", "60")
	w.now = w.now.Add(2 * time.Hour)
	if _, err := w.sweep.Unfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if a := w.app("jobs"); a.Drift.Drifted != 1 {
		t.Fatalf("the drift was not found: %+v", a.Drift)
	}
	at("prod-jobs")
	if a := w.app("jobs"); a.Ended.Reason != "no changes" || a.Drift.Drifted != 0 {
		t.Errorf("ended with %q, drift %+v", a.Ended.Reason, a.Drift)
	}
}
