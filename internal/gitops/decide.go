package gitops

import (
	"cmp"
	"fmt"
	"slices"
)

// StepKind is the next thing to do.
type StepKind string

// The steps. Each is one intent that is saved, and at most one call that starts something.
const (
	StepRest    StepKind = "rest"    // nothing to do
	StepWait    StepKind = "wait"    // something runs, or a person has to act: look again later
	StepOpen    StepKind = "open"    // store a new deployment: this takes the lock
	StepPlan    StepKind = "plan"    // begin a plan under a new token
	StepStart   StepKind = "start"   // start the operation whose intent is saved, under its token
	StepExpand  StepKind = "expand"  // bring the stacks of a CDK app forward, and close its deployment
	StepReview  StepKind = "review"  // keep the plan and wait for a person
	StepApply   StepKind = "apply"   // keep the plan, save the intent to apply it, and apply it
	StepVerify  StepKind = "verify"  // begin the drift detection that ends an apply
	StepFinish  StepKind = "finish"  // close the deployment in Phase: this frees the lock
	StepCheck   StepKind = "check"   // make an attempt at the checks of verify that are due
	StepRecover StepKind = "recover" // end what the stack is stuck in
	StepDetect  StepKind = "detect"  // begin a drift detection outside a deployment
	StepRecord  StepKind = "record"  // publish that detection's report
	StepDrop    StepKind = "drop"    // forget that detection, or a request that cannot be answered
)

// Step is what Decide answers.
type Step struct {
	Kind   StepKind
	Open   Kind     // for StepOpen: what the deployment brings live to
	Phase  Phase    // for StepFinish: how it ends
	Clean  bool     // for StepFinish: a plan that was not applied is removed from AWS first
	Again  bool     // for StepVerify: it is the second look
	Undo   bool     // for StepFinish: what was last good has to be brought back
	Only   []string // for StepDetect: the resources to look at; nil: all
	Reason string   // why, for people and for the log
}

// Observation is all that Decide may know.
type Observation struct {
	Application Application
	Deployment  *Deployment  // the one in flight, nil when there is none
	Operation   Sighting     // of that deployment's operation
	Detection   Sighting     // of Application.Detection
	DriftDue    bool         // the time to look for drift has come
	Settled     bool         // the look at drift that ended began long enough ago to look once more
	Behind      string       // what the application depends on is not at what git wants: why
	Overdue     bool         // the look at drift that ends an apply takes too long to hold the application
	Report      *DriftReport // the latest, where something has drifted in it
	HealHeld    string       // why no heal may begin by itself right now
	CheckDue    bool         // it is time for an attempt at a check of verify
}

// Decide returns the next step for an application. It is total, pure, and knows neither
// the clock nor what woke it: a message that is lost, repeated or reordered changes when
// a step is taken, never which.
func Decide(o Observation) Step {
	if o.Deployment == nil {
		return decideIdle(o)
	}
	step := decideInFlight(o)
	if o.Deployment.Kind == KindRollback && step.Kind == StepFinish && step.Phase == PhaseFailed {
		step.Phase, step.Reason = PhaseBlocked, "the rollback failed: "+step.Reason
	}
	return step
}

func decideInFlight(o Observation) Step {
	switch o.Deployment.Phase {
	case PhasePending:
		return decidePending(o)
	case PhasePlanning:
		return decidePlanning(o)
	case PhaseAwaitingApproval:
		return decideApproval(o)
	case PhaseApplying:
		return decideApplying(o)
	case PhaseVerifying:
		return decideVerifying(o)
	case PhaseRollingBack:
		return decideRecovering(o)
	case PhaseSucceeded, PhaseFailed, PhaseSuperseded, PhaseRejected, PhaseBlocked:
		return Step{Kind: StepFinish, Phase: o.Deployment.Phase, Reason: o.Deployment.Reason}
	}
	// A later version of the program is at work, beside this one while it is rolled out: to end
	// what it began would free the application under its hands.
	return Step{Kind: StepWait, Reason: fmt.Sprintf("phase %q is not known to this version of Driftless", o.Deployment.Phase)}
}

