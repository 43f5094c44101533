package sim_test

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sim"
)

// quick is how many seeds the test runs; bin/sim run has a hundred thousand.
const quick = 2000

func TestNoInvariantBreaksWhateverFails(t *testing.T) {
	inMemory(t)
	failed, ran := sim.Many(t.Context(), sim.Options{Seeds: quick, Jobs: runtime.GOMAXPROCS(0), Most: 3, Out: io.Discard, Now: time.Now})
	for _, r := range failed {
		s := sim.Stacks().Shrink(r)
		t.Errorf("%s\n%s", s.Plan, s.Violation)
	}
	if len(failed) == 0 && ran != quick {
		t.Errorf("%d seeds were run, want %d", ran, quick)
	}
}

func TestTheSamePlanGivesTheSameTrace(t *testing.T) {
	inMemory(t)
	other := 0
	for seed := range uint64(60) {
		first, again := sim.Run(sim.Generate(seed), nil), sim.Run(sim.Generate(seed), nil)
		if first.Hash != again.Hash || first.Executed != again.Executed {
			t.Fatalf("seed %d: the trace is %x and then %x", seed, first.Hash, again.Hash)
		}
		if first.Hash != sim.Run(sim.Generate(seed+1), nil).Hash {
			other++
		}
	}
	if other < 59 {
		t.Errorf("only %d of 60 seeds differ from the next: the trace tells little", other)
	}
}

// Most worlds keep records as copies, some as the JSON that the real table keeps.
func TestHowTheTableKeepsRecordsChangesNothing(t *testing.T) {
	inMemory(t)
	for seed := range uint64(40) {
		p, k := sim.Generate(seed), sim.DrawKnobs(seed)
		p.Knobs, k.Text = &k, true
		text := sim.Run(p, nil)
		k.Text = false
		if copies := sim.Run(p, nil); text.Hash != copies.Hash || copies.Hash == 0 {
			t.Errorf("seed %d: the trace is %x with JSON and %x with copies", seed, text.Hash, copies.Hash)
		}
	}
}

// Whoever replays what a failing run printed gets the very same run.
func TestAPrintedPlanIsReadBackAsItWas(t *testing.T) {
	for seed := range uint64(2000) {
		p := sim.Generate(seed)
		l := p.Lists()
		again, err := sim.Stacks().ParsePlan(seed, l.Actions, l.Faults)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(p.String(), again.String()); diff != "" {
			t.Fatalf("seed %d (-printed +read):\n%s", seed, diff)
		}
	}
}

func TestAListThatCannotBeReadIsNamed(t *testing.T) {
	for name, test := range map[string]struct{ actions, faults, want string }{
		"an action without a time":     {"push:jobs:7", "", `action "push:jobs:7": must be`},
		"an action that is not known":  {"dance:jobs@5s", "", "dance is not known"},
		"a fault without a number":     {"", "Open=die", `fault "Open=die": must be`},
		"a fault with no time":         {"", "Open#1=stall:soon", `fault "Open#1=stall:soon": must be`},
		"a fault whose number is text": {"", "Open#x=die", `fault "Open#x=die": must be`},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := sim.Stacks().ParsePlan(1, test.actions, test.faults); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A planted bug whose text no longer stands in the source shows nothing.
func TestEveryPlantedBugFitsTheSource(t *testing.T) {
	root := filepath.Join("..", "..")
	names := map[string]bool{}
	for _, m := range sim.Mutants() {
		if names[m.Name] {
			t.Errorf("two planted bugs are called %s", m.Name)
		}
		names[m.Name] = true
		if _, err := m.Apply(root); err != nil {
			t.Errorf("%s: %v", m.Name, err)
		}
	}
	if len(names) < 20 {
		t.Errorf("there are %d planted bugs, at least twenty have to be found", len(names))
	}
}

func TestABugWhoseTextIsNotThereCannotBePlanted(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("one two two"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		old string
		ok  bool
	}{"once": {"one", true}, "not at all": {"three", false}, "twice": {"two", false}} {
		m := sim.Mutant{Name: name, Edits: []sim.Edit{{File: "a.go", Old: test.old, New: "x"}}}
		if _, err := m.Apply(root); (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// inMemory lets bundles lie in memory where the machine has such a place.
func inMemory(t *testing.T) {
	t.Helper()
	if info, err := os.Stat("/dev/shm"); err == nil && info.IsDir() {
		t.Setenv("TMPDIR", "/dev/shm")
	}
}
