package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options are what a run may differ in.
type Options struct {
	Root  string   // of this project
	Cache string   // where generated repositories are kept; the person's cache directory when empty
	Only  []string // goals, such as G1; all when empty
	Quick bool     // three runs in place of seven
	Out   io.Writer
}

// The ways in which a run ends.
var (
	// ErrMissed: a goal is missed.
	ErrMissed = errors.New("a goal is missed")
	// ErrBusy: no goal is missed, but the machine was too busy to judge all of them.
	ErrBusy = errors.New("the machine was too busy to judge every goal: run it again when nothing else runs")
)

// bench is a run.
type bench struct {
	o       Options
	scratch string // removed at the end
	gauge   gauge
	rows    []Row
	servers []*server
	stage   *stage // these two are made when a goal first needs them
	fetch   *fetching
}

// goals are the measurements, by the goals that they belong to.
var goals = []struct {
	names   []string
	measure func(b *bench, ctx context.Context) error
}{
	{[]string{"G1", "G2"}, (*bench).fetches},
	{[]string{"G3"}, (*bench).heads},
	{[]string{"G4"}, (*bench).pushes},
	{[]string{"G5"}, (*bench).deploys},
	{[]string{"G7"}, (*bench).starts},
	{[]string{"G8"}, (*bench).processor},
	{[]string{"G9"}, (*bench).costs},
	{[]string{"G6"}, (*bench).terraforms}, // last: its application is none that the others count
}

// Run measures and returns ErrMissed, ErrBusy, or what kept it from measuring. A run of all
// goals writes docs/performance.md and docs/cost.md.
func Run(ctx context.Context, o Options) error {
	b := &bench{o: o}
	if err := b.prepare(); err != nil {
		return err
	}
	defer b.close()
	b.say("calibrating: the machine has %d cores, load %s", cores(), load())
	b.gauge.settle()
	for _, g := range goals {
		if !b.wanted(g.names) {
			continue
		}
		b.say("\n%s", strings.Join(g.names, ", "))
		first := len(b.rows)
		if err := g.measure(b, ctx); err != nil {
			return fmt.Errorf("measure %s: %w", strings.Join(g.names, ", "), err)
		}
		for _, r := range b.rows[first:] {
			b.say("%s", r.text())
		}
	}
	if len(o.Only) == 0 && !o.Quick {
		if err := b.write(ctx); err != nil {
			return err
		}
	}
	return b.verdict()
}

// prepare checks the options and makes what a run needs.
func (b *bench) prepare() error {
	known := map[string]bool{}
	for _, g := range goals {
		for _, name := range g.names {
			known[name] = true
		}
	}
	for _, name := range b.o.Only {
		if !known[name] {
			return fmt.Errorf("goal %q: not one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
	var err error
	if b.o.Root, err = filepath.Abs(b.o.Root); err != nil {
		return fmt.Errorf("find %s: %w", b.o.Root, err)
	}
	if b.o.Cache == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("find cache directory: %w", err)
		}
		b.o.Cache = filepath.Join(cache, "driftless", "bench")
	}
	if b.scratch, err = os.MkdirTemp("", "driftless-bench-"); err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	// Reading it costs five milliseconds at each start of a client, ours and the peers'.
	return os.Unsetenv("AWS_CA_BUNDLE")
}

// leave ends the stage: the next goal that needs one opens another.
func (b *bench) leave() {
	if b.stage != nil {
		b.stage.Close()
		b.stage = nil
	}
}

func (b *bench) close() {
	b.leave()
	for _, s := range b.servers {
		_ = s.http.Close()
	}
	_ = os.RemoveAll(b.scratch) // what is left is in the system's temporary directory
}

func (b *bench) wanted(names []string) bool {
	return len(b.o.Only) == 0 || slices.ContainsFunc(names, func(n string) bool { return slices.Contains(b.o.Only, n) })
}

// n is how many runs medians are taken of.
func (b *bench) n() int {
	if b.o.Quick {
		return few
	}
	return usual
}

func (b *bench) say(format string, args ...any) {
	_, _ = fmt.Fprintf(b.o.Out, format+"\n", args...) // progress is for whoever watches
}

// add puts rows into the table. Those whose verdict depends on times are marked when the
// machine was busy meanwhile.
func (b *bench) add(rows ...Row) {
	busy, by := b.gauge.busy()
	for i := range rows {
		timed := rows[i].Ours.Unit == "ms" || rows[i].Ours.Unit == "s" || rows[i].Ours.Unit == "CPU ms"
		if busy && timed && rows[i].Limit != (Limit{}) {
			rows[i].Busy = by
		}
	}
	b.rows = append(b.rows, rows...)
}

func (b *bench) verdict() error {
	count := map[Verdict]int{}
	for _, r := range b.rows {
		count[r.Verdict()]++
	}
	b.say("\n%d met, %d missed, %d too busy to judge", count[Met], count[Missed], count[TooBusy])
	switch {
	case count[Missed] > 0:
		return ErrMissed
	case count[TooBusy] > 0:
		return ErrBusy
	}
	return nil
}