// decideIdle is the rule while nothing is in flight. What git wants goes before a look at
// drift, which would only tell of what is about to change. Where somebody else updated or
// deleted the stack as a whole, it is deployed again: a drift-aware plan compares live with
// the stack's own template, which is then not git's.
func decideIdle(o Observation) Step {
	a := o.Application
	held := a.Suspended != nil || a.Removed
	request, open := a.Open()
	sync := open && request.Kind == RequestSync
	switch {
	case held && a.Detection == nil:
		return Step{Kind: StepRest, Reason: a.held()}
	case held:
		return decideDetection(o)
	case a.Wanted.Seq > a.Ended.Seq:
		return Step{Kind: StepOpen, Open: KindDeploy, Reason: "git has " + a.Wanted.Revision.String()}
	case a.Rollback != nil:
		return Step{Kind: StepOpen, Open: KindRollback, Reason: a.Rollback.Reason}
	case open && request.Kind == RequestRollback:
		return Step{Kind: StepOpen, Open: KindRollback, Reason: "asked for by " + request.By}
	case open && request.Kind == RequestRecover:
		return Step{Kind: StepOpen, Open: KindRecover, Reason: "asked for by " + request.By}
	case open && request.Kind == RequestHeal && a.healable():
		return Step{Kind: StepOpen, Open: KindHeal, Reason: "asked for by " + request.By + ": live has drifted"}
	case open && request.Kind == RequestHeal:
		return Step{Kind: StepDrop, Reason: "there is no drift that a heal could bring back"}
	case sync && a.Wanted.Seq == 0:
		return Step{Kind: StepDrop, Reason: "nothing is wanted yet"}
	case sync && a.Drift.Drifted > 0 && a.Drift.Foreign == "" && a.Wanted.Digest == a.Deployed.Digest:
		return Step{Kind: StepOpen, Open: KindRevert, Reason: "asked for by " + request.By + ": live has drifted"}
	case sync:
		return Step{Kind: StepOpen, Open: KindDeploy, Reason: "asked for by " + request.By}
	case a.Detection != nil:
		return decideDetection(o)
	case open && a.Deployed.StackID == "":
		return Step{Kind: StepDrop, Reason: "nothing is deployed"}
	case open:
		return Step{Kind: StepDetect, Reason: "asked for by " + request.By}
	case a.ToHeal() && o.HealHeld == "":
		return Step{Kind: StepOpen, Open: KindHeal, Reason: "live has drifted: " + a.Drift.Message}
	case o.DriftDue && a.Deployed.StackID != "":
		return Step{Kind: StepDetect, Reason: "drift is due"}
	case len(a.Touched) > 0 && a.Deployed.StackID == "":
		return Step{Kind: StepDrop, Reason: "nothing is deployed"}
	case len(a.Touched) > 0:
		return Step{Kind: StepDetect, Only: a.touchedResources(), Reason: a.Touched[0].LogicalID + " was changed by " + a.Touched[0].By}
	}
	return Step{Kind: StepRest, Reason: "nothing to do"}
}

// decideDetection is the rule for a drift detection outside a deployment. A deployment
// since it began makes its result old, whatever it says.
func decideDetection(o Observation) Step {
	if o.Application.Detection.Fence != o.Application.Fence {
		return Step{Kind: StepDrop, Reason: "a deployment began since"}
	}
	switch s := o.Detection; s.State {
	case OperationAbsent:
		return Step{Kind: StepDetect, Reason: "the detection is not there: begin it again"}
	case OperationRunning, OperationForeign, OperationUnknown:
		return Step{Kind: StepWait, Reason: waiting("detecting drift", s)}
	case OperationDone:
		return Step{Kind: StepRecord, Reason: "drift was looked for"}
	case OperationReady, OperationNoChange, OperationStale, OperationFailed, OperationBlocked:
		return Step{Kind: StepDrop, Reason: "drift could not be detected: " + orState(s)}
	}
	return Step{Kind: StepWait, Reason: "the detection's state is not known"}
}

func decidePending(o Observation) Step {
	if why := o.overtaken(); why != "" {
		return Step{Kind: StepFinish, Phase: PhaseSuperseded, Reason: why}
	}
	if d := o.Deployment; d.Kind == KindRollback && d.Bundle == "" {
		return Step{Kind: StepFinish, Phase: PhaseFailed, Reason: "there is nothing to go back to: deployment " + d.Undoes.To + " is not kept, or went elsewhere"}
	}
	if o.Application.Suspended != nil {
		return Step{Kind: StepWait, Reason: o.Application.held()}
	}
	if o.Behind != "" {
		return Step{Kind: StepWait, Reason: "waits: " + o.Behind}
	}
	if o.Deployment.Kind == KindRecover {
		return Step{Kind: StepRecover, Reason: o.Deployment.Reason}
	}
	return Step{Kind: StepPlan, Reason: "a new deployment"}
}

