package sim

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// healer is an application that heals by itself.
var healer = App{Name: "jobs", Approval: gitops.ApprovalNever, Heal: true}

// modifies is a change set that changes properties of A, and says what differed when it was made.
func modifies(differs []string, properties ...string) cloud.Set {
	change := func(names []string) []types.Change {
		c := types.ResourceChange{LogicalResourceId: aws.String("A"), Action: types.ChangeActionModify, Replacement: types.ReplacementFalse}
		for _, name := range names {
			c.Details = append(c.Details, types.ResourceChangeDetail{Target: &types.ResourceTargetDefinition{Name: aws.String(name)}})
		}
		return []types.Change{{ResourceChange: &c}}
	}
	return cloud.Set{Name: "driftless-01H-1", Token: "driftless-01H-1", Stack: "prod-jobs", Revert: true,
		Changes: change(properties), Differs: change(differs)}
}

// tells is a report that properties of A have drifted.
func tells(properties ...string) gitops.DriftReport {
	r := gitops.ResourceDrift{LogicalID: "A", Status: gitops.ResourceModified}
	for _, name := range properties {
		r.Properties = append(r.Properties, gitops.Difference{Path: "/" + name})
	}
	return gitops.DriftReport{Application: "jobs", Resources: []gitops.ResourceDrift{r}}
}

func TestAHealExecutesOnlyWhatLiveAndTheReportSay(t *testing.T) {
	replaced, removed := modifies([]string{"Delay"}, "Delay"), modifies([]string{"Delay"}, "Delay")
	replaced.Changes[0].ResourceChange.Replacement = types.ReplacementTrue
	removed.Changes[0].ResourceChange.Action = types.ChangeActionRemove
	unknown := modifies([]string{"Delay"}, "Delay")
	unknown.Changes[0].ResourceChange.Details[0].Target.AfterValue = aws.String("{{changeSet:KNOWN_AFTER_APPLY}}")
	blind := modifies([]string{"Delay"}, "Delay")
	blind.Revert = false
	for name, test := range map[string]struct {
		set       cloud.Set
		report    gitops.DriftReport
		invariant string
	}{
		"what drifted":                      {modifies([]string{"Delay"}, "Delay"), tells("Delay"), ""},
		"what did not differ":               {modifies([]string{"Visibility"}, "Delay"), tells("Delay"), "I6"},
		"what is not in the report":         {modifies([]string{"Delay"}, "Delay"), tells("Visibility"), "I6"},
		"less than what drifted":            {modifies([]string{"Delay", "Visibility"}, "Delay"), tells("Delay", "Visibility"), "I6"},
		"a replacement":                     {replaced, tells("Delay"), "I6"},
		"a removal":                         {removed, tells("Delay"), "I6"},
		"a value that nobody knows":         {unknown, tells("Delay"), "I6"},
		"a plan that does not look at live": {blind, tells("Delay"), "I6"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, healer)
			w.judge.reported(test.report)
			w.judge.healing(test.set, gitops.Deployment{ID: "01H", Application: "jobs", Kind: gitops.KindHeal, StartedAt: w.now()})
			w.finds(t, test.invariant)
		})
	}
}

func TestHealsAreCountedByWhatWasExecuted(t *testing.T) {
	hour := func(n ...int) (all []time.Duration) {
		for _, minutes := range n {
			all = append(all, time.Duration(minutes)*time.Minute)
		}
		return all
	}
	for name, test := range map[string]struct {
		before    []time.Duration // before the heal in question
		asked     bool            // the first of them was a person's
		skew      time.Duration
		property  string
		invariant string
	}{
		"two within the hour":                            {hour(50, 10), false, 0, "Delay", ""},
		"three within the hour":                          {hour(50, 20, 10), false, 0, "Delay", "I6"},
		"three within the day, of the same resource":     {hour(700, 300, 120), false, 0, "Delay", "I6"},
		"three, one of them more than a day before":      {hour(1500, 300, 120), false, 0, "Delay", ""},
		"three within the day, the first a person's":     {hour(700, 300, 120), true, 0, "Delay", "I6"},
		"three within the hour by clocks that are wrong": {hour(50, 20, 10), false, time.Hour, "Delay", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, healer)
			w.knobs.Skew = test.skew
			for i, d := range test.before {
				w.judge.healed["jobs"] = append(w.judge.healed["jobs"], execution{at: w.now().Add(-d), asked: test.asked && i == 0, resources: []string{"A"}})
			}
			w.judge.deployments["01H"] = gitops.Deployment{ID: "01H", Application: "jobs"}
			w.judge.reported(tells(test.property))
			w.judge.healing(modifies([]string{test.property}, test.property), gitops.Deployment{ID: "01H", Application: "jobs", StartedAt: w.now()})
			w.finds(t, test.invariant)
		})
	}
}

