package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// mended is what the judge remembers of heals, rollbacks and recoveries.
type mended struct {
	healed    map[string][]execution        // heals that were executed, by application, oldest first
	worked    map[string]cloud.Set          // drift-aware change sets as they were worked out, by name
	reports   map[string]gitops.DriftReport // the latest of each application, as stored
	undone    map[string]string             // the rollback that followed a deployment by itself
	past      map[string]time.Duration      // when a record went on from a recovery, by token
	recoverer map[string]string             // token of the recovery that a deployment began
	opening   map[string]string             // the drift for which a heal was opened, by deployment
	refused   map[string]string             // the drift for which an application's last heal did nothing
}

// execution is a heal that was executed.
type execution struct {
	deployment string
	at         time.Time // when it was opened, by the clock of whoever did
	asked      bool      // a person did
	resources  []string
}

func newMended() mended {
	return mended{healed: map[string][]execution{}, worked: map[string]cloud.Set{}, reports: map[string]gitops.DriftReport{},
		undone: map[string]string{}, past: map[string]time.Duration{}, recoverer: map[string]string{}, opening: map[string]string{}, refused: map[string]string{}}
}

// planned is told of every change set that was worked out.
func (j *judge) planned(s cloud.Set) {
	if s.Revert {
		j.worked[s.Name] = s
	}
}

// opened checks what a deployment begins as.
func (j *judge) opened(d gitops.Deployment) {
	if d.Phase.Done() {
		return // it never ran
	}
	a := j.apps[d.Application]
	for _, id := range j.order {
		if o := j.deployments[id]; o.Application == d.Application && !o.Phase.Done() && id != d.ID {
			j.w.violate("I1", "%s %s of %s is opened, and %s %s is in flight", d.Kind, d.ID, a.ID, o.Kind, id)
		}
	}
	if d.Settings.CloudFormation.Stack != a.Settings.CloudFormation.Stack {
		j.w.violate("I1", "%s %s of %s goes to stack %s, and the application is on %s", d.Kind, d.ID, a.ID,
			d.Settings.CloudFormation.Stack, a.Settings.CloudFormation.Stack)
	}
	refused, was := j.refused[a.ID]
	if d.Kind == gitops.KindHeal {
		j.opening[d.ID] = j.drift(a.ID)
	}
	switch {
	case d.Kind == gitops.KindHeal && d.Request.Kind == "" && was && refused == j.drift(a.ID):
		j.w.violate("I3", "heal %s of %s is opened, and did nothing for the same drift before (%s)", d.ID, a.ID, refused)
	case d.Kind == gitops.KindHeal && a.Wanted.Seq > a.Ended.Seq:
		j.w.violate("I2", "heal %s of %s is opened, while observation %d is wanted and %d ended", d.ID, a.ID, a.Wanted.Seq, a.Ended.Seq)
	case d.Kind == gitops.KindHeal && (a.Suspended != nil || a.Removed):
		j.w.violate("I2", "heal %s is opened, and %s is suspended or removed", d.ID, a.ID)
	case d.Kind == gitops.KindHeal && d.Request.Kind == "" && !a.Settings.Drift.Heal:
		j.w.violate("I2", "heal %s of %s is opened, and nobody wants one", d.ID, a.ID)
	case d.Kind == gitops.KindRecover && d.Request.Kind != gitops.RequestRecover:
		j.w.violate("I2", "recovery %s of %s is opened, and nobody asked for one", d.ID, a.ID)
	case d.Kind == gitops.KindRollback:
		j.rollingBack(d)
	}
}

// healing checks the execution of a heal.
func (j *judge) healing(s cloud.Set, d gitops.Deployment) {
	report := j.reports[d.Application]
	if !s.Revert {
		j.w.violate("I6", "heal %s executes %s, which does not compare with live", d.ID, s.Token)
	}
	if why := disagree(s, report); why != "" {
		j.w.violate("I6", "heal %s of %s executes %s: %s", d.ID, d.Application, s.Token, why)
	}
	now := execution{deployment: d.ID, at: d.StartedAt, asked: d.Request.Kind != ""}
	for _, c := range s.Changes {
		now.resources = append(now.resources, aws.ToString(c.ResourceChange.LogicalResourceId))
	}
	if !now.asked && j.w.knobs.Skew == 0 {
		if id, n := j.worn(now); id != "" {
			j.w.violate("I6", "heal %s of %s brings back %s, which was healed %d times in a day", d.ID, d.Application, id, n)
		}
		if n := j.withinHour(d.Application, d.StartedAt); n >= gitops.HealsPerHour {
			j.w.violate("I6", "heal %s of %s is executed, and %d were within an hour before", d.ID, d.Application, n)
		}
	}
	j.healed[d.Application] = append(j.healed[d.Application], now)
}