func decidePlanning(o Observation) Step {
	s := o.Operation
	switch s.State { // what cannot be undone yet, or is not known, is waited for
	case OperationUnknown, OperationRunning:
		return Step{Kind: StepWait, Reason: waiting("planning", s)}
	case OperationAbsent, OperationReady, OperationForeign, OperationDone, OperationNoChange,
		OperationStale, OperationFailed, OperationBlocked:
	}
	if why := o.overtaken(); why != "" {
		return Step{Kind: StepFinish, Phase: PhaseSuperseded, Clean: true, Reason: why}
	}
	switch s.State {
	case OperationNoChange:
		if o.Deployment.Kind == KindHeal {
			return Step{Kind: StepFinish, Phase: PhaseRejected, Clean: true, Reason: "not healed: the drift report and the plan do not agree: the plan finds nothing to bring back"}
		}
		return Step{Kind: StepFinish, Phase: PhaseSucceeded, Clean: true, Reason: "no changes"}
	case OperationFailed:
		return Step{Kind: StepFinish, Phase: PhaseFailed, Clean: true, Reason: s.Reason}
	case OperationBlocked:
		switch recovery := o.Deployment.recovery(s.Stuck); {
		case recovery && o.Application.Suspended != nil:
			return Step{Kind: StepWait, Reason: o.Application.held()}
		case recovery:
			return Step{Kind: StepRecover, Reason: "the stack is in " + s.Stuck.Status}
		}
		return Step{Kind: StepFinish, Phase: PhaseBlocked, Clean: true, Reason: s.Reason}
	case OperationForeign:
		return Step{Kind: StepWait, Reason: waiting("planning", s)}
	case OperationAbsent, OperationReady, OperationStale, OperationDone, OperationRunning, OperationUnknown:
	}
	if o.Application.Suspended != nil {
		return Step{Kind: StepWait, Reason: o.Application.held()}
	}
	switch {
	case s.State == OperationAbsent && o.Deployment.Operation.ID == "":
		return Step{Kind: StepStart, Reason: "the plan is not there: begin it again"}
	case s.State == OperationAbsent: // under its token another one would have another id than the record
		return Step{Kind: StepPlan, Reason: "the plan is gone: plan again"}
	case s.State == OperationReady && s.Plan != nil:
		return decidePlan(o)
	case s.State == OperationDone && o.Deployment.Settings.CDK != nil:
		return Step{Kind: StepExpand, Reason: "synthesised"}
	}
	return Step{Kind: StepPlan, Reason: "plan again: " + orState(s)}
}

// decidePlan is the rule for a plan that is ready. A yes to the very same plan still holds
// after planning again.
func decidePlan(o Observation) Step {
	d, plan := *o.Deployment, o.Deployment.Summarise(*o.Operation.Plan)
	d.Plan = plan
	why := d.Waits(plan)
	if d.Kind == KindHeal {
		if no := o.refused(); no != "" {
			return Step{Kind: StepFinish, Phase: PhaseRejected, Clean: true, Reason: "not healed: " + no}
		}
		why = ""
	}
	switch {
	case d.rejected():
		return Step{Kind: StepFinish, Phase: PhaseRejected, Clean: true, Reason: d.no()}
	case why != "" && d.approved():
		return Step{Kind: StepApply, Reason: "approved by " + d.Approved.By}
	case why != "" && d.Plan.Digest != o.Deployment.Plan.Digest:
		return Step{Kind: StepReview, Reason: why}
	case why != "" && d.Phase != PhaseAwaitingApproval:
		return Step{Kind: StepReview, Reason: why}
	case why != "":
		return Step{Kind: StepWait, Reason: why}
	}
	return Step{Kind: StepApply, Reason: "nothing has to be approved"}
}

func decideApproval(o Observation) Step {
	d, s := o.Deployment, o.Operation
	if s.State == OperationUnknown || s.State == OperationRunning {
		return Step{Kind: StepWait, Reason: waiting("awaiting approval", s)}
	}
	if why := o.overtaken(); why != "" {
		return Step{Kind: StepFinish, Phase: PhaseSuperseded, Clean: true, Reason: why}
	}
	if d.rejected() {
		return Step{Kind: StepFinish, Phase: PhaseRejected, Clean: true, Reason: d.no()}
	}
	switch {
	case s.State == OperationBlocked:
		return Step{Kind: StepFinish, Phase: PhaseBlocked, Clean: true, Reason: s.Reason}
	case o.Application.Suspended != nil:
		return Step{Kind: StepWait, Reason: o.Application.held()}
	case s.State == OperationForeign:
		return Step{Kind: StepWait, Reason: waiting("awaiting approval", s)}
	case s.State == OperationReady && s.Plan != nil:
		return decidePlan(o)
	}
	return Step{Kind: StepPlan, Reason: "plan again: " + orState(s)}
}

