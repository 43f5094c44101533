package lambda

import (
	"context"
	"strings"
	"sync"
)

// Run polls the sources of all event source mappings until ctx ends. Mappings made,
// changed and deleted meanwhile are followed. Invocations under way go on until Close.
func (s *Service) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	running := map[string]poller{}
	for {
		wanted := s.snapshot()
		for id, p := range running {
			if wanted[id] != p.mapping {
				p.stop()
				delete(running, id)
			}
		}
		for id, m := range wanted {
			if _, ok := running[id]; !ok {
				running[id] = s.poll(ctx, m)
			}
		}
		select {
		case <-s.changed:
		case <-s.closing:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
}

// poller is a mapping that is being polled. A changed mapping is another pointer.
type poller struct {
	mapping *mapping
	stop    func() // returns when the last batch is through
}

func (s *Service) poll(ctx context.Context, m *mapping) poller {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	started := s.background(ctx, func(context.Context) {
		defer close(done)
		if service(m.EventSourceArn) == "sqs" {
			s.pollQueue(ctx, *m)
		} else {
			s.pollStream(ctx, *m)
		}
	})
	if !started {
		close(done)
	}
	return poller{mapping: m, stop: func() { cancel(); <-done }}
}

// Nudge tells that a queue was sent a message or a table was written, by the queue's URL,
// its ARN or name, or the table's or stream's ARN or name, so that the mapping looks at
// once. Without it, it looks after a tenth of a second. What nothing listens to is ignored.
func (s *Service) Nudge(source string) { s.nudges.nudge(sourceName(source)) }

// sourceName reduces a queue's URL or ARN, or a stream's ARN, to the name of the queue or
// table.
func sourceName(source string) string {
	if _, after, ok := strings.Cut(source, ":table/"); ok {
		name, _, _ := strings.Cut(after, "/")
		return name
	}
	return source[strings.LastIndexAny(source, "/:")+1:]
}

// nudges are the channels that pollers listen to, by source.
type nudges struct {
	mu       sync.Mutex
	channels map[string][]chan struct{}
}

// listen returns a channel that holds one nudge, and what ends the listening.
func (n *nudges) listen(source string) (<-chan struct{}, func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.channels == nil {
		n.channels = map[string][]chan struct{}{}
	}
	c := make(chan struct{}, 1)
	n.channels[source] = append(n.channels[source], c)
	return c, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		for i, other := range n.channels[source] {
			if other == c {
				n.channels[source] = append(n.channels[source][:i:i], n.channels[source][i+1:]...)
			}
		}
	}
}

func (n *nudges) nudge(source string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.channels[source] {
		select {
		case c <- struct{}{}:
		default: // one is waiting already
		}
	}
}
