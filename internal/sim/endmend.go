package sim

import (
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// base returns the deployment that decides at what an application ended: the last one but for heals
// and recoveries, which change nothing of that.
func (w *world) base(a gitops.Application) (base gitops.Deployment) {
	for _, id := range w.judge.order {
		d := w.judge.deployments[id]
		if d.Application == a.ID && d.Phase.Done() && d.Kind != gitops.KindHeal && d.Kind != gitops.KindRecover {
			base = d
		}
	}
	return base
}

// mending reports whether people have to look after an application: somebody else changed its
// stack, or it was recovered.
func (w *world) mending(e entryOf) bool {
	_, touched := w.judge.foreign[e.stack]
	return !e.gone && (touched || w.recovered(e.Name))
}

// recovered reports whether a stack was recovered after the last deployment had ended.
func (w *world) recovered(app string) bool {
	for _, id := range slices.Backward(w.judge.order) {
		switch d := w.judge.deployments[id]; {
		case d.Application != app || d.Kind == gitops.KindHeal:
		default:
			return d.Kind == gitops.KindRecover
		}
	}
	return false
}

// budget is how long an application waits at most before it heals again: an hour, and until drift
// is looked for once more.
const budget = 75 * time.Minute

// heals checks that what drifted was brought back by itself, unless a rule speaks against it.
func (w *world) heals(apps []string) {
	waited := false
	for _, app := range apps {
		if w.judge.found == nil && w.knobs.Skew == 0 && w.drifts(app) && !waited {
			w.until(w.at + budget)
			w.settle(w.answered)
			waited = true
		}
		if w.judge.found == nil && w.knobs.Skew == 0 && w.drifts(app) {
			a := w.judge.apps[app]
			w.violate("I3", "%s is to heal, and is left with %s: %d heals remembered, held: %q", app, a.Drift.Message, len(a.Heals), a.HealHeld(w.now()))
		}
	}
}

// drifts reports whether an application is left with a drift that it should have healed: the last
// heal neither failed nor was refused.
func (w *world) drifts(app string) bool {
	a := w.judge.apps[app]
	if !a.Settings.Drift.Heal || a.Drift.Drifted == 0 || a.Drift.Foreign != "" || a.Drift.Gone || a.Drift.Problem != "" ||
		a.Deployed.Digest != a.Wanted.Digest || a.Suspended != nil || a.Removed {
		return false
	}
	refused, was := w.judge.refused[app]
	return !was || refused != w.judge.drift(app)
}

// followed checks that failed checks led to what the settings say: a rollback, unless git or a person
// wanted something else first, or there was nothing to go back to.
func (w *world) followed(e *entryOf) {
	var all []gitops.Deployment
	for _, id := range w.judge.order {
		if d := w.judge.deployments[id]; d.Application == e.Name {
			all = append(all, d)
		}
	}
	for i, d := range all {
		if !w.undoes(d, all[:i]) {
			continue
		}
		if i+1 == len(all) || all[i+1].Seq <= d.Seq && all[i+1].Kind != gitops.KindRollback {
			w.violate("I9", "deployment %s of %s failed its checks (%s), and no rollback followed", d.ID, e.Name, d.Reason)
		}
	}
}

// undoes reports whether a rollback has to follow a deployment, given those before it.
func (w *world) undoes(d gitops.Deployment, before []gitops.Deployment) bool {
	if d.Phase != gitops.PhaseFailed || d.Kind == gitops.KindRollback || d.Settings.Verify.OnFailure != gitops.OnFailureRollback || w.checks.failures(d) == 0 {
		return false
	}
	failed := slices.ContainsFunc(d.Checks, func(r gitops.CheckResult) bool { return r.Done && !r.Passed })
	good := gitops.Deployment{}
	for _, b := range before {
		if b.Phase == gitops.PhaseSucceeded && b.Kind != gitops.KindRecover && len(b.Checks) > 0 {
			good = b
		}
	}
	return failed && !w.unseen(d) && good.ID != "" && good.Digest != d.Digest
}

// endOfRollback checks an application that was rolled back last: live is what that goes to, or it
// says loudly that it is not.
func (w *world) endOfRollback(a gitops.Application, d gitops.Deployment) {
	s, there := w.cloud.Stack(d.Settings.CloudFormation.Stack)
	body, known := w.content(a.ID, d.Revision.Commit)
	template, err := cloud.Read(body)
	switch {
	case d.Phase == gitops.PhaseRejected && w.judge.no[shown(d)]:
	case d.Phase == gitops.PhaseBlocked:
		elsewhere := d.Bundle == "" && w.judge.deployments[d.Undoes.To].Settings.CloudFormation.Stack != d.Settings.CloudFormation.Stack
		stuck := there && dead(s.Status)
		if !elsewhere && !w.unseen(d) && w.checks.failures(d) == 0 && !stuck {
			w.violate("I9", "rollback %s of %s is Blocked (%s) on a sound stack", d.ID, a.ID, d.Reason)
		}
	case d.Phase != gitops.PhaseSucceeded:
		w.violate("I9", "rollback %s of %s ended %s (%s)", d.ID, a.ID, d.Phase, d.Reason)
	case !known || err != nil || a.Deployed.Digest != d.Digest:
		w.violate("I9", "rollback %s of %s went to %s, and %s is deployed", d.ID, a.ID, d.Revision, a.Deployed.Revision)
	case !there || s.Declared == nil || !s.Live.Equal(template.Resources) && a.Drift.Drifted == 0 && !w.unlooked(a):
		w.violate("I9", "rollback %s of %s went to %v, and live is %v", d.ID, a.ID, template.Resources, s.Live)
	}
}

// unlooked reports whether somebody changed an application's stack by hand, and nobody looked at it since it
// was deployed.
func (w *world) unlooked(a gitops.Application) bool {
	_, touched := w.judge.foreign[a.Settings.CloudFormation.Stack]
	return touched && a.Drift.At.IsZero()
}

// unseen reports whether nobody could look at a check of a deployment for as long as that is waited for.
func (w *world) unseen(d gitops.Deployment) bool {
	return slices.ContainsFunc(d.Checks, func(r gitops.CheckResult) bool { return r.Done && r.Unknown })
}
