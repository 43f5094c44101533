package reconcile

import (
	"context"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// plan saves the intent to plan under a new token, and starts it. What an earlier plan left
// is removed before its token is forgotten: nobody would look for it afterwards.
func (r *Reconciler) plan(ctx context.Context, o gitops.Observation, s gitops.Step) (*gitops.Sighting, error) {
	d := o.Deployment
	if !d.Operation.IsZero() {
		if _, err := r.clean(ctx, deploymentWork(r, *d)); err != nil {
			return nil, err
		}
	}
	n := d.Operation.N + 1
	// Without the stack's ARN: the one that was planned on may be gone, and another one have its name.
	d.Operation = gitops.Operation{N: n, Kind: gitops.OperationPlan, Token: gitops.Token(d.ID, n), At: r.Now()}
	d.Reason, d.Progress = s.Reason, ""
	r.enter(d, gitops.PhasePlanning)
	if err := r.Store.PutDeployment(ctx, d); err != nil {
		return nil, err
	}
	return r.start(ctx, d)
}

// start starts the operation whose intent is saved, and keeps the ids that AWS gave it.
// Losing them loses nothing: the token finds them again.
func (r *Reconciler) start(ctx context.Context, d *gitops.Deployment) (*gitops.Sighting, error) {
	w, before, made := deploymentWork(r, *d), d.Operation, ""
	op, told, err := r.begin(ctx, w, d.Phase)
	if told != nil {
		return told, nil
	}
	if err == nil {
		made = op.ID
		if d.Operation.Keep(op); d.Operation.ID != before.ID || d.Operation.StackID != before.StackID {
			err = r.Store.PutDeployment(ctx, d)
		}
	}
	if err != nil && w.Operation.Kind == gitops.OperationPlan {
		r.retract(ctx, w, d.ID, made)
	}
	return nil, err
}

// retract removes a plan that came too late. Whoever froze between the intent and the call
// may make it when somebody else has long executed another one of its name, or ended the
// deployment: nobody else would look for what it made. While AWS is making it, it cannot be
// removed yet. What the call made is removed by its id, by its name where the answer is lost.
func (r *Reconciler) retract(ctx context.Context, w Work, id, made string) {
	w.Operation.ID, w.Operation.StackID = made, ""
	for look := 0; ; look++ {
		d, err := r.Store.Deployment(ctx, w.Application, id)
		known := d.Operation.ID
		if err == nil && !d.Phase.Done() && d.Operation.Token == w.Operation.Token && (made == "" || known == "" || known == made) {
			return // it is the deployment's own, and whoever looks next finds it
		}
		if err == nil {
			_, err = r.clean(ctx, w)
		}
		if err == nil || r.Sleep == nil || look == len(looks) || r.Sleep(ctx, looks[look]) != nil {
			r.log().Warn("remove a plan that came too late", "app", w.Application, "deployment", id, "token", w.Operation.Token, "removed", err == nil)
			return
		}
	}
}

// begin starts an operation, and returns what is known of it. Where the call itself told how
// the operation stands, that is told instead; what it could not tell is an error.
func (r *Reconciler) begin(ctx context.Context, w Work, phase gitops.Phase) (gitops.Operation, *gitops.Sighting, error) {
	e, err := r.engine(w.Settings.Engine)
	if err != nil {
		return w.Operation, &gitops.Sighting{State: gitops.OperationBlocked, Reason: err.Error()}, nil
	}
	op, err := e.Start(ctx, w)
	if err == nil {
		return op, nil, nil
	}
	if s := sighting(err, phase); s.State != gitops.OperationUnknown {
		return w.Operation, &s, nil
	}
	return w.Operation, nil, fmt.Errorf("start %s of %s: %w", w.Operation.Kind, w.Application, err)
}
