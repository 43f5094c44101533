package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func statusCommand(f *flags) *cobra.Command {
	var watch, all bool
	c := &cobra.Command{Use: "status [APPLICATION]", Aliases: []string{"get"}, Short: "Show the applications, or everything about one",
		Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			for _, a := range args {
				if err := applicationName(a); err != nil {
					return err
				}
			}
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			return f.show(cmd.Context(), watch, func(ctx context.Context) (any, func() string, error) {
				if len(args) == 1 {
					v, err := api.application(ctx, args[0])
					return v, func() string { return render.Application(v, f.Now(), f.Color) }, err
				}
				views, hidden, err := applications(ctx, api, all)
				if hidden > 0 && !watch { // nothing is written between what a watch shows
					f.hint("%s no longer in driftless.yaml: --all shows what is left", are(hidden))
				}
				return views, func() string {
					if hidden > 0 && len(views) == 0 {
						return "no applications that are still in a driftless.yaml\n"
					}
					return render.Status(views, f.Now(), f.Color)
				}, err
			})
		}}
	c.Flags().BoolVarP(&all, "all", "a", false, "those too that are no longer in driftless.yaml")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return c
}

// applications reads them all, and counts those that are hidden because nobody wants them
// any more.
func applications(ctx context.Context, api *client, all bool) (views []gitops.View, hidden int, err error) {
	views = []gitops.View{}
	if err := api.get(ctx, "/v1/applications", &views); err != nil || all {
		return views, 0, err
	}
	found := len(views)
	views = slices.DeleteFunc(views, func(v gitops.View) bool { return v.Application.Removed })
	return views, found - len(views), nil
}

func are(n int) string {
	if n == 1 {
		return "1 application is"
	}
	return fmt.Sprintf("%d applications are", n)
}

// mostDeployments is what the API answers at most.
const mostDeployments = 100

func historyCommand(f *flags) *cobra.Command {
	var limit int
	var watch bool
	c := one(f, "history", "Show an application's deployments, newest first", func(ctx context.Context, api *client, app string) error {
		return f.show(ctx, watch, func(ctx context.Context) (any, func() string, error) {
			all := []gitops.Deployment{}
			err := api.getOf(ctx, app, fmt.Sprintf("/deployments?limit=%d", limit), &all)
			return all, func() string { return render.History(all, f.Now(), f.Color) }, err
		})
	})
	c.PreRunE = func(*cobra.Command, []string) error {
		if limit < 1 || limit > mostDeployments {
			return usage(fmt.Errorf("--limit %d: must be from 1 to %d", limit, mostDeployments))
		}
		return nil
	}
	c.Flags().IntVar(&limit, "limit", 20, "how many; 1 tells everything about the newest")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return c
}
