package cli

import (
	"context"
	"net/url"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func diffCommand(f *flags) *cobra.Command {
	var exit bool
	var deployment string
	c := one(f, "diff", "Show the plan of the unfinished deployment, else the latest drift", func(ctx context.Context, api *client, app string) error {
		var d gitops.Diff
		if err := api.getOf(ctx, app, "/diff?"+url.Values{"deployment": {deployment}}.Encode(), &d); err != nil {
			return err
		}
		if err := f.print(d, func() string { return render.Diff(d, f.Now(), f.Color) }); err != nil {
			return err
		}
		if exit && differs(d) {
			return &exitError{code: ExitDifferences}
		}
		return nil
	})
	c.Aliases = []string{"plan"}
	c.Flags().StringVar(&deployment, "deployment", "", "show the plan of this deployment instead, whether it ended or not")
	c.Flags().BoolVar(&exit, "exit-code", false, "exit with 2 if there are differences")
	return c
}

// differs reports whether what is shown holds a difference, or says that there is one.
func differs(d gitops.Diff) bool {
	if d.Plan != nil {
		return len(d.Plan.Changes) > 0
	}
	return d.Report != nil && d.Report.Summary().Differs() || d.Sync != gitops.StatusSynced && d.Sync != ""
}
