package reconcile_test

import (
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// A worker froze in the very moment of applying, between its last look at the records and the
// write that saves the intent. What was stored meanwhile is not applied past.
func TestR15_NothingIsAppliedPastWhatWasStoredWhileAWorkerWasFrozen(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*world)
		live      string // what is applied; empty: nothing
		ends      gitops.Phase
	}{
		"a suspension": {
			func(w *world) { _, _ = w.op.Suspend(w.t.Context(), "jobs", "ann", "lunch") },
			"", gitops.PhasePlanning,
		},
		"a newer push": {
			func(w *world) { w.push("newer", timeout(10)); w.resync(); w.drain() },
			"10", gitops.PhaseSucceeded,
		},
		"the application's removal from the file": {
			func(w *world) {
				w.push("without jobs", map[string]string{"driftless.yaml": file("books")})
				w.resync()
				w.drain()
			},
			"", gitops.PhaseSuperseded,
		},
		"nothing": {func(*world) {}, "9", gitops.PhaseSucceeded},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			before := len(w.engine.Executed())
			w.push("more", timeout(9))
			frozen := false
			w.store.Fail(func(call string) error {
				if call == "Intend" && !frozen {
					frozen = true
					test.meanwhile(w)
					w.now = w.now.Add(12 * time.Minute)
				}
				return nil
			})
			w.resync()
			w.rounds(5)
			if d := w.last("jobs"); !frozen || d.Phase != test.ends {
				t.Errorf("frozen %t, and jobs is %s (%s), want %s", frozen, d.Phase, d.Reason, test.ends)
			}
			executed := len(w.engine.Executed()) - before
			if got := w.live("jobs", "Queue", "VisibilityTimeout"); test.live != "" && (got != test.live || executed != 1) {
				t.Errorf("%d plans were executed and live has %s, want one and %s", executed, got, test.live)
			}
			if test.live == "" && executed != 0 {
				t.Errorf("%d plans were executed, want none", executed)
			}
		})
	}
}
