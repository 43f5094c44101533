package gitops_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// modified is a queue whose waiting time was changed by hand.
func modified() gitops.ResourceDrift {
	return gitops.ResourceDrift{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: gitops.ResourceModified,
		Properties: []gitops.Difference{{Path: "/VisibilityTimeout", Declared: "5", Live: "60", Kind: "NOT_EQUAL"}}}
}

// brought is the change that brings it back.
func brought() gitops.Change {
	return gitops.Change{LogicalID: "Queue", Type: "AWS::SQS::Queue", Action: gitops.ActionModify,
		Properties: []gitops.PropertyChange{{Path: "/VisibilityTimeout", LastDeployed: "5", Live: "60", Proposed: "5", Recreates: "Never"}}}
}

func TestAHealGoesOnOnlyWithWhatTwoWitnessesAgreeOn(t *testing.T) {
	healed := gitops.Heal{Resources: []string{"Queue"}}
	for name, c := range map[string]struct {
		plan   func(*gitops.Plan)
		report func(*gitops.DriftReport)
		policy gitops.DriftPolicy
		heals  []gitops.Heal
		want   string // "" for going on, else a part of the refusal
	}{
		"both say the same":                 {},
		"the plan has to be reviewed":       {plan: func(p *gitops.Plan) { p.Review = "the state may be incomplete" }, want: "state may be incomplete"},
		"the plan is empty":                 {plan: func(p *gitops.Plan) { p.Changes = nil }, want: "changes nothing"},
		"the plan replaces it":              {plan: func(p *gitops.Plan) { p.Changes[0].Action = gitops.ActionReplace }, want: "Queue: it would be replaced"},
		"the plan removes it":               {plan: func(p *gitops.Plan) { p.Changes[0].Action = gitops.ActionRemove }, want: "Queue: it would be removed"},
		"a property may replace it":         {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Recreates = "Conditionally" }, want: "may replace it"},
		"a value is not known yet":          {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Proposed = "{{changeSet:KNOWN_AFTER_APPLY}}" }, want: "not known before"},
		"what is declared is not known yet": {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Proposed = gitops.KnownAfterApply }, want: "not known before"},
		"what nobody declares is not known yet": {plan: func(p *gitops.Plan) {
			p.Changes[0].Properties = append(p.Changes[0].Properties, gitops.PropertyChange{Path: "/version", Proposed: gitops.KnownAfterApply, Computed: true})
		}},
		"what nobody declares is another now, and the plan says nothing of it": {report: func(r *gitops.DriftReport) {
			r.Resources[0].Properties = append(r.Resources[0].Properties, gitops.Difference{Path: "/version", Declared: "1", Live: "2", Computed: true})
		}},
		"nothing but what nobody declares is another now": {plan: func(p *gitops.Plan) { p.Changes = nil }, report: func(r *gitops.DriftReport) {
			r.Resources[0].Properties = []gitops.Difference{{Path: "/version", Declared: "1", Live: "2", Computed: true}}
		}, want: "changes nothing"},
		"the live value is not known":       {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Live = `["{{changeSet:KNOWN_AFTER_APPLY}}"]` }, want: "not known before"},
		"the plan changes another property": {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Path = "/DelaySeconds" }, want: "has not drifted in the report"},
		"the plan changes a second property": {plan: func(p *gitops.Plan) {
			p.Changes[0].Properties = append(p.Changes[0].Properties, gitops.PropertyChange{Path: "/DelaySeconds"})
		}, want: "/DelaySeconds has not drifted"},
		"the plan leaves a property": {report: func(r *gitops.DriftReport) {
			r.Resources[0].Properties = append(r.Resources[0].Properties, gitops.Difference{Path: "/DelaySeconds"})
		}, want: "/DelaySeconds has drifted, and the plan"},
		"the plan changes another resource": {plan: func(p *gitops.Plan) {
			p.Changes = append(p.Changes, gitops.Change{LogicalID: "Topic", Action: gitops.ActionModify})
		}, want: "Topic: the drift report does not say"},
		"the plan leaves a resource": {report: func(r *gitops.DriftReport) {
			r.Resources = append(r.Resources, gitops.ResourceDrift{LogicalID: "Topic", Status: gitops.ResourceDeleted})
		}, want: "Topic: has drifted, and the plan"},
		"the report says in sync":                   {report: func(r *gitops.DriftReport) { r.Resources[0].Status = gitops.ResourceInSync }, want: "does not say that it has drifted"},
		"a nested stack":                            {plan: func(p *gitops.Plan) { p.Changes[0].Nested = []gitops.Change{brought()} }, want: "nested stack"},
		"its type may be healed":                    {policy: gitops.DriftPolicy{HealTypes: []string{"AWS::SQS::Queue"}}},
		"its type may not be healed":                {policy: gitops.DriftPolicy{HealTypes: []string{"AWS::SNS::Topic"}}, want: "AWS::SQS::Queue is not among drift.healTypes"},
		"the plan tells of a part of the property":  {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Path = "/VisibilityTimeout/0" }},
		"a property of a name that begins the same": {plan: func(p *gitops.Plan) { p.Changes[0].Properties[0].Path = "/VisibilityTimeoutSeconds" }, want: "has not drifted"},
		"it was healed twice":                       {heals: []gitops.Heal{healed, healed}},
		"it was healed three times":                 {heals: []gitops.Heal{healed, healed, healed}, want: "healed 3 times in a day"},
		"another was healed three times":            {heals: []gitops.Heal{{Resources: []string{"Topic"}}, {Resources: []string{"Topic"}}, {Resources: []string{"Topic"}}}},
		"the plan brings back what a rule ignores": {report: func(r *gitops.DriftReport) {
			r.Resources[0].Ignored = []gitops.Ignored{{Difference: r.Resources[0].Properties[0]}}
		}, want: "ignored by a rule"},
		"it was deleted, and the plan makes it":     {plan: add, report: gone},
		"it was deleted, and the plan modifies it":  {report: gone, want: "the drift report says Deleted, the plan Modify"},
		"it was modified, and the plan makes it":    {plan: add, want: "the drift report says Modified, the plan Add"},
		"it is made with a value that is not known": {plan: func(p *gitops.Plan) { add(p); p.Changes[0].Properties[0].Proposed = "{{changeSet:KNOWN_AFTER_APPLY}}" }, report: gone, want: "not known before"},
		"what is not declared is not brought back": {report: func(r *gitops.DriftReport) {
			r.Resources[0].Properties = append(r.Resources[0].Properties, gitops.Difference{Path: "/RedrivePolicy", Live: "{}", Kind: gitops.Undeclared})
		}, want: "/RedrivePolicy has drifted, and the plan"},
		"what could not be checked is nobody's news": {report: func(r *gitops.DriftReport) {
			r.Resources = append(r.Resources, gitops.ResourceDrift{LogicalID: "Topic", Status: gitops.ResourceNotCheckable})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			plan, report := gitops.Plan{Changes: []gitops.Change{brought()}}, gitops.DriftReport{Complete: true, Resources: []gitops.ResourceDrift{modified()}}
			if c.plan != nil {
				c.plan(&plan)
			}
			if c.report != nil {
				c.report(&report)
			}
			got := gitops.Refused(plan, report, c.policy, c.heals)
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("refused for %q, want %q", got, c.want)
			}
		})
	}
}

