package faults

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	compare "github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// recordings is how often a scenario is played undisturbed. What happens at the same time takes
// turns that differ, so that a few calls are made in some of them only.
const recordings = 2

// Reference is what the scenarios do undisturbed.
type Reference struct {
	Sites []Site         // that every recording had
	Rare  []Site         // that some recordings had, but not all
	Ends  map[string]End // by step
	Left  []string       // scenarios that are left out, and why
}

// Record plays every scenario undisturbed, one beside the other. That one recording ends as the
// next is an error where it does not hold.
func (l *Lab) Record(ctx context.Context) (Reference, error) {
	r := recorder{ends: map[string]End{}, times: map[Site]int{}}
	var lanes sync.WaitGroup
	errs := make([]error, len(scenarios))
	ref := Reference{Ends: r.ends}
	for i, s := range scenarios {
		if why := s.missing(); why != "" {
			ref.Left = append(ref.Left, fmt.Sprintf("%s is left out: %s", s, why))
			continue
		}
		lanes.Go(func() {
			for range recordings {
				if err := r.record(ctx, l, s); err != nil {
					errs[i] = fmt.Errorf("undisturbed: %s: %w", s, err)
					return
				}
			}
		})
	}
	lanes.Wait()
	for site, n := range r.times {
		if n == recordings {
			ref.Sites = append(ref.Sites, site)
		} else {
			ref.Rare = append(ref.Rare, site)
		}
	}
	slices.SortFunc(ref.Sites, compareSites)
	slices.SortFunc(ref.Rare, compareSites)
	return ref, errors.Join(errs...)
}

// recorder gathers what undisturbed lanes do.
type recorder struct {
	sweeping sync.Mutex // the sweeper's calls are those of one lane at a time

	mu    sync.Mutex
	ends  map[string]End
	times map[Site]int
}

func (r *recorder) record(ctx context.Context, l *Lab, s scenario) error {
	lane, err := l.lane(ctx, s)
	if err != nil {
		return err
	}
	lane.strict = true
	for _, step := range s.steps {
		if step.sweeps {
			r.sweeping.Lock()
		}
		sites, _, end, err := lane.play(ctx, step)
		if step.sweeps {
			r.sweeping.Unlock()
		}
		if err == nil {
			err = r.keep(step, sites, end)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	lane.strict = false
	return lane.leave(ctx)
}

// keep holds a step's end against that of the recording before, and counts its calls.
func (r *recorder) keep(s step, sites []Site, end End) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if want, ok := r.ends[s.name]; ok {
		if diff := compare.Diff(want, end); diff != "" {
			return fmt.Errorf("ends in two ways (-one +other):\n%s", diff)
		}
	}
	r.ends[s.name] = end
	if s.prepares {
		return nil
	}
	for _, site := range sites {
		if !s.same || !ofBuild(site) {
			r.times[site]++
		}
	}
	return nil
}

// play plays one step, with the cases' faults, and looks at how it ends.
func (n *Lane) play(ctx context.Context, s step, cases ...Case) (sites []Site, fired map[Case]int, end End, err error) {
	n.mends, n.mended = 0, slices.ContainsFunc(cases, func(c Case) bool { return ofBuild(c.Site) })
	n.scarred = n.scarred || n.mended
	n.watch.global = s.sweeps && (len(cases) == 0 || slices.ContainsFunc(cases, func(c Case) bool { return c.Function == sweeper }))
	n.watch.begin(cases...)
	err = errors.Join(s.play(ctx, n), n.settled(ctx))
	if err == nil {
		err = n.restedAgain(ctx)
	}
	sites, fired = n.watch.end(s.name)
	if err != nil {
		return nil, fired, End{}, err
	}
	if end, err = n.end(ctx); err == nil && n.scarred {
		end, err = end.mended()
	}
	return sites, fired, end, err
}

// restedAgain waits until all is at rest where an event that came late, and what went wrong with it,
// changed that: a look at the repository, say, whose trouble stands until the next one.
func (n *Lane) restedAgain(ctx context.Context) error {
	if ok, err := n.rested(ctx); ok || err != nil {
		return err
	}
	return errors.Join(n.until(ctx, "all is at rest again", func() (bool, error) { return n.rested(ctx) }), n.settled(ctx))
}

// settled waits until no event of the step is under way: one that went wrong twice in this step
// and once in the next would be a dead letter, which no fault alone made.
func (n *Lane) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for n.lab.Sandbox.Pending(n.watch.concerns) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("an event of the step is still under way: %w", ctx.Err())
		case <-time.After(pulse):
		}
	}
	if n.engine == gitops.EngineTerraform {
		return n.calm(ctx)
	}
	return nil
}
