package faults

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing/fstest"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// step is a part of a scenario that ends at rest.
type step struct {
	name string
	play func(ctx context.Context, n *Lane) error
	// prepares: it only brings a lane to where the next steps begin, and no fault is put there,
	// since another scenario has its calls.
	prepares bool
	sweeps   bool // the schedules fire in it by themselves
	same     bool // its builds do what those of the other steps do: their calls are no sites
}

// scenario is what happens to a lane, one step after the other.
type scenario struct {
	host     host
	steps    []step
	engine   gitops.Engine
	cared    bool     // drift is healed, and what fails its check is taken back
	programs []string // that have to be on the PATH; without one the scenario is left out
	// functions whose calls are sites, where they are made for the application or its builds;
	// empty: all, for the repository too.
	functions []string
}

// String names the scenario.
func (s scenario) String() string {
	if s.cared {
		return string(s.engine) + ", looked after"
	}
	return string(s.engine) + ", " + string(s.host)
}

// scenarios are a full rollout: between them every function does all that it can.
var scenarios = []scenario{
	{host: onCodeCommit, engine: gitops.EngineCloudFormation, steps: []step{
		{name: "watch and deploy", play: watchAndDeploy},
		{name: "push, review, approve", play: pushAndApprove},
		{name: "drift by schedule", play: driftBySchedule, sweeps: true},
		{name: "sync", play: bringBack},
		{name: "roll back", play: rollBack},
		{name: "remove", play: remove},
	}},
	{host: onGitHub, engine: gitops.EngineCloudFormation, steps: []step{
		{name: "prepare a forge", play: watchAndDeploy, prepares: true},
		{name: "webhook", play: webhook},
		{name: "broken template", play: broken},
		{name: "push unheard", play: unheard, sweeps: true},
	}},
	{host: onCodeCommit, engine: gitops.EngineCloudFormation, steps: lookedAfter, functions: []string{"reconciler"}, cared: true},
	{host: onCodeCommit, engine: gitops.EngineTerraform, steps: terraformed, functions: ofBuilds,
		programs: []string{"terraform", "aws"}}, // a build fetches its program with the latter
}

// watchAndDeploy adds the repository, whose application is then deployed for the first time.
func watchAndDeploy(ctx context.Context, n *Lane) error {
	if err := n.add(ctx); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseSucceeded)
}

// pushAndApprove pushes what a person has to approve.
func pushAndApprove(ctx context.Context, n *Lane) error {
	n.change()
	if err := n.push(ctx, "another one", n.files()); err != nil {
		return err
	}
	if err := n.waits(ctx); err != nil {
		return err
	}
	if err := n.approve(ctx); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseSucceeded)
}

// rollBack pushes what CloudFormation fails at, once.
func rollBack(ctx context.Context, n *Lane) error {
	n.lab.Sandbox.Script(cloudformation.Failure{Stack: n.name, Resource: "Queue", Action: "UPDATE", Reason: "the queue does not want to", Times: 1})
	n.visible++
	if err := n.push(ctx, "fails", n.files()); err != nil {
		return err
	}
	n.visible-- // live stays at what it was
	return n.ends(ctx, gitops.PhaseFailed)
}

// driftBySchedule changes the queue by hand, where there is one, and lets drift be due.
func driftBySchedule(ctx context.Context, n *Lane) error {
	if n.engine == gitops.EngineCloudFormation {
		if err := n.setQueue(ctx, 77); err != nil {
			return err
		}
	}
	return n.lookBySchedule(ctx)
}

// lookBySchedule lets drift be due, and waits until it was looked for and nothing of that is left.
func (n *Lane) lookBySchedule(ctx context.Context) error {
	before, err := n.lab.store.Application(ctx, n.name)
	if err != nil {
		return err
	}
	if err := n.due(ctx); err != nil {
		return err
	}
	if _, err := n.lab.Sandbox.Fire(ctx, everyMinute); err != nil {
		return err
	}
	return n.until(ctx, "the drift is found", func() (bool, error) {
		a, err := n.lab.store.Application(ctx, n.name)
		if err != nil || !a.Drift.At.After(before.Drift.At) || a.Detection != nil {
			return false, errors.Join(err, n.dueAgain(ctx, a))
		}
		return n.rested(ctx)
	})
}

// bringBack asks for live to be brought back.
func bringBack(ctx context.Context, n *Lane) error {
	before, err := n.lab.store.Application(ctx, n.name)
	if err != nil {
		return err
	}
	if err := n.ask(ctx, "sync"); err != nil {
		return err
	}
	return n.until(ctx, "live is back", func() (bool, error) {
		a, err := n.lab.store.Application(ctx, n.name)
		if err != nil || a.Ended.Deployment == before.Ended.Deployment {
			return false, err
		}
		return n.rested(ctx)
	})
}

// remove takes the application out of the file.
func remove(ctx context.Context, n *Lane) error {
	if err := n.takeOut(ctx); err != nil {
		return err
	}
	return n.removed(ctx)
}

