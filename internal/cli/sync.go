package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/render"
)

func syncCommand(f *flags) *cobra.Command {
	var wait bool
	var timeout time.Duration
	c := &cobra.Command{Use: "sync APPLICATION", Aliases: []string{"reconcile"},
		Short: "Deploy what git wants, or bring live back to it where it drifted",
		Args:  cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			var a gitops.Application
			if err := api.post(cmd.Context(), "/v1/applications/"+args[0]+"/sync", nil, &a); err != nil {
				return err
			}
			if !wait {
				return f.print(a, func() string {
					return args[0] + "  sync asked for; 'driftless status " + args[0] + " --watch' follows it\n"
				})
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return synced(ctx, f, api, a)
		}}
	c.Flags().BoolVar(&wait, "wait", false, "wait for its end")
	c.Flags().DurationVar(&timeout, "timeout", 30*time.Minute, "with --wait: for how long")
	return c
}

// synced follows the deployment that answers a sync to its end, a line for each phase.
func synced(ctx context.Context, f *flags, api *client, asked gitops.Application) error {
	began, shown := f.Now(), ""
	for {
		v, err := api.application(ctx, asked.ID)
		if err != nil {
			return err
		}
		if d := v.Deployment; d != nil {
			if now := string(d.Phase) + d.Plan.Digest; now != shown {
				shown = now
				f.hint("%-17s %6.1fs  %s", d.Phase, f.Now().Sub(began).Seconds(), v.Message)
				showPlan(ctx, f, api, *d)
			}
			if d.Phase == gitops.PhaseAwaitingApproval && d.Approved == nil {
				return fmt.Errorf("%s waits for an approval: %s; 'driftless approve %s'", asked.ID, d.Reason, asked.ID)
			}
		}
		if a := v.Application; v.Deployment == nil && a.Answered >= asked.Request.N && a.Wanted.Seq <= a.Ended.Seq {
			return ended(f, v, began)
		}
		if err := reconcile.Pause(ctx, interval); err != nil {
			return fmt.Errorf("wait for %s: %w", asked.ID, err)
		}
	}
}

// showPlan shows what a deployment is about to do, once it is known.
func showPlan(ctx context.Context, f *flags, api *client, d gitops.Deployment) {
	var diff gitops.Diff
	if d.PlanKey == "" || d.Phase == gitops.PhaseVerifying {
		return
	}
	if err := api.get(ctx, "/v1/applications/"+d.Application+"/diff", &diff); err == nil && diff.Plan != nil && diff.Deployment.ID == d.ID {
		fmt.Fprint(f.Stderr, render.Plan(*diff.Deployment, *diff.Plan, f.Color))
	}
}

// ended shows how it ended: outcome, duration, next command.
func ended(f *flags, v gitops.View, began time.Time) error {
	e := v.Application.Ended
	err := f.print(v, func() string {
		return fmt.Sprintf("%s  %s in %.1fs: %s\n", v.Application.ID, e.Phase, f.Now().Sub(began).Seconds(), gitops.Printable(e.Reason))
	})
	if err != nil || e.Phase == gitops.PhaseSucceeded {
		return err
	}
	f.hint("next: driftless history %s", v.Application.ID)
	return &exitError{code: ExitFailed}
}
