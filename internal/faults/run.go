package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	compare "github.com/google/go-cmp/cmp"
)

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

// Width is how many lanes run side by side, and in how many labs. A lab has its day after some
// lanes, since moto's DynamoDB becomes slower with all that it ever held: a transaction copies
// the table with its stream. Another one takes its place then.
type Width struct {
	Root  string // this project's, to open labs from
	Labs  int
	Lanes int // in each lab
}

// day is how many lanes a lab sees.
const day = 80

// Run plays every case and returns what became of them. It tells of each as it ends. The first
// lab is the caller's; all others are opened and closed on the way.
func (w Width) Run(ctx context.Context, first *Lab, ref Reference, cases []Case, tell func(Result)) ([]Result, error) {
	r := &run{ref: ref, tell: tell, left: newDeck(cases), tries: map[Case]int{}}
	errs := make([]error, w.Labs)
	var labs sync.WaitGroup
	for i := range w.Labs {
		labs.Go(func() {
			if i == 0 {
				errs[i] = r.in(ctx, first, w.Lanes)
			}
			for errs[i] == nil && r.more() {
				errs[i] = r.inAnother(ctx, w)
			}
		})
	}
	labs.Wait()
	r.together()
	slices.SortFunc(r.results, func(a, b Result) int { return compareCases(a.Case, b.Case) })
	return r.results, errors.Join(errs...)
}

// run is what became of cases, and those that are left.
type run struct {
	ref  Reference
	tell func(Result)

	mu      sync.Mutex
	left    deck
	tries   map[Case]int
	results []Result
	joint   []joint
}

// joint is what several cases did to a step together.
type joint struct {
	cases []Case
	diff  string
}

// tries is how often a case is played in which the call is not made.
const tries = 3

func (r *run) inAnother(ctx context.Context, w Width) error {
	l, err := Open(ctx, w.Root)
	if err != nil {
		return err
	}
	defer l.Close()
	return r.in(ctx, l, w.Lanes)
}

// in plays cases in a lab until none is left or its day is over.
func (r *run) in(ctx context.Context, l *Lab, width int) error {
	played := &played{by: map[string][]Case{}}
	var lanes atomic.Int64
	errs := make([]error, width)
	var workers sync.WaitGroup
	for i := range width {
		workers.Go(func() {
			for errs[i] == nil && ctx.Err() == nil && lanes.Add(1) <= day {
				r.mu.Lock()
				s, ok := r.left.longest()
				r.mu.Unlock()
				if !ok {
					return
				}
				errs[i] = r.scenario(ctx, l, s, played)
			}
		})
	}
	workers.Wait()
	return errors.Join(append(errs, ctx.Err(), l.deadLetters(ctx, played))...)
}

// scenario takes a lane through a scenario, with cases in each step, until there is none left or
// one has failed.
func (r *run) scenario(ctx context.Context, l *Lab, s scenario, p *played) error {
	lane, err := l.lane(ctx, s)
	if err != nil {
		return err
	}
	for i, step := range s.steps {
		r.mu.Lock()
		more := r.left.any(s.steps[i:])
		cases := r.left.take(step.name)
		r.mu.Unlock()
		if !more {
			break
		}
		p.add(lane.name, cases)
		if ok := r.play(ctx, lane, step, cases); !ok {
			break
		}
	}
	return lane.leave(ctx)
}

// play plays cases, and reports whether the lane can go on. Where several went wrong together
// and the end is another one, each is played again alone.
func (r *run) play(ctx context.Context, lane *Lane, s step, cases []Case) bool {
	_, fired, end, err := lane.play(ctx, s, cases...)
	diff := ""
	if err != nil {
		diff = err.Error()
	} else {
		want := r.ref.Ends[s.name]
		if lane.scarred {
			want, _ = want.mended() // it holds, undisturbed as it ended
		}
		diff = compare.Diff(want, end)
	}
	if len(cases) == 0 && diff != "" {
		cases = []Case{{Site: Site{Step: s.name}}}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range cases {
		result := Result{Case: c, Reached: fired[c] > 0, Problem: diff, Mends: lane.mends}
		switch {
		case diff != "" && len(cases) > 1:
			r.left.alone(c)
		case !result.Reached && diff == "" && r.tries[c] < tries-1:
			if r.tries[c]++; r.tries[c] < tries-1 {
				r.left.add(c)
			} else {
				r.left.alone(c)
			}
		default:
			r.results = append(r.results, result)
			r.tell(result)
		}
	}
	if diff != "" && len(cases) > 1 {
		r.joint = append(r.joint, joint{cases, diff})
	}
	return diff == ""
}

// more reports whether any case is left.
func (r *run) more() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, more := r.left.longest()
	return more
}

// together fails for the cases that only together ended as they should not.
func (r *run) together() {
	for _, b := range r.joint {
		if slices.ContainsFunc(r.results, func(is Result) bool { return is.Problem != "" && slices.Contains(b.cases, is.Case) }) {
			continue
		}
		result := Result{Case: b.cases[0], Reached: true, Problem: fmt.Sprintf("only together with %v:\n%s", b.cases[1:], b.diff)}
		r.results = append(r.results, result)
		r.tell(result)
	}
}

// played is which cases a lab's lanes had, by lane.
type played struct {
	mu sync.Mutex
	by map[string][]Case
}

func (p *played) add(lane string, cases []Case) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.by[lane] = append(p.by[lane], cases...)
}

// deadLetters is an error that names every message in a dead-letter queue, and which cases its
// lane had.
func (l *Lab) deadLetters(ctx context.Context, p *played) error {
	queues, err := l.deadQueues(ctx)
	errs := []error{err}
	for _, queue := range queues {
		bodies, err := l.Sandbox.Messages(ctx, queue)
		errs = append(errs, err)
		for _, body := range bodies {
			var cases []Case
			for lane, played := range p.by {
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
