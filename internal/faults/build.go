package faults

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// A call of a build that goes wrong may end its job, and then the rows say what is to happen: it
// is told, nothing is applied twice, and a person has it done again, which ends as undisturbed.

// retries is how often a person has something done again.
const retries = 3

// waits is until the plan of what was pushed last does.
func (n *Lane) waits(ctx context.Context) error {
	for try := 0; ; try++ {
		d, err := n.comesTo(ctx, "the plan waits", func(p gitops.Phase) bool { return p == gitops.PhaseAwaitingApproval || n.mended && p.Done() })
		if err != nil || d.Phase == gitops.PhaseAwaitingApproval || try == retries {
			return err
		}
		if err := n.ask(ctx, "sync"); err != nil {
			return err
		}
	}
}

// mendedTo is until the deployment of what was pushed last has ended as wanted, whatever a person
// has to do for that.
func (n *Lane) mendedTo(ctx context.Context, want gitops.Phase) error {
	for try := 0; ; try++ {
		d, err := n.comesTo(ctx, "the deployment ends "+string(want), func(p gitops.Phase) bool { return p == gitops.PhaseAwaitingApproval || p.Done() })
		switch {
		case err != nil || d.Phase == want || try == 2*retries:
			return err
		case d.Phase == gitops.PhaseAwaitingApproval && d.Approved == nil:
			err = n.approve(ctx)
		case d.Phase.Done():
			err = n.ask(ctx, "sync")
		}
		if err != nil {
			return err
		}
	}
}

// comesTo waits until the deployment of what was pushed last is in a phase, and at rest where it
// is over.
func (n *Lane) comesTo(ctx context.Context, what string, is func(gitops.Phase) bool) (d gitops.Deployment, err error) {
	err = n.until(ctx, what, func() (bool, error) {
		if d, err = n.latest(ctx); err != nil || d.Revision.Commit != n.head() || !is(d.Phase) {
			return false, err
		}
		if d.Phase.Done() {
			return n.rested(ctx)
		}
		return d.Approved == nil, nil
	})
	if err != nil {
		err = fmt.Errorf("%w; it is %s %q %q", err, d.Phase, d.Reason, d.Progress)
	}
	return d, err
}

// dueAgain lets drift be due once more, where the look for it went wrong.
func (n *Lane) dueAgain(ctx context.Context, a gitops.Application) error {
	if !n.mended || a.Detection != nil || a.DriftDue.Before(time.Now()) {
		return nil
	}
	a.DriftDue = time.Now().Add(-time.Minute)
	if err := n.lab.store.PutApplication(ctx, &a); err != nil && !errors.Is(err, reconcile.ErrConflict) {
		return err
	}
	return nil
}

// works reports whether a build of the lane is at its work, which takes a while without a call.
func (n *Lane) works() bool {
	for _, id := range n.builds() {
		if waits := n.watch.awaits.Load(); waits == nil || *waits != id {
			return true
		}
	}
	return false
}

var (
	differs = regexp.MustCompile(`serial \d+, |, the record has map.*$`)
	ended   = regexp.MustCompile(`^\w+ commit \d+ (\w+): ("(?:[^"\\]|\\.)*")`)
)

// mended is the end without what a build that failed leaves on the record. It is an error where
// the record says something that the rows do not: a failure without its reason, a build that died
// over an apply and does not block, a deployment that was applied twice.
func (e End) mended() (End, error) {
	var history []string
	for _, line := range e.History {
		is := ended.FindStringSubmatch(line)
		switch {
		case is == nil:
			return e, fmt.Errorf("read history: %q", line)
		case is[1] != string(gitops.PhaseFailed) && is[1] != string(gitops.PhaseBlocked):
			history = append(history, strings.TrimSuffix(line[:strings.Index(line, ":")], ":"))
		case is[2] == `""`:
			return e, fmt.Errorf("it is not said why: %s", line)
		}
	}
	applied := map[string]bool{}
	for _, line := range e.Builds {
		deployment, job, _ := strings.Cut(line, ": ")
		switch {
		case job == "apply of apply: "+silent && !strings.HasSuffix(deployment, string(gitops.PhaseBlocked)):
			return e, fmt.Errorf("a build died while it applied, and it is not blocked: %s", line)
		case job == "apply of apply: applied" && applied[deployment]:
			return e, fmt.Errorf("applied twice: %s", line)
		}
		applied[deployment] = applied[deployment] || job == "apply of apply: applied"
	}
	e.History, e.Builds = history, nil
	e.Live = differs.ReplaceAllString(e.Live, "")                                  // outputs that cannot be read fail nothing
	e.Application = strings.ReplaceAll(e.Application, `"no changes"`, `"applied"`) // what a dead build did is done
	return e, nil
}
