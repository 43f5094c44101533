package builds

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// mail is the queue with its workers: a message that is being handled is hidden for 90 s, and
// given up after five receives (design, decisions 4 and 17).
type mail struct {
	w       *world
	letters []*letter // that wait or are being handled, in the order in which they were sent
	workers int       // that handle one, frozen ones aside
}

type letter struct {
	m        reconcile.Message
	due      time.Duration // when it can be received
	received int
	held     bool
}

const (
	visibility = 90 * time.Second
	receives   = 5
)

// Send implements reconcile.Queue.
func (q *mail) Send(_ context.Context, messages ...reconcile.Message) error {
	err := q.w.gate("Send")
	if err == nil || errors.Is(err, fake.ErrLost) {
		for _, m := range messages {
			q.post(m)
		}
	}
	return err
}

// post puts a message into the queue, unless the plan has something else in mind for it.
func (q *mail) post(m reconcile.Message) {
	due := q.w.at
	if f, faulty := q.w.fault("message"); faulty {
		switch f.Kind { //nolint:exhaustive // the others are no fault of a message
		case sim.FaultDrop:
			return
		case sim.FaultDouble:
			q.letters = append(q.letters, &letter{m: m, due: due})
		case sim.FaultDelay:
			due += f.For
		}
	}
	q.letters = append(q.letters, &letter{m: m, due: due})
	q.w.agenda.put(due, q.dispatch)
}

// tell posts a message that an event leads to, unless none comes in this world.
func (q *mail) tell(m reconcile.Message) {
	if !q.w.knobs.Deaf {
		q.post(m)
	}
}

// dispatch hands messages to workers that have nothing to do.
func (q *mail) dispatch() {
	for q.workers < q.w.knobs.Workers {
		l := q.next()
		if l == nil {
			return
		}
		q.hand(l)
	}
}

// next returns a message that can be received, nil where there is none: the oldest of a group
// of which none is handled, or, where the queue keeps no order, any.
func (q *mail) next() *letter {
	var ready []*letter
	blocked := map[string]bool{}
	for _, l := range q.letters {
		if q.w.knobs.FIFO && blocked[l.m.Group()] {
			continue
		}
		blocked[l.m.Group()] = true
		if !l.held && l.due <= q.w.at {
			ready = append(ready, l)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	if q.w.knobs.FIFO {
		return ready[0]
	}
	return ready[q.w.draw(len(ready))]
}

// hand gives a message to a worker.
func (q *mail) hand(l *letter) {
	w := q.w
	l.held, l.due = true, w.at+visibility
	l.received++
	q.workers++
	receipt := l.received
	w.after(visibility, func() { // it shows again, whatever became of the worker
		if l.received == receipt && slices.Contains(q.letters, l) {
			l.held = false
			q.dispatch()
		}
	})
	var failed error
	w.start("worker "+l.m.Group(), invocation, func(ctx context.Context) { failed = w.reconciler.Reconcile(ctx, l.m) }, func(ended bool) {
		q.workers--
		if failed != nil && strings.Contains(failed.Error(), "inconsistent") {
			w.violate("I5", "a message came to the dead-letter queue: %s", failed)
		}
		if f, lost := w.fault("delete"); ended && failed == nil && !lost || f.Kind != sim.FaultDrop && l.received >= receives {
			q.letters = slices.DeleteFunc(q.letters, func(o *letter) bool { return o == l })
		}
		q.dispatch()
	})
}

// frozen stalls a process, in whose place another worker may be begun meanwhile.
func (q *mail) frozen(p *process, stall func()) {
	if !strings.HasPrefix(p.name, "worker ") {
		stall()
		return
	}
	q.workers--
	q.w.after(0, q.dispatch)
	defer func() { q.workers++ }()
	stall()
}
