package builds

import (
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim"
)

func TestASyncMendsOnlyWhatALateExpansionLeftThatDied(t *testing.T) {
	stack := func(bundle string) gitops.Application {
		return gitops.Application{ID: "shop-web", Settings: gitops.Settings{Of: cdkApp}, Wanted: gitops.Wanted{Seq: 1, Bundle: bundle}}
	}
	other := stack("b")
	other.Settings.Of = ""
	for name, test := range map[string]struct {
		inFlight string
		after    gitops.Application
		dies     bool
		want     bool
	}{
		"it came late and died":                {"", stack("b"), true, true},
		"it came late and lives":               {"", stack("b"), false, false},
		"its app is still being expanded":      {"01A", stack("b"), true, false},
		"it wanted nothing else of the stack":  {"", stack("a"), true, false},
		"what it wrote to is an app by itself": {"", other, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(sim.Plan{}, nil)
			t.Cleanup(w.close)
			w.judge.changed(nil, gitops.Application{ID: cdkApp, InFlight: test.inFlight, Wanted: gitops.Wanted{Seq: 1}})
			w.running = &process{w: w}
			w.judge.changed(stack("a"), test.after)
			w.running.dead = test.dies
			w.running = nil
			if got := w.judge.forgotten(); got != test.want {
				t.Errorf("a sync is needed: %t, want %t", got, test.want)
			}
		})
	}
}
