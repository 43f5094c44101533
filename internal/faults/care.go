package faults

import (
	"context"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// short is how long messages may be hidden for the check of a lane that is looked after to pass,
// as a regular expression.
const short = "[0-8]"

// lookedAfter are the steps of an application whose drift is healed, and which is taken back where
// its check fails.
var lookedAfter = []step{
	{name: "prepare to be looked after", play: watchAndDeploy, prepares: true},
	{name: "heal", play: healed, sweeps: true},
	{name: "failed check, taken back", play: takenBack},
	{name: "failed rollback, continued", play: continued},
	{name: "stuck, recovered by hand", play: recovered},
	{name: "go back by hand", play: goneBack},
}

// healed changes the queue by hand, and lets drift be due: what is found is brought back, and
// looked at again.
func healed(ctx context.Context, n *Lane) error {
	if err := n.setQueue(ctx, 77); err != nil {
		return err
	}
	if err := n.lookBySchedule(ctx); err != nil {
		return err
	}
	return n.results(ctx, gitops.KindHeal, gitops.PhaseSucceeded)
}

// takenBack pushes what fails its check.
func takenBack(ctx context.Context, n *Lane) error {
	if err := n.pushOnly(ctx, "too long", 9); err != nil {
		return err
	}
	return n.results(ctx, gitops.KindRollback, gitops.PhaseSucceeded)
}

// continued pushes what CloudFormation fails at, and fails to roll back, once each.
func continued(ctx context.Context, n *Lane) error {
	n.fails(1)
	if err := n.pushOnly(ctx, "fails", 6); err != nil {
		return err
	}
	return n.ends(ctx, gitops.PhaseFailed)
}

// recovered is the same with a rollback that fails when it is continued, too, until a person says
// what it may leave out.
func recovered(ctx context.Context, n *Lane) error {
	n.fails(2)
	if err := n.pushOnly(ctx, "gets stuck", 7); err != nil {
		return err
	}
	if err := n.ends(ctx, gitops.PhaseBlocked); err != nil {
		return err
	}
	if err := n.ask(ctx, "recover", "--skip", "Queue"); err != nil {
		return err
	}
	return n.results(ctx, gitops.KindRecover, gitops.PhaseSucceeded)
}

// goneBack deploys something else, and has a person ask for what was there before.
func goneBack(ctx context.Context, n *Lane) error {
	if err := n.pushOnly(ctx, "regretted", 8); err != nil {
		return err
	}
	if err := n.ends(ctx, gitops.PhaseSucceeded); err != nil {
		return err
	}
	if err := n.ask(ctx, "rollback"); err != nil {
		return err
	}
	return n.results(ctx, gitops.KindRollback, gitops.PhaseSucceeded)
}

// pushOnly pushes a queue that is set to something which does not last.
func (n *Lane) pushOnly(ctx context.Context, message string, visible int) error {
	last := n.visible
	defer func() { n.visible = last }()
	n.visible = visible
	return n.push(ctx, message, n.files())
}

// fails scripts an update that fails, and how often its rollback does.
func (n *Lane) fails(rollbacks int) {
	for action, times := range map[string]int{"UPDATE": 1, "ROLLBACK": rollbacks} {
		n.lab.Sandbox.Script(cloudformation.Failure{Stack: n.name, Resource: "Queue", Action: action, Reason: "the queue does not want to", Times: times})
	}
}

// results waits until the latest deployment is of a kind and has ended, and all is told.
func (n *Lane) results(ctx context.Context, kind gitops.Kind, want gitops.Phase) error {
	return n.over(ctx, "a "+string(kind), want, func(d gitops.Deployment) bool { return d.Kind == kind })
}
