package gitops_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

var update = flag.Bool("update", false, "write the golden files anew")

// dimension is one thing that Decide may look at, with all the values it can have.
type dimension struct {
	name   string
	values []string
	set    func(o *gitops.Observation, value string)
}

// table is a decision table: every combination of its dimensions' values is decided. In
// the golden file a value that makes no difference, whatever follows, is written "*".
type table struct {
	name       string
	base       func() gitops.Observation
	dimensions []dimension
}

// rows returns the decisions below a prefix of chosen values, merged where they agree.
func (t table) rows(chosen []string) []string {
	if len(chosen) == len(t.dimensions) {
		o := t.base()
		for i, d := range t.dimensions {
			d.set(&o, chosen[i])
		}
		return []string{"=> " + line(gitops.Decide(o))}
	}
	d := t.dimensions[len(chosen)]
	var values, bodies []string
	for _, v := range d.values {
		body := strings.Join(t.rows(append(chosen[:len(chosen):len(chosen)], v)), "\n")
		if n := len(bodies); n > 0 && bodies[n-1] == body {
			values[n-1] += "|" + v
			continue
		}
		values, bodies = append(values, v), append(bodies, body)
	}
	if len(values) == 1 {
		values[0] = "*"
	}
	var out []string
	for i, v := range values {
		for row := range strings.SplitSeq(bodies[i], "\n") {
			out = append(out, fmt.Sprintf("%-*s %s", width(d), v, row))
		}
	}
	return out
}

func width(d dimension) int {
	return min(max(len(d.name), len(strings.Join(d.values, "|"))/2), 28)
}

func line(s gitops.Step) string {
	out := string(s.Kind)
	for _, part := range []string{string(s.Open), string(s.Phase)} {
		if part != "" {
			out += " " + part
		}
	}
	if s.Clean {
		out += " clean"
	}
	if s.Again {
		out += " again"
	}
	return out + ": " + s.Reason
}

func TestDecideIsTheGoldenTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Every decision. A row reads: given these, the step is that. \"*\" makes no difference.\n")
	for _, tab := range tables() {
		fmt.Fprintf(&b, "\n## %s\n", tab.name)
		header := ""
		for _, d := range tab.dimensions {
			header += fmt.Sprintf("%-*s ", width(d), d.name)
		}
		b.WriteString(strings.TrimRight(header, " ") + "\n")
		for _, row := range tab.rows(nil) {
			b.WriteString(row + "\n")
		}
	}
	golden(t, "testdata/decide.golden", b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; if the new rules are meant, run make update-golden and review the diff (-file +now):\n%s", path, diff)
	}
}

