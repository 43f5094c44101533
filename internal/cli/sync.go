package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func syncCommand(f *flags) *cobra.Command {
	var wait bool
	var timeout time.Duration
	c := one(f, "sync", "Deploy what git wants, or bring live back to it where it drifted",
		func(ctx context.Context, api *client, app string) error {
			var a gitops.Application
			if err := api.postOf(ctx, app, "sync", nil, &a); err != nil {
				return err
			}
			if wait {
				return synced(ctx, f, api, a, timeout)
			}
			return f.print(a, func() string {
				if a.Suspended != nil { // only a plan that waits can be approved by it then
					return fmt.Sprintf("%s  approved; it starts when it is resumed: 'driftless resume %s'\n", app, app)
				}
				return app + "  sync asked for; 'driftless status " + app + " --watch' follows it\n"
			})
		})
	c.Aliases = []string{"reconcile"}
	c.Flags().BoolVar(&wait, "wait", false, "wait for its end")
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Minute, "with --wait: for how long")
	return c
}

// synced follows the deployment that answers a sync to its end, a line for each phase.
func synced(ctx context.Context, f *flags, api *client, asked gitops.Application, timeout time.Duration) error {
	var v gitops.View
	p := f.progress()
	defer p.end()
	shown, stage, doing := "", "Pending", "waits to be taken up"
	err := f.wait(ctx, timeout, asked.ID+" is not at its end", func(ctx context.Context) (done bool, err error) {
		if v, err = api.application(ctx, asked.ID); err != nil {
			return false, err
		}
		a, d := v.Application, v.Deployment
		switch {
		case d == nil && a.Answered >= asked.Request.N && a.Wanted.Seq <= a.Ended.Seq:
			return true, nil
		case d == nil && (a.Removed || a.Suspended != nil):
			return false, &exitError{ExitFailed, fmt.Errorf("%s starts nothing: %s", asked.ID, v.Message)}
		case d != nil:
			stage, doing = string(d.Phase), v.Message
			p.say(stage, doing)
			if d.PlanKey != "" && d.Plan.Digest != shown {
				shown = d.Plan.Digest
				p.end()
				showPlan(ctx, f, api, *d)
			}
			return false, stuck(a, *d)
		}
		p.say(stage, doing) // between two deployments the last one's phase stands: nothing goes backwards
		return false, nil
	})
	if err != nil {
		return err
	}
	p.end()
	return ended(f, v, p.seconds())
}

// stuck says why a deployment goes on only when a person acts; nil while it goes on by itself.
func stuck(a gitops.Application, d gitops.Deployment) error {
	switch {
	case d.Phase != gitops.PhaseAwaitingApproval:
		return nil
	case d.Approved == nil:
		return &exitError{ExitFailed, fmt.Errorf("%s waits for an approval: %s\nnext: driftless approve %s", a.ID, d.Reason, a.ID)}
	case a.Suspended != nil:
		return &exitError{ExitFailed, fmt.Errorf("the plan of %s is approved, and starts when it is resumed\nnext: driftless resume %s", a.ID, a.ID)}
	}
	return nil
}

// showPlan shows what a deployment is about to do, once it is known.
func showPlan(ctx context.Context, f *flags, api *client, d gitops.Deployment) {
	var diff gitops.Diff
	err := api.getOf(ctx, d.Application, "/diff", &diff) // whoever waits for the end can do without
	if err == nil && diff.Plan != nil && diff.Deployment != nil && diff.Deployment.ID == d.ID {
		fmt.Fprint(f.Stderr, render.Plan(*diff.Deployment, *diff.Plan, f.ColorErr))
	}
}

// ended shows how it ended: outcome, duration, next command.
func ended(f *flags, v gitops.View, seconds float64) error {
	e := v.Application.Ended
	err := f.print(v, func() string {
		return render.Lines(fmt.Sprintf("%s  %s in %.1fs: %s", v.Application.ID, e.Phase, seconds, e.Reason)) + "\n"
	})
	if err != nil || e.Phase == gitops.PhaseSucceeded {
		return err
	}
	f.hint("next: driftless history %s", v.Application.ID)
	return &exitError{code: ExitFailed}
}
