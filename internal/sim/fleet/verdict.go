package fleet

import (
	"fmt"
	"slices"
	"time"
)

// tolerated is how much later 99 of 100 deployments may be for all the looks at drift.
const tolerated = time.Second

// Verdicts is what two runs, one of which looks for no drift, say of a fleet.
type Verdicts struct {
	Applied50, Applied99 time.Duration // how much later deployments were applied
	Ended50, Ended99     time.Duration // how much later they ended
	Broken               []string      // what does not hold
}

// Verdict holds a run with drift against the one without.
func Verdict(with, without Result) Verdicts {
	applied := delays(with, without, func(d Deployment) time.Duration { return d.Applied })
	ended := delays(with, without, func(d Deployment) time.Duration { return d.Ended })
	v := Verdicts{Applied50: percentile(applied, 50), Applied99: percentile(applied, 99), Ended50: percentile(ended, 50), Ended99: percentile(ended, 99)}
	if with.Late > 0 {
		v.Broken = append(v.Broken, fmt.Sprintf("%d times an application was looked at later than it was to be, at most %s after the look before", with.Late, with.Longest))
	}
	if late := max(v.Applied99, v.Ended99); late >= tolerated {
		v.Broken = append(v.Broken, fmt.Sprintf("at p99 deployments were applied %s later, and ended %s later", v.Applied99, v.Ended99))
	}
	v.Broken = append(v.Broken, append(slices.Clone(with.Visible), without.Visible...)...)
	return v
}

// String tells it.
func (v Verdicts) String() string {
	return fmt.Sprintf("deployments were applied later by %s at p50, %s at p99; they ended later by %s and %s\n",
		v.Applied50.Round(time.Millisecond), v.Applied99.Round(time.Millisecond), v.Ended50.Round(time.Millisecond), v.Ended99.Round(time.Millisecond))
}

// delays returns how much longer the deployments of one run took than those of another one, the
// longest last.
func delays(with, without Result, took func(Deployment) time.Duration) []time.Duration {
	before := map[int]Deployment{}
	for _, d := range without.Deployments {
		before[d.Number] = d
	}
	var all []time.Duration
	for _, d := range with.Deployments {
		all = append(all, took(d)-took(before[d.Number]))
	}
	slices.Sort(all)
	return all
}

// percentile returns what so many of a hundred do not exceed, of durations that are sorted.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, len(sorted)*p/100)]
}
