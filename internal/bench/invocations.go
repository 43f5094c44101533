package bench

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// invocations counts the sandbox's invocations of functions: it is the sandbox's log.
type invocations struct {
	mu   sync.Mutex
	seen map[string][]time.Duration // how long each took, by function
	ran  map[string][]invocation    // all of them, by function, whether or not they were taken
}

// invocation is one that has ended.
type invocation struct {
	ended time.Time
	took  time.Duration
}

// since returns a function's invocations that began after a time and have ended, in the order
// of their ends.
func (i *invocations) since(function string, at time.Time) (all []invocation) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.ran[function] {
		if r.ended.Add(-r.took).After(at) {
			all = append(all, r)
		}
	}
	return all
}

// take returns what was counted since it was last called.
func (i *invocations) take() map[string][]time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	seen := maps.Clone(i.seen)
	i.seen = nil
	return seen
}

// count is how many invocations there were since take was last called.
func (i *invocations) count() (n int) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, all := range i.seen {
		n += len(all)
	}
	return n
}

// Enabled implements slog.Handler.
func (i *invocations) Enabled(context.Context, slog.Level) bool { return true }

// Handle counts the lines that tell of an invocation.
func (i *invocations) Handle(_ context.Context, r slog.Record) error {
	if r.Message != "function invoked" {
		return nil
	}
	var function string
	var took time.Duration
	r.Attrs(func(a slog.Attr) bool {
		switch a.Key {
		case "function":
			function = a.Value.String()
		case "took":
			took = a.Value.Duration()
		}
		return true
	})
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.seen == nil {
		i.seen = map[string][]time.Duration{}
	}
	if i.ran == nil {
		i.ran = map[string][]invocation{}
	}
	i.ran[function] = append(i.ran[function], invocation{ended: r.Time, took: took})
	i.seen[function] = append(i.seen[function], took)
	return nil
}

// WithAttrs implements slog.Handler.
func (i *invocations) WithAttrs([]slog.Attr) slog.Handler { return i }

// WithGroup implements slog.Handler.
func (i *invocations) WithGroup(string) slog.Handler { return i }
