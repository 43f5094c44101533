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
func (r *Reconciler) detect(ctx context.Context, o gitops.Observation) (*gitops.Sighting, error) {
	a := o.Application
	detection := gitops.Detection{Fence: a.Fence,
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
	summary, err := r.publish(ctx, a.ID, report)
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
	a.Drift.Problem = s.Reason
	if a.Detection == nil {
		a.Detection = &gitops.Detection{Request: a.Request.N}
	}
	return r.putDetected(ctx, &a)
}

// putDetected stores an application whose detection ended: its request is answered, and
// the next look is due in its time.
func (r *Reconciler) putDetected(ctx context.Context, a *gitops.Application) error {
	a.Answered = max(a.Answered, a.Detection.Request)
	a.Detection = nil
	a.DriftDue, a.UpdatedAt = a.NextDrift(r.Now()), r.Now()
	return r.Store.PutApplication(ctx, a)
}

// publish stores a report as the latest, with what it carries over from the one before. One
// that says nothing new is the one before: only the application's summary says when it was
// found again, which is the cheaper write, and the same for a stack of five hundred resources.
func (r *Reconciler) publish(ctx context.Context, application string, report *gitops.DriftReport) (gitops.DriftSummary, error) {
	before, err := r.Store.LatestReport(ctx, application)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return gitops.DriftSummary{}, fmt.Errorf("read drift report of %s: %w", application, err)
	}
	report.Application = application
	report.Since(before)
	if !report.News {
		return report.Summary(), nil
	}
	if err := r.Store.PutReport(ctx, *report); err != nil {
		return gitops.DriftSummary{}, fmt.Errorf("store drift report of %s: %w", application, err)
	}
	return report.Summary(), nil
}

// detectionWork is the work of a detection outside a deployment. Its files are those of what
// is deployed, which say what of it is secret; none where that is not kept.
func (r *Reconciler) detectionWork(a gitops.Application) Work {
	w := Work{Application: a.ID, Settings: a.Settings, Kind: gitops.KindDeploy, Operation: a.Detection.Operation,
		Bundle: a.Deployed.Bundle, Revision: a.Deployed.Revision, Since: a.Deployed.At}
	if w.Bundle != "" {
		w.Files = func(ctx context.Context) (fs.FS, error) { return r.openBundle(ctx, w.Bundle) }
	}
	return w
}