// decideApplying is the rule once the intent to apply is saved: from then on only what AWS
// says of the token tells whether it was carried out.
func decideApplying(o Observation) Step {
	s := o.Operation
	switch s.State {
	case OperationRunning, OperationForeign, OperationUnknown:
		return Step{Kind: StepWait, Reason: waiting("applying", s)}
	case OperationReady:
		return Step{Kind: StepStart, Reason: "the plan was not applied yet"}
	case OperationDone:
		applied := cmp.Or(s.Reason, "applied")
		switch {
		case len(o.Deployment.Settings.Verify.Checks) > 0:
			return Step{Kind: StepCheck, Reason: applied}
		case o.Deployment.Settings.Verify.Drift:
			return Step{Kind: StepVerify, Reason: applied}
		}
		return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: applied}
	case OperationFailed:
		return Step{Kind: StepFinish, Phase: PhaseFailed, Reason: s.Reason}
	case OperationBlocked:
		if o.Deployment.recovery(s.Stuck) {
			return Step{Kind: StepRecover, Reason: "the stack is in " + s.Stuck.Status}
		}
		return Step{Kind: StepFinish, Phase: PhaseBlocked, Reason: s.Reason}
	case OperationAbsent, OperationNoChange, OperationStale:
	}
	if why := o.overtaken(); why != "" {
		return Step{Kind: StepFinish, Phase: PhaseSuperseded, Clean: true, Reason: why}
	}
	if d := o.Deployment; s.State == OperationStale && d.Settings.Engine.InBuild() && d.entered(PhaseApplying) > 1 {
		// Each plan costs a build, and whoever changes the state meanwhile goes on to.
		return Step{Kind: StepFinish, Phase: PhaseFailed, Clean: true, Reason: "planned twice, and both plans were stale when they were applied: " + orState(s)}
	}
	return Step{Kind: StepPlan, Reason: "plan again: " + orState(s)}
}

// decideVerifying is the rule after an apply: live is at what git wants, and nothing that
// is seen here applies it again. What cannot be seen lowers the coverage and fails nothing.
func decideVerifying(o Observation) Step {
	d, s := o.Deployment, o.Operation
	if d.Checking() {
		return decideChecking(o)
	}
	if s.State == OperationDone && s.Report != nil {
		return decideVerified(o)
	}
	if o.Overdue {
		return Step{Kind: StepFinish, Phase: PhaseSucceeded,
			Reason: "applied; drift detection takes over five minutes, the next report will tell"}
	}
	switch s.State {
	case OperationRunning, OperationForeign, OperationUnknown:
		return Step{Kind: StepWait, Reason: waiting("verifying", s)}
	case OperationAbsent:
		return Step{Kind: StepStart, Reason: "the detection is not there: begin it again"}
	case OperationDone, OperationReady, OperationNoChange, OperationStale, OperationFailed, OperationBlocked:
	}
	if d.Kind.Reverts() {
		return Step{Kind: StepFinish, Phase: PhaseFailed, Reason: "verify: drift could not be detected: " + orState(s)}
	}
	return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "applied; drift could not be detected: " + orState(s)}
}

// decideVerified is the rule for what verify's detection found. A difference right after
// an apply is looked at once more, since live settles late; what remains then is recorded
// as drift. Where the deployment was to bring live back, it failed to.
func decideVerified(o Observation) Step {
	d, found := o.Deployment, o.Operation.Report.Summary()
	switch {
	case found.Drifted == 0 && found.Complete && found.InSync == 0 && found.NotCheckable > 0:
		return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "applied; drift detection supports none of its resources"}
	case found.Drifted == 0 && found.Complete:
		return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "applied and in sync"}
	case found.Drifted == 0:
		return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "applied; drift detection is incomplete: " + found.Problem}
	case !d.Operation.Again && !o.Settled:
		return Step{Kind: StepWait, Reason: "drifted right after the apply, looking once more soon: " + found.Message}
	case !d.Operation.Again:
		return Step{Kind: StepVerify, Again: true, Reason: "look once more: " + found.Message}
	case d.Kind.Reverts():
		return Step{Kind: StepFinish, Phase: PhaseFailed, Reason: "verify: still drifted: " + found.Message}
	}
	return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "applied; drifted right after: " + found.Message}
}

