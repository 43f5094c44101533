package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// detect begins to look for drift outside a deployment. A detection has no token: its id is
// saved after the call, and beginning it twice is harmless, so that no intent is saved before.
func (r *Reconciler) detect(ctx context.Context, o gitops.Observation, s gitops.Step) (*gitops.Sighting, error) {
	a := o.Application
	detection := gitops.Detection{Fence: a.Fence, Only: s.Only,
		Operation: gitops.Operation{N: 1, Kind: gitops.OperationDetect, StackID: a.Deployed.StackID, At: r.Now()}}
	if request, open := a.Open(); open && request.Kind == gitops.RequestDrift {
		detection.Request = request.N
	}
	a.Detection = &detection
	op, told, err := r.begin(ctx, r.detectionWork(a), "")
	if err != nil {
		return nil, err
	}
	a.Detection.Operation.Keep(op)
	return told, r.Store.PutApplication(ctx, &a)
}

// record publishes the report of a detection outside a deployment.
func (r *Reconciler) record(ctx context.Context, o gitops.Observation) (*records, error) {
	a, report := o.Application, o.Detection.Report
	if report == nil {
		return nil, fmt.Errorf("application %s: a detection ended without a report", a.ID)
	}
	report.Deployment = a.Deployed.Deployment
	summary, err := r.publish(ctx, a, report)
	if err != nil {
		return nil, err
	}
	a.Drift = summary
	if err := r.putDetected(ctx, &a); err != nil {
		return nil, err
	}
	return &records{application: a}, nil
}

// drop forgets a detection, or a request that cannot be answered. A detection that a
// deployment made old answers nobody: the request stands, and is looked at again.
func (r *Reconciler) drop(ctx context.Context, o gitops.Observation, s gitops.Step) error {
	a := o.Application
	if a.Detection != nil && a.Detection.Fence != a.Fence {
		a.Detection = nil
		return r.Store.PutApplication(ctx, &a)
	}
	request, open := a.Open()
	if a.Detection != nil || open && request.Kind != gitops.RequestHeal {
		a.Drift.Problem = s.Reason
	}
	if a.Detection == nil {
		a.Detection = &gitops.Detection{Request: a.Request.N, Operation: gitops.Operation{At: r.Now()}}
		if a.Deployed.StackID != "" {
			a.Detection.Only = []string{} // nobody looked: what was changed still has to be looked at
		}
	}
	return r.putDetected(ctx, &a)
}

// putDetected stores an application whose detection ended: its request is answered, and
// the next look is due in its time.
func (r *Reconciler) putDetected(ctx context.Context, a *gitops.Application) error {
	a.Answered = max(a.Answered, a.Detection.Request)
	a.Looked(a.Detection.Operation.At, a.Detection.Only)
	partial, now := a.Detection.Only != nil, r.Now()
	a.Detection, a.UpdatedAt = nil, now
	if !partial { // what looks at some resources puts off nothing
		a.DriftDue = a.NextDrift(now)
	}
	if a.ToHeal() && a.HealHeld(now) == "" {
		a.DriftDue = now // the sweep takes it up where this worker ends before it has opened the heal
	}
	return r.Store.PutApplication(ctx, a)
}

// publish stores a report as the latest, with what it carries over from the one before, once the
// application's rules are applied to it. One that says nothing new is the one before: only the
// application's summary says when it was found again, which is the cheaper write, and the same
// for a stack of five hundred resources.
func (r *Reconciler) publish(ctx context.Context, a gitops.Application, report *gitops.DriftReport) (gitops.DriftSummary, error) {
	report.Application, report.Whole = a.ID, report.At
	report.Blame(a.Touched)
	report.Apply(a.Settings.Drift.Ignore, r.Now())
	if report.Deployment == a.Deployed.Deployment && a.Drift.At.After(a.Deployed.At) && a.Drift.Still(*report) {
		return report.Summary(), nil // the report before, of the same deployment, need not be read
	}
	before, err := r.latest(ctx, a.ID)
	if err != nil {
		return gitops.DriftSummary{}, err
	}
	if report.Partial {
		report.Over(before)
	}
	report.Since(before)
	if !report.News {
		return report.Summary(), nil
	}
	if err := r.Store.PutReport(ctx, *report); err != nil {
		return gitops.DriftSummary{}, fmt.Errorf("store drift report of %s: %w", a.ID, err)
	}
	return report.Summary(), nil
}

// latest returns an application's latest drift report, the zero one where there is none.
func (r *Reconciler) latest(ctx context.Context, id string) (gitops.DriftReport, error) {
	report, err := r.Store.LatestReport(ctx, id)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return gitops.DriftReport{}, fmt.Errorf("read drift report of %s: %w", id, err)
	}
	return report, nil
}

// detectionWork is the work of a detection outside a deployment. Its files are those of what
// is deployed, which say what of it is secret; none where that is not kept.
func (r *Reconciler) detectionWork(a gitops.Application) Work {
	w := Work{Application: a.ID, Settings: a.Settings, Kind: gitops.KindDeploy, Operation: a.Detection.Operation,
		Bundle: a.Deployed.Bundle, Revision: a.Deployed.Revision, Since: a.Deployed.At, Only: a.Detection.Only, Flat: a.Drift.Flat}
	if w.Bundle != "" {
		w.Files = func(ctx context.Context) (fs.FS, error) { return r.openBundle(ctx, w.Bundle) }
	}
	return w
}
