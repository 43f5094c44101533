package reconcile

import (
	"context"
	"errors"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// errNoChecker says that this installation was put together without what makes checks.
var errNoChecker = errors.New("checks are no part of this installation")

// check makes an attempt at every check of verify that is due, side by side, and keeps what
// became of it. A worker that dies meanwhile makes nothing worse: a check changes nothing, and
// is made again.
func (r *Reconciler) check(ctx context.Context, o gitops.Observation, s gitops.Step) error {
	d := o.Deployment
	if d.Phase == gitops.PhaseApplying {
		d.Outputs, d.AppliedAt = o.Operation.Outputs, o.Operation.At
		d.Operation.Keep(o.Operation.Operation)
		r.enter(d, gitops.PhaseVerifying)
	}
	d.Reason, d.Progress = s.Reason, ""
	checks, work := d.Settings.Verify.Checks, deploymentWork(r, *d)
	for i := len(d.Checks); i < len(checks); i++ {
		d.Checks = append(d.Checks, gitops.CheckResult{Name: checks[i].Name})
	}
	done := make(chan struct{}, len(checks))
	began, n := r.Now(), 0
	for i, c := range checks {
		if !d.Checks[i].Due(c, began) {
			continue
		}
		n++
		go func() {
			defer func() { done <- struct{}{} }()
			v, err := r.attempt(ctx, work, c, d.Outputs)
			d.Checks[i].Attempt(c, v, err, began, r.Now())
		}()
	}
	for range n {
		<-done
	}
	return r.Store.PutDeployment(ctx, d)
}

func (r *Reconciler) attempt(ctx context.Context, w Work, c gitops.Check, outputs map[string]string) (gitops.Verdict, error) {
	if r.Checker == nil {
		return gitops.Verdict{}, errNoChecker
	}
	return r.Checker.Check(ctx, w, c, outputs)
}