// decideChecking is the rule for the application's own checks, which come before the look at
// drift. All of them are waited for, so that the record has each; what nobody could look at for
// too long fails the deployment, but is no reason to bring anything back.
func decideChecking(o Observation) Step {
	d, a := o.Deployment, o.Application
	failed := d.failed()
	switch {
	case d.Unchecked() && o.CheckDue:
		return Step{Kind: StepCheck, Reason: "checks are due"}
	case d.Unchecked():
		return Step{Kind: StepWait, Reason: "checking: " + d.checks()}
	case failed == nil && d.Settings.Verify.Drift:
		return Step{Kind: StepVerify, Reason: "applied, and its checks passed"}
	case failed == nil:
		return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "applied, and its checks passed"}
	}
	end := Step{Kind: StepFinish, Phase: PhaseFailed, Reason: "verify: " + failed.Name + ": " + failed.Reason}
	switch {
	case d.Settings.Verify.OnFailure != OnFailureRollback || d.Kind == KindRollback:
	case failed.Unknown:
		end.Reason += "; not rolled back, since nobody knows"
	case a.LastGood().Deployment == "" || a.LastGood().Digest == d.Digest:
		end.Reason += "; not rolled back: nothing else was ever good"
	default:
		end.Undo = true
	}
	return end
}

// decideRecovering is the rule while what a stack was stuck in is ended: what comes after is as
// if it had not been stuck. What was applied before has failed all the same.
func decideRecovering(o Observation) Step {
	d, s := o.Deployment, o.Operation
	switch s.State {
	case OperationRunning, OperationForeign, OperationUnknown:
		return Step{Kind: StepWait, Reason: waiting("recovering", s)}
	case OperationAbsent, OperationReady:
		return Step{Kind: StepStart, Reason: "the recovery did not begin yet"}
	case OperationDone, OperationNoChange:
		switch {
		case d.Kind == KindRecover:
			return Step{Kind: StepFinish, Phase: PhaseSucceeded, Reason: "recovered: the stack takes updates again"}
		case d.entered(PhaseApplying) > 0 && d.Cause != nil:
			return Step{Kind: StepFinish, Phase: PhaseFailed, Reason: d.Cause.String() + "; rolled back to what was before, at the second try"}
		case d.entered(PhaseApplying) > 0:
			return Step{Kind: StepFinish, Phase: PhaseFailed, Reason: "rolled back to what was before, at the second try"}
		}
		if why := o.overtaken(); why != "" {
			return Step{Kind: StepFinish, Phase: PhaseSuperseded, Reason: why}
		}
		if o.Application.Suspended != nil {
			return Step{Kind: StepWait, Reason: o.Application.held()}
		}
		return Step{Kind: StepPlan, Reason: "recovered: plan again"}
	case OperationStale, OperationFailed, OperationBlocked:
	}
	return Step{Kind: StepFinish, Phase: PhaseBlocked, Reason: "could not be recovered: " + orState(s)}
}

// refused returns why a heal does not go on with the plan that was seen.
func (o Observation) refused() string {
	if o.Report == nil {
		return "there is no drift report any more that says what has drifted"
	}
	before := slices.DeleteFunc(slices.Clone(o.Application.Heals), func(h Heal) bool { return h.Deployment == o.Deployment.ID })
	return Refused(*o.Operation.Plan, *o.Report, o.Deployment.Settings.Drift, before)
}

// overtaken returns why a deployment that has not begun to apply is not worth going on
// with, or "".
func (o Observation) overtaken() string {
	switch a := o.Application; {
	case a.Removed:
		return "no longer in driftless.yaml"
	case a.Wanted.Seq > o.Deployment.Seq:
		return "git has the newer " + a.Wanted.Revision.String()
	}
	return ""
}

// held returns why an application starts nothing.
func (a Application) held() string {
	switch {
	case a.Removed:
		return "no longer in driftless.yaml"
	case a.Suspended != nil && a.Suspended.Reason != "":
		return "suspended by " + a.Suspended.By + ": " + a.Suspended.Reason
	case a.Suspended != nil:
		return "suspended by " + a.Suspended.By
	}
	return ""
}

// no returns who said no, and why.
func (d Deployment) no() string {
	if d.Rejected.Reason == "" {
		return "rejected by " + d.Rejected.By
	}
	return "rejected by " + d.Rejected.By + ": " + d.Rejected.Reason
}

// waiting returns what is waited for, in one line.
func waiting(doing string, s Sighting) string {
	switch {
	case s.State == OperationUnknown && s.Reason != "":
		return doing + ": not known right now: " + s.Reason
	case s.State == OperationForeign && s.Reason != "":
		return doing + ": " + s.Reason
	case s.Progress != "":
		return doing + ": " + s.Progress
	}
	return doing
}

// orState returns the sighting's reason, or its state where it has none.
func orState(s Sighting) string {
	if s.Reason != "" {
		return s.Reason
	}
	return string(s.State)
}
