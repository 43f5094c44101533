package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/render"
)

func statusCommand(f *flags) *cobra.Command {
	var watch bool
	c := &cobra.Command{Use: "status [APPLICATION]", Aliases: []string{"get"}, Short: "Show the applications, or everything about one",
		Args: cobra.MaximumNArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			show := func(ctx context.Context) (any, string, error) { return status(ctx, f, api, args) }
			if watch {
				return f.watch(cmd.Context(), show)
			}
			result, text, err := show(cmd.Context())
			if err != nil {
				return err
			}
			return f.print(result, func() string { return text })
		}}
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return c
}

func status(ctx context.Context, f *flags, api *client, args []string) (any, string, error) {
	if len(args) == 1 {
		v, err := api.application(ctx, args[0])
		return v, render.Application(v, f.Now(), f.Color), err
	}
	views := []gitops.View{}
	if err := api.get(ctx, "/v1/applications", &views); err != nil {
		return nil, "", err
	}
	return views, render.Status(views, f.Now(), f.Color), nil
}

func historyCommand(f *flags) *cobra.Command {
	var limit int
	var watch bool
	c := &cobra.Command{Use: "history APPLICATION", Short: "Show an application's deployments, newest first",
		Args: cobra.ExactArgs(1), RunE: func(cmd *cobra.Command, args []string) error {
			if limit < 1 || limit > 100 {
				return usage(fmt.Errorf("--limit %d: must be from 1 to 100", limit))
			}
			api, err := connect(cmd.Context(), f)
			if err != nil {
				return err
			}
			show := func(ctx context.Context) (any, string, error) {
				all := []gitops.Deployment{}
				err := api.get(ctx, fmt.Sprintf("/v1/applications/%s/deployments?limit=%d", args[0], limit), &all)
				return all, render.History(all, f.Now(), f.Color), err
			}
			if watch {
				return f.watch(cmd.Context(), show)
			}
			result, text, err := show(cmd.Context())
			if err != nil {
				return err
			}
			return f.print(result, func() string { return text })
		}}
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	c.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until Ctrl-C")
	return c
}

// interval is how often something is asked for while a person watches.
const interval = 500 * time.Millisecond

// watch shows something until the context ends: on a terminal in place, elsewhere again
// whenever it changed.
func (f *flags) watch(ctx context.Context, show func(context.Context) (any, string, error)) error {
	shown := ""
	for {
		result, text, err := show(ctx)
		if err != nil {
			return err
		}
		switch {
		case f.Tty && f.output == "table":
			lines := strings.Count(shown, "\n")
			if lines > 0 {
				fmt.Fprintf(f.Stdout, "\x1b[%dA\x1b[J", lines)
			}
			fmt.Fprint(f.Stdout, text)
		case text != shown:
			if err := f.print(result, func() string { return text }); err != nil {
				return err
			}
		}
		shown = text
		if err := reconcile.Pause(ctx, interval); err != nil {
			return err
		}
	}
}