// since returns the heals of an application that were executed since a person asked for one, that one too.
func (j *judge) since(app string) []execution {
	all := j.healed[app]
	for i, h := range slices.Backward(all) {
		if h.asked {
			return all[i:]
		}
	}
	return all
}

// withinHour returns how many heals were executed that began within the hour before a time.
func (j *judge) withinHour(app string, at time.Time) (n int) {
	for _, h := range j.since(app) {
		if !h.asked && at.Sub(h.at) < time.Hour {
			n++
		}
	}
	return n
}

// worn returns a resource of a heal that was healed as often as may be within a day before.
func (j *judge) worn(now execution) (string, int) {
	app := j.deployments[now.deployment].Application
	for _, id := range now.resources {
		n := 0
		for _, h := range j.since(app) {
			if now.at.Sub(h.at) < 24*time.Hour && slices.Contains(h.resources, id) {
				n++
			}
		}
		if n >= gitops.HealsPerDay {
			return id, n
		}
	}
	return "", 0
}

// disagree returns why a change set does not do what a report and live itself say has to be done, and
// nothing else; "" where it does.
func disagree(s cloud.Set, report gitops.DriftReport) string {
	differs := named(s.Differs)
	for _, c := range s.Changes {
		id := aws.ToString(c.ResourceChange.LogicalResourceId)
		switch {
		case c.ResourceChange.Action == types.ChangeActionRemove:
			return id + " is removed"
		case c.ResourceChange.Replacement == types.ReplacementTrue || c.ResourceChange.Replacement == types.ReplacementConditional:
			return id + " is replaced"
		}
		for _, path := range paths(c) {
			switch {
			case !slices.Contains(differs, path):
				return path + " did not differ when it was planned"
			case !slices.Contains(drifts(report), path):
				return path + " has not drifted in the report"
			}
		}
		for _, d := range c.ResourceChange.Details {
			if strings.HasPrefix(aws.ToString(d.Target.AfterValue), "{{") {
				return id + " has a value that is not known"
			}
		}
	}
	for _, path := range drifts(report) {
		if !slices.Contains(named(s.Changes), path) {
			return path + " has drifted and is not brought back"
		}
	}
	return ""
}

// paths returns what a change is of: "A" added, or "A/Visibility" for each property.
func paths(c types.Change) (all []string) {
	id := aws.ToString(c.ResourceChange.LogicalResourceId)
	if c.ResourceChange.Action == types.ChangeActionAdd {
		return []string{id}
	}
	for _, d := range c.ResourceChange.Details {
		all = append(all, id+"/"+aws.ToString(d.Target.Name))
	}
	return all
}

func named(changes []types.Change) (all []string) {
	for _, c := range changes {
		all = append(all, paths(c)...)
	}
	return all
}

// drifts returns what has drifted in a report, as paths has it.
func drifts(report gitops.DriftReport) (all []string) {
	for _, r := range report.Resources {
		switch r.Status { //nolint:exhaustive // the others have not drifted
		case gitops.ResourceDeleted:
			all = append(all, r.LogicalID)
		case gitops.ResourceModified:
			for _, p := range r.Properties {
				all = append(all, r.LogicalID+p.Path)
			}
		}
	}
	return all
}

// drift returns what has drifted in an application's latest report, values too.
func (j *judge) drift(app string) string {
	var all []string
	for _, r := range j.reports[app].Resources {
		if r.Status == gitops.ResourceDeleted || r.Status == gitops.ResourceModified {
			all = append(all, fmt.Sprint(r.LogicalID, r.Status, r.Properties))
		}
	}
	return strings.Join(all, " ")
}

