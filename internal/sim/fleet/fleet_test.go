package fleet

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is one account of the five of docs/drift-scale.md, with its share of all.
func small() Options {
	o := Usual(2000, 1)
	o.Takes = 15 * time.Minute
	return o
}

func run(t *testing.T, o Options) Result {
	t.Helper()
	r, err := Run(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEveryApplicationIsLookedAtWithinItsHourAndNobodyIsKeptWaiting(t *testing.T) {
	with := run(t, small())
	o := small()
	o.Drift = false
	without := run(t, o)
	v := Verdict(with, without)
	t.Logf("%s%s", with, v)
	if len(v.Broken) > 0 {
		t.Error(strings.Join(v.Broken, "\n"))
	}
	if with.Looks < 450 || len(with.Deployments) < 30 || len(with.Deployments) != len(without.Deployments) {
		t.Errorf("%d looks, %d deployments, %d without drift", with.Looks, len(with.Deployments), len(without.Deployments))
	}
}

// What the pace is there for: without it all that is due in a minute is begun at once, is throttled,
// and takes what the deployments need.
func TestWithoutItsPaceDriftKeepsDeploymentsWaiting(t *testing.T) {
	o := small()
	o.Rates.Detect, o.Rates.Describe = 1e6, 1e6
	o.Deployments, o.Warm = 4*o.Deployments, 5*time.Minute
	with := run(t, o)
	o.Drift = false
	v := Verdict(with, run(t, o))
	if v.Ended99 < time.Second || with.Throttled["DescribeStackResourceDrifts"] < 100 {
		t.Errorf("deployments end %s later, %d calls throttled", v.Ended99, with.Throttled["DescribeStackResourceDrifts"])
	}
}

func TestAFleetOfOneSeedIsAlwaysTheSame(t *testing.T) {
	o := small()
	o.Applications, o.Warm, o.Takes = 200, 10*time.Minute, 20*time.Minute
	first, again := run(t, o), run(t, o)
	if diff := cmp.Diff(first.String(), again.String()); diff != "" {
		t.Error(diff)
	}
	o.Seed++
	if first.String() == run(t, o).String() {
		t.Error("another seed makes no difference")
	}
}

func TestAVerdictNamesWhatIsBroken(t *testing.T) {
	slow := Result{Late: 1, Longest: 2 * time.Hour, Visible: []string{"somebody sees it"}, Deployments: []Deployment{{Number: 1, Applied: 5 * time.Second, Ended: 9 * time.Second}}}
	quick := Result{Deployments: []Deployment{{Number: 1, Applied: 3 * time.Second, Ended: 8*time.Second + 1}}}
	v := Verdict(slow, quick)
	if len(v.Broken) != 3 || !strings.Contains(strings.Join(v.Broken, " "), "somebody sees it") || v.Applied99 != 2*time.Second {
		t.Errorf("got %+v", v)
	}
}