func add(p *gitops.Plan) { p.Changes[0].Action = gitops.ActionAdd }
func gone(r *gitops.DriftReport) {
	r.Resources[0].Status, r.Resources[0].Properties = gitops.ResourceDeleted, nil
}

// TestWhatWasReportedInPublicIsNotHealed reads plans that the adapter made of answers in the form
// that others saw.
func TestWhatWasReportedInPublicIsNotHealed(t *testing.T) {
	files, err := filepath.Glob("testdata/heal/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var in struct {
				Plan    gitops.Plan        `json:"plan"`
				Report  gitops.DriftReport `json:"report"`
				Refused string             `json:"refused"` // a part of the reason; empty: it is healed
			}
			if err := json.Unmarshal(data, &in); err != nil {
				t.Fatal(err)
			}
			got := gitops.Refused(in.Plan, in.Report, gitops.DriftPolicy{}, nil)
			if (in.Refused == "") != (got == "") || !strings.Contains(got, in.Refused) {
				t.Errorf("refused for %q, want %q", got, in.Refused)
			}
		})
	}
}

func TestAnApplicationHasABudgetOfHealsForAnHour(t *testing.T) {
	var a gitops.Application
	for n := range gitops.HealsPerHour {
		at := noon.Add(time.Duration(n) * time.Minute)
		if why := a.HealHeld(at); why != "" {
			t.Fatalf("held after %d heals: %s", n, why)
		}
		a.BeginHeal("d", []string{"Queue"}, false, at)
	}
	if why := a.HealHeld(noon.Add(59 * time.Minute)); !strings.Contains(why, "before 13:00 UTC") {
		t.Errorf("within the hour: %q", why)
	}
	if why := a.HealHeld(noon.Add(time.Hour)); why != "" {
		t.Errorf("an hour later: %q", why)
	}
	a.BeginHeal("e", nil, false, noon.Add(24*time.Hour+time.Minute))
	if len(a.Heals) != 2 {
		t.Errorf("%d heals are remembered after a day, want the last one before and this one", len(a.Heals))
	}
	if a.BeginHeal("f", nil, true, noon.Add(25*time.Hour)); len(a.Heals) != 1 || a.HealHeld(noon.Add(25*time.Hour)) != "" {
		t.Error("a person's heal does not begin anew")
	}
}

