package fake

import (
	"context"
	"slices"
	"sync"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Queue keeps messages in memory, first in, first out within a group.
type Queue struct {
	Calls
	mu      sync.Mutex
	waiting []reconcile.Message
	sent    []reconcile.Message
}

var _ reconcile.Queue = (*Queue)(nil)

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{} }

// Send implements reconcile.Queue.
func (q *Queue) Send(_ context.Context, messages ...reconcile.Message) error {
	return q.run("Send", func() error {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.waiting = append(q.waiting, messages...)
		q.sent = append(q.sent, messages...)
		return nil
	})
}

// Next takes the message that has waited longest; false when none waits.
func (q *Queue) Next() (reconcile.Message, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		return reconcile.Message{}, false
	}
	m := q.waiting[0]
	q.waiting = q.waiting[1:]
	return m, true
}

// Drain takes all messages that wait, in the order in which they were sent.
func (q *Queue) Drain() []reconcile.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting = nil
	return taken
}

// Len returns how many messages wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Sent returns every message that was ever sent.
func (q *Queue) Sent() []reconcile.Message {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.sent)
}
