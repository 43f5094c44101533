package bench

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// Runs of a measurement: the number that medians are taken of, fewer for what takes long.
const (
	usual   = 7
	few     = 3
	lengthy = 3 * time.Second // what takes longer is run fewer times
)

// median returns the middle of the values, the lower one of two; zero of none.
func median[T cmp.Ordered](values []T) (zero T) {
	if len(values) == 0 {
		return zero
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}

// usage is what one run of something needed.
type usage struct {
	wall, cpu time.Duration
	peak      int64         // bytes of memory
	requests  int           // that the server saw, where there is one
	received  int64         // bytes that the server sent
	look      time.Duration // of wall, the reconciler's own, where the rest is of events and queues
	looks     int           // how many invocations that was
}

// contender is one of those that are compared.
type contender struct {
	name string
	run  func(ctx context.Context) (usage, error)

	taken []usage
}

// interleave runs the contenders in turn, n times each, so that whatever else happens on the
// machine meets all of them. What takes long is run a few times only. Every contender goes
// once beforehand, uncounted, unless it takes long.
func (b *bench) interleave(ctx context.Context, n int, contenders ...*contender) error {
	for _, c := range contenders {
		u, err := b.once(ctx, c)
		if err != nil {
			return err
		}
		if u.wall > lengthy {
			c.taken = append(c.taken, u)
		}
	}
	for range n {
		for _, c := range contenders {
			if b.enough(c) {
				continue
			}
			u, err := b.once(ctx, c)
			if err != nil {
				return err
			}
			c.taken = append(c.taken, u)
		}
	}
	for _, c := range contenders {
		b.say("      %-58s %s", c.name, c.spread())
	}
	return nil
}

// enough reports whether something that takes long was run often enough.
func (b *bench) enough(c *contender) bool {
	long := slices.ContainsFunc(c.taken, func(u usage) bool { return u.wall > lengthy })
	return long && (len(c.taken) >= few || b.o.Quick)
}

// spread says between which times a contender's runs were.
func (c *contender) spread() string {
	var walls []time.Duration
	for _, u := range c.taken {
		walls = append(walls, u.wall.Round(100*time.Microsecond))
	}
	return fmt.Sprintf("%d runs, %s to %s, median %s", len(walls), slices.Min(walls), slices.Max(walls), median(walls))
}

func (b *bench) once(ctx context.Context, c *contender) (usage, error) {
	b.gauge.tick()
	u, err := c.run(ctx)
	if err != nil {
		return u, fmt.Errorf("run %s: %w", c.name, err)
	}
	if u.wall > time.Second { // else the medians are there soon enough
		b.say("      %-58s %s", c.name, u)
	}
	return u, nil
}

// String writes what is known of the run.
func (u usage) String() string {
	text := u.wall.Round(100 * time.Microsecond).String()
	if u.cpu > 0 {
		text += fmt.Sprintf("  cpu %s", u.cpu.Round(time.Millisecond))
	}
	if u.peak > 0 {
		text += fmt.Sprintf("  %.1f MB", float64(u.peak)/1e6)
	}
	if u.requests > 0 {
		text += fmt.Sprintf("  %d requests, %.1f kB", u.requests, float64(u.received)/1e3)
	}
	return text
}

// of returns the median of one property over a contender's runs.
func of[T cmp.Ordered](c *contender, property func(usage) T) T {
	var values []T
	for _, u := range c.taken {
		values = append(values, property(u))
	}
	return median(values)
}

func (c *contender) millis() Quantity {
	return Quantity{float64(of(c, func(u usage) time.Duration { return u.wall })) / 1e6, "ms"}
}

// looked is how long the reconciler itself took.
func (c *contender) looked() Quantity {
	return Quantity{float64(of(c, func(u usage) time.Duration { return u.look })) / 1e6, "ms"}
}

func (c *contender) memory() Quantity {
	return Quantity{float64(of(c, func(u usage) int64 { return u.peak })) / 1e6, "MB"}
}

func (c *contender) requests() Quantity {
	return Quantity{float64(of(c, func(u usage) int { return u.requests })), "requests"}
}

// runs says how often two were run.
func runs(ours, peer *contender) string {
	if len(ours.taken) == len(peer.taken) {
		return fmt.Sprint(len(ours.taken))
	}
	return fmt.Sprintf("%d, peer %d", len(ours.taken), len(peer.taken))
}
