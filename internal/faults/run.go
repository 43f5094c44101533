package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	compare "github.com/google/go-cmp/cmp"
)

// recordings is how often a scenario is played undisturbed. What happens at the same time takes
// turns that differ, so that a few calls are made in some of them only.
const recordings = 2

// Reference is what the scenarios do undisturbed.
type Reference struct {
	Sites []Site         // that every recording had
	Rare  []Site         // that some recordings had, but not all
	Ends  map[string]End // by step
}

// Record plays every scenario undisturbed. That one recording ends as the other is an error where
// it does not hold.
func (l *Lab) Record(ctx context.Context) (Reference, error) {
	ref := Reference{Ends: map[string]End{}}
	times := map[Site]int{}
	for _, s := range scenarios {
		for range recordings {
			if err := l.record(ctx, s, &ref, times); err != nil {
				return ref, fmt.Errorf("undisturbed: %s: %w", s.host, err)
			}
		}
	}
	for site, n := range times {
		if n == recordings {
			ref.Sites = append(ref.Sites, site)
		} else {
			ref.Rare = append(ref.Rare, site)
		}
	}
	slices.SortFunc(ref.Sites, compareSites)
	slices.SortFunc(ref.Rare, compareSites)
	return ref, nil
}

func (l *Lab) record(ctx context.Context, s scenario, ref *Reference, times map[Site]int) error {
	lane, err := l.lane(ctx, s.host)
	if err != nil {
		return err
	}
	lane.strict = true
	for _, step := range s.steps {
		sites, _, end, err := lane.play(ctx, step, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		if want, ok := ref.Ends[step.name]; ok {
			if diff := compare.Diff(want, end); diff != "" {
				return fmt.Errorf("%s ends in two ways (-one +other):\n%s", step.name, diff)
			}
		}
		ref.Ends[step.name] = end
		if step.prepares {
			continue
		}
		for _, site := range sites {
			times[site]++
		}
	}
	lane.strict = false
	return lane.leave(ctx)
}

// play plays one step, with a fault if one is given, and looks at how it ends.
func (n *Lane) play(ctx context.Context, s step, c *Case) (sites []Site, fired int, end End, err error) {
	n.mends = 0
	n.watch.global = s.sweeps && (c == nil || c.Function == sweeper)
	if c == nil {
		n.watch.begin(nil, "")
	} else {
		n.watch.begin(&c.Site, c.Kind)
	}
	err = s.play(ctx, n)
	sites, fired = n.watch.end(s.name)
	if err != nil {
		return nil, fired, End{}, err
	}
	end, err = n.end(ctx)
	return sites, fired, end, err
}

// Case is one site with one kind of fault.
type Case struct {
	Site
	Kind Kind
}

// String names the case in one line.
func (c Case) String() string { return c.Site.String() + ": " + string(c.Kind) }

// Result is what became of a case.
type Result struct {
	Case
	Reached bool   // false: the call was not made this time
	Problem string // why it did not end as it does undisturbed; empty: it did
	Mends   int    // how often time had to pass: the schedules fired, or a notice became due
}

// run is the cases that are left.
type run struct {
	lab  *Lab
	ref  Reference
	tell func(Result)

	mu      sync.Mutex
	left    map[string][]Case // by step
	tries   map[Case]int
	results []Result
	played  map[string][]Case // by lane
}

// tries is how often a case is played in which the call is not made.
const tries = 3

// Run plays every case, width of them side by side, and returns what became of them. It tells of
// each as it ends.
func (l *Lab) Run(ctx context.Context, ref Reference, cases []Case, width int, tell func(Result)) ([]Result, error) {
	r := &run{lab: l, ref: ref, tell: tell, left: map[string][]Case{}, tries: map[Case]int{}, played: map[string][]Case{}}
	for _, c := range cases {
		r.left[c.Step] = append(r.left[c.Step], c)
	}
	errs := make([]error, width)
	var workers sync.WaitGroup
	for i := range width {
		workers.Go(func() {
			for errs[i] == nil && ctx.Err() == nil {
				s, ok := r.next()
				if !ok {
					return
				}
				errs[i] = r.scenario(ctx, s)
			}
		})
	}
	workers.Wait()
	slices.SortFunc(r.results, func(a, b Result) int { return compareCases(a.Case, b.Case) })
	return r.results, errors.Join(append(errs, ctx.Err(), r.deadLetters(ctx))...)
}

// next is the scenario with the longest way to go.
func (r *run) next() (scenario, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var best scenario
	most := 0
	for _, s := range scenarios {
		for _, step := range s.steps {
			if n := len(r.left[step.name]); n > most {
				best, most = s, n
			}
		}
	}
	return best, most > 0
}

// scenario takes a lane through a scenario, with a case in each step, until there is none left or
// one has failed.
func (r *run) scenario(ctx context.Context, s scenario) error {
	lane, err := r.lab.lane(ctx, s.host)
	if err != nil {
		return err
	}
	for i, step := range s.steps {
		if !r.any(s.steps[i:]) {
			break
		}
		c := r.take(step.name)
		if ok := r.play(ctx, lane, step, c); !ok {
			break
		}
	}
	return lane.leave(ctx)
}

// play plays one case, and reports whether the lane can go on.
func (r *run) play(ctx context.Context, lane *Lane, s step, c *Case) bool {
	_, fired, end, err := lane.play(ctx, s, c)
	diff := ""
	if err != nil {
		diff = err.Error()
	} else {
		diff = compare.Diff(r.ref.Ends[s.name], end)
	}
	if c == nil {
		c = &Case{Site: Site{Step: s.name}}
		if diff == "" {
			return true
		}
	}
	result := Result{Case: *c, Reached: fired > 0, Problem: diff, Mends: lane.mends}
	r.mu.Lock()
	r.played[lane.name] = append(r.played[lane.name], *c)
	again := !result.Reached && diff == "" && r.tries[*c] < tries-1
	if again {
		r.tries[*c]++
		r.left[c.Step] = append(r.left[c.Step], *c)
	} else {
		r.results = append(r.results, result)
	}
	r.mu.Unlock()
	if !again {
		r.tell(result)
	}
	return diff == ""
}

func (r *run) any(steps []step) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(steps, func(s step) bool { return len(r.left[s.name]) > 0 })
}

