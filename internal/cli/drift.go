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

func driftCommand(f *flags) *cobra.Command {
	var detect, exit bool
	var timeout time.Duration
	c := &cobra.Command{Use: "drift APPLICATION", Short: "Show where live differs from what was last deployed",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			if detect {
				ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
				defer cancel()
				if err := detected(ctx, f, api, args[0]); err != nil {
					return err
				}
			}
			var r gitops.DriftReport
			if err := api.get(cmd.Context(), "/v1/applications/"+args[0]+"/drift", &r); err != nil {
				return err
			}
			if err := f.print(r, func() string { return render.Drift(r, f.Now(), f.Color) }); err != nil {
				return err
			}
			if exit && r.Summary().Drifted > 0 {
				return &exitError{code: ExitDifferences}
			}
			return nil
		}}
	c.Flags().BoolVar(&detect, "detect", false, "look now, and wait for what is found")
	c.Flags().BoolVar(&exit, "exit-code", false, "exit with 2 if there is drift")
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "with --detect: for how long to wait")
	return c
}

// detected asks for a look at drift and waits until it was taken.
func detected(ctx context.Context, f *flags, api *client, name string) error {
	var asked gitops.Application
	if err := api.post(ctx, "/v1/applications/"+name+"/drift", nil, &asked); err != nil {
		return err
	}
	f.hint("detecting drift of %s", name)
	for {
		v, err := api.application(ctx, name)
		if err != nil {
			return err
		}
		if a := v.Application; a.Answered >= asked.Request.N {
			if a.Drift.Problem != "" && !a.Drift.At.After(asked.Request.At) {
				return fmt.Errorf("%s: %s", name, a.Drift.Problem)
			}
			return nil
		}
		if err := reconcile.Pause(ctx, interval); err != nil {
			return fmt.Errorf("wait for the drift of %s: %w", name, err)
		}
	}
}

func suspendCommand(f *flags) *cobra.Command {
	var reason string
	c := &cobra.Command{Use: "suspend APPLICATION", Short: "Start nothing for an application until it is resumed",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			return change(cmd.Context(), f, args[0], "suspend", map[string]string{"reason": reason}, "suspended")
		}}
	c.Flags().StringVar(&reason, "reason", "", "why, for whoever wonders")
	return c
}

func resumeCommand(f *flags) *cobra.Command {
	return &cobra.Command{Use: "resume APPLICATION", Short: "End a suspension", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return change(cmd.Context(), f, args[0], "resume", nil, "resumed")
		}}
}

func change(ctx context.Context, f *flags, name, verb string, body any, done string) error {
	api, err := connect(ctx, f)
	if err != nil {
		return err
	}
	var a gitops.Application
	if err := api.post(ctx, "/v1/applications/"+name+"/"+verb, body, &a); err != nil {
		return err
	}
	return f.print(a, func() string { return name + "  " + done + "\n" })
}
