package lambda

import (
	"context"
	"sync"
)

// defaultConcurrency is how many invocations of a function without reserved concurrency
// run at once: enough to see concurrency, and few enough for one machine.
const defaultConcurrency = 10

// gate counts a function's invocations under way.
type gate struct {
	mu      sync.Mutex
	running int
	left    chan struct{} // closed and made anew when one ends
}

func newGate() *gate { return &gate{left: make(chan struct{})} }

// enter waits until fewer than limit run, or reports false where waiting is not wanted or
// ctx ends.
func (g *gate) enter(ctx context.Context, limit int, wait bool) bool {
	for {
		g.mu.Lock()
		if g.running < limit {
			g.running++
			g.mu.Unlock()
			return true
		}
		left := g.left
		g.mu.Unlock()
		if !wait {
			return false
		}
		select {
		case <-left:
		case <-ctx.Done():
			return false
		}
	}
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	close(g.left)
	g.left = make(chan struct{})
}
