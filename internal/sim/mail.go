package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// mail is work.fifo with its mapping: it hands messages to workers, hides one that is being
// handled for 90 s, and gives one up after five receives (design, decisions 4 and 17).
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
	f, faulty := q.w.fault("message")
	due := q.w.at
	if faulty {
		switch f.Kind { //nolint:exhaustive // the others are no fault of a message
		case FaultDrop:
			return
		case FaultDouble:
			q.letters = append(q.letters, &letter{m: m, due: due})
		case FaultDelay:
			due += f.For
		}
	}
	q.letters = append(q.letters, &letter{m: m, due: due})
	q.w.agenda.put(due, q.dispatch)
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
		if l.held || l.due > q.w.at {
			blocked[l.m.Group()] = true
			continue
		}
		blocked[l.m.Group()] = true
		ready = append(ready, l)
	}
	switch {
	case len(ready) == 0:
		return nil
	case q.w.knobs.FIFO:
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
		if l.received == receipt {
			l.held = false
			q.dispatch()
		}
	})
	var failed error
	name := "worker " + l.m.Group()
	w.start(name, invocation, func(ctx context.Context) { failed = w.reconciler.Reconcile(ctx, l.m) }, func(ended bool) {
		q.workers--
		if failed != nil && strings.Contains(failed.Error(), "inconsistent") {
			w.violate("I5", "a message came to the dead-letter queue: %s", failed)
		}
		if f, lost := w.fault("delete"); ended && failed == nil && !lost || f.Kind != FaultDrop && l.received >= receives {
			q.remove(l)
		}
		q.dispatch()
	})
}

func (q *mail) remove(l *letter) {
	for i, o := range q.letters {
		if o == l {
			q.letters = append(q.letters[:i:i], q.letters[i+1:]...)
			return
		}
	}
}

// frozen stalls a process, in whose place another one may be begun meanwhile.
func (q *mail) frozen(p *process, d time.Duration) {
	worker := strings.HasPrefix(p.name, "worker ")
	if worker {
		q.workers--
		q.w.after(0, q.dispatch)
	}
	p.stall(d)
	if worker {
		q.workers++
	}
}

// told passes an event of CloudFormation on, as the trigger does: it finds out whose stack it
// is, and sends a message.
func (q *mail) told(stack string, e cloud.Event) {
	w := q.w
	if w.knobs.Deaf || !e.Drift && strings.HasSuffix(string(e.Status), "_IN_PROGRESS") {
		return
	}
	q.hear(func(ctx context.Context) {
		owner, err := w.store.Owner(ctx, reconcile.ClaimStack(target.Account, target.Region, stack))
		if err == nil {
			_ = w.mail.Send(ctx, reconcile.Message{Application: owner, Reason: fmt.Sprintf("stack %s: %s", stack, e.Status)}) // the sweep mends it
		}
	})
}

// pushed passes a webhook on.
func (q *mail) pushed(commit string) {
	if !q.w.knobs.Deaf {
		q.hear(func(ctx context.Context) {
			_ = q.w.mail.Send(ctx, reconcile.Message{Repository: q.w.repo.id, Reason: commit}) // the resync mends it
		})
	}
}

// changed tells of a change by hand to a resource, as CloudTrail does.
func (q *mail) changed(stack, logical string) {
	if !q.w.knobs.Told || q.w.knobs.Deaf {
		return
	}
	hint := reconcile.ResourceHint{Account: target.Account, Region: target.Region, Physical: stack + "-" + logical,
		Touch: gitops.Touch{By: "arn:aws:iam::111122223333:user/eve", Event: "SetQueueAttributes", At: q.w.now()}}
	q.hear(func(ctx context.Context) {
		_ = q.w.mail.Send(ctx, reconcile.Message{Resource: &hint}) // the schedule mends it
	})
}

// hear lets an event come, unless the plan has something else in mind for it.
func (q *mail) hear(handle func(context.Context)) {
	w := q.w
	f, faulty := w.fault("event")
	come := func(d time.Duration) {
		w.after(d+time.Duration(w.draw(int(2*time.Second))), func() { w.start("event", invocation, handle, func(bool) {}) })
	}
	if !faulty {
		come(0)
		return
	}
	switch f.Kind { //nolint:exhaustive // the others are no fault of an event
	case FaultDouble:
		come(0)
		come(0)
	case FaultDelay:
		come(f.For)
	}
}
