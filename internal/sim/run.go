package sim

import (
	"io"
	"time"
)

// Result is how a run ended.
type Result struct {
	Plan      Plan
	Violation *Violation    // nil: every invariant held
	Hash      uint64        // of the trace: the same plan gives the same
	Executed  int           // change sets
	Took      time.Duration // of the world's time
}

// World is what is simulated.
type World struct {
	Name     string // as it stands in a line that replays a run
	Generate func(seed uint64) Plan
	Run      func(p Plan, log io.Writer) Result
	Knows    func(action string) bool // whether there is such an action
}

// Stacks is the world of this package.
func Stacks() World {
	return World{Name: "stacks", Generate: Generate, Run: Run, Knows: func(action string) bool {
		_, known := acts[action]
		return known
	}}
}

// Run lets a plan happen. Its trace is written to log, unless that is nil.
func Run(p Plan, log io.Writer) Result {
	w := newWorld(p, log)
	w.run()
	return Result{Plan: p, Violation: w.judge.found, Hash: w.trace.hash, Executed: len(w.judge.executions), Took: w.at}
}

// Shrink drops actions and faults one by one while the same invariant stays broken.
func (w World) Shrink(r Result) Result {
	for again := true; again; {
		again = false
		for i := len(r.Plan.Faults) - 1; i >= 0; i-- {
			p := r.Plan
			p.Faults = without(p.Faults, i)
			again = r.accept(w.Run(p, nil)) || again
		}
		for i := len(r.Plan.Actions) - 1; i >= 0; i-- {
			p := r.Plan
			p.Actions = without(p.Actions, i)
			again = r.accept(w.Run(p, nil)) || again
		}
	}
	return r
}

func (r *Result) accept(smaller Result) bool {
	if smaller.Violation == nil || smaller.Violation.Invariant != r.Violation.Invariant {
		return false
	}
	*r = smaller
	return true
}

func without[T any](list []T, i int) []T {
	return append(append([]T(nil), list[:i]...), list[i+1:]...)
}
