package fleet

import (
	"container/heap"
	"context"
	"errors"
	"hash/fnv"
	"iter"
	"time"
)

// agenda is what is to happen, soonest first; what is due at the same time happens in the order
// in which it was put down.
type agenda []entry

type entry struct {
	at time.Duration
	n  int
	do func()
}

func (a agenda) Len() int { return len(a) }
func (a agenda) Less(i, j int) bool {
	return a[i].at < a[j].at || a[i].at == a[j].at && a[i].n < a[j].n
}
func (a agenda) Swap(i, j int) { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *agenda) Push(x any) { *a = append(*a, x.(entry)) }

// Pop implements heap.Interface.
func (a *agenda) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// process is one invocation of a function. It is a coroutine that hands the world back at each
// call of a port.
type process struct {
	w        *world
	function string
	app      string // that it works for; empty: none
	began    time.Duration
	deadline time.Duration // when it is ended by force; zero: never
	dead     bool
	next     func() (struct{}, bool)
	stop     func()
	yield    func(struct{}) bool
}

// errDied unwinds a process whose time is up, or whose world ends.
var errDied = errors.New("the process died")

func (w *world) after(d time.Duration, do func()) {
	w.entries++
	heap.Push(&w.agenda, entry{w.at + d, w.entries, do})
}

// until lets the world go on to a time.
func (w *world) until(at time.Duration) {
	for len(w.agenda) > 0 && w.agenda[0].at <= at {
		e := heap.Pop(&w.agenda).(entry)
		w.at = e.at
		e.do()
	}
	w.at = max(w.at, at)
}

// start begins an invocation of a function, and counts it once it has ended.
func (w *world) start(function, app string, limit time.Duration, job func(context.Context), done func(ended bool)) {
	p := &process{w: w, function: function, app: app, began: w.at, deadline: w.at + limit}
	p.next, p.stop = iter.Pull(func(yield func(struct{}) bool) {
		p.yield = yield
		ended := p.run(job)
		delete(w.alive, p)
		w.ran(p)
		w.after(0, func() { done(ended) })
	})
	w.alive[p] = true
	w.resume(p)
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
		if r := recover(); r != nil && r != errDied { //nolint:errorlint // the very value that die panics with
			panic(r) //nolint:forbidigo // a bug of the program's, which is not for a simulation to hide
		}
	}()
	job(&deadlined{context.Background(), p})
	return !p.dead
}

// deadlined is the context of an invocation.
type deadlined struct {
	context.Context
	p *process
}

// Deadline implements context.Context.
func (d *deadlined) Deadline() (time.Time, bool) { return d.p.w.epoch.Add(d.p.deadline), true }

// pause lets the world go on for d. A process whose time is up dies.
func (p *process) pause(d time.Duration) {
	if p.dead {
		p.die()
	}
	until := min(p.w.at+d, p.deadline)
	p.w.after(until-p.w.at, func() { p.w.resume(p) })
	if !p.yield(struct{}{}) || until == p.deadline || p.dead {
		p.die()
	}
}

func (p *process) die() {
	p.dead = true
	panic(errDied) //nolint:forbidigo // nothing of the program runs any more; run catches it
}

// close ends every process.
func (w *world) close() {
	for p := range w.alive {
		p.dead = true
		p.stop()
	}
}

// drawn returns a duration from least to most that is always the same for the same names: what
// one run draws for a deployment another one does too, whatever else happens in it.
func drawn(least, most time.Duration, seed uint64, names ...string) time.Duration {
	h := fnv.New64a()
	for _, n := range names {
		_, _ = h.Write([]byte(n)) // a hash.Hash never returns an error
		_, _ = h.Write([]byte{0})
	}
	x := h.Sum64() ^ seed*0x9e3779b97f4a7c15
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	return least + time.Duration(x%uint64(most-least+1)) //nolint:gosec // most is above least
}
