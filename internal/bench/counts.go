package bench

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/bench/price"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// counted is what the last full run counted; docs/cost.md follows from it.
//
//go:embed counts.json
var counted []byte

// Count is what one thing that Driftless does asks of AWS, counted in the sandbox.
type Count struct {
	What         string         `json:"what"`
	Calls        map[string]int `json:"calls"`        // by service and action, of all functions
	Invocations  map[string]int `json:"invocations"`  // by function
	CallsOf      map[string]int `json:"callsOf"`      // by function
	Milliseconds map[string]int `json:"milliseconds"` // that invocations took in the sandbox, by function
	ProcessorMS  int            `json:"processorMs"`  // of all functions
	WriteUnits   int            `json:"writeUnits"`   // DynamoDB, indexes and transactions included
	ReadUnits    float64        `json:"readUnits"`
	Events       int            `json:"events"` // on Driftless' own bus, at most
	StoredBytes  int            `json:"storedBytes"`
	LogBytes     int            `json:"logBytes"`
}

// The things that are counted.
const (
	aDeployment = "a push that changes one application, up to the end of verify"
	aResync     = "a look at a repository without news, every five minutes"
	aDriftCheck = "a look for drift that finds none"
)

// costs measures G9: it counts, writes the counts and docs/cost.md, and judges the bill.
func (b *bench) costs(ctx context.Context) error {
	s, err := b.open(ctx)
	if err != nil {
		return err
	}
	counts, err := s.count(ctx)
	if err != nil {
		return err
	}
	if len(b.o.Only) == 0 && !b.o.Quick {
		data, err := json.MarshalIndent(counts, "", "  ")
		if err != nil {
			return fmt.Errorf("encode counts: %w", err)
		}
		for name, content := range map[string][]byte{"internal/bench/counts.json": append(data, '\n'), "docs/cost.md": cost(counts)} {
			if err := os.WriteFile(filepath.Join(b.o.Root, name), content, 0o644); err != nil {
				return fmt.Errorf("write %s: %w", name, err)
			}
		}
	}
	for _, c := range counts {
		b.say("      %s: $%.7f; %d calls %v", c.What, c.dollars().sum(), total(c.Calls), c.Calls)
		b.say("        invocations %v %v ms, processor %d ms, %d write and %.1f read units, %d events, %d bytes of logs, dollars %v",
			c.Invocations, c.Milliseconds, c.ProcessorMS, c.WriteUnits, c.ReadUnits, c.Events, c.LogBytes, c.dollars())
	}
	for _, n := range scales {
		bill := billOf(counts, n)
		b.add(Row{Goal: "G9", What: fmt.Sprintf("an application and month of %d, hourly drift, %d deployments", n, deployments), Ours: Quantity{bill.sum() / float64(n), "$"}, Limit: AtMost(0.01), Runs: "1"})
	}
	b.add(Row{Goal: "G9", What: "- a repository and month, looked at every five minutes", Ours: Quantity{looksOf(counts, 1).sum(), "$"}, Runs: "1"})
	b.add(Row{Goal: "G9", What: "a month in which nothing happens, in all", Ours: Quantity{price.Rest, "$"}, Limit: AtMost(1), Runs: "1"})
	return nil
}

// drifting is an application that is looked at every minute.
const drifting = "drifting"

// count does each of the things once and counts what was asked.
func (s *stage) count(ctx context.Context) ([]Count, error) {
	s.Sandbox.SetTiming(cloudformation.Timing{})
	s.every = map[string]string{drifting: "1m"}
	if err := s.add(ctx, drifting, "counted"); err != nil {
		return nil, err
	}
	var counts []Count
	for _, c := range []struct {
		what        string
		prepare, do func(context.Context) error
	}{
		{aDeployment, s.settled, s.deployOne},
		{aResync, s.settled, s.resync},
		{aDriftCheck, s.driftDue, s.driftCheck},
	} {
		var m *meter
		for range 2 { // once before, so that nothing that is kept warm counts
			err := c.prepare(ctx)
			if err == nil {
				m, err = s.meter(ctx)
			}
			if err == nil {
				err = c.do(ctx)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.what, err)
			}
		}
		n, err := m.read(ctx, c.what)
		if err != nil {
			return nil, err
		}
		counts = append(counts, n)
	}
	return counts, nil
}

// deployOne changes one application, with a CloudFormation that takes its time, so that
// whatever waits for it counts.
func (s *stage) deployOne(ctx context.Context) error {
	s.Sandbox.SetTiming(slow)
	defer s.Sandbox.SetTiming(cloudformation.Timing{})
	_, err := s.change(ctx, []string{"counted"})
	return errors.Join(err, s.settled(ctx))
}

// resync is what the schedule of five minutes does.
func (s *stage) resync(ctx context.Context) error {
	if _, err := s.Sandbox.Fire(ctx, "EveryFiveMinutes"); err != nil {
		return err
	}
	return s.settled(ctx)
}

// driftDue waits until the drifting application is due.
func (s *stage) driftDue(ctx context.Context) error {
	a, err := s.store.Application(ctx, drifting)
	if err != nil {
		return fmt.Errorf("read application: %w", err)
	}
	return wait(ctx, time.Until(a.DriftDue.Add(2*time.Second))) // it counts in whole seconds
}

// driftCheck is the look at the drifting application, once it is due.
func (s *stage) driftCheck(ctx context.Context) error {
	a, err := s.store.Application(ctx, drifting)
	if err != nil {
		return fmt.Errorf("read application: %w", err)
	}
	if _, err := s.Sandbox.Fire(ctx, "EveryMinute"); err != nil {
		return err
	}
	for tick := range ticks(ctx, 100*time.Millisecond, patience) {
		if tick != nil {
			return fmt.Errorf("wait for the look at drift: %w", tick)
		}
		now, err := s.store.Application(ctx, drifting)
		if err == nil && now.DriftDue.After(a.DriftDue) {
			break
		}
	}
	return s.settled(ctx)
}

// settled waits until no function was invoked for a while: events, streams and statuses
// come after what they tell of.
func (s *stage) settled(ctx context.Context) error {
	quiet, last := 0, -1
	for tick := range ticks(ctx, 500*time.Millisecond, patience) {
		if tick != nil {
			return fmt.Errorf("wait for functions to be done: %w", tick)
		}
		if n := s.invoked.count(); n != last {
			quiet, last = 0, n
		} else if quiet++; quiet >= 4 {
			return nil
		}
	}
	return nil
}

// total adds up the values.
func total(counts map[string]int) (sum int) {
	for _, n := range counts {
		sum += n
	}
	return sum
}

// function names the function whose work a call was, by who made it: the session of a
// function's own role is named after the function, and the roles of targets are the
// reconciler's.
func function(by string) string {
	session := by[strings.LastIndex(by, "/")+1:]
	if name, ours := strings.CutPrefix(session, "driftless-"); ours && slices.Contains(functions, name) {
		return name
	}
	return "reconciler"
}
