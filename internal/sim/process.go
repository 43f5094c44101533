package sim

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"time"
)

// process is one program under way: an invocation of the reconciler or of a sweep, or a
// person's command. It is a coroutine that hands the world back at each call of a port.
type process struct {
	w        *world
	name     string
	skew     time.Duration // of its clock
	began    time.Duration
	deadline time.Duration // when it is ended by force; zero: never
	dead     *bool         // of this job
	doomed   bool          // it dies at its next call: the one before took effect and was not answered
	stale    bool          // the call under way is answered with what was true before
	blind    bool          // its last look at CloudFormation failed
	sure     int           // twice: it read its deployment before and after it looked for a change set, or wrote it just now
	wrote    bool          // its deployment, and has not looked since
	looks    int64         // the number of the look that it takes, as it stored it last
	made     string        // the change set that it made, and has not written down yet
	job      func(context.Context)
	done     func(ended bool)

	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
}

// errDied unwinds a process that crashes, or whose world ends.
var errDied = errors.New("the process died")

// invocation is how long an invocation of a function may take (design, decision 4).
const invocation = time.Minute

// start begins a process; it runs until its first call. limit zero: as long as it takes.
func (w *world) start(name string, limit time.Duration, job func(context.Context), done func(ended bool)) {
	var p *process
	if n := len(w.idle); n > 0 {
		p, w.idle = w.idle[n-1], w.idle[:n-1]
	} else {
		p = &process{w: w}
		p.next, p.stop = iter.Pull(p.loop)
		w.all = append(w.all, p)
	}
	p.name, p.job, p.done, p.dead, p.doomed, p.deadline = name, job, done, new(bool), false, 0
	p.began, p.sure, p.wrote, p.blind, p.looks, p.made = w.at, 0, false, false, 0, ""
	if limit > 0 {
		p.deadline = w.at + limit
	}
	p.skew = 0
	if w.knobs.Skew > 0 {
		p.skew = time.Duration(w.draw(3)-1) * w.knobs.Skew
	}
	w.busy++
	w.resume(p)
}

func (w *world) resume(p *process) {
	before := w.running
	w.running = p
	p.next()
	w.running = before
}

// loop runs one job after the other.
func (p *process) loop(yield func(struct{}) bool) {
	p.yield = yield
	for {
		ended := p.run()
		done := p.done
		p.w.busy--
		p.w.idle = append(p.w.idle, p)
		p.w.after(0, func() { done(ended) })
		if !yield(struct{}{}) {
			return
		}
	}
}

// run reports whether the job came to its end.
func (p *process) run() (ended bool) {
	ctx, cancel := context.WithCancel(context.Background()) //nolint:usetesting // a world is a main of its own
	defer cancel()
	defer func() {
		switch r := recover(); r {
		case nil:
		case errDied:
			ended = false
		default:
			p.w.violate("panic", "%s: %v\n%s", p.name, r, debug.Stack())
		}
	}()
	p.job(&deadlined{ctx, p})
	return !*p.dead
}

// deadlined is the context of an invocation: its deadline is told in the process's own clock,
// as the runtime of Lambda and the function share one.
type deadlined struct {
	context.Context
	p *process
}

// Deadline implements context.Context.
func (d *deadlined) Deadline() (time.Time, bool) {
	return d.p.w.start0.Add(d.p.deadline + d.p.skew), d.p.deadline > 0
}

// pause lets the world go on for d. A process whose time is up dies.
func (p *process) pause(d time.Duration) {
	if *p.dead {
		p.die()
	}
	until, late := p.w.at+d, false
	if p.deadline > 0 && until > p.deadline {
		until, late = p.deadline, true
	}
	p.w.agenda.put(until, func() { p.w.resume(p) })
	if !p.yield(struct{}{}) || late {
		p.die()
	}
}

// stall freezes the process: its deadline moves along, since it does not count time meanwhile.
func (p *process) stall(d time.Duration) {
	p.w.thawed = max(p.w.thawed, p.w.at+d)
	if p.deadline > 0 {
		p.deadline += d
	}
	p.pause(d)
}

// knows keeps what a process knows, by its calls: what the judge holds its deeds against.
func (p *process) knows(site string) {
	switch site {
	case "PutDeployment", "Intend":
		p.sure, p.wrote = 2, true
	case "Deployment":
		p.sure, p.wrote, p.made = p.sure+1, false, ""
	case "DescribeChangeSet":
		if p.wrote {
			p.sure, p.wrote = 1, false
		}
	case "Open":
		p.blind = false // what it could not see was of another deployment
	}
}

// die ends the process. What of the program catches panics may go on, but reaches nothing
// any more: every further call dies too.
func (p *process) die() {
	*p.dead = true
	panic(errDied) //nolint:forbidigo // a crash: nothing of the program runs any more; run catches it
}

func (p *process) String() string { return fmt.Sprintf("%s@%s", p.name, p.w.at) }
