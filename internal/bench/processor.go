package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// changed is how many applications one push changes.
const changed = 20

// processor measures G8: the processor time of all functions for each application that a
// push changes, beside that of one "aws cloudformation deploy".
func (b *bench) processor(ctx context.Context) error {
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	s.Sandbox.SetTiming(cloudformation.Timing{})
	var names []string
	for n := range changed {
		names = append(names, fmt.Sprintf("app-%02d", n))
	}
	b.say("      deploying %d applications", changed)
	if err := s.add(ctx, names...); err != nil {
		return err
	}
	d := &deploying{stage: s, file: filepath.Join(b.scratch, "template.yaml")}
	ours := &contender{name: fmt.Sprintf("driftless, a push that changes %d applications", changed), run: func(ctx context.Context) (usage, error) { return s.change(ctx, names) }}
	peer := &contender{name: "aws cloudformation deploy", run: d.peer}
	if err := b.interleave(ctx, b.n(), ours, peer); err != nil {
		return err
	}
	processor := func(c *contender, by float64) Quantity {
		return Quantity{float64(of(c, func(u usage) time.Duration { return u.cpu })) / 1e6 / by, "CPU ms"}
	}
	b.add(Row{Goal: "G8", What: "processor time of all functions by changed application; aws cloudformation deploy", Ours: processor(ours, changed), Peer: processor(peer, 1), Limit: Ratio(0.1), Runs: runs(ours, peer)})
	return nil
}

// change pushes a change of applications and waits for their ends.
func (s *stage) change(ctx context.Context, names []string) (usage, error) {
	for _, n := range names {
		if err := s.edit(n); err != nil {
			return usage{}, err
		}
	}
	before, err := processorTimes()
	if err != nil {
		return usage{}, err
	}
	p, err := s.push(ctx, fmt.Sprintf("change %d applications", len(names)))
	if err != nil {
		return usage{}, err
	}
	for _, n := range names {
		if _, err := s.ended(ctx, n, p.commit); err != nil {
			return usage{}, err
		}
	}
	u := usage{wall: time.Since(p.at)}
	after, err := processorTimes()
	if err != nil {
		return usage{}, err
	}
	for id, t := range after { // one that began meanwhile counts with its start
		u.cpu += t - before[id]
	}
	for id := range before {
		if _, there := after[id]; !there {
			return u, fmt.Errorf("function process %s ended meanwhile, and with it what it used", id)
		}
	}
	return u, nil
}

// processorTimes returns what the functions' processes used so far, by process.
func processorTimes() (map[string]time.Duration, error) {
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	times := map[string]time.Duration{}
	for _, p := range processes {
		stat, err := os.ReadFile(filepath.Join(p, "stat"))
		if err != nil {
			continue // ended since it was listed
		}
		name, rest, _ := strings.Cut(string(stat), ") ")
		fields := strings.Fields(rest)
		if !strings.HasSuffix(name, "(bootstrap") || len(fields) < 2 || fields[1] != strconv.Itoa(os.Getpid()) {
			continue
		}
		if times[filepath.Base(p)], err = threads(p); err != nil {
			return nil, err
		}
	}
	return times, nil
}

// threads adds up what the threads of a process used, to the nanosecond: the times of
// /proc/<pid>/stat count in hundredths of a second.
func threads(process string) (time.Duration, error) {
	all, err := filepath.Glob(filepath.Join(process, "task", "*", "schedstat"))
	if err != nil || len(all) == 0 {
		return 0, fmt.Errorf("read processor time of %s: no threads (%v)", process, err) //nolint:errorlint // for people
	}
	var sum time.Duration
	for _, thread := range all {
		data, err := os.ReadFile(thread)
		if err != nil {
			continue // a thread that ended
		}
		fields := strings.Fields(string(data))
		if len(fields) == 0 {
			return 0, fmt.Errorf("read processor time of %s: %q", process, data)
		}
		used, err := strconv.ParseInt(fields[0], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read processor time of %s: %w", process, err)
		}
		sum += time.Duration(used)
	}
	return sum, nil
}