func tables() []table {
	state := dimension{"operation", states(), func(o *gitops.Observation, v string) {
		o.Operation.State = gitops.OperationState(v)
		o.Operation.Reason = v + " because"
		if o.Operation.State == gitops.OperationUnknown || o.Operation.State == gitops.OperationReady {
			o.Operation.Reason = ""
		}
	}}
	newer := dimension{"wanted", []string{"same", "newer", "removed"}, func(o *gitops.Observation, v string) {
		if v == "newer" {
			o.Application.Wanted.Seq = 2
			o.Application.Wanted.Revision.Commit = "2222222"
		}
		o.Application.Removed = v == "removed"
	}}
	held := dimension{"suspended", []string{"no", "yes"}, func(o *gitops.Observation, v string) {
		if v == "yes" {
			o.Application.Suspended = &gitops.Suspension{By: "ann"}
		}
	}}
	plan := dimension{"plan", []string{"adds", "removes"}, func(o *gitops.Observation, v string) {
		change := gitops.Change{LogicalID: "Queue", Action: gitops.ActionAdd}
		if v == "removes" {
			change.Action = gitops.ActionRemove
		}
		p := gitops.Plan{Changes: []gitops.Change{change}}
		p.Seal()
		o.Operation.Plan = &p
	}}
	policy := dimension{"policy", []string{"never", "destructive", "always", "manual", "revert"}, func(o *gitops.Observation, v string) {
		o.Deployment.Settings.Sync = gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.Approval(v)}
		switch v {
		case "manual":
			o.Deployment.Settings.Sync = gitops.Sync{Mode: gitops.SyncManual, Approval: gitops.ApprovalNever}
		case "revert":
			o.Deployment.Settings.Sync = gitops.Sync{Mode: gitops.SyncManual, Approval: gitops.ApprovalAlways}
			o.Deployment.Kind = gitops.KindRevert
		}
	}}
	person := dimension{"person", []string{"silent", "yes", "no", "yes to another"}, func(o *gitops.Observation, v string) {
		digest := ""
		if o.Operation.Plan != nil {
			digest = o.Operation.Plan.Digest
		}
		if o.Deployment.Phase == gitops.PhaseAwaitingApproval {
			o.Deployment.Plan.Digest = digest
		}
		switch v {
		case "yes":
			o.Deployment.Approved = &gitops.Approved{By: "bob", Digest: digest}
		case "no":
			o.Deployment.Rejected = &gitops.Rejected{By: "bob", Digest: digest}
		case "yes to another":
			o.Deployment.Approved = &gitops.Approved{By: "bob", Digest: "another"}
			o.Deployment.Plan.Digest = "another"
		}
	}}
	verify := dimension{"verify", []string{"off", "drift"}, func(o *gitops.Observation, v string) {
		o.Deployment.Settings.Verify.Drift = v == "drift"
	}}
	found := dimension{"found", []string{"nothing", "in sync", "unsupported", "incomplete", "drift"}, func(o *gitops.Observation, v string) {
		r := gitops.DriftReport{Complete: v != "incomplete", Reason: "one page failed"}
		if v == "unsupported" {
			r.Resources = []gitops.ResourceDrift{{LogicalID: "Queue", Status: gitops.ResourceNotCheckable}}
		}
		if v == "drift" {
			r.Resources = []gitops.ResourceDrift{{LogicalID: "Queue", Status: gitops.ResourceDeleted}}
		}
		if v != "nothing" {
			o.Operation.Report = &r
		}
	}}
	look := dimension{"look", []string{"first", "first, settled", "second"}, func(o *gitops.Observation, v string) {
		o.Settled = v != "first"
		o.Deployment.Operation.Again = v == "second"
	}}
	overdue := dimension{"overdue", []string{"no", "yes"}, func(o *gitops.Observation, v string) { o.Overdue = v == "yes" }}
	kind := dimension{"kind", []string{"deploy", "revert"}, func(o *gitops.Observation, v string) { o.Deployment.Kind = gitops.Kind(v) }}

	return []table{
		{"nothing in flight", idle, []dimension{
			{"held", []string{"no", "suspended", "removed"}, func(o *gitops.Observation, v string) {
				if v == "suspended" {
					o.Application.Suspended = &gitops.Suspension{By: "ann", Reason: "maintenance"}
				}
				o.Application.Removed = v == "removed"
			}},
			{"wanted", []string{"nothing", "newer", "ended"}, func(o *gitops.Observation, v string) {
				switch v {
				case "newer":
					o.Application.Wanted = gitops.Wanted{Seq: 2, Digest: "b", Revision: gitops.Revision{Branch: "main", Commit: "2222222"}}
				case "ended":
					o.Application.Wanted = gitops.Wanted{Seq: 1, Digest: "a"}
				}
			}},
			{"request", []string{"none", "sync", "drift"}, func(o *gitops.Observation, v string) {
				if v != "none" {
					o.Application.Request = gitops.Request{N: 1, Kind: gitops.RequestKind(v), By: "bob"}
				}
			}},
			{"live", []string{"absent", "in sync", "drifted", "by others"}, func(o *gitops.Observation, v string) {
				if v != "absent" {
					o.Application.Deployed = gitops.Deployed{Digest: "a", StackID: "arn"}
				}
				if v == "drifted" || v == "by others" {
					o.Application.Drift.Drifted = 1
				}
				if v == "by others" {
					o.Application.Drift.Foreign = "the stack was updated by somebody else"
				}
			}},
			{"detection", append([]string{"none", "old"}, states()...), func(o *gitops.Observation, v string) {
				if v == "none" {
					return
				}
				o.Application.Detection = &gitops.Detection{}
				if v == "old" {
					o.Application.Fence = 7
					return
				}
				o.Detection = gitops.Sighting{State: gitops.OperationState(v)}
			}},
			{"due", []string{"no", "yes"}, func(o *gitops.Observation, v string) { o.DriftDue = v == "yes" }},
		}},
		{"Pending", inFlight(gitops.PhasePending), []dimension{newer, held,
			{"depends on", []string{"nothing", "one behind"}, func(o *gitops.Observation, v string) {
				if v != "nothing" {
					o.Behind = "shop-data is not at 2222222 yet"
				}
			}},
		}},
		{"Planning", inFlight(gitops.PhasePlanning), []dimension{state, newer, held, policy, plan, person}},
		{"Planning a CDK app", func() gitops.Observation {
			o := inFlight(gitops.PhasePlanning)()
			o.Deployment.Settings.CDK = &gitops.CDK{}
			return o
		}, []dimension{state, newer, held, policy}},
		{"AwaitingApproval", inFlight(gitops.PhaseAwaitingApproval), []dimension{state, newer, held, policy, plan, person}},
		{"Applying", inFlight(gitops.PhaseApplying), []dimension{state, newer, held, verify}},
		{"Applying in a build", func() gitops.Observation {
			o := inFlight(gitops.PhaseApplying)()
			o.Deployment.Settings.Engine = gitops.EngineTerraform
			o.Deployment.Times = []gitops.PhaseTime{{Phase: gitops.PhaseApplying}}
			return o
		}, []dimension{state, newer, {"time", []string{"first", "second"}, func(o *gitops.Observation, v string) {
			if v == "second" {
				o.Deployment.Times = append(o.Deployment.Times, gitops.PhaseTime{Phase: gitops.PhasePlanning}, gitops.PhaseTime{Phase: gitops.PhaseApplying})
			}
		}}}},
		{"Verifying", inFlight(gitops.PhaseVerifying), []dimension{state, found, overdue, look, kind}},
		healing(),
		{"Planning a heal", func() gitops.Observation {
			o := inFlight(gitops.PhasePlanning)()
			o.Deployment.Kind = gitops.KindHeal
			o.Report = &gitops.DriftReport{Resources: []gitops.ResourceDrift{{LogicalID: "Queue", Status: gitops.ResourceDeleted}}}
			return o
		}, []dimension{{"operation", []string{"nochange", "ready"}, state.set}, newer, held, plan,
			{"report", []string{"says so", "says nothing", "is gone"}, func(o *gitops.Observation, v string) {
				switch v {
				case "says nothing":
					o.Report = &gitops.DriftReport{}
				case "is gone":
					o.Report = nil
				}
			}}}},
		checking(),
		recovering(state, newer, held),
		stuck(held),
		{"other phases", inFlight(""), []dimension{
			{"phase", phases(), func(o *gitops.Observation, v string) {
				o.Deployment.Phase, o.Deployment.Reason = gitops.Phase(v), "as recorded"
			}},
		}},
	}
}

