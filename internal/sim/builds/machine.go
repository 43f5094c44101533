package builds

import (
	"context"
	"errors"
	"iter"
	"runtime/debug"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// agenda is what is to happen, soonest first; what is due at the same time happens in the order
// in which it was put down.
type agenda []entry

type entry struct {
	at time.Duration
	do func()
}

func (a *agenda) put(at time.Duration, do func()) {
	i := len(*a)
	for i > 0 && (*a)[i-1].at > at {
		i--
	}
	*a = slices.Insert(*a, i, entry{at, do})
}

// process is one program under way: an invocation of the reconciler or of a sweep, a person's
// command, or the program of a build. It is a coroutine that hands the world back at each call.
type process struct {
	w        *world
	name     string
	build    *aBuild       // whose program it is; nil: it is none
	skew     time.Duration // of its clock
	deadline time.Duration // when it is ended by force; zero: never
	dead     bool
	doomed   bool // it dies at its next call: the one before took effect and was not answered

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// errDied unwinds a process that crashes, or whose world ends.
var errDied = errors.New("the process died")

// errDown is what a call returns that had no effect.
var errDown = errors.New("503 Service Unavailable")

// invocation is how long an invocation of a function may take (design, decision 4).
const invocation = time.Minute

// start begins a process, which runs until its first call. limit zero: as long as it takes.
func (w *world) start(name string, limit time.Duration, job func(context.Context), done func(ended bool)) *process {
	p := &process{w: w, name: name}
	if limit > 0 {
		p.deadline = w.at + limit
	}
	if w.knobs.Skew > 0 {
		p.skew = time.Duration(w.draw(3)-1) * w.knobs.Skew
	}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		ended := p.run(job)
		w.alive = slices.DeleteFunc(w.alive, func(o *process) bool { return o == p })
		w.after(0, func() { done(ended) })
	})
	w.alive = append(w.alive, p)
	w.after(0, func() { w.resume(p) })
	return p
}

func (w *world) resume(p *process) {
	before := w.running
	w.running = p
	p.next()
	w.running = before
}

// run reports whether the job came to its end.
func (p *process) run(job func(context.Context)) (ended bool) {
	defer func() {
		switch r := recover(); r {
		case nil:
		case errDied:
			ended = false
		default:
			p.w.violate("panic", "%s: %v\n%s", p.name, r, debug.Stack())
		}
	}()
	job(&deadlined{context.Background(), p})
	return !p.dead
}

// deadlined is the context of an invocation: its deadline is told in the process's own clock.
type deadlined struct {
	context.Context
	p *process
}

// Deadline implements context.Context.
func (d *deadlined) Deadline() (time.Time, bool) {
	return d.p.w.began.Add(d.p.deadline + d.p.skew), d.p.deadline > 0
}

// pause lets the world go on for d. A process whose time is up, or that was killed, dies.
func (p *process) pause(d time.Duration) {
	if p.dead {
		p.die()
	}
	until, late := p.w.at+d, false
	if p.deadline > 0 && until > p.deadline {
		until, late = p.deadline, true
	}
	p.w.agenda.put(until, func() { p.w.resume(p) })
	if !p.yield(struct{}{}) || late || p.dead {
		p.die()
	}
}

// stall freezes the process: its deadline moves along, since it does not count time meanwhile.
func (p *process) stall(d time.Duration) {
	p.w.thawed = max(p.w.thawed, p.w.at+d)
	if p.deadline > 0 {
		p.deadline += d
	}
	p.w.mail.frozen(p, func() { p.pause(d) })
}

// die ends the process. What of the program catches panics may go on, but reaches nothing any
// more: every further call dies too.
func (p *process) die() {
	p.dead = true
	panic(errDied) //nolint:forbidigo // a crash: nothing of the program runs any more; run catches it
}

// fault returns the fault that the plan has for the next call of a site.
func (w *world) fault(site string) (sim.Fault, bool) {
	if w.calm {
		return sim.Fault{}, false
	}
	w.calls[site]++
	for _, f := range w.faults[site] {
		if f.N == w.calls[site] {
			w.trace.event(w.at, "fault", f.String())
			return f, true
		}
	}
	return sim.Fault{}, false
}

// gate is passed by every call of a port, and every step of a program, before it has its effect.
// It lets the world go on for as long as the call takes, and fails it, or its process, where the
// plan says so. fake.ErrLost lets it have its effect. The calls of programs have sites of their own.
func (w *world) gate(site string) error {
	p := w.running
	if p == nil {
		return nil
	}
	if p.doomed || p.dead || w.found != nil { // in the last case nothing that follows is of interest
		p.die()
	}
	if p.build != nil {
		site = "build." + site
	}
	w.made++
	f, faulty := w.fault(site)
	if faulty && f.Kind == sim.FaultStall {
		p.stall(f.For)
	}
	p.pause(time.Duration(1 + w.draw(int(w.knobs.Latency))))
	w.trace.event(w.at, p.name, site)
	if !faulty {
		return nil
	}
	switch f.Kind { //nolint:exhaustive // the others are no fault of a call
	case sim.FaultFail:
		return errDown
	case sim.FaultThrottle:
		return &gitops.Busy{Reason: noRoom}
	case sim.FaultCrash:
		p.die()
	case sim.FaultLost:
		return fake.ErrLost
	case sim.FaultDie:
		p.doomed = true
		return fake.ErrLost
	}
	return nil
}