func (r *run) take(step string) *Case {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := r.left[step]
	if len(left) == 0 {
		return nil
	}
	r.left[step] = left[1:]
	return &left[0]
}

// deadLetters is an error that names every message in a dead-letter queue, and which cases its
// lane had.
func (r *run) deadLetters(ctx context.Context) error {
	queues, err := r.lab.deadQueues(ctx)
	errs := []error{err}
	for _, queue := range queues {
		bodies, err := r.lab.Sandbox.Messages(ctx, queue)
		errs = append(errs, err)
		for _, body := range bodies {
			var cases []Case
			for lane, played := range maps.All(r.played) {
				if w := (watch{marks: []string{lane}}); w.concerns([]byte(body)) {
					cases = append(cases, played...)
				}
			}
			errs = append(errs, fmt.Errorf("a message is in %s: %s\nits lane had %v", queue, body, cases))
		}
	}
	return errors.Join(errs...)
}

func compareSites(a, b Site) int {
	return cmp.Or(cmp.Compare(order(a.Step), order(b.Step)), cmp.Compare(a.Function, b.Function), cmp.Compare(a.Service, b.Service),
		cmp.Compare(a.Action, b.Action), cmp.Compare(a.N, b.N))
}

func compareCases(a, b Case) int {
	return cmp.Or(compareSites(a.Site, b.Site), cmp.Compare(slices.Index(Kinds(), a.Kind), slices.Index(Kinds(), b.Kind)))
}

// order is a step's place among all.
func order(name string) int {
	i := 0
	for _, s := range scenarios {
		for _, step := range s.steps {
			if step.name == name {
				return i
			}
			i++
		}
	}
	return i
}
