package builds

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// rounds is how many resyncs it may take until everything has come to its end after the faults
// have stopped, and the builds are over: K of I3.
const rounds = 8

// restless is after how many calls it is certain that there will be no rest.
const restless = 20_000

// run lets a plan happen and checks what is left.
func (w *world) run() {
	defer w.close()
	w.repo.commit("first")
	w.calls = map[string]int{}
	r, err := w.operator.AddRepository(context.Background(), gitops.Repository{URL: repoURL, Branch: "main"}, "ann")
	if err != nil {
		w.violate("I3", "the repository cannot be added: %s", err)
	}
	w.repo.id = r.ID
	w.schedules()
	for _, a := range w.plan.Actions {
		w.agenda.put(a.At, func() {
			w.trace.event(w.at, "action", a.String())
			acts[a.What].do(w, a)
		})
	}
	end := time.Minute
	if len(w.plan.Actions)+len(w.plan.Faults) > 0 {
		end = span8
	}
	w.until(end)
	w.rest()
}

// rest ends the faults, lets people mend what is theirs to mend, and checks.
func (w *world) rest() {
	w.calm = true
	if l, held := w.held(terraformApp); held && w.judge.holder[l.ID] == nil {
		w.handBack(l.ID)
	}
	w.settle(func() bool { return true })
	if w.judge.forgotten() && !w.repo.left {
		w.sync(sim.Action{App: cdkApp})
		w.settle(func() bool { return true })
	}
	for _, id := range w.judge.ids() {
		if w.judge.apps[id].Suspended != nil {
			w.resume1(sim.Action{App: id})
		}
	}
	for range 4 { // people sync what ended otherwise than well
		w.settle(w.atRest)
		var bad []string
		for _, id := range w.judge.ids() {
			if a := w.judge.apps[id]; !a.Removed && a.InFlight == "" && a.Ended.Phase != gitops.PhaseSucceeded {
				bad = append(bad, id)
			}
		}
		if len(bad) == 0 || w.found != nil {
			break
		}
		for _, id := range bad {
			w.sync(sim.Action{App: id})
		}
	}
	if w.found == nil {
		w.ended()
	}
	w.idly()
}

// atRest reports whether nothing is unfinished but stacks that wait for one that people mend.
func (w *world) atRest() bool {
	for _, id := range w.judge.ids() {
		d := w.judge.deployments[w.judge.apps[id].InFlight]
		if w.judge.apps[id].Unfinished() && (d.Phase != gitops.PhasePending || !strings.Contains(d.Progress, " ended ")) {
			return false
		}
	}
	return !w.judge.repository.Unfinished() && w.judge.repository.Head.Commit == w.repo.head()
}

// quiet reports whether nothing is under way that ends by itself.
func (w *world) quiet() bool {
	return len(w.alive) == 0 && len(w.mail.letters) == 0 && !w.builds.busy()
}

// settle lets the world go on until it is quiet, and done says so too, after a resync. A person
// approves what waits meanwhile.
func (w *world) settle(done func() bool) {
	began, made := w.at, w.made
	for last := w.at; w.found == nil; {
		w.until(w.at + 30*time.Second)
		if w.made-made > restless {
			w.violate("I3", "not at rest after %d calls since the faults stopped: %s", restless, w.unfinished())
		}
		if w.at < w.thawed || w.builds.busy() {
			last = w.at // CodeBuild's time, and that of what is frozen, is not ours
		}
		if w.at-began > 6*time.Minute && w.quiet() && done() {
			return
		}
		for _, id := range w.judge.ids() {
			if d := w.judge.deployments[w.judge.apps[id].InFlight]; d.Phase == gitops.PhaseAwaitingApproval {
				w.person("answer", func(ctx context.Context, o *reconcile.Operator) error { return w.answers(ctx, o, id, "yes") })
			}
		}
		if w.at-last > rounds*5*time.Minute {
			w.violate("I3", "not at rest %d resyncs after the faults stopped: %s", rounds, w.unfinished())
		}
	}
}

