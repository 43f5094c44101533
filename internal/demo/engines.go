package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// more is what stands in the repository beside the four stacks once all engines are shown. The
// CDK app is a module of its own, which cannot be embedded: it is read from the project.
const more = "internal/demo/engines"

// engines pushes what the other engines roll out, beside the four stacks that are there.
func (d *demo) engines(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := d.Write(ctx, os.DirFS(filepath.Join(d.Root, filepath.FromSlash(more)))); err != nil {
		return err
	}
	names := []string{"hello", "shop", "shop-data", "shop-orders"}
	version, err := terraformHere(ctx)
	if err != nil {
		return err
	}
	if d.terraform = version != ""; d.terraform {
		names = append(names, "ledger")
		err = d.Replace("driftless.yaml", "terraform: { version: 1.11.4 }", "terraform: { version: "+version+" }")
	} else {
		d.screen.say("  terraform is not on the PATH: its application is left out")
		err = d.Replace("driftless.yaml", ledger, "")
	}
	if err != nil {
		return err
	}
	message := "a SAM template, a CDK app, and Terraform"
	if !d.terraform {
		message = "a SAM template and a CDK app"
	}
	if err := d.push(ctx, message); err != nil {
		return err
	}
	d.screen.say("  two of them are rolled out by builds, which takes them a while")
	after, err := d.until(ctx, all(len(before)+len(names), gitops.PhaseSucceeded))
	if err != nil {
		return err
	}
	if err := onlyMoved(before, after, names...); err != nil {
		return err
	}
	if d.terraform {
		if err := d.show(ctx, "diff", "ledger", "--deployment", ended(after, "ledger")); err != nil {
			return err
		}
	}
	return d.show(ctx, "status")
}

// ledger is the application of Terraform in driftless.yaml.
const ledger = `  - name: ledger
    path: terraform/ledger
    terraform: { version: 1.11.4 }
    drift: { every: off }
`

// twoEngines pushes a change of two applications of two engines, and nothing else moves.
func (d *demo) twoEngines(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	names, message := []string{"hello", "shop", "shop-orders"}, "greet for longer, and keep orders for a day"
	err = d.Replace("sam/hello/template.yaml", "Timeout: 5", "Timeout: 9")
	if d.terraform && err == nil {
		names, message = []string{"hello", "ledger"}, "greet for longer, and keep entries for a day"
		err = d.Replace("terraform/ledger/main.tf", "default = 3600", "default = 86400")
	} else if err == nil {
		err = d.Replace("cdk/shop/main.go", `RetentionPeriod: awscdk.Duration_Hours(jsii.Number(1))`, `RetentionPeriod: awscdk.Duration_Hours(jsii.Number(24))`)
	}
	if err != nil {
		return err
	}
	if err := d.push(ctx, message); err != nil {
		return err
	}
	after, err := d.until(ctx, func(views []gitops.View) bool {
		for _, name := range names {
			if !d.arrived(name, gitops.PhaseSucceeded, before)(views) {
				return false
			}
		}
		return true
	})
	if err != nil {
		return err
	}
	return onlyMoved(before, after, names...)
}

// terraformHere returns the version of the terraform on the PATH, "" where there is none: a
// build would download it, which a demo does not ask of a machine.
func terraformHere(ctx context.Context) (string, error) {
	program, err := exec.LookPath("terraform")
	if err != nil {
		return "", nil
	}
	out, err := exec.CommandContext(ctx, program, "version", "-json").Output()
	if err != nil {
		return "", fmt.Errorf("ask terraform for its version: %w", err)
	}
	var said struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &said); err != nil || strings.TrimSpace(said.Version) == "" {
		return "", fmt.Errorf("ask terraform for its version: it printed %q", out)
	}
	return said.Version, nil
}
