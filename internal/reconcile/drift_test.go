package reconcile_test

import (
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestAReportThatSaysNothingNewIsTheLatestAndNoMore(t *testing.T) {
	w := watching(t)
	history := func() int {
		all, err := w.store.Reports("jobs")
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	look := func() gitops.DriftReport {
		w.now = w.now.Add(time.Hour)
		w.settle()
		for range 3 {
			if _, err := w.sweep.Unfinished(t.Context()); err != nil {
				t.Fatal(err)
			}
			w.drain()
		}
		r, err := w.store.LatestReport(t.Context(), "jobs")
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	look() // the first one outside a deployment
	kept := history()
	before := w.now
	if r := look(); r.News || !r.At.After(before) || history() != kept {
		t.Errorf("a look that found nothing new: news %v, at %s, %d reports kept, were %d", r.News, r.At, history(), kept)
	}
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "77")
	if r := look(); !r.News || history() != kept+1 {
		t.Errorf("drift: news %v, %d reports kept, were %d", r.News, history(), kept)
	}
	if r := look(); r.News || history() != kept+1 || r.Summary().Drifted != 1 {
		t.Errorf("the same drift again: news %v, %d reports kept", r.News, history())
	}
}