// takeOut pushes a file without the application, in which another one stands from then on: a file
// without any is refused. Nothing is ever deployed of that one.
func (n *Lane) takeOut(ctx context.Context) error {
	files := n.stackFiles()
	files["driftless.yaml"] = strings.ReplaceAll(files["driftless.yaml"], n.name, n.next())
	files["stacks/one/template.yaml"] = brokenTemplate
	return n.push(ctx, "without it", files)
}

// removed waits until the application is, and the other one has failed.
func (n *Lane) removed(ctx context.Context) error {
	return n.until(ctx, "the application is removed", func() (bool, error) {
		a, err := n.lab.store.Application(ctx, n.name)
		if err != nil || !a.Removed {
			return false, err
		}
		next, err := n.lab.store.Application(ctx, n.next())
		if err != nil || next.Unfinished() || next.Ended.Phase != gitops.PhaseFailed {
			return false, ignoreMissing(err)
		}
		return n.rested(ctx)
	})
}

// webhook pushes to the forge, which tells of it.
func webhook(ctx context.Context, n *Lane) error {
	n.visible++
	if err := n.push(ctx, "slower", n.files()); err != nil {
		return err
	}
	if err := n.deliver(ctx); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseSucceeded)
}

// brokenTemplate refers to what is not there.
const brokenTemplate = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: { QueueName: !Ref Nobody }\n"

// broken pushes a template that is refused before any call.
func broken(ctx context.Context, n *Lane) error {
	files := n.files()
	files["stacks/one/template.yaml"] = brokenTemplate
	if err := n.push(ctx, "oops", files); err != nil {
		return err
	}
	if err := n.deliver(ctx); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseFailed)
}

// unheard pushes, and nobody tells of it but the schedule.
func unheard(ctx context.Context, n *Lane) error {
	n.visible++
	if err := n.push(ctx, "unheard", n.files()); err != nil {
		return err
	}
	if _, err := n.lab.Sandbox.Fire(ctx, everyFiveMinutes); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseSucceeded)
}

// latest is the application's latest deployment, the zero one before there is any.
func (n *Lane) latest(ctx context.Context) (gitops.Deployment, error) {
	all, err := n.lab.store.ListDeployments(ctx, n.name, 1)
	if err != nil || len(all) == 0 {
		return gitops.Deployment{}, err
	}
	return all[0], nil
}

// ends waits until the deployment of what was pushed last has ended, and all is told.
func (n *Lane) ends(ctx context.Context, want gitops.Phase) error {
	if n.mended {
		return n.mendedTo(ctx, want)
	}
	return n.over(ctx, "the deployment", want, func(d gitops.Deployment) bool { return d.Revision.Commit == n.head() })
}

// over waits until the latest deployment is the one that is meant and has ended, and all is told. One
// that ended otherwise than it should is an error.
func (n *Lane) over(ctx context.Context, what string, want gitops.Phase, is func(gitops.Deployment) bool) error {
	err := n.until(ctx, what+" ends "+string(want), func() (bool, error) {
		if ok, err := n.rested(ctx); err != nil || !ok {
			return false, err
		}
		last, err := n.latest(ctx)
		ended := err == nil && is(last) && last.Phase.Done()
		if ended && last.Phase != want {
			err = fmt.Errorf("%s ends %s, not %s", what, last.Phase, want)
		}
		return ended, err
	})
	if err != nil {
		last, unknown := n.latest(ctx)
		r, gone := n.lab.store.Repository(ctx, n.id)
		return errors.Join(fmt.Errorf("%w; the latest is a %s, %s %q %q, the repository's trouble %q, and the forge shows %v",
			err, last.Kind, last.Phase, last.Reason, last.Progress, r.Trouble, n.shown(n.head())), unknown, gone)
	}
	return nil
}

// rested reports whether nothing of the lane is under way any more.
func (n *Lane) rested(ctx context.Context) (bool, error) {
	a, err := n.lab.store.Application(ctx, n.name)
	if err != nil || a.Unfinished() {
		return false, ignoreMissing(err)
	}
	r, err := n.lab.store.Repository(ctx, n.id)
	if err != nil || r.Unfinished() || r.Head.Commit != n.head() || r.Trouble != "" {
		return false, ignoreMissing(err)
	}
	return n.told(), nil
}

// told reports whether the forge shows how the head ended: of its repository and its application.
func (n *Lane) told() bool {
	if n.host != onGitHub {
		return true
	}
	shown := n.shown(n.head())
	for _, context := range []string{"driftless", "driftless/" + n.name} {
		if s, ok := shown[context]; !ok || s.State == "pending" {
			return false
		}
	}
	return true
}

// ignoreMissing is nil for a record that is not there yet.
func ignoreMissing(err error) error {
	if errors.Is(err, reconcile.ErrNotFound) {
		return nil
	}
	return err
}

func mapFS(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for name, content := range files {
		out[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return out
}