// healEnds checks how a heal ends: superseded where git went on, and refused for a reason only.
func (j *judge) healEnds(was, now gitops.Deployment) {
	a := j.apps[now.Application]
	early := was.Phase == gitops.PhasePending || was.Phase == gitops.PhasePlanning
	newer := a.Removed || a.Wanted.Seq > now.Seq
	set, planned := j.worked[now.Operation.Token]
	delete(j.refused, a.ID)
	if now.Phase != gitops.PhaseSucceeded && now.Phase != gitops.PhaseSuperseded {
		j.refused[a.ID] = j.opening[now.ID]
	}
	switch {
	case early && newer && now.Phase != gitops.PhaseSuperseded:
		j.w.violate("I2", "heal %s of %s ends %s, while git has something newer", now.ID, a.ID, now.Phase)
	case now.Phase != gitops.PhaseRejected || !planned || j.w.knobs.Skew > 0:
	case disagree(set, j.reports[a.ID]) == "":
		h := execution{deployment: now.ID, at: now.StartedAt}
		for _, c := range set.Changes {
			h.resources = append(h.resources, aws.ToString(c.ResourceChange.LogicalResourceId))
		}
		if id, _ := j.worn(h); id == "" || now.Request.Kind != "" {
			j.w.violate("I3", "heal %s of %s was refused (%s), and nothing spoke against it", now.ID, a.ID, now.Reason)
		}
	}
}

// reported checks that a report of some resources leaves what is known of the others.
func (j *judge) reported(r gitops.DriftReport) {
	before := j.reports[r.Application]
	if before.At.After(r.At) {
		return // it is not the latest
	}
	j.reports[r.Application] = r
	d := j.apps[r.Application].Detection
	if !r.Partial || d == nil || d.Only == nil {
		return
	}
	for _, was := range before.Resources {
		same := func(o gitops.ResourceDrift) bool { return o.LogicalID == was.LogicalID && o.Status == was.Status }
		if !slices.Contains(d.Only, was.LogicalID) && !slices.ContainsFunc(r.Resources, same) {
			j.w.violate("I9", "a report of %v of %s tells something else of %s, which was %s", d.Only, r.Application, was.LogicalID, was.Status)
		}
	}
}

// looked checks that no change by hand that was noted is forgotten before somebody looked.
func (j *judge) looked(was, now gitops.Application) {
	d, ended := j.deployments[was.InFlight], was.InFlight != "" && now.InFlight == ""
	for _, t := range was.Touched {
		covered := func(at time.Time, only []string) bool {
			return !t.At.After(at) && (only == nil || slices.Contains(only, t.LogicalID))
		}
		switch {
		case slices.ContainsFunc(now.Touched, func(o gitops.Touched) bool { return o.LogicalID == t.LogicalID && !o.At.Before(t.At) }):
		case was.Deployed.StackID == "":
		case was.Detection != nil && now.Detection == nil && covered(was.Detection.Operation.At, was.Detection.Only):
		case ended && d.Operation.Kind == gitops.OperationDetect && covered(d.Operation.At, nil):
		default:
			j.w.violate("I3", "%s forgets that %s was changed at %s, and nobody looked at it since", now.ID, t.LogicalID, t.At.Sub(j.w.start0))
		}
	}
}

// rollingBack checks where a rollback goes, and what it follows.
func (j *judge) rollingBack(d gitops.Deployment) {
	if d.Undoes == nil {
		j.w.violate("I6", "rollback %s of %s does not say where it goes", d.ID, d.Application)
		return
	}
	to, known := j.deployments[d.Undoes.To]
	from := j.deployments[d.Undoes.Deployment]
	switch {
	case d.Bundle == "": // there is nothing to go back to, and it ends
	case !known || to.Application != d.Application || to.Phase != gitops.PhaseSucceeded || to.Kind == gitops.KindRecover:
		j.w.violate("I6", "rollback %s of %s goes to %s %s, which ended %q", d.ID, d.Application, to.Kind, d.Undoes.To, to.Phase)
	case j.w.fails(to):
		j.w.violate("I6", "rollback %s of %s goes to %s, whose checks fail", d.ID, d.Application, to.ID)
	case d.Request.Kind != "": // a person asked
	case from.Kind == gitops.KindRollback:
		j.w.violate("I6", "rollback %s of %s follows the rollback %s", d.ID, d.Application, from.ID)
	case from.Phase != gitops.PhaseFailed || j.w.checks.failures(from) == 0 || from.Settings.Verify.OnFailure != gitops.OnFailureRollback:
		j.w.violate("I6", "rollback %s of %s follows %s, which ended %s (%s)", d.ID, d.Application, from.ID, from.Phase, from.Reason)
	case j.undone[from.ID] != "":
		j.w.violate("I6", "rollback %s of %s follows %s, as %s did", d.ID, d.Application, from.ID, j.undone[from.ID])
	default:
		j.undone[from.ID] = d.ID
	}
}

