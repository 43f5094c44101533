package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/driftless-gitops/driftless/internal/diagnose"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func diagnoseCommand(f *flags) *cobra.Command {
	c := one(f, "diagnose", "Explain what is wrong with an application, and what can be done", func(ctx context.Context, api *client, app string) error {
		d, err := diagnosed(ctx, api, app)
		if err != nil {
			return err
		}
		return f.print(d, func() string { return explained(d, f.Color) })
	})
	c.Aliases = []string{"doctor"}
	c.Long = "Tells the first cause of what failed, why such a thing happens where that is well known, and what can\n" +
		"be done, the safest first, as commands that can be typed as they stand. It asks the API and changes nothing."
	return c
}

// diagnosed reads what there is to know of an application, and diagnoses it.
func diagnosed(ctx context.Context, api *client, app string) (diagnose.Diagnosis, error) {
	v, err := api.application(ctx, app)
	if err != nil {
		return diagnose.Diagnosis{}, err
	}
	var all []gitops.Deployment
	if err := api.getOf(ctx, app, "/deployments?limit=5", &all); err != nil && !missing(err) {
		return diagnose.Diagnosis{}, err
	}
	var last *gitops.Deployment
	for i := range all {
		if all[i].ID == v.Application.Ended.Deployment {
			last = &all[i]
		}
	}
	var report *gitops.DriftReport
	if !v.Application.Drift.At.IsZero() {
		report = new(gitops.DriftReport)
		if err := api.getOf(ctx, app, "/drift", report); err != nil && !missing(err) {
			return diagnose.Diagnosis{}, err
		} else if err != nil {
			report = nil
		}
	}
	return diagnose.Application(v, last, report), nil
}

// missing reports whether the API says for certain that there is no such thing: an application
// that was refused before it had a record has no deployments and no report.
func missing(err error) bool {
	var r *refusal
	return errors.As(err, &r) && r.final() && !r.denied
}

// explained writes a diagnosis for people.
func explained(d diagnose.Diagnosis, colour bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s\n", render.Paint(colour, render.Bold, gitops.Printable(d.Application)), d.Health, d.Sync)
	if len(d.Findings) == 0 {
		b.WriteString("nothing is known to be wrong\n")
	}
	for _, found := range d.Findings {
		b.WriteString("\n" + render.Paint(colour, render.Bad, "✗") + " " + indented(found.What, "  ") + "\n")
		if found.Why != "" {
			b.WriteString("  why  " + indented(found.Why, "       ") + "\n")
		}
		if found.Source != "" {
			b.WriteString("       " + render.Paint(colour, render.Dim, found.Source) + "\n")
		}
		for i, s := range found.Steps {
			fmt.Fprintf(&b, "  %2d.  %s\n", i+1, indented(s.Do, "       "))
			if s.Command != "" {
				b.WriteString("       $ " + gitops.Printable(s.Command) + "\n")
			}
		}
	}
	return b.String()
}

// indented makes a text printable and puts its lines but the first below the indentation.
func indented(text, by string) string {
	return strings.ReplaceAll(render.Lines(text), "\n", "\n"+by)
}
