package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// terraformed are the steps of an application whose engine is builds, in the order in which they
// have to be played often: a lane ends when the later ones are done.
var terraformed = []step{
	{name: "terraform: watch and deploy", play: watchAndDeploy},
	{name: "terraform: newer push", play: overtake, same: true},
	{name: "terraform: push, review, approve", play: pushAndApprove},
	{name: "terraform: look for drift", play: driftBySchedule, sweeps: true},
	{name: "terraform: remove while a plan waits", play: removeWaiting, sweeps: true, same: true},
}

// ofBuilds are the functions that work otherwise for an application in builds than for one of
// CloudFormation, which has the calls of all others.
var ofBuilds = []string{"reconciler", "trigger", building + "plan", building + "apply"}

// missing says what this machine lacks to play a scenario, nothing where it lacks nothing.
func (s scenario) missing() string {
	if program := demo.Lacking(s.programs); program != "" {
		return "there is no " + program + " on the PATH"
	}
	return ""
}

// terraformFiles are the repository's of a lane of Terraform: a configuration that needs no
// provider, so that none is started.
func (n *Lane) terraformFiles() map[string]string {
	return map[string]string{
		"driftless.yaml": n.configuration("tf", fmt.Sprintf("terraform: { version: %s }\n    sync: { approval: %s }", n.lab.terraform, n.approval)),
		"tf/main.tf":     fmt.Sprintf("resource \"terraform_data\" \"note\" {\n  input = %q\n}\n\noutput \"note\" {\n  value = terraform_data.note.output\n}\n", n.note),
	}
}

// overtake pushes what a person has to approve, and before anybody does something else, which
// nobody has to.
func overtake(ctx context.Context, n *Lane) error {
	n.change()
	if err := n.push(ctx, "waits in vain", n.files()); err != nil {
		return err
	}
	if err := n.waits(ctx); err != nil {
		return err
	}
	n.change()
	n.approval = gitops.ApprovalNever
	if err := n.push(ctx, "newer", n.files()); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseSucceeded)
}

// removeWaiting takes the application out of the file while a plan of it waits. Nobody wakes it
// for that but the schedule.
func removeWaiting(ctx context.Context, n *Lane) error {
	n.change()
	if err := n.push(ctx, "waits in vain again", n.files()); err != nil {
		return err
	}
	if err := n.waits(ctx); err != nil {
		return err
	}
	if err := n.takeOut(ctx); err != nil {
		return err
	}
	if err := n.until(ctx, "the application is marked as removed", func() (bool, error) {
		a, err := n.lab.store.Application(ctx, n.name)
		return a.Removed, err
	}); err != nil {
		return err
	}
	if _, err := n.lab.Sandbox.Fire(ctx, everyMinute); err != nil {
		return err
	}
	return n.removed(ctx)
}

// state is what Terraform's state says, and what the bucket holds of every job that builds of
// the lane had.
func (n *Lane) state(ctx context.Context, e *End) error {
	at := build.State{Key: "applications/" + n.name + ".tfstate"}
	data, err := n.lab.states.Get(ctx, at.Key)
	if err != nil {
		return fmt.Errorf("read state of %s: %w", n.name, err)
	}
	var state struct {
		Serial    int             `json:"serial"`
		Outputs   json.RawMessage `json:"outputs"`
		Resources []struct {
			Type, Name string
			Instances  []struct {
				Attributes struct{ Input json.RawMessage }
			}
		} `json:"resources"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		return fmt.Errorf("decode state of %s: %w", n.name, err)
	}
	locked, err := n.lab.states.Has(ctx, at.LockKey(""))
	if err != nil {
		return fmt.Errorf("look for the lock of %s: %w", n.name, err)
	}
	e.Live = fmt.Sprintf("serial %d, outputs %s, resources %s, locked %t", state.Serial, state.Outputs, state.Resources, locked)
	a, err := n.lab.store.Application(ctx, n.name)
	if err != nil {
		return err
	}
	e.Live += fmt.Sprintf(", the record has %v", a.Deployed.Outputs)
	all, err := n.lab.store.ListDeployments(ctx, n.name, 100)
	for i, d := range all {
		for _, j := range build.Jobs(d) {
			became, lookErr := n.became(ctx, j)
			err = errors.Join(err, lookErr)
			if became != "" {
				e.Builds = append(e.Builds, fmt.Sprintf("%d %s: %s of %s: %s", len(all)-i, d.Phase, j.Kind, j.Side, became))
			}
		}
	}
	return err
}

// became says what became of a job, nothing where none was ordered.
func (n *Lane) became(ctx context.Context, j build.Job) (string, error) {
	ordered, err := n.lab.blobs.Has(ctx, j.OrderKey())
	if err != nil {
		return "", fmt.Errorf("look for order %s: %w", j.OrderKey(), err)
	}
	var claim build.Claim
	var report build.Report
	for key, into := range map[string]any{j.ClaimKey(): &claim, j.ReportKey(): &report} {
		data, err := n.lab.blobs.Get(ctx, key)
		if errors.Is(err, reconcile.ErrNotFound) {
			continue
		}
		if err == nil {
			err = json.Unmarshal(data, into)
		}
		if err != nil {
			return "", fmt.Errorf("read %s: %w", key, err)
		}
	}
	switch {
	case claim.Void != "":
		return claim.Void, nil
	case report.Outcome != "":
		return string(report.Outcome), nil
	case claim.Build != "":
		return silent, nil
	case ordered:
		return "not begun", nil
	}
	return "", nil
}

// silent is a job that a build began and never reported.
const silent = "no report"

// builds are those of the lane that wait, or are at their work.
func (n *Lane) builds() (ids []string) {
	for _, b := range n.lab.Sandbox.Builds().Unfinished() {
		if b.Variables[build.EnvApplication] == n.name {
			ids = append(ids, b.ID)
		}
	}
	return ids
}

// calm waits until the lane's builds are over, and until what their ends woke is quiet: it would
// be counted as the next step's else.
func (n *Lane) calm(ctx context.Context) error {
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for quiet, before := 0, int64(-1); quiet < calmness; quiet++ {
		select {
		case <-ctx.Done():
			return fmt.Errorf("builds %v are still under way: %w", n.builds(), ctx.Err())
		case <-tick.C:
		}
		if calls := n.watch.calls.Load(); calls != before || len(n.builds()) > 0 {
			quiet, before = 0, calls
		}
	}
	return nil
}

// calmness is for how many pulses nothing is called before a lane of builds is calm.
const calmness = 6

// object says what kind of object a path of S3 names, such as "claim.json", nothing where it is
// none of those that builds have.
func object(p string) string {
	parts := strings.Split(strings.Trim(p, "/"), "/")
	if len(parts) < 3 { // a bucket, and a key of one part
		return ""
	}
	switch name := path.Base(p); {
	case parts[1] == "builds" && slices.Contains(parts, "owner"):
		return "owner.json"
	case parts[1] == "builds":
		return name
	case parts[1] == "orders":
		return "order.json"
	case parts[1] == "tfplans":
		return "tfplan"
	case parts[1] == "bundles":
		return "bundle"
	case parts[1] == "plans":
		return "plan"
	case strings.HasSuffix(name, ".tfstate"):
		return "state"
	case strings.HasSuffix(name, ".tflock"):
		return "lock"
	}
	return ""
}