func TestTheDriftThatAHealWasRefusedForIsNotTriedAgain(t *testing.T) {
	a := gitops.Application{Wanted: gitops.Wanted{Seq: 1, Digest: "a"}, Deployed: gitops.Deployed{Digest: "a"}}
	a.Settings.Drift.Heal = true
	a.Drift = gitops.DriftReport{Complete: true, Resources: []gitops.ResourceDrift{modified()}}.Summary()
	if !a.ToHeal() {
		t.Fatal("drift is not to be healed")
	}
	a.BeginHeal("d1", []string{"Queue"}, false, noon)
	a.EndHeal("d1", false, "Queue: it would be replaced")
	if a.ToHeal() {
		t.Error("the same drift is tried again")
	}
	later := a
	other := modified()
	other.Properties[0].Live = "61"
	if later.Drift = (gitops.DriftReport{Complete: true, Resources: []gitops.ResourceDrift{other}}).Summary(); !later.ToHeal() {
		t.Error("another drift is not tried")
	}
	wider := a
	if wider.Settings.Drift.HealTypes = []string{"AWS::SQS::Queue"}; !wider.ToHeal() {
		t.Error("another policy is not tried")
	}
}

func TestARuleOfIgnoreMovesWhatItNamesAndNothingElse(t *testing.T) {
	two := modified()
	two.Properties = append(two.Properties, gitops.Difference{Path: "/Tags/0/Value", Declared: "a", Live: "b"})
	deleted := gitops.ResourceDrift{LogicalID: "Topic", Status: gitops.ResourceDeleted}
	for name, c := range map[string]struct {
		rule   gitops.Ignore
		status gitops.ResourceStatus // of the queue
		left   int                   // of its differences
		topic  gitops.ResourceStatus
	}{
		"one property of two":             {gitops.Ignore{Resource: "Queue", Path: "/Tags", Reason: "backup"}, gitops.ResourceModified, 1, gitops.ResourceDeleted},
		"the whole resource":              {gitops.Ignore{Resource: "Queue", Reason: "backup"}, gitops.ResourceIgnored, 0, gitops.ResourceDeleted},
		"any resource":                    {gitops.Ignore{Resource: "*", Reason: "backup"}, gitops.ResourceIgnored, 0, gitops.ResourceIgnored},
		"a property of any resource":      {gitops.Ignore{Resource: "*", Path: "/VisibilityTimeout", Reason: "backup"}, gitops.ResourceModified, 1, gitops.ResourceDeleted},
		"a property that begins the same": {gitops.Ignore{Resource: "Queue", Path: "/Tag", Reason: "backup"}, gitops.ResourceModified, 2, gitops.ResourceDeleted},
		"another resource":                {gitops.Ignore{Resource: "Que", Reason: "backup"}, gitops.ResourceModified, 2, gitops.ResourceDeleted},
		"a rule that ended":               {gitops.Ignore{Resource: "Queue", Reason: "backup", Until: "2026-11-21"}, gitops.ResourceModified, 2, gitops.ResourceDeleted},
		"a rule on its last day":          {gitops.Ignore{Resource: "Queue", Reason: "backup", Until: "2026-11-22"}, gitops.ResourceIgnored, 0, gitops.ResourceDeleted},
	} {
		t.Run(name, func(t *testing.T) {
			r := gitops.DriftReport{Complete: true, Resources: []gitops.ResourceDrift{two, deleted}}
			r.Apply([]gitops.Ignore{c.rule}, noon)
			if got := r.Resources[0]; got.Status != c.status || len(got.Properties) != c.left {
				t.Errorf("the queue is %s with %d differences, want %s with %d", got.Status, len(got.Properties), c.status, c.left)
			}
			if got := r.Resources[1].Status; got != c.topic {
				t.Errorf("the topic is %s, want %s", got, c.topic)
			}
			if ended := c.rule.Until == "2026-11-21"; ended != (len(r.Expired) == 1) {
				t.Errorf("rules said to have ended: %v", r.Expired)
			}
			if s := r.Summary(); s.Total() != 2 {
				t.Errorf("%d resources are counted", s.Total())
			}
		})
	}
}

