package bench

import (
	"context"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// meter reads what functions ask of AWS from a moment on.
type meter struct {
	stage *stage
	logs  int64
	used  int64 // nanoseconds of the processor
}

// meter starts counting.
func (s *stage) meter(ctx context.Context) (*meter, error) {
	m := &meter{stage: s}
	var err error
	if m.used, err = usedByFunctions(); err != nil {
		return nil, err
	}
	if m.logs, err = s.logBytes(); err != nil {
		return nil, err
	}
	if _, err := s.stream.read(ctx); err != nil {
		return nil, err
	}
	s.Sandbox.Calls()
	s.invoked.take()
	return m, nil
}

// read returns what was counted since. The sweeper's own look is part of what an installation
// costs at rest; what it sends is not.
func (m *meter) read(ctx context.Context, what string) (Count, error) {
	c := Count{What: what, Calls: map[string]int{}, Invocations: map[string]int{}, CallsOf: map[string]int{}, Milliseconds: map[string]int{}}
	transactions := sandbox.Traffic{}
	for call, traffic := range m.stage.Sandbox.Calls() {
		if !strings.Contains(call.By, ":assumed-role/") || strings.Contains(call.Action, "GetRecords") {
			continue // the bench's own
		}
		by := function(call.By)
		if by == "sweeper" && call.Service != "sqs" {
			continue
		}
		c.Calls[call.Service+" "+call.Action] += int(traffic.N)
		c.CallsOf[by] += int(traffic.N)
		switch {
		case call.Action == "TransactWriteItems":
			transactions.N, transactions.In = transactions.N+traffic.N, transactions.In+traffic.In
		case call.Service == "dynamodb":
			c.ReadUnits += reads(call.Action, traffic)
		case call.Service == "s3" && call.Action == "PUT":
			c.StoredBytes += int(traffic.In)
		}
	}
	for name, all := range m.stage.invoked.take() {
		name = strings.TrimPrefix(name, "driftless-")
		if name == "sweeper" {
			continue
		}
		c.Invocations[name] += len(all)
		for _, took := range all {
			c.Milliseconds[name] += int(math.Ceil(float64(took) / 1e6))
		}
	}
	records, err := m.stage.stream.read(ctx)
	if err != nil {
		return c, err
	}
	for _, r := range records {
		c.WriteUnits += r.units()
		c.StoredBytes += r.grown()
		c.Events += r.told()
	}
	c.WriteUnits += kilobytes(transactions.In) // what a transaction writes counts twice
	return c, m.rest(&c)
}

// rest reads what is read from files.
func (m *meter) rest(c *Count) error {
	used, err := usedByFunctions()
	if err != nil {
		return err
	}
	logs, err := m.stage.logBytes()
	if err != nil {
		return err
	}
	c.ProcessorMS, c.LogBytes = int((used-m.used)/1e6), int(logs-m.logs)
	return nil
}

// reads are the read units of requests: consistent ones of items, eventually consistent ones
// of indexes, each for a started 4 KB of what is answered. JSON is longer than what
// DynamoDB counts.
func reads(action string, t sandbox.Traffic) float64 {
	if t.N == 0 {
		return 0
	}
	units := float64(t.N) * math.Ceil(float64(t.Out)/float64(t.N)/4096)
	switch action {
	case "Query":
		return units / 2
	case "GetItem", "BatchGetItem":
		return units
	}
	return 0
}

// kilobytes are the started ones.
func kilobytes(n int64) int { return int((n + 1023) / 1024) }

// usedByFunctions is the processor time of all function processes.
func usedByFunctions() (sum int64, err error) {
	times, err := processorTimes()
	for _, t := range times {
		sum += int64(t)
	}
	return sum, err
}

// logBytes is how much all functions logged.
func (s *stage) logBytes() (sum int64, err error) {
	files, err := filepath.Glob(filepath.Join(s.Sandbox.Dir(), "lambda", "logs", "*.log"))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("find the functions' logs: %d files, %v", len(files), err) //nolint:errorlint // for people
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return 0, fmt.Errorf("read the functions' logs: %w", err)
		}
		sum += info.Size()
	}
	return sum, nil
}
