package faults

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	compare "github.com/google/go-cmp/cmp"
)

// root is this project's.
const root = "../.."

// The installation that the tests share, and what the scenarios do undisturbed in it.
var (
	shared    = sync.OnceValues(func() (*Lab, error) { return Open(context.Background(), root) })
	reference = sync.OnceValues(func() (Reference, error) {
		l, err := shared()
		if err != nil {
			return Reference{}, err
		}
		return l.Record(context.Background())
	})
	opened bool
)

func TestMain(m *testing.M) {
	code := m.Run()
	if opened {
		if l, err := shared(); err == nil {
			l.Close()
		}
	}
	os.Exit(code)
}

// lab is the shared installation.
func lab(t *testing.T) *Lab {
	t.Helper()
	opened = true
	l, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// undisturbed is the shared reference.
func undisturbed(t *testing.T) Reference {
	t.Helper()
	lab(t)
	ref, err := reference()
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// run plays cases and fails for each that does not end as undisturbed.
func runCases(t *testing.T, width Width, cases []Case) Summary {
	t.Helper()
	ref := undisturbed(t)
	results, err := width.Run(t.Context(), lab(t), ref, cases, func(r Result) {
		if r.Problem != "" {
			t.Errorf("%s\nends as it does not undisturbed; to run it again: bin/faults -calls -only '%s'\n%s", r.Case, r.Case, r.Problem)
		}
	})
	if err != nil {
		t.Error(err)
	}
	return Sum(results)
}

// A share of the calls of functions, and a smaller one of those of builds, go wrong once; which,
// and in which way, is chosen by the commit's id. "make faults" lets all go wrong in every way.
func TestR13_WhicheverCallGoesWrongTheEndIsThatOfTheUndisturbedRun(t *testing.T) {
	ref := undisturbed(t)
	seed, err := Seed(root)
	if err != nil {
		t.Fatal(err)
	}
	began, cases := time.Now(), Round(ref.Sites, seed)
	sum := runCases(t, Width{Root: root, Labs: 1, Lanes: 6}, cases)
	t.Logf("%d calls that every run makes, %d that some make\n%s\n%s in %s", len(ref.Sites), len(ref.Rare), sum.Table(ref.Left...), sum, time.Since(began).Round(time.Second))
	if want := len(cases) * 9 / 10; sum.Covered < want {
		t.Errorf("%d calls were reached, want %d at least; missed: %v", sum.Covered, want, sum.Missed)
	}
}

func TestTheRolloutsCallsAreThoseOfEveryFunction(t *testing.T) {
	functions := map[string]int{}
	for _, s := range undisturbed(t).Sites {
		functions[s.Function]++
	}
	for _, name := range []string{"webhook", "trigger", "sweeper", "reconciler", "notifier", "api"} {
		if functions[name] < 3 {
			t.Errorf("%s makes %d calls in a rollout: what it is for is not played", name, functions[name])
		}
	}
}

func TestTheSeedGivesEverySiteEveryKindInTurn(t *testing.T) {
	sites := []Site{{Step: "a"}, {Step: "b"}, {Step: "c"}}
	seen := map[Case]bool{}
	for seed := range uint64(len(Kinds()) * functionsShare) {
		for _, c := range Round(sites, seed) {
			seen[c] = true
		}
	}
	if want := len(sites) * len(Kinds()); len(seen) != want {
		t.Errorf("%d cases in a full round, want %d", len(seen), want)
	}
	if got := len(Round(make([]Site, 300), 7)); got != 100 {
		t.Errorf("a round has %d of 300 calls of functions, want a third", got)
	}
}

func TestThePageTellsTheRowsAndTestsThatThereAre(t *testing.T) {
	found, err := Find(root)
	if err != nil {
		t.Fatal(err)
	}
	want, err := Page(found)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(root, "docs", "faults.md"))
	if err != nil || string(got) != want {
		t.Errorf("docs/faults.md is stale (%v): write it by \"go run ./cmd/faults -docs\"\n%s", err, compare.Diff(string(got), want))
	}
}

func TestEveryRowHasATestOrAReason(t *testing.T) {
	found, err := Find(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rows {
		of := r.tests(found)
		if len(of) == 0 && r.Without[""] == "" {
			t.Errorf("%s (%s) has neither a test nor a reason for having none", r.ID, r.Fault)
		}
		if len(of) > 0 && r.Without[""] != "" {
			t.Errorf("%s has a test, %s, and a reason for having none: remove the reason", r.ID, of[0].Name)
		}
		for _, tier := range r.missing(of) {
			if len(of) > 0 && r.Without[tier] == "" {
				t.Errorf("%s (%s) has no test in tier %s, and no reason for that", r.ID, r.Fault, tier)
			}
		}
	}
}

func TestATestThatDidNotPassIsShownWithWhatItSaid(t *testing.T) {
	found := []Test{{"R1", "TestR1_Good", "a/a_test.go"}, {"R1", "TestR1_Bad", "a/a_test.go"}, {"R2", "TestR2_NotRun", "a/a_test.go"}}
	var out bytes.Buffer
	failed := printRows(&out, found, map[string]outcome{
		"./a TestR1_Good": {action: "pass", seconds: 1.25},
		"./a TestR1_Bad":  {action: "fail", output: []string{"it went wrong\n"}},
	})
	if failed != 2 {
		t.Errorf("%d tests did not pass, want 2", failed)
	}
	for _, want := range []string{"R1    U     TestR1_Good", "pass 1.2s", "✗ fail", "it went wrong", "none: "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in what is printed:\n%s", want, out.String())
		}
	}
}
