package sim

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options say which seeds are run.
type Options struct {
	World World // whose; zero: Stacks
	From  uint64
	Seeds uint64
	Jobs  int // at once
	Most  int // failing seeds after which no further one is begun
	Out   io.Writer
	Now   func() time.Time
	// Every is how often a line tells how far it is; zero: never.
	Every time.Duration
}

// Many runs seeds, shrinks those that fail, and prints a line that replays each. It returns
// the failing ones, the lowest seed first, and how many were run. The seeds below the lowest
// one that fails were all run.
func Many(ctx context.Context, o Options) (failed []Result, ran uint64) {
	var mu sync.Mutex
	var workers sync.WaitGroup
	next, began, world := o.From, o.Now(), o.world()
	said := began
	take := func() (uint64, bool) {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() != nil || next-o.From >= o.Seeds || len(failed) >= max(o.Most, 1) {
			return 0, false
		}
		if now := o.Now(); o.Every > 0 && now.Sub(said) >= o.Every {
			said = now
			fmt.Fprintf(o.Out, "%s: %d seeds, %d violations\n", now.Sub(began).Round(time.Second), ran, len(failed))
		}
		next++
		return next - 1, true
	}
	for range max(o.Jobs, 1) {
		workers.Go(func() {
			for seed, ok := take(); ok; seed, ok = take() {
				r := world.Run(world.Generate(seed), nil)
				mu.Lock()
				ran++
				if r.Violation != nil {
					failed = append(failed, r)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	slices.SortFunc(failed, func(a, b Result) int { return int(a.Plan.Seed) - int(b.Plan.Seed) })
	return failed, ran
}

// Report runs seeds and prints what was found. It returns an error when an invariant was
// broken.
func Report(ctx context.Context, o Options) error {
	began := o.Now()
	failed, ran := Many(ctx, o)
	for _, r := range failed {
		s := o.world().Shrink(r)
		fmt.Fprintf(o.Out, "%s\n  %s\n", s.Plan, oneLine(s.Violation.Error()))
	}
	fmt.Fprintf(o.Out, "%d seeds from %d in %s: %d violations\n", ran, o.From, o.Now().Sub(began).Round(100*time.Millisecond), len(failed))
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d seeds break an invariant; the lines above replay them", len(failed), ran)
	}
	return nil
}

func (o Options) world() World {
	if o.World.Run == nil {
		return Stacks()
	}
	return o.World
}

// oneLine returns a text's first line.
func oneLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
