package sim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// A row of the fault matrix is a plan that holds that fault and little else, run with many
// seeds. What has to hold afterwards are the invariants; a row adds what it is about.
type row struct {
	seeds   int
	actions string
	faults  func(seed int) string // one list for each seed; nil: none
	world   func(*sim.Knobs)      // changes a world of one application, with a queue that keeps order
	check   func(r sim.Result) string
}

const twoPushes = "push:jobs:7@2m,push:jobs:8@6m"

func (c row) run(t *testing.T) {
	t.Helper()
	inMemory(t)
	for seed := range c.seeds {
		k := sim.Knobs{FIFO: true, Workers: 3, Latency: 50 * time.Millisecond, Forgets: time.Hour, Page: 100, Vanish: seed%2 == 0,
			ChangeOf: time.Second, ExecOf: time.Minute, DetectOf: 20 * time.Second,
			Apps: []sim.App{{Name: "jobs", Approval: gitops.ApprovalNever, Verify: true}}}
		if c.world != nil {
			c.world(&k)
		}
		faults := ""
		if c.faults != nil {
			faults = c.faults(seed)
		}
		p, err := sim.Stacks().ParsePlan(uint64(seed), c.actions, faults)
		if err != nil {
			t.Fatal(err)
		}
		p.Knobs = &k
		r := sim.Run(p, nil)
		if r.Violation != nil {
			t.Fatalf("%s\n%s", p, r.Violation)
		}
		if c.check == nil {
			continue
		}
		if wrong := c.check(r); wrong != "" {
			t.Fatalf("%s\n%s", p, wrong)
		}
	}
}

// executed checks how many change sets were executed.
func executed(least, most int) func(sim.Result) string {
	return func(r sim.Result) string {
		if r.Executed < least || r.Executed > most {
			return fmt.Sprintf("%d change sets were executed, want %d to %d", r.Executed, least, most)
		}
		return ""
	}
}

// each returns one fault of a kind at the n-th call of every site in turn.
func each(kind string, sites ...string) func(int) string {
	return func(seed int) string {
		return fmt.Sprintf("%s#%d=%s", sites[seed%len(sites)], 1+seed/len(sites)%4, kind)
	}
}

// all returns the first n calls of a site, each with a fault.
func all(site, kind string, n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("%s#%d=%s", site, i+1, kind))
	}
	return strings.Join(list, ",")
}

var (
	calls = []string{"CreateChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DescribeStacks", "DescribeStackEvents",
		"DetectStackDrift", "DescribeStackDriftDetectionStatus", "DescribeStackResourceDrifts", "ListStackResources"}
	writes = []string{"PutRepository", "PutApplication", "Register", "Open", "PutDeployment", "Intend", "Close", "PutReport", "Send", "Put"}
	reads  = []string{"Repository", "Application", "ApplicationsByID", "Deployment", "Head", "Snapshot", "Fetch", "Get", "LatestReport"}
	every  = append(append(append([]string(nil), calls...), writes...), reads...)
)

func TestR1_WithEveryEventLostTheResyncAppliesThePush(t *testing.T) {
	row{seeds: 50, actions: twoPushes, world: func(k *sim.Knobs) { k.Deaf = true }, check: executed(2, 3)}.run(t)
}

func TestR2_EveryMessageTwiceExecutesEachRevisionOnce(t *testing.T) {
	row{seeds: 100, actions: twoPushes, world: func(k *sim.Knobs) { k.FIFO = false },
		faults: func(int) string { return all("message", "double", 80) }, check: executed(3, 3)}.run(t)
}

func TestR3_AnEventThatComesAfterANewerOneBringsNothingBack(t *testing.T) {
	row{seeds: 100, actions: twoPushes, world: func(k *sim.Knobs) { k.FIFO = false },
		faults: func(seed int) string {
			return fmt.Sprintf("event#%d=delay:7m0s,message#%d=delay:12m0s", 1+seed%9, 1+seed%17)
		},
		check: executed(2, 3)}.run(t)
}

func TestR9_AMessageThatIsNotDeletedIsHandledAgainAndDoesNothing(t *testing.T) {
	row{seeds: 50, actions: twoPushes, faults: func(int) string { return all("delete", "drop", 40) }, check: executed(3, 3)}.run(t)
}

func TestR13_AProcessThatDiesBeforeOrAfterAnyCallIsMadeUpFor(t *testing.T) {
	for _, kind := range []string{"crash", "die"} {
		row{seeds: 4 * len(every), actions: twoPushes, faults: each(kind, every...), check: executed(2, 3)}.run(t)
	}
}

func TestR14_AnInvocationThatRunsOutOfTimeIsContinuedByTheNext(t *testing.T) {
	row{seeds: 40, actions: twoPushes, world: func(k *sim.Knobs) { k.Latency = 12 * time.Second }, check: executed(1, 3)}.run(t)
}

func TestR15_AWorkerThatWakesAfterEveryTokenIsForgottenDoesNothingTwice(t *testing.T) {
	for _, d := range []string{"7m0s", "12m0s"} {
		row{seeds: 4 * len(every), actions: twoPushes, faults: each("stall:"+d, every...), check: executed(2, 3)}.run(t)
	}
}