func TestAHealIsRefusedOnlyWhereSomethingSpeaksAgainstIt(t *testing.T) {
	for name, test := range map[string]struct {
		report    gitops.DriftReport
		phase     gitops.Phase
		wanted    int64
		invariant string
	}{
		"the report says something else":    {tells("Visibility"), gitops.PhaseRejected, 1, ""},
		"both say the same":                 {tells("Delay"), gitops.PhaseRejected, 1, "I3"},
		"git went on, and it is superseded": {tells("Delay"), gitops.PhaseSuperseded, 2, ""},
		"git went on, and it is refused":    {tells("Visibility"), gitops.PhaseRejected, 2, "I2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, healer)
			w.stored(wants(test.wanted, 1, gitops.PhaseSucceeded))
			w.judge.reported(test.report)
			w.judge.planned(modifies([]string{"Delay"}, "Delay"))
			was := gitops.Deployment{ID: "01H", Application: "jobs", Kind: gitops.KindHeal, Seq: 1, Phase: gitops.PhasePlanning,
				Operation: gitops.Operation{Token: "driftless-01H-1"}}
			now := was
			now.Phase = test.phase
			w.judge.healEnds(was, now)
			w.finds(t, test.invariant)
		})
	}
}

func TestARollbackIsContinuedLateOnlyByWhoWasFrozenMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		began     time.Duration // of who continues it
		ended     time.Duration // the deployment; zero: it goes on
		deletes   bool
		invariant string
	}{
		"the deployment goes on":                           {time.Minute, 0, false, ""},
		"it ended, and whoever continues began before":     {time.Minute, 2 * time.Minute, false, ""},
		"it ended, and whoever continues began afterwards": {3 * time.Minute, 2 * time.Minute, false, "I5"},
		"it ended, and whoever deletes began before":       {time.Minute, 2 * time.Minute, true, "I5"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			d := gitops.Deployment{ID: "01R", Application: "jobs", Kind: gitops.KindRecover, Phase: gitops.PhaseRollingBack, Reason: "asked for",
				Operation: gitops.Operation{N: 1, Kind: gitops.OperationRecover, Token: "driftless-01R-1"}}
			d.Settings.Recover.Recreate = true
			w.judge.deployments[d.ID] = d
			if test.ended > 0 {
				was := d
				w.at, d.Phase = test.ended, gitops.PhaseSucceeded
				w.judge.changed(was, d)
			}
			w.as(&process{began: test.began}, func() {
				w.judge.recovered(cloud.Recovery{Stack: "prod-jobs", Token: "driftless-01R-1", Delete: test.deletes, Tags: map[string]string{"driftless:application": "jobs"}})
			})
			if w.judge.found != nil && w.judge.found.Invariant == "I1" {
				w.judge.found = nil // nobody claimed the stack here
			}
			w.finds(t, test.invariant)
		})
	}
}

func TestAStackIsDeletedOnlyWhereItNeverWasCompleteAndIsOurs(t *testing.T) {
	ours := map[string]string{"driftless:application": "jobs"}
	for name, test := range map[string]struct {
		r         cloud.Recovery
		recreate  bool
		invariant string
	}{
		"it never was complete, and is ours":   {cloud.Recovery{Tags: ours}, true, ""},
		"it was complete once":                 {cloud.Recovery{Tags: ours, Complete: true}, true, "I8"},
		"it is another application's":          {cloud.Recovery{Tags: map[string]string{"driftless:application": "books"}}, true, "I8"},
		"nobody said that it may be made anew": {cloud.Recovery{Tags: ours}, false, "I8"},
	} {
		t.Run(name, func(t *testing.T) {
			w := judged(t, jobs)
			d := gitops.Deployment{ID: "01R", Application: "jobs", Phase: gitops.PhaseRollingBack,
				Operation: gitops.Operation{N: 1, Kind: gitops.OperationRecover, Token: "driftless-01R-1"}}
			d.Settings.Recover.Recreate = test.recreate
			w.judge.deployments[d.ID] = d
			test.r.Stack, test.r.Token, test.r.Delete = "prod-jobs", "driftless-01R-1", true
			w.judge.recovered(test.r)
			if w.judge.found != nil && w.judge.found.Invariant == "I1" {
				w.judge.found = nil // nobody claimed the stack here
			}
			w.finds(t, test.invariant)
		})
	}
}