func TestALookAtSomeResourcesLeavesWhatIsKnownOfTheOthers(t *testing.T) {
	before := gitops.DriftReport{At: noon, Whole: noon, Complete: true, Resources: []gitops.ResourceDrift{
		{LogicalID: "Queue", Status: gitops.ResourceInSync}, {LogicalID: "Table", Status: gitops.ResourceDeleted}}}
	r := gitops.DriftReport{At: noon.Add(time.Minute), Partial: true, Complete: true, Resources: []gitops.ResourceDrift{modified()}}
	r.Blame([]gitops.Touched{{LogicalID: "Queue", Touch: gitops.Touch{By: "eve"}}, {LogicalID: "Table", Touch: gitops.Touch{By: "bob"}}})
	r.Over(before)
	if s := r.Summary(); s.Drifted != 2 || s.InSync != 0 || !s.Whole.Equal(noon) {
		t.Errorf("after the look: %+v", s)
	}
	r.Since(before)
	if by := r.Resources[0].By; by == nil || by.By != "eve" {
		t.Errorf("the queue was changed by %v", by)
	}
	next := gitops.DriftReport{At: noon.Add(2 * time.Minute), Complete: true, Resources: []gitops.ResourceDrift{modified()}}
	next.Since(r)
	if by := next.Resources[0].By; by == nil || by.By != "eve" {
		t.Errorf("the next report forgot who changed the queue: %v", by)
	}
	r.Complete, before.Complete, before.Reason = true, false, "Topic: Rate exceeded"
	if r.Over(before); r.Complete || r.Reason != "Topic: Rate exceeded" {
		t.Error("what could not be looked at before is taken for looked at")
	}
}

func TestAPlanSaysWhatOfAChangeByHandItOverwrites(t *testing.T) {
	plan := gitops.Plan{Changes: []gitops.Change{{LogicalID: "Queue", Action: gitops.ActionModify, Properties: []gitops.PropertyChange{
		{Path: "/VisibilityTimeout", LastDeployed: "5", Proposed: "10"}, {Path: "/DelaySeconds", LastDeployed: "0", Proposed: "1"}}}}}
	plan.Against(gitops.DriftReport{Resources: []gitops.ResourceDrift{modified()}})
	want := []gitops.PropertyChange{{Path: "/VisibilityTimeout", LastDeployed: "5", Live: "60", Proposed: "10", Overwrites: true},
		{Path: "/DelaySeconds", LastDeployed: "0", Proposed: "1"}}
	if diff := cmp.Diff(want, plan.Changes[0].Properties); diff != "" {
		t.Errorf("properties (-want +got):\n%s", diff)
	}
	if n := plan.Summary().Overwrites; n != 1 {
		t.Errorf("%d are counted", n)
	}
	adopted := gitops.Plan{Changes: []gitops.Change{{LogicalID: "Queue", Action: gitops.ActionModify,
		Properties: []gitops.PropertyChange{{Path: "/VisibilityTimeout", LastDeployed: "5", Proposed: "60"}}}}}
	if adopted.Against(gitops.DriftReport{Resources: []gitops.ResourceDrift{modified()}}); adopted.Summary().Overwrites != 0 {
		t.Error("what git took over is said to be overwritten")
	}
}

func TestWhatARollbackTakesAwayOfWhatItUndoesIsNotDestructive(t *testing.T) {
	d := gitops.Deployment{Kind: gitops.KindRollback, Undoes: &gitops.Undo{Added: []string{"New"}}}
	remove := func(ids ...string) gitops.Plan {
		var p gitops.Plan
		for _, id := range ids {
			p.Changes = append(p.Changes, gitops.Change{LogicalID: id, Action: gitops.ActionRemove})
		}
		return p
	}
	if why := d.Waits(d.Summarise(remove("New"))); why != "" {
		t.Errorf("waits: %s", why)
	}
	if why := d.Waits(d.Summarise(remove("New", "Table"))); why == "" {
		t.Error("a table that was there before is removed without a person")
	}
}
