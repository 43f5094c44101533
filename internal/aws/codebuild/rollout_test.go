package codebuild_test

import (
	"io"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/sim"
	simulated "github.com/driftless-gitops/driftless/internal/sim/builds"
)

// TestR39_WhateverIsLostOneBuildAtATimeAppliesAndTheEndIsWhatGitWants: builds start in any order,
// die anywhere and are started twice; calls fail and lose their answers, workers freeze and die.
// One build at a time works on a state, nothing is applied that no deployment asked for, and
// once the faults end live is what git wants, with no lock left. bin/sim run has more seeds.
func TestR39_WhateverIsLostOneBuildAtATimeAppliesAndTheEndIsWhatGitWants(t *testing.T) {
	const seeds = 240
	world := simulated.World()
	failed, ran := sim.Many(t.Context(), sim.Options{World: world, Seeds: seeds, Jobs: 2, Most: 1, Out: io.Discard, Now: time.Now})
	for _, r := range failed {
		r = world.Shrink(r)
		t.Errorf("%s\n%s", r.Plan, r.Violation)
	}
	if len(failed) == 0 && ran != seeds {
		t.Errorf("%d seeds were run, want %d", ran, seeds)
	}
}
