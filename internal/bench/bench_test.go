package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/config"
)

func TestVerdicts(t *testing.T) {
	ms := func(v float64) Quantity { return Quantity{v, "ms"} }
	for name, c := range map[string]struct {
		row  Row
		want Verdict
	}{
		"a ratio at its limit is met":            {Row{Ours: ms(65), Peer: ms(100), Limit: Ratio(0.65)}, Met},
		"a ratio above it is missed":             {Row{Ours: ms(66), Peer: ms(100), Limit: Ratio(0.65)}, Missed},
		"a ratio to nothing is missed":           {Row{Ours: ms(0), Limit: Ratio(0.65)}, Missed},
		"at most is met at the limit":            {Row{Ours: ms(10), Limit: AtMost(10)}, Met},
		"at most is missed above":                {Row{Ours: ms(11), Limit: AtMost(10)}, Missed},
		"at least is missed below":               {Row{Ours: ms(39), Limit: AtLeast(40)}, Missed},
		"exactly is missed below":                {Row{Ours: ms(2), Limit: Exactly(3)}, Missed},
		"a busy machine judges nothing":          {Row{Ours: ms(1), Peer: ms(100), Limit: Ratio(0.65), Busy: 1.7}, TooBusy},
		"what has no limit is shown":             {Row{Ours: ms(1), Peer: ms(100)}, Shown},
		"what has no limit is shown, busy or no": {Row{Ours: ms(1), Busy: 1.7}, Shown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.row.Verdict(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestQuantitiesShowThreeDigits(t *testing.T) {
	for want, q := range map[string]Quantity{
		"-": {}, "0 calls": {0, "calls"}, "3 requests": {3, "requests"}, "35479 ms": {35478.6, "ms"}, "6.87 ms": {6.871, "ms"},
		"14.4 ms": {14.41, "ms"}, "0.0232 $": {0.02318, "$"},
	} {
		if got := q.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestTheWayARunEnds(t *testing.T) {
	missed, busy, met := Row{Ours: Quantity{2, "MB"}, Limit: AtMost(1)}, Row{Limit: AtMost(1), Busy: 1.7}, Row{Limit: AtMost(1)}
	for name, c := range map[string]struct {
		rows []Row
		want error
	}{
		"all met":                           {[]Row{met}, nil},
		"one missed":                        {[]Row{met, missed, busy}, ErrMissed},
		"none missed, one not to be judged": {[]Row{met, busy}, ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bench{o: Options{Out: io.Discard}, rows: c.rows}
			if err := b.verdict(); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestAGoalThatIsNotKnownIsNamed(t *testing.T) {
	err := Run(t.Context(), Options{Only: []string{"G10"}, Out: io.Discard, Root: "../..", Cache: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), `"G10": not one of G1, G2`) {
		t.Errorf("got %v", err)
	}
}

func TestContendersTakeTurns(t *testing.T) {
	b := &bench{o: Options{Out: io.Discard}}
	var order strings.Builder
	entry := func(name string, wall time.Duration) *contender {
		return &contender{name: name, run: func(context.Context) (usage, error) {
			order.WriteString(name)
			return usage{wall: wall}, nil
		}}
	}
	quick, long := entry("q", time.Millisecond), entry("L", 4*time.Second)
	if err := b.interleave(t.Context(), 4, quick, long); err != nil {
		t.Fatal(err)
	}
	if got, want := order.String(), "qLqLqLqq"; got != want {
		t.Errorf("order %s, want %s", got, want)
	}
	if len(quick.taken) != 4 || len(long.taken) != few {
		t.Errorf("%d and %d runs count, want 4 without the first, and %d with it", len(quick.taken), len(long.taken), few)
	}
}

func TestATimeIsNotJudgedWhereTheMachineIsBusy(t *testing.T) {
	b := &bench{gauge: gauge{best: 10, ticks: []time.Duration{20, 21, 10}}}
	b.add(Row{Ours: Quantity{1, "ms"}, Limit: AtMost(2)}, Row{Ours: Quantity{1, "requests"}, Limit: AtMost(2)}, Row{Ours: Quantity{1, "ms"}})
	b.gauge.ticks = []time.Duration{10, 11, 90}
	b.add(Row{Ours: Quantity{1, "ms"}, Limit: AtMost(2)})
	var got []Verdict
	for _, r := range b.rows {
		got = append(got, r.Verdict())
	}
	if diff := cmp.Diff([]Verdict{TooBusy, Met, Shown, Met}, got); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
}

func TestMedianIsTheMiddle(t *testing.T) {
	for want, values := range map[int][]int{0: nil, 3: {9, 3, 1}, 2: {4, 2, 8, 1}} {
		if got := median(values); got != want {
			t.Errorf("median of %v is %d, want %d", values, got, want)
		}
	}
}

var tiny = shape{name: "tiny", services: 3, files: 12, fileSize: 300, commits: 4, touched: 1}

func TestTheSameShapeIsTheSameRepository(t *testing.T) {
	var heads []string
	for range 2 {
		b := &bench{o: Options{Out: io.Discard, Cache: t.TempDir()}}
		dir, err := b.repository(t.Context(), tiny)
		if err != nil {
			t.Fatal(err)
		}
		head, _, err := runGit(t.Context(), dir, "rev-parse", "main")
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, head)
		if again, err := b.repository(t.Context(), tiny); err != nil || again != dir {
			t.Errorf("made again: %s, %v", again, err)
		}
		files, _, err := runGit(t.Context(), dir, "ls-tree", "-r", "--name-only", "main")
		if n := len(strings.Fields(files)); err != nil || n != 3*12+2 {
			t.Errorf("%d files, %v", n, err)
		}
		changed, _, err := runGit(t.Context(), dir, "diff", "--name-only", "main~1", "main")
		if err != nil || changed != tiny.file(tiny.commits*tiny.touched%tiny.services, 0) {
			t.Errorf("the last commit changes %q, %v", changed, err)
		}
	}
	if heads[0] != heads[1] {
		t.Errorf("heads %v differ", heads)
	}
}

func TestTheGeneratedConfigurationIsSound(t *testing.T) {
	b := &bench{o: Options{Out: io.Discard, Cache: t.TempDir()}, scratch: t.TempDir()}
	dir, err := b.repository(t.Context(), tiny)
	if err != nil {
		t.Fatal(err)
	}
	if dir, err = b.referring(t.Context(), dir, 5); err != nil {
		t.Fatal(err)
	}
	s, err := b.serve(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.http.Close()
	w, err := newWorld(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	woken, _, err := w.look(t.Context())
	if err != nil || woken != tiny.services {
		t.Errorf("%d applications were woken, %v; want %d", woken, err, tiny.services)
	}
	if n := s.requests.Load(); n == 0 || s.sent.Load() == 0 {
		t.Errorf("%d requests, %d bytes were counted", n, s.sent.Load())
	}
	refs, _, err := runGit(t.Context(), dir, "for-each-ref", "--format=%(refname)", "refs/pull")
	if err != nil || len(strings.Fields(refs)) != 5 {
		t.Errorf("references %q, %v; want five of pull requests beside the branch", refs, err)
	}
	if !strings.Contains(tiny.configuration(), "name: svc-0002") || config.Name != "driftless.yaml" {
		t.Error("the file is not where it is looked for")
	}
}

func TestTheReportHasATableForEachGoal(t *testing.T) {
	b := &bench{rows: []Row{
		{Goal: "G1", What: "a thing; another", Ours: Quantity{80, "ms"}, Peer: Quantity{250, "ms"}, Limit: Ratio(0.65), Runs: "7"},
		{Goal: "G3", What: "a count", Ours: Quantity{1, "requests"}, Limit: Exactly(1), Runs: "7", Note: "noted"},
	}}
	out := b.report("facts")
	for _, want := range []string{
		"## G1. One application's directory", "| a thing; another | 80 ms | 250 ms | 0.32 × | ≤ 0.65 × | met | 7 |",
		"## G3.", "| a count (noted) | 1 requests | - | - | = 1 | met | 7 |", "facts",
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if bytes.Contains(out, []byte("## G4")) || bytes.Contains(out, []byte("%!")) {
		t.Errorf("a goal without rows, or a text that was not filled in:\n%s", out)
	}
}

func TestAProgramsFailureSaysWhatItSaid(t *testing.T) {
	_, _, err := program{dir: t.TempDir(), args: []string{"git", "rev-parse", "--verify", "nothing"}}.do(t.Context())
	if err == nil || !strings.Contains(err.Error(), "git rev-parse --verify nothing") || !strings.Contains(err.Error(), "fatal") {
		t.Errorf("got %v", err)
	}
}

func TestNothingOfARealAccountIsInherited(t *testing.T) {
	t.Setenv("AWS_PROFILE", "production")
	t.Setenv("GIT_DIR", filepath.Join(t.TempDir(), "elsewhere"))
	for _, v := range inherited() {
		if strings.HasPrefix(v, "AWS_PROFILE") || strings.HasPrefix(v, "GIT_DIR") {
			t.Errorf("%s was handed on", v)
		}
	}
}

func TestTheFunctionBehindACall(t *testing.T) {
	for by, want := range map[string]string{
		"arn:aws:sts::123456789012:assumed-role/Driftless-sweeperRole/driftless-sweeper": "sweeper",
		"arn:aws:sts::123456789012:assumed-role/driftless-deploy/driftless":              "reconciler",
	} {
		if got := function(by); got != want {
			t.Errorf("%s: %s, want %s", by, got, want)
		}
	}
}
