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
	c := asking(f, "sync", "Deploy what git wants, or bring live back to it where it drifted", nil)
	c.Aliases = []string{"reconcile"}
	return c
}

func healCommand(f *flags) *cobra.Command {
	c := asking(f, "heal", "Bring back what drifted, where that can do no harm", nil)
	c.Long = "Brings live back to what was last deployed under the rules of drift.heal: the drift report and a\n" +
		"drift-aware plan agree on every resource and property, and nothing is replaced or removed. What is\n" +
		"refused is told with its reason; 'driftless sync' brings that back too, with a person's approval."
	return c
}

func rollbackCommand(f *flags) *cobra.Command {
	var to string
	c := asking(f, "rollback", "Go back to what was last good, or to one deployment", func() any {
		return struct {
			To string `json:"to"`
		}{to}
	})
	c.Flags().StringVar(&to, "to", "", "`deployment` to go back to, as 'driftless history' lists it; the last good one by default")
	return c
}

func recoverCommand(f *flags) *cobra.Command {
	var skip []string
	c := asking(f, "recover", "End the operation that a stack is stuck in", func() any {
		return struct {
			Skip []string `json:"skip"`
		}{skip}
	})
	c.Flags().StringSliceVar(&skip, "skip", nil, "`resources` that the rollback leaves as they are; the stack then differs from its template there")
	return c
}

// asking is a command that asks for a deployment, and follows it with --wait.
func asking(f *flags, verb, short string, body func() any) *cobra.Command {
	var wait bool
	var timeout time.Duration
	c := one(f, verb, short, func(ctx context.Context, api *client, app string) error {
		var a gitops.Application
		var payload any
		if body != nil {
			payload = body()
		}
		if err := api.postOf(ctx, app, verb, payload, &a); err != nil {
			return err
		}
		if wait {
			return synced(ctx, f, api, a, timeout)
		}
		return f.print(a, func() string {
			if a.Suspended != nil { // only a plan that waits can be approved by it then
				return fmt.Sprintf("%s  approved; it starts when it is resumed: 'driftless resume %s'\n", app, app)
			}
			return fmt.Sprintf("%s  %s asked for; 'driftless status %s --watch' follows it\n", app, verb, app)
		})
	})
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
