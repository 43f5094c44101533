package gitops_test

import (
	"errors"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestACheckIsTriedAsOftenAsItSays(t *testing.T) {
	c := gitops.Check{Name: "web", Retries: 2, IntervalSeconds: 10}
	var r gitops.CheckResult
	for n := range 3 {
		at := noon.Add(time.Duration(n) * 10 * time.Second)
		if !r.Due(c, at) || r.Done {
			t.Fatalf("attempt %d is not due: %+v", n+1, r)
		}
		r.Attempt(c, gitops.Verdict{Reason: "answered 500"}, nil, at, at)
		if r.Due(c, at.Add(9*time.Second)) {
			t.Errorf("after attempt %d another is due before its time", n+1)
		}
	}
	if !r.Done || r.Passed || r.Attempts != 3 {
		t.Errorf("after three attempts: %+v", r)
	}
}

func TestAnAttemptThatFoundNothingOutDoesNotCount(t *testing.T) {
	c, denied := gitops.Check{Name: "web", IntervalSeconds: 10}, errors.New("rate exceeded")
	var r gitops.CheckResult
	r.Attempt(c, gitops.Verdict{}, denied, noon, noon)
	if r.Done || r.Attempts != 0 {
		t.Fatalf("after the first: %+v", r)
	}
	later := noon.Add(15 * time.Minute)
	r.Attempt(c, gitops.Verdict{}, denied, later, later)
	if !r.Done || r.Passed || !r.Unknown {
		t.Errorf("after a quarter of an hour: %+v", r)
	}
	var other gitops.CheckResult
	other.Attempt(c, gitops.Verdict{}, denied, noon, noon)
	other.Attempt(c, gitops.Verdict{Passed: true}, nil, later, later)
	if !other.Done || !other.Passed || other.Unknown {
		t.Errorf("passed in the end: %+v", other)
	}
}

func TestWhatCanFindNothingElseIsNotTriedAgain(t *testing.T) {
	var r gitops.CheckResult
	r.Attempt(gitops.Check{Retries: 9}, gitops.Verdict{Final: true, Reason: "there is no such alarm"}, nil, noon, noon)
	if !r.Done || r.Passed {
		t.Errorf("after a final verdict: %+v", r)
	}
}

func TestTheNextAttemptIsTheEarliestOfThoseThatAreLeft(t *testing.T) {
	d := gitops.Deployment{Phase: gitops.PhaseVerifying}
	d.Settings.Verify.Checks = []gitops.Check{{IntervalSeconds: 30}, {IntervalSeconds: 10}, {IntervalSeconds: 1}}
	if !d.Unchecked() || !d.NextCheck().IsZero() {
		t.Error("checks that were never tried are not due at once")
	}
	d.Checks = []gitops.CheckResult{{EndedAt: noon}, {EndedAt: noon}, {EndedAt: noon, Done: true, Passed: true}}
	if next := d.NextCheck(); !next.Equal(noon.Add(10 * time.Second)) {
		t.Errorf("the next is at %s", next)
	}
}
