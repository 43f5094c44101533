package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// open stores a new deployment. This write is the lock.
func (r *Reconciler) open(ctx context.Context, o gitops.Observation, s gitops.Step) (*records, error) {
	a, now := o.Application, r.Now()
	d := gitops.Deployment{
		ID: r.NewID(), Application: a.ID, Repository: a.Repository, Kind: s.Open, Settings: a.Settings,
		Revision: a.Wanted.Revision, Digest: a.Wanted.Digest, Seq: a.Wanted.Seq, Bundle: a.Wanted.Bundle,
		Reason: s.Reason, StartedAt: now,
	}
	request, open := a.Open()
	if open && request.Kind.Opens() == s.Open || open && s.Open == gitops.KindRevert && request.Kind == gitops.RequestSync {
		d.Request, a.Answered = request, request.N
	}
	switch s.Open {
	case gitops.KindHeal:
		report, err := r.latest(ctx, a.ID)
		if err != nil {
			return nil, err
		}
		a.BeginHeal(d.ID, report.Drifted(), d.Request.Kind != "", now)
	case gitops.KindRollback:
		if err := r.goBack(ctx, a, &d); err != nil {
			return nil, err
		}
	case gitops.KindDeploy, gitops.KindRevert, gitops.KindRecover:
	}
	a.Rollback = nil
	a.Fence++
	d.Fence, a.InFlight, a.Detection, a.UpdatedAt = a.Fence, d.ID, nil, now
	r.enter(&d, gitops.PhasePending)
	err := r.Store.Open(ctx, &a, &d)
	return &records{a, &d}, err
}

// goBack gives a rollback the settings and the bundle of the deployment that it goes back to.
// Without one, or where that went elsewhere, it has no bundle, which ends it.
func (r *Reconciler) goBack(ctx context.Context, a gitops.Application, d *gitops.Deployment) error {
	undo := gitops.Undo{Deployment: a.Deployed.Deployment, To: d.Request.To, By: d.Request.By, Reason: d.Reason}
	if a.Rollback != nil && d.Request.To == "" {
		undo = *a.Rollback
	}
	d.Undoes, d.Bundle = &undo, ""
	to, err := r.Store.Deployment(ctx, a.ID, undo.To)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read deployment %s: %w", undo.To, err)
	}
	if !slices.Equal(claimsOf(to.Settings), claimsOf(a.Settings)) {
		return nil // where it went may be another application's by now
	}
	d.Settings, d.Revision, d.Digest, d.Bundle = to.Settings, to.Revision, to.Digest, to.Bundle
	undo.Added, err = r.added(ctx, a.ID, undo.Deployment)
	return err
}

// added returns what a deployment added, as far as its plan is kept.
func (r *Reconciler) added(ctx context.Context, app, id string) ([]string, error) {
	d, err := r.Store.Deployment(ctx, app, id)
	if err == nil && d.PlanKey != "" {
		var plan gitops.Plan
		if plan, err = readPlan(ctx, r.Blobs, d.PlanKey); err == nil {
			return plan.Adds(), nil
		}
	}
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrDenied) {
		return nil, nil // then whatever the rollback removes is asked of a person
	}
	return nil, fmt.Errorf("read what deployment %s added: %w", id, err)
}

// recover saves the intent to end what the stack is stuck in, and starts to.
func (r *Reconciler) recover(ctx context.Context, o gitops.Observation, s gitops.Step) (*gitops.Sighting, error) {
	d, now := o.Deployment, r.Now()
	seen := o.Operation
	d.Operation.Keep(seen.Operation)
	note := gitops.Recovery{At: now, Skip: d.Request.Skip, By: d.Request.By}
	if seen.Stuck != nil {
		note.Status, d.Stuck = seen.Stuck.Status, seen.Stuck
	}
	if seen.Cause != nil {
		d.Cause = seen.Cause
	}
	if d.Kind != gitops.KindRecover {
		note.Skip, note.By = nil, ""
	}
	d.Recoveries = append(d.Recoveries, note)
	n := d.Operation.N + 1
	d.Operation = gitops.Operation{N: n, Kind: gitops.OperationRecover, Token: gitops.Token(d.ID, n),
		StackID: d.Operation.StackID, At: now, Skip: note.Skip}
	d.Reason, d.Progress = s.Reason, ""
	r.enter(d, gitops.PhaseRollingBack)
	if err := r.Store.Intend(ctx, o.Application, d); err != nil {
		return nil, err
	}
	return r.start(ctx, d)
}
