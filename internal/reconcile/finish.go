package reconcile

import (
	"context"
	"errors"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// finish closes a deployment and frees its application. What was planned and not applied
// is removed from AWS first, so that nothing of ours is left behind when the record says
// that the deployment is over.
func (r *Reconciler) finish(ctx context.Context, o gitops.Observation, s gitops.Step) error {
	d, now := o.Deployment, r.Now()
	reason := s.Reason
	d.Operation.Keep(o.Operation.Operation)
	if s.Clean && !d.Operation.IsZero() {
		note, err := r.clean(ctx, deploymentWork(r, *d))
		if err != nil {
			return err
		}
		reason += note
	}
	a := o.Application
	if report := o.Operation.Report; report != nil {
		report.Deployment = d.ID
		summary, err := r.publish(ctx, a, report)
		if err != nil {
			return err
		}
		d.Drift, a.Drift = &summary, summary
		a.DriftDue = a.NextDrift(now)
		a.Looked(d.Operation.At, nil)
	}
	conclude(&a, d, o, s)
	if reached(*d, s.Phase) {
		advance(&a, d, o, r)
	}
	if a.Removed { // one may have been registered when those that were there had left
		if err := r.removeStacks(ctx, a, a.Stacks); err != nil {
			return err
		}
	}
	d.Reason, d.Progress, d.EndedAt = reason, "", now
	r.enter(d, s.Phase)
	if d.Good() {
		a.Deployed.Good, a.Good = true, gitops.Deployed{}
	}
	a.InFlight, a.UpdatedAt = "", now
	a.Ended = gitops.Ended{Deployment: d.ID, Seq: d.Seq, Digest: d.Digest, Phase: s.Phase, Reason: reason, At: now, Kind: d.Kind}
	if d.Kind == gitops.KindDeploy && a.Wanted.Seq == d.Seq && a.Wanted.Digest != d.Digest {
		a.Ended.Seq = d.Seq - 1 // its app was synthesised anew from the same commit meanwhile, and it is another one
	}
	if err := r.Store.Close(ctx, &a, d); err != nil {
		return err
	}
	r.wakeStacks(ctx, a)
	return nil
}

// clean removes a plan that is not applied. Where the rights for that are gone, the
// deployment ends all the same, and says what is left.
func (r *Reconciler) clean(ctx context.Context, w Work) (note string, err error) {
	e, err := r.engine(w.Settings.Engine)
	if err != nil {
		return "", nil
	}
	w.Operation.Kind = gitops.OperationCancel
	_, err = e.Start(ctx, w)
	var refusal *gitops.Refusal
	if errors.Is(err, ErrDenied) || errors.As(err, &refusal) {
		return fmt.Sprintf(" (change set %s could not be removed: %s)", w.Operation.Token, err), nil
	}
	if err != nil {
		return "", fmt.Errorf("cancel plan %s: %w", w.Operation.Token, err)
	}
	return "", nil
}

// reached reports whether live is at what the deployment wanted when it ends in a phase:
// whatever was verified had been applied before, and a plan without changes says that
// there was nothing to apply.
func reached(d gitops.Deployment, to gitops.Phase) bool {
	return d.Kind != gitops.KindRecover && (d.Phase == gitops.PhaseVerifying || to == gitops.PhaseSucceeded)
}

// conclude notes what went wrong, what a heal came to, and that a rollback has to follow.
func conclude(a *gitops.Application, d *gitops.Deployment, o gitops.Observation, s gitops.Step) {
	if o.Operation.Cause != nil {
		d.Cause = o.Operation.Cause
	}
	d.Stuck = o.Operation.Stuck
	if n := len(d.Recoveries); n > 0 && d.Phase == gitops.PhaseRollingBack {
		d.Recoveries[n-1].Result = s.Reason
	}
	if d.Kind == gitops.KindHeal && s.Phase != gitops.PhaseSucceeded {
		why := s.Reason
		if s.Phase == gitops.PhaseSuperseded {
			why = ""
		}
		applied := d.Phase == gitops.PhaseApplying || d.Phase == gitops.PhaseVerifying || d.Phase == gitops.PhaseRollingBack
		a.EndHeal(d.ID, applied, why)
	}
	if s.Undo {
		a.Rollback = &gitops.Undo{Deployment: d.ID, To: a.LastGood().Deployment,
			Reason: "roll back to " + gitops.Short(a.LastGood().Revision.Commit) + ": " + s.Reason}
	}
}

// advance notes what live was brought to, and when: by AWS's clock where that is known, since
// what others do to the stack later is told by AWS's clock too. Without a look at drift afterwards, what was
// known of drift before an apply is known no longer.
func advance(a *gitops.Application, d *gitops.Deployment, o gitops.Observation, r *Reconciler) {
	if d.Phase == gitops.PhaseApplying {
		d.Outputs, d.AppliedAt = o.Operation.Outputs, o.Operation.At
	}
	at := d.AppliedAt
	if d.Phase == gitops.PhasePlanning {
		at = o.Operation.At
	}
	if at.IsZero() {
		at = r.Now()
	}
	stack, outputs := d.Operation.StackID, d.Outputs
	if stack == "" {
		stack = a.Deployed.StackID
	}
	if outputs == nil {
		outputs = a.Deployed.Outputs
	}
	elsewhere := a.Deployed.StackID != "" && a.Deployed.StackID != stack
	a.Good = a.LastGood()
	a.Deployed = gitops.Deployed{Deployment: d.ID, Revision: d.Revision, Digest: d.Digest, Bundle: d.Bundle,
		StackID: stack, Outputs: outputs, At: at}
	if d.Phase == gitops.PhasePlanning && (a.Drift.Foreign != "" || elsewhere) { // the stack says what git says; live is looked at next
		a.Drift, a.DriftDue = gitops.DriftSummary{}, r.Now()
	}
	if d.Phase == gitops.PhasePlanning && d.Kind.Reverts() { // the report that it was to revert does not say what is
		a.DriftDue = r.Now()
	}
	unverified := d.Phase != gitops.PhasePlanning && o.Operation.Report == nil
	if unverified {
		a.Drift = gitops.DriftSummary{}
	}
	if unverified || a.DriftDue.IsZero() {
		a.DriftDue = a.NextDrift(r.Now())
	}
}