func TestR16_ManyWorkersOnOneApplicationExecuteOnce(t *testing.T) {
	row{seeds: 100, actions: twoPushes + ",sync:jobs@2m1s,drift:jobs@2m2s,sync:jobs@6m1s",
		world:  func(k *sim.Knobs) { k.FIFO, k.Workers = false, 6 },
		faults: func(int) string { return all("message", "double", 80) }}.run(t)
}

func TestR18_AClockThatIsAnHourOffTakesNoLock(t *testing.T) {
	row{seeds: 100, actions: twoPushes + ",drift:jobs@8m,edit:jobs@9m", world: func(k *sim.Knobs) { k.Skew = time.Hour }, check: executed(3, 5)}.run(t)
}

func TestR21_AWriteWhoseAnswerIsLostIsNotMadeTwice(t *testing.T) {
	changing := append([]string{"CreateChangeSet", "ExecuteChangeSet", "DeleteChangeSet", "DetectStackDrift"}, writes...)
	row{seeds: 4 * len(changing), actions: twoPushes, faults: each("lost", changing...), check: executed(2, 3)}.run(t)
}

func TestR23_AnIndexThatIsBehindChangesOnlyWhen(t *testing.T) {
	row{seeds: 60, actions: twoPushes + ",remove:jobs:60s@9m", faults: each("stale", "Unfinished", "Watched", "ListApplications")}.run(t)
}

func TestR29d_AnOperationOfThreeHoursIsWaitedFor(t *testing.T) {
	row{seeds: 5, actions: "push:jobs:7-slow@2m", check: func(r sim.Result) string {
		if r.Took < 3*time.Hour {
			return fmt.Sprintf("it was over after %s", r.Took)
		}
		return executed(2, 2)(r)
	}}.run(t)
}

func TestR29g_WhatIsThrottledIsNeverAFailure(t *testing.T) {
	row{seeds: 4 * len(calls), actions: twoPushes, faults: each("throttle", calls...), check: executed(2, 3)}.run(t)
	row{seeds: 40, actions: twoPushes + ",throttle::4m0s@2m,throttle::4m0s@6m", check: executed(2, 3)}.run(t)
}

func TestR43_AForcePushToAnOlderTreeIsApplied(t *testing.T) {
	row{seeds: 40, actions: twoPushes + ",force:jobs:1@9m", check: executed(3, 4)}.run(t)
}

func TestR49_ManyPushesInAMinuteAreFewDeploymentsAndTheLastWins(t *testing.T) {
	var pushes []string
	for i := range 100 {
		pushes = append(pushes, fmt.Sprintf("push:jobs:%d@%s", 20+i, 2*time.Minute+time.Duration(i)*600*time.Millisecond))
	}
	row{seeds: 10, actions: strings.Join(pushes, ","), world: func(k *sim.Knobs) { k.ExecOf = 5 * time.Minute }, check: func(r sim.Result) string {
		if r.Executed > 20 {
			return fmt.Sprintf("%d change sets were executed for a hundred pushes", r.Executed)
		}
		return ""
	}}.run(t)
}

func TestR58_AnApplicationThatIsRemovedWhileItIsDeployedEndsAndHoldsNothing(t *testing.T) {
	for _, at := range []string{"2m1s", "2m2s", "2m5s", "2m20s"} {
		row{seeds: 40, actions: "push:jobs:7@2m,remove:jobs:300s@" + at, world: func(k *sim.Knobs) {
			k.Apps = append(k.Apps, sim.App{Name: "books", Approval: gitops.ApprovalNever})
		}}.run(t)
	}
}

func TestR59_WhatALaterVersionWroteIsKeptAndNotEnded(t *testing.T) {
	row{seeds: 100, actions: "newer:jobs@1m50s,push:jobs:7@2m,upgrade:jobs:90s@2m2s,upgrade:jobs:90s@5m", world: func(k *sim.Knobs) {
		k.Apps[0].Approval = gitops.ApprovalAlways
	}}.run(t)
}

func TestR60_MessagesThatWereHeldBackForLongAreHarmless(t *testing.T) {
	row{seeds: 60, actions: twoPushes, faults: func(int) string { return all("message", "delay:12m0s", 12) }, check: executed(1, 3)}.run(t)
}

func TestR62_ChecksThatFailEndInOneRollbackWhateverFails(t *testing.T) {
	row{seeds: 2 * len(every), actions: "push:jobs:7-bad@2m", faults: each("die", every...), check: executed(3, 3), world: func(k *sim.Knobs) {
		k.Apps[0].Checks, k.Apps[0].Undo = 2, true
	}}.run(t)
	row{seeds: 10, actions: "dark:jobs:1200s@2m,push:jobs:7@2m", check: executed(2, 2), world: func(k *sim.Knobs) {
		k.Apps[0].Checks, k.Apps[0].Undo = 2, true // nobody knows: it stays
	}}.run(t)
}

func TestAHealIsExecutedOnceWhateverFails(t *testing.T) {
	for _, kind := range []string{"lost", "die"} {
		row{seeds: 2 * len(every), actions: "edit:jobs@7m", faults: each(kind, every...), check: executed(2, 2), world: func(k *sim.Knobs) {
			k.Told, k.Apps[0].Heal, k.Apps[0].Drift = true, true, true
		}}.run(t)
	}
}
