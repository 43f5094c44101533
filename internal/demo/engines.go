package demo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// more is what stands in the repository beside the four stacks once all engines are shown. The
// CDK app is a module of its own, which cannot be embedded: it is read from the project.
const more = "internal/demo/engines"

// shown is an application of another engine, and how the demo changes it.
type shown struct {
	name, title string
	programs    []string // that a build of it takes from the machine
	also        []string // the applications that its stacks are
	moves       []string // what a change rolls out
	file        string
	from, to    string
}

// engines are what is shown beside the four stacks.
func engines() []shown {
	return []shown{
		{"hello", "a SAM template", nil, nil, []string{"hello"}, "sam/hello/template.yaml", "Timeout: 5", "Timeout: 9"},
		{"ledger", "Terraform", []string{"terraform", "aws"}, nil, []string{"ledger"}, "terraform/ledger/main.tf", "default = 3600", "default = 86400"},
		{"shop", "a CDK app", []string{"aws", "npm", "go"}, []string{"shop-data", "shop-orders"}, []string{"shop", "shop-orders"}, "cdk/shop/main.go", "jsii.Number(1)", "jsii.Number(24)"},
	}
}

// sideBySide pushes what the other engines roll out, beside the four stacks that are there. What
// this machine has no programs for is left out, and said.
func (d *demo) sideBySide(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	if err := d.Write(ctx, os.DirFS(filepath.Join(d.Root, filepath.FromSlash(more)))); err != nil {
		return err
	}
	var names, titles []string
	for _, e := range engines() {
		if lacks := Lacking(e.programs); lacks != "" {
			d.screen.say("  %s is left out: there is no %s on the PATH, which its build takes from this machine", e.title, lacks)
			if err := d.leaveOut(e.name); err != nil {
				return err
			}
			continue
		}
		d.shown = append(d.shown, e)
		names, titles = append(append(names, e.name), e.also...), append(titles, e.title)
	}
	if slices.Contains(names, "ledger") {
		version, err := TerraformVersion(ctx)
		if err == nil {
			err = d.Replace("driftless.yaml", "version: 1.11.4", "version: "+version)
		}
		if err != nil {
			return err
		}
	}
	if err := d.push(ctx, strings.Join(titles, ", ")); err != nil {
		return err
	}
	d.screen.say("  what is built takes a while")
	after, err := d.until(ctx, all(len(before)+len(names), gitops.PhaseSucceeded))
	if err != nil {
		return err
	}
	if err := onlyMoved(before, after, names...); err != nil {
		return err
	}
	if slices.Contains(names, "ledger") {
		if err := d.show(ctx, "diff", "ledger", "--deployment", ended(after, "ledger")); err != nil {
			return err
		}
	}
	return d.show(ctx, "status")
}

// twoEngines pushes a change of two applications of two engines, and nothing else moves.
func (d *demo) twoEngines(ctx context.Context) error {
	before, err := d.views(ctx)
	if err != nil {
		return err
	}
	stack := shown{"jobs", "a stack", nil, nil, []string{"jobs"}, "stacks/jobs/prod.json", `"120"`, `"180"`}
	var moves, titles []string
	for _, e := range append(slices.Clone(d.shown), stack)[:min(2, len(d.shown)+1)] {
		if err := d.Replace(e.file, e.from, e.to); err != nil {
			return err
		}
		moves, titles = append(moves, e.moves...), append(titles, e.name)
	}
	if err := d.push(ctx, "change "+strings.Join(titles, " and ")); err != nil {
		return err
	}
	after, err := d.until(ctx, func(views []gitops.View) bool {
		return !slices.ContainsFunc(moves, func(name string) bool { return !d.arrived(name, gitops.PhaseSucceeded, before)(views) })
	})
	if err != nil {
		return err
	}
	return onlyMoved(before, after, moves...)
}

// leaveOut takes an application out of driftless.yaml.
func (d *demo) leaveOut(name string) error {
	file := filepath.Join(d.Dir, "driftless.yaml")
	data, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("read driftless.yaml: %w", err)
	}
	block := regexp.MustCompile(`(?m)^  - name: ` + name + `\n(    .*\n)*`)
	if !block.Match(data) {
		return fmt.Errorf("driftless.yaml has no application %s", name)
	}
	return d.Set("driftless.yaml", string(block.ReplaceAll(data, nil)))
}