// unfinished tells what is not at its end.
func (w *world) unfinished() string {
	var all []string
	if r := w.judge.repository; r.Unfinished() || r.Head.Commit != w.repo.head() {
		all = append(all, fmt.Sprintf("repository: looked %d, done %d", r.Observing.N, r.Done))
	}
	for _, id := range w.judge.ids() {
		a := w.judge.apps[id]
		if a.Unfinished() {
			d := w.judge.deployments[a.InFlight]
			all = append(all, fmt.Sprintf("%s: wanted %d, ended %d, in flight %q %s (%s)", id, a.Wanted.Seq, a.Ended.Seq, a.InFlight, d.Phase, d.Progress))
		}
	}
	return strings.Join(all, "; ")
}

// ended checks the end state against what the last content of git leads to, faults or not.
func (w *world) ended() {
	if l, held := w.held(terraformApp); held {
		w.violate("I4", "at rest the state is locked by %s", l.Who)
	}
	for _, d := range w.judge.deployments {
		if !d.Phase.Done() {
			w.violate("I5", "at rest deployment %s of %s is %s", d.ID, d.Application, d.Phase)
		}
	}
	a, ok := w.succeeded(terraformApp)
	if want := w.repo.files[terraformApp+"/main.tf"]; ok {
		got, err := unpack(w.data.objects[a.Wanted.Bundle], terraformApp+"/main.tf")
		if s := w.state(terraformApp); err != nil || got != want || s.live != a.Wanted.Bundle || s.bundle != s.live {
			w.violate("I9", "%s wants %q (%v), git has %q; live is %s, the state says %s, wanted is %s", a.ID, got, err, want, s.live, s.bundle, a.Wanted.Bundle)
		}
	}
	w.endOfStacks()
}

// succeeded checks that an application is at its end as a sound one has to be.
func (w *world) succeeded(id string) (gitops.Application, bool) {
	a := w.judge.apps[id]
	ok := a.Version > 0 && !a.Removed && a.Suspended == nil && a.Ended.Phase == gitops.PhaseSucceeded && a.Ended.Seq >= a.Wanted.Seq && a.Deployed.Digest == a.Wanted.Digest
	if !ok {
		w.violate("I3", "%s, registered %t, removed %t, ended %s (%s) at observation %d of %d", id, a.Version > 0, a.Removed, a.Ended.Phase, a.Ended.Reason, a.Ended.Seq, a.Wanted.Seq)
	}
	return a, ok
}

// endOfStacks checks the CDK app: those of its stacks that git has are as git has them, the
// others are known to be removed, and are still there.
func (w *world) endOfStacks() {
	if !w.knobs.CDK {
		return
	}
	var want []string
	if !w.repo.left {
		want = append(want, cdkApp)
		app, _ := w.succeeded(cdkApp)
		made := w.judge.synthesised[w.judge.deployments[app.Deployed.Deployment].Operation.Token]
		for i, s := range stacksOf(w.repo.files[cdkApp+"/"+appFile]) {
			want = append(want, s.application())
			if i >= len(made) || made[i].name != s.name || !strings.HasPrefix(made[i].content, s.content+"-") {
				w.violate("I9", "git has stack %s=%s, and %v was synthesised", s.name, s.content, made)
				return
			}
			s = made[i]
			_, ok := w.succeeded(s.application())
			if got := w.stacks.Live(target, s.name)["Queue"]["Delay"]; ok && got != s.content {
				w.violate("I9", "stack %s has %q, and %q was synthesised", s.name, got, s.content)
			}
		}
	}
	for _, id := range w.judge.ids() {
		a := w.judge.apps[id]
		if id == terraformApp || slices.Contains(want, id) {
			continue
		}
		if !a.Removed || a.InFlight != "" {
			w.violate("I3", "%s is no longer in git, removed %t, in flight %q", id, a.Removed, a.InFlight)
		}
		if a.Settings.Of != "" && a.Deployed.Deployment != "" && w.stacks.Live(target, a.Settings.CloudFormation.Stack) == nil {
			w.violate("I8", "the stack of %s, which is no longer in git, was deleted", id)
		}
	}
}

// idly checks that nothing moves any more: two resyncs without news change nothing.
func (w *world) idly() {
	if w.found != nil {
		return
	}
	started, writes := len(w.builds.builds), w.judge.writes
	w.until(w.at + 11*time.Minute)
	if len(w.builds.builds) != started || w.judge.writes != writes {
		w.violate("I7", "two resyncs without news started %d builds and made %d writes", len(w.builds.builds)-started, w.judge.writes-writes)
	}
}
