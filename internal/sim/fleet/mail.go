package fleet

import (
	"context"
	"time"

	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// mail is work.fifo with its mapping: the oldest message of each group of which none is being
// handled, to as many reconcilers as there may be.
type mail struct {
	w       *world
	waiting []reconcile.Message
	held    map[string]bool // groups of which a message is being handled
	busy    int
}

const (
	invocation = time.Minute      // how long an invocation of a function may take (design, decision 4)
	visibility = 90 * time.Second // for how long a message is hidden that is being handled
	batch      = 10               // messages that one request sends
)

// Send implements reconcile.Queue.
func (q *mail) Send(_ context.Context, messages ...reconcile.Message) error {
	requests := (len(messages) + batch - 1) / batch
	if p := q.w.running; p != nil {
		p.pause(time.Duration(requests) * q.w.o.Latency.Queue)
	}
	q.w.count("SendMessageBatch", requests)
	q.post(messages...)
	return nil
}

func (q *mail) post(messages ...reconcile.Message) {
	q.waiting = append(q.waiting, messages...)
	q.w.after(q.w.o.Latency.Queue, q.dispatch)
}

// dispatch hands messages to reconcilers that have nothing to do.
func (q *mail) dispatch() {
	for i := 0; i < len(q.waiting) && q.busy < q.w.o.Workers; {
		m := q.waiting[i]
		if q.held[m.Group()] {
			i++
			continue
		}
		q.waiting = append(q.waiting[:i], q.waiting[i+1:]...)
		q.hand(m)
	}
}

// hand gives a message to a reconciler. One that it did not get done with shows again.
func (q *mail) hand(m reconcile.Message) {
	q.held[m.Group()] = true
	q.busy++
	q.w.result.Busiest = max(q.w.result.Busiest, q.busy)
	q.w.count("ReceiveMessage", 1)
	began := q.w.at
	q.w.start("reconciler", m.Application, invocation, func(ctx context.Context) {
		if err := q.w.reconciler.Reconcile(ctx, m); err != nil {
			q.w.visible("a message comes to the dead-letter queue: " + err.Error())
		}
	}, func(ended bool) {
		q.busy--
		if ended {
			delete(q.held, m.Group())
			q.w.count("DeleteMessage", 1)
		} else {
			q.w.after(began+visibility-q.w.at, func() {
				delete(q.held, m.Group())
				q.waiting = append([]reconcile.Message{m}, q.waiting...)
				q.dispatch()
			})
		}
		q.dispatch()
	})
}

// told passes an event of CloudFormation on, as the rule and the trigger do: late by what the bus
// takes, after a read of whose stack it is.
func (q *mail) told(stack string, e cloud.Event) {
	w := q.w
	if w.at == 0 {
		return // the stacks are being made that are there when the world begins
	}
	w.after(w.o.Latency.Event, func() {
		w.start("trigger", stack, invocation, func(ctx context.Context) {
			w.running.pause(w.o.Latency.Table)
			reason := "stack is " + string(e.Status)
			if e.Drift {
				reason = "drift detection is DETECTION_COMPLETE"
			}
			_ = w.mail.Send(ctx, reconcile.Message{Application: stack, Reason: reason}) // it never fails here
		}, func(bool) {})
	})
}
