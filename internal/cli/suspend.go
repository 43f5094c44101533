package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func suspendCommand(f *flags) *cobra.Command {
	var reason string
	c := one(f, "suspend", "Start nothing for an application until it is resumed", func(ctx context.Context, api *client, app string) error {
		return change(ctx, f, api, app, "suspend", map[string]string{"reason": reason}, "suspended; what runs goes on to its end")
	})
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever wonders")
	return c
}

func resumeCommand(f *flags) *cobra.Command {
	return one(f, "resume", "End a suspension", func(ctx context.Context, api *client, app string) error {
		return change(ctx, f, api, app, "resume", nil, "resumed")
	})
}

func change(ctx context.Context, f *flags, api *client, app, verb string, body any, done string) error {
	var a gitops.Application
	if err := api.postOf(ctx, app, verb, body, &a); err != nil {
		return err
	}
	return f.print(a, func() string { return app + "  " + done + "\n" })
}
