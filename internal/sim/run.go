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

// Run lets a plan happen. Its trace is written to log, unless that is nil.
func Run(p Plan, log io.Writer) Result {
	w := newWorld(p, log)
	w.run()
	return Result{Plan: p, Violation: w.judge.found, Hash: w.trace.hash, Executed: len(w.judge.executions), Took: w.at}
}

// Shrink drops actions and faults one by one while the same invariant stays broken.
func Shrink(r Result) Result {
	for again := true; again; {
		again = false
		for i := len(r.Plan.Faults) - 1; i >= 0; i-- {
			p := r.Plan
			p.Faults = without(p.Faults, i)
			again = r.accept(Run(p, nil)) || again
		}
		for i := len(r.Plan.Actions) - 1; i >= 0; i-- {
			p := r.Plan
			p.Actions = without(p.Actions, i)
			again = r.accept(Run(p, nil)) || again
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
