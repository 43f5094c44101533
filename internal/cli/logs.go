package cli

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func logsCommand(f *flags) *cobra.Command {
	var follow bool
	var deployment string
	c := one(f, "logs", "Show what the builds of the unfinished deployment print, else of the last", func(ctx context.Context, api *client, app string) error {
		return f.logs(ctx, api, app, deployment, follow)
	})
	c.Aliases = []string{"log"}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on until the deployment has ended")
	c.Flags().StringVar(&deployment, "deployment", "", "show those of this deployment instead")
	return c
}

// logs prints a deployment's log, part by part: to its end, or as far as it goes.
func (f *flags) logs(ctx context.Context, api *client, app, deployment string, follow bool) error {
	var part gitops.Log
	for failed, first := 0, true; ; {
		query := url.Values{"deployment": {deployment}, "from": {strconv.Itoa(part.Next)}}
		var next gitops.Log
		err := api.getOf(ctx, app, "/log?"+query.Encode(), &next)
		if err != nil {
			if failed++; !follow || lost(ctx, failed, err) {
				return err
			}
		} else {
			part, failed, deployment = next, 0, next.Deployment // what begins meanwhile is another one's
			if part.Text != "" || first && !follow {
				if err := f.print(part, func() string { return legible(part.Text) }); err != nil {
					return err
				}
			}
			first = false
			if part.Done || part.Text == "" && !follow {
				return nil
			}
			if part.Text != "" {
				continue
			}
		}
		if err := f.Pause(ctx, interval); err != nil {
			return err
		}
	}
}

// legible returns what a build printed as a terminal may be given it.
func legible(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		columns := strings.Split(l, "\t")
		for k, c := range columns {
			columns[k] = gitops.Printable(c)
		}
		lines[i] = strings.Join(columns, "\t")
	}
	return strings.Join(lines, "\n")
}
