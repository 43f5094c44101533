package cloudformation

import (
	"context"
	"slices"
)

// parallel is how many resources are worked on at once.
const parallel = 8

// walk calls f for every key whose needs are done, several at a time, in the given order
// where needs leave a choice. After the first error nothing more is begun, and the context
// of what is under way is cancelled. It returns once nothing runs.
func walk(ctx context.Context, keys []string, needs map[string][]string, f func(ctx context.Context, key string) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		key string
		err error
	}
	results := make(chan result)
	waiting := slices.Clone(keys)
	open := map[string]bool{} // not done
	for _, k := range keys {
		open[k] = true
	}
	running := 0
	var failed error
	for {
		for i := 0; i < len(waiting) && failed == nil && ctx.Err() == nil && running < parallel; {
			k := waiting[i]
			if slices.ContainsFunc(needs[k], func(n string) bool { return open[n] }) {
				i++
				continue
			}
			waiting = slices.Delete(waiting, i, i+1)
			running++
			go func() { results <- result{k, f(ctx, k)} }()
		}
		if running == 0 {
			if failed == nil {
				failed = ctx.Err()
			}
			return failed
		}
		r := <-results
		running--
		delete(open, r.key)
		if r.err != nil && failed == nil {
			failed = r.err
			cancel()
		}
	}
}
