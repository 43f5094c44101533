package builds_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sim"
	"github.com/driftless-gitops/driftless/internal/sim/builds"
)

// What no invariant breaks in is run by internal/aws/codebuild (TestR39) and bin/sim run.

func TestTheSamePlanGivesTheSameTrace(t *testing.T) {
	other, executed := 0, 0
	for seed := range uint64(20) {
		first, again := builds.Run(builds.Generate(seed), nil), builds.Run(builds.Generate(seed), nil)
		if first.Hash != again.Hash || first.Executed != again.Executed {
			t.Fatalf("seed %d: the trace is %x and then %x", seed, first.Hash, again.Hash)
		}
		if first.Hash != builds.Run(builds.Generate(seed+1), nil).Hash {
			other++
		}
		executed += first.Executed
	}
	if other < 19 || executed < 30 {
		t.Errorf("%d of 20 seeds differ from the next, and %d plans were executed: too few to show anything", other, executed)
	}
}

// Whoever replays what a failing run printed gets the very same run.
func TestAPrintedPlanIsReadBackAsItWas(t *testing.T) {
	for seed := range uint64(2000) {
		p := builds.Generate(seed)
		l := p.Lists()
		again, err := builds.World().ParsePlan(seed, l.Actions, l.Faults)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.String(), again.String()); diff != "" {
			t.Fatalf("seed %d (-printed +read):\n%s", seed, diff)
		}
	}
}

func TestAnActionOfTheOtherWorldIsNotKnownHere(t *testing.T) {
	if _, err := builds.World().ParsePlan(1, "throttle:jobs:10s@5s", ""); err == nil {
		t.Error("throttle is an action of stacks, and was taken")
	}
	if _, err := sim.Stacks().ParsePlan(1, "expire:data@5s", ""); err == nil {
		t.Error("expire is an action of builds, and was taken")
	}
}

// A planted bug whose text no longer stands in the source shows nothing.
func TestEveryPlantedBugFitsTheSource(t *testing.T) {
	names := map[string]bool{}
	for _, m := range append(sim.Mutants(), builds.Mutants()...) {
		if names[m.Name] {
			t.Errorf("two planted bugs are called %s", m.Name)
		}
		names[m.Name] = true
		if _, err := m.Apply(filepath.Join("..", "..", "..")); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
}

// What this world is there for has to happen in it.
func TestWhatBuildsGoThroughHappens(t *testing.T) {
	var log strings.Builder
	for seed := range uint64(300) {
		builds.Run(builds.Generate(seed), &log)
	}
	text := log.String()
	for what, least := range map[string]int{
		"reports applied": 200, "reports nochange": 5, "reports stale": 3, "reports blocked": 5, "reports detected": 50, "reports synthesised": 150,
		"build.unlock": 5, "build.keep": 300, "ended FAULT": 20, "ended STOPPED": 10, "ended TIMED_OUT": 10, "StopBuild": 10, "step=expand": 300,
		"step=review": 100, "waits: shop-data": 50, noRoom: 3,
	} {
		if n := strings.Count(text, what); n < least {
			t.Errorf("%q happens %d times in 300 worlds, want %d", what, n, least)
		}
	}
}

// noRoom is why a build was not accepted.
const noRoom = "no room for another build"
