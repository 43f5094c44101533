package sim_test

import (
	"slices"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/sim"
)

// One application of a hundred whose every call fails, hangs or is throttled: what the
// others wait for it at p99 is at most a tenth.
func TestR11_OnePoisonedApplicationOfAHundredDelaysTheOthersByATenthAtMost(t *testing.T) {
	inMemory(t)
	average := func(how sim.FaultKind) time.Duration {
		var all []time.Duration
		for seed := range uint64(3) {
			all = append(all, p99(t, seed, how))
		}
		return mean(all)
	}
	a := average("")
	for _, how := range []sim.FaultKind{sim.FaultFail, sim.FaultStall, sim.FaultThrottle} {
		t.Run(string(how), func(t *testing.T) {
			b := average(how)
			t.Logf("p99 %s alone, %s beside one that is poisoned (%+.1f %%)", a, b, 100*(float64(b)/float64(a)-1))
			if float64(b) > 1.1*float64(a) {
				t.Errorf("p99 is %s beside a poisoned application, %s without: over a tenth more", b, a)
			}
		})
	}
}

func p99(t *testing.T, seed uint64, how sim.FaultKind) time.Duration {
	t.Helper()
	took, err := sim.Fair(seed, 100, how)
	if err != nil {
		t.Fatal(err)
	}
	var all []time.Duration
	for _, d := range took {
		all = append(all, d)
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

func mean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return (sum / time.Duration(len(all))).Round(100 * time.Millisecond)
}