func idle() gitops.Observation {
	return gitops.Observation{Application: gitops.Application{ID: "jobs", Ended: gitops.Ended{Seq: 1}}}
}

func inFlight(phase gitops.Phase) func() gitops.Observation {
	return func() gitops.Observation {
		a := gitops.Application{ID: "jobs", InFlight: "d1", Wanted: gitops.Wanted{Seq: 1, Revision: gitops.Revision{Branch: "main"}}}
		return gitops.Observation{Application: a, Deployment: &gitops.Deployment{ID: "d1", Phase: phase, Seq: 1, Kind: gitops.KindDeploy}}
	}
}

func states() []string {
	var out []string
	for _, s := range gitops.OperationStates() {
		out = append(out, string(s))
	}
	return out
}

func phases() []string {
	var out []string
	for _, p := range gitops.Phases() {
		if p.Done() {
			out = append(out, string(p))
		}
	}
	return append(out, "Dreaming")
}

// The table shows what is decided; these hold whatever the table shows.

func TestNothingIsAppliedThatWasNotApprovedWhereItHadToBe(t *testing.T) {
	each(t, func(o gitops.Observation, s gitops.Step) {
		if s.Kind != gitops.StepApply {
			return
		}
		d, plan := o.Deployment, o.Operation.Plan.Summary()
		if d.Waits(plan) != "" && (d.Approved == nil || d.Approved.Digest != plan.Digest) {
			t.Errorf("%+v is applied without a yes to plan %s", d, plan.Digest)
		}
	})
}

func TestWhatIsNotKnownChangesNothing(t *testing.T) {
	each(t, func(o gitops.Observation, s gitops.Step) {
		if o.Deployment == nil || o.Deployment.Phase == gitops.PhasePending || o.Deployment.Phase.Done() ||
			o.Overdue || o.Operation.Report != nil || o.Deployment.Phase == "Dreaming" {
			return
		}
		if o.Operation.State == gitops.OperationUnknown && s.Kind != gitops.StepWait {
			t.Errorf("%s while nothing is known: %s", o.Deployment.Phase, line(s))
		}
	})
}

func TestASuspendedApplicationStartsNothingNew(t *testing.T) {
	each(t, func(o gitops.Observation, s gitops.Step) {
		if o.Application.Suspended == nil {
			return
		}
		applying := o.Deployment != nil &&
			(o.Deployment.Phase == gitops.PhaseApplying || o.Deployment.Phase == gitops.PhaseVerifying || o.Deployment.Phase == gitops.PhaseRollingBack)
		detecting := o.Deployment == nil && o.Application.Detection != nil
		switch s.Kind {
		case gitops.StepOpen, gitops.StepPlan, gitops.StepApply, gitops.StepStart, gitops.StepDetect:
			if !applying && !detecting {
				t.Errorf("suspended, yet: %s", line(s))
			}
		}
	})
}

// each decides every row of every table.
func each(t *testing.T, check func(gitops.Observation, gitops.Step)) {
	t.Helper()
	for _, tab := range tables() {
		var walk func(chosen []string)
		walk = func(chosen []string) {
			if len(chosen) < len(tab.dimensions) {
				for _, v := range tab.dimensions[len(chosen)].values {
					walk(append(chosen[:len(chosen):len(chosen)], v))
				}
				return
			}
			o := tab.base()
			for i, d := range tab.dimensions {
				d.set(&o, chosen[i])
			}
			s := gitops.Decide(o)
			if s.Reason == "" {
				t.Errorf("%s %v: a step without a reason: %s", tab.name, chosen, s.Kind)
			}
			check(o, s)
		}
		walk(nil)
	}
}
