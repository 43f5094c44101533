package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func suspendCommand(f *flags) *cobra.Command {
	var reason string
	c := one(f, "suspend", "Start nothing for an application until it is resumed", func(ctx context.Context, api *client, app string) error {
		var a gitops.Application
		if err := api.postOf(ctx, app, "suspend", map[string]string{"reason": reason}, &a); err != nil {
			return err
		}
		return f.print(a, func() string { return app + "  suspended; what runs goes on to its end\n" })
	})
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever wonders")
	return c
}

func resumeCommand(f *flags) *cobra.Command {
	return one(f, "resume", "End a suspension", func(ctx context.Context, api *client, app string) error {
		// Read before, since what is approved waits no longer afterwards; it is resumed even if
		// nobody can tell more.
		before, _ := api.application(ctx, app)
		var a gitops.Application
		if err := api.postOf(ctx, app, "resume", nil, &a); err != nil {
			return err
		}
		return f.print(a, func() string { return app + "  resumed" + waited(app, before.Deployment) + "\n" })
	})
}

// waited says what becomes of a plan that waited while its application was suspended.
func waited(app string, d *gitops.Deployment) string {
	switch {
	case d == nil || d.Phase != gitops.PhaseAwaitingApproval:
		return ""
	case d.Approved != nil && d.Approved.Digest == d.Plan.Digest:
		return fmt.Sprintf("; plan %s, approved by %s, is applied now: 'driftless status %s --watch' follows it",
			gitops.Short(d.Plan.Digest), gitops.CallerName(d.Approved.By), app)
	}
	return fmt.Sprintf("; plan %s waits for an approval: 'driftless approve %s'", gitops.Short(d.Plan.Digest), app)
}
