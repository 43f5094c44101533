package reconcile

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Heal asks for what drifted to be brought back under the rules of a heal: two witnesses agree,
// and nothing is replaced or removed. Whoever asks has looked, so that the budget and what was
// healed often before do not hold it.
func (o *Operator) Heal(ctx context.Context, app, by string) (gitops.Application, error) {
	a, err := o.Store.Application(ctx, app)
	if err != nil {
		return a, fmt.Errorf("read application %s: %w", app, err)
	}
	switch {
	case a.Drift.Gone:
		return a, refuse("the stack of %s is gone: 'driftless sync %s' makes it anew", app, app)
	case a.Drift.Foreign != "":
		return a, refuse("%s was changed as a whole (%s): 'driftless sync %s' deploys it again", app, a.Drift.Foreign, app)
	case a.Wanted.Digest != a.Deployed.Digest:
		return a, refuse("%s is not at what git wants: 'driftless sync %s' deploys that", app, app)
	case a.Drift.Drifted == 0:
		return a, refuse("%s has no drift that is known: 'driftless drift %s --detect' looks", app, app)
	}
	return o.request(ctx, app, gitops.Request{Kind: gitops.RequestHeal, By: by})
}

// Rollback asks for a deployment's bundle and settings to be brought back: those of the deployment
// to, or where that is empty of the last one that succeeded with something else than what is
// deployed. The next commit supersedes it.
func (o *Operator) Rollback(ctx context.Context, app, to, by string) (gitops.Application, error) {
	a, err := o.Store.Application(ctx, app)
	if err != nil {
		return a, fmt.Errorf("read application %s: %w", app, err)
	}
	all, err := o.Store.ListDeployments(ctx, app, 100)
	if err != nil {
		return a, fmt.Errorf("list deployments of %s: %w", app, err)
	}
	for _, d := range all {
		switch {
		case to == d.ID && d.Settings.CDK != nil:
			return a, refuse("%s is a CDK app: its stacks are rolled back each on its own", app)
		case to == d.ID && !slices.Equal(claimsOf(d.Settings), claimsOf(a.Settings)):
			return a, refuse("deployment %s of %s went to %v, and the application is at %v now", to, app, claimsOf(d.Settings), claimsOf(a.Settings))
		case to == d.ID && !d.Good():
			return a, refuse("deployment %s of %s is %s: only one that Succeeded, and whose checks were made, can be gone back to", to, app, d.Phase)
		case to == d.ID, to == "" && d.Good() && d.Digest != a.Deployed.Digest && d.Settings.CDK == nil && slices.Equal(claimsOf(d.Settings), claimsOf(a.Settings)):
			return o.request(ctx, app, gitops.Request{Kind: gitops.RequestRollback, By: by, To: d.ID})
		}
	}
	if to == "" {
		return a, refuse("%s has nothing to go back to: no other deployment of it Succeeded", app)
	}
	return a, refuse("%s has no deployment %s among its last %d: 'driftless history %s' lists them", app, to, len(all), app)
}

// isResource is what ContinueUpdateRollback takes as a resource to skip: a logical id, after the
// nested stack's name where it is in one (API reference, ResourcesToSkip).
var isResource = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z0-9]{1,255}$|^[A-Za-z0-9-]{1,128}\.[A-Za-z0-9]{1,255}$`)
})

// Recover asks for what the stack is stuck in to be ended. skip are resources that the rollback
// leaves as they are, which nobody but a person can decide.
func (o *Operator) Recover(ctx context.Context, app string, skip []string, by string) (gitops.Application, error) {
	for _, id := range skip {
		if !isResource().MatchString(id) {
			return gitops.Application{}, refuse("resource %q: must be a logical id such as Queue, or NestedStackName.Queue", id)
		}
	}
	a, err := o.Store.Application(ctx, app)
	if err != nil {
		return a, fmt.Errorf("read application %s: %w", app, err)
	}
	if a.Settings.Engine.InBuild() {
		return a, refuse("%s is of %s: only a stack of CloudFormation can be stuck", app, a.Settings.Engine)
	}
	return o.request(ctx, app, gitops.Request{Kind: gitops.RequestRecover, By: by, Skip: skip})
}