// recovered checks every recovery that CloudFormation accepted, and every deletion of a stack.
func (j *judge) recovered(r cloud.Recovery) {
	if r.Token == "" {
		if !r.Delete || !r.Shell {
			j.w.violate("I8", "stack %s in %s is deleted by nobody's order", r.Stack, r.Status)
		}
		return
	}
	d, ok := j.owner(r.Token)
	now := d.Operation.Token == r.Token && d.Operation.Kind == gitops.OperationRecover && d.Phase == gitops.PhaseRollingBack
	if !ok || !now && !j.frozen(r) {
		j.w.violate("I5", "stack %s is recovered under %s, while its record says %s of %s in %s", r.Stack, r.Token, d.Operation.Kind, d.Operation.Token, d.Phase)
	}
	asked := d.Kind == gitops.KindRecover
	switch {
	case j.recoverer[d.ID] != "" && !j.frozen(r):
		j.w.violate("I6", "deployment %s of %s recovers stack %s by %s after %s", d.ID, d.Application, r.Stack, r.Token, j.recoverer[d.ID])
	case r.Delete && (r.Complete || r.Tags["driftless:application"] != d.Application || !d.Settings.Recover.Recreate):
		j.w.violate("I8", "%s deletes stack %s in %s, complete once: %t, of %q", d.Application, r.Stack, r.Status, r.Complete, r.Tags["driftless:application"])
	case !asked && len(r.Skip) > 0:
		j.w.violate("I8", "deployment %s of %s leaves out %v, and nobody asked for that", d.ID, d.Application, r.Skip)
	case !asked && !r.Delete && !d.Settings.Recover.Continue:
		j.w.violate("I8", "deployment %s continues the rollback of %s, and nobody asked for that", d.ID, r.Stack)
	}
	j.recoverer[d.ID] = r.Token
	if holder := j.w.store.Holder(reconcile.ClaimStack(target.Account, target.Region, r.Stack)); holder != d.Application {
		j.w.violate("I1", "%s recovers stack %s, which %q has claimed", d.Application, r.Stack, holder)
	}
}

// frozen reports whether a rollback is continued by somebody who was at it before the record went on:
// frozen meanwhile, for CloudFormation takes no condition (docs/protocol.md, "What it does not guarantee").
func (j *judge) frozen(r cloud.Recovery) bool {
	at, past := j.past[r.Token]
	return past && !r.Delete && j.w.running != nil && j.w.running.began < at
}

// stays checks that a recovery changes nothing of what is deployed.
func (j *judge) stays(was, now gitops.Application) {
	d := j.deployments[was.InFlight]
	a, b := was.Deployed, now.Deployed
	if was.InFlight != "" && now.InFlight == "" && d.Kind == gitops.KindRecover &&
		(a.Deployment != b.Deployment || a.Digest != b.Digest || a.Bundle != b.Bundle || !a.At.Equal(b.At)) {
		j.w.violate("I9", "recovery %s of %s changes what is deployed from %s to %s", d.ID, now.ID, a.Deployment, b.Deployment)
	}
}

// checked checks what became of the checks of a deployment that ends, against what was answered.
func (j *judge) checked(d gitops.Deployment) {
	for _, r := range d.Checks {
		g := j.w.checks.given[d.ID+" "+r.Name]
		switch {
		case r.Done && r.Passed && g.passed == 0:
			j.w.violate("I9", "check %s of deployment %s passed, and was answered %+v", r.Name, d.ID, g)
		case r.Done && !r.Passed && !r.Unknown && !j.w.fails(d) && g.out == 0:
			j.w.violate("I9", "check %s of deployment %s failed, and was answered %+v", r.Name, d.ID, g)
		case r.Unknown && g.unknown == 0:
			j.w.violate("I9", "nobody could look at check %s of deployment %s, and it was answered %+v", r.Name, d.ID, g)
		}
	}
	if d.Phase == gitops.PhaseSucceeded && len(d.Checks) > 0 && j.w.fails(d) {
		j.w.violate("I9", "deployment %s of %s Succeeded, and its checks fail", d.ID, d.Application)
	}
}
