package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func driftCommand(f *flags) *cobra.Command {
	var detect, exit bool
	var baseline string
	var timeout time.Duration
	c := one(f, "drift", "Show where live differs from what was last deployed", func(ctx context.Context, api *client, app string) error {
		if detect {
			if err := detected(ctx, f, api, app, timeout); err != nil {
				return err
			}
		}
		var r gitops.DriftReport
		if err := api.getOf(ctx, app, "/drift", &r); err != nil {
			return err
		}
		if baseline != "" {
			if err := rebase(f, baseline, r); err != nil {
				return err
			}
		}
		if err := f.print(r, func() string { return render.Drift(r, f.Now(), f.Color) }); err != nil {
			return err
		}
		if exit && r.Summary().Differs() {
			return &exitError{code: ExitDifferences}
		}
		return nil
	})
	c.Flags().BoolVar(&detect, "detect", false, "look now, and wait for what is found")
	c.Flags().BoolVar(&exit, "exit-code", false, "exit with 2 if there is drift")
	c.Flags().StringVar(&baseline, "baseline", "", "write what no template declares into this `file`, beside what it has, as known and wanted (drift.baseline)")
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Minute, "with --detect: for how long to wait")
	return c
}

// detected asks for a look at drift and waits until it was taken.
func detected(ctx context.Context, f *flags, api *client, app string, timeout time.Duration) error {
	var asked gitops.Application
	if err := api.postOf(ctx, app, "drift", nil, &asked); err != nil {
		return err
	}
	p := f.progress()
	defer p.end()
	return f.wait(ctx, timeout, "drift of "+app+" is still being detected", func(ctx context.Context) (bool, error) {
		v, err := api.application(ctx, app)
		if err != nil {
			return false, err
		}
		a, doing := v.Application, app
		if v.Deployment != nil { // the look comes after it
			doing = fmt.Sprintf("waits for deployment %s, which is %s", v.Deployment.ID, v.Deployment.Phase)
		}
		p.say("Detecting drift", doing)
		switch {
		case a.Answered < asked.Request.N:
			return false, nil
		case a.Drift.Problem != "" && a.Drift.At.Before(asked.Request.At):
			return false, &exitError{ExitFailed, fmt.Errorf("%s: %s", app, a.Drift.Problem)}
		}
		return true, nil
	})
}

// rebase writes what a report found undeclared into a baseline file, beside what that has.
func rebase(f *flags, file string, r gitops.DriftReport) error {
	data, err := os.ReadFile(file) //nolint:gosec // the person names it
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read baseline: %w", err)
	}
	before, err := drift.ParseBaseline(data)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	text, err := drift.BaselineOf(r, before).File()
	if err != nil {
		return fmt.Errorf("encode baseline: %w", err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil { //nolint:gosec // it goes into git
		return fmt.Errorf("write baseline: %w", err)
	}
	f.hint("%s is written: commit it, and name it under drift.baseline", file)
	return nil
}
