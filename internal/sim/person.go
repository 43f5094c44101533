package sim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// span returns an action's argument as a time.
func (a Action) span() time.Duration {
	d, err := time.ParseDuration(a.Arg)
	if err != nil {
		return time.Minute
	}
	return d
}

func (w *world) push(a Action) {
	e := w.repo.app(a.App)
	w.repo.files[e.Name+"/template.json"] = template(e.App, a.Arg)
	w.repo.commit(fmt.Sprintf("%s to %s", e.Name, a.Arg))
}

func (w *world) pushAll(Action) {
	for i, e := range w.repo.apps {
		w.repo.files[e.Name+"/template.json"] = template(e.App, fmt.Sprint(13+len(w.repo.commits)+i))
	}
	w.repo.commit("all")
}

func (w *world) force(a Action) {
	n := 1
	_, _ = fmt.Sscan(a.Arg, &n) // the argument is drawn
	w.repo.back(n)
}

func (w *world) branch(a Action) {
	w.git.Delete(repoURL, "main")
	w.repo.gone = true
	w.mail.pushed("")
	w.after(a.span(), func() {
		if w.repo.gone {
			w.repo.commit("the branch is back")
		}
	})
}

func (w *world) removeApp(a Action) {
	left := 0
	for _, e := range w.repo.apps {
		if !e.gone {
			left++
		}
	}
	if left < 2 { // a file without applications is a mistake, and changes nothing
		return
	}
	w.repo.app(a.App).gone = true
	w.repo.commit("without " + a.App)
	if a.span() < 200*time.Second { // else it stays away
		w.after(a.span(), func() {
			w.repo.app(a.App).gone = false
			w.repo.commit(a.App + " is back")
		})
	}
}

func (w *world) move(a Action) {
	e := w.repo.app(a.App)
	if strings.HasPrefix(e.stack, "prod-"+e.Name) { // else it is on somebody else's
		e.stack = aside(e.stack)
	}
	w.repo.commit(a.App + " on " + e.stack)
}

func (w *world) breakConfig(a Action) {
	w.repo.broken = true
	w.repo.commit("broken")
	w.after(a.span(), func() {
		w.repo.broken = false
		w.repo.commit("mended")
	})
}

// person lets a person give a command.
func (w *world) person(name string, command func(ctx context.Context, o *reconcile.Operator) error) {
	w.start("person "+name, 0, func(ctx context.Context) {
		err := command(ctx, w.operator)
		var refusal *gitops.Refusal
		if err != nil && !errors.As(err, &refusal) {
			w.trace.event(w.at, "person", "refused", err)
		}
	}, func(bool) {})
}

func (w *world) suspend(a Action) {
	w.person("suspend", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Suspend(ctx, a.App, "ann", "lunch")
		return err
	})
	w.after(a.span(), func() { w.resumeApp(a) })
}

func (w *world) resumeApp(a Action) {
	w.person("resume", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Resume(ctx, a.App, "ann")
		return err
	})
}

func (w *world) sync(a Action) {
	w.person("sync", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Sync(ctx, a.App, "bob")
		return err
	})
}

func (w *world) drift(a Action) {
	w.person("drift", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.DetectDrift(ctx, a.App, "bob")
		return err
	})
}

// answer lets a person look at what waits for an approval, think, and answer.
func (w *world) answer(a Action) {
	w.person("answer", func(ctx context.Context, o *reconcile.Operator) error {
		app, err := o.Store.Application(ctx, a.App)
		if err != nil || app.InFlight == "" {
			return err
		}
		d, err := o.Store.Deployment(ctx, a.App, app.InFlight)
		if err != nil || d.Phase != gitops.PhaseAwaitingApproval {
			return err
		}
		if _, err := o.Plan(ctx, d); err != nil {
			return err
		}
		think := 2 * time.Minute
		if w.calm {
			think = 5 * time.Second
		}
		w.running.pause(time.Duration(w.draw(int(think))))
		if a.Arg == "no" {
			w.judge.no[shown(d)] = true
			_, err = o.Reject(ctx, a.App, d.Plan.Digest, "eve", "not today")
			return err
		}
		w.judge.approved(d)
		_, err = o.Approve(ctx, a.App, d.Plan.Digest, "eve")
		return err
	})
}

func (w *world) update(a Action) {
	e := w.repo.app(a.App)
	number, _, _ := strings.Cut(a.Arg, "-")
	t, err := cloud.Read(template(App{Name: e.Name}, number))
	if err == nil && w.cloud.Update(e.stack, t, time.Duration(1+w.draw(int(time.Minute)))) {
		w.judge.touched(e.stack)
		w.trace.event(w.at, "others", "update "+e.stack, nil)
		// Whoever looks at a plan now sees one that is not up to date any more.
		w.after(time.Duration(1+w.draw(int(20*time.Second))), func() { w.answer(Action{App: a.App, Arg: "yes"}) })
	}
}

func (w *world) deleteStack(a Action) {
	e := w.repo.app(a.App)
	if w.cloud.Delete(e.stack, time.Duration(1+w.draw(int(time.Minute)))) {
		w.judge.touched(e.stack)
		w.trace.event(w.at, "others", "delete "+e.stack, nil)
	}
}

func (w *world) edit(a Action) {
	e := w.repo.app(a.App)
	if w.cloud.Edit(e.stack, "A", "Visibility", fmt.Sprint(100+w.draw(100))) {
		w.judge.touched(e.stack)
		w.trace.event(w.at, "others", "edit "+e.stack, nil)
		w.mail.changed(e.stack, "A")
	}
}

// newer lets a later version of the program write to an application's records: fields that
// this one does not know.
func (w *world) newer(a Action) { w.store.Graft(a.App, `"later":{"schema":2,"list":[1,2]}`) }

func (w *world) throttle(a Action) {
	w.slow = true
	w.slowed = append(w.slowed, stretch{w.at, w.at + a.span()})
	w.after(a.span(), func() { w.slow = false })
}

func (w *world) blind(a Action) {
	w.git.Refuse(repoURL, errDown)
	w.failed = max(w.failed, w.at+a.span()) // nobody can end a look meanwhile
	w.after(a.span(), func() { w.git.Refuse(repoURL, nil) })
}

// propose is a change set of somebody else's, who wants to look at it for a while.
func (w *world) propose(a Action) {
	e := w.repo.app(a.App)
	if w.cloud.Propose(e.stack, othersSet) {
		w.judge.proposed[e.stack] = true
		w.trace.event(w.at, "others", "propose on "+e.stack, nil)
	}
}

// snatch lets somebody delete an application's next change set in the moment in which it is
// to be executed.
func (w *world) snatch(a Action) { w.judge.snatched[a.App] = true }

// othersSet is the name of somebody else's change set.
const othersSet = "ann-looks-at-it"

// clash lets an application take another one's stack, which goes elsewhere by the same
// commit, and give it back after a while.
func (w *world) clash(a Action) {
	e, other := w.repo.app(a.App), &w.repo.apps[len(w.repo.apps)-1]
	if other.Name == e.Name {
		other = &w.repo.apps[0]
	}
	if other.Name == e.Name || e.stack != "prod-"+e.Name || e.Secret || other.Secret {
		return // what a stack's former owner kept secret is told to nobody who could hide it (docs/protocol.md)
	}
	e.stack, other.stack = other.stack, aside(other.stack)
	w.repo.commit(e.Name + " on the stack of " + other.Name)
	w.after(a.span(), func() {
		w.repo.app(a.App).stack = "prod-" + a.App
		w.repo.commit(a.App + " back on its own stack")
	})
}

// aside returns the other name of a stack.
func aside(stack string) string {
	if own, ok := strings.CutSuffix(stack, "-2"); ok {
		return own
	}
	return stack + "-2"
}

// upgrade lets a later version of the program take over a deployment that is planned, in a
// phase that this one does not know, and bring it back.
func (w *world) upgrade(a Action) {
	app := w.judge.apps[a.App]
	d, ok := w.judge.deployments[app.InFlight]
	if !ok || d.Phase != gitops.PhasePlanning && d.Phase != gitops.PhaseAwaitingApproval {
		return
	}
	phase := d.Phase
	move := func(to gitops.Phase) error {
		now, err := w.store.Deployment(context.Background(), a.App, d.ID)
		if err == nil && !now.Phase.Done() {
			now.Phase = to
			err = w.store.PutDeployment(context.Background(), &now)
		}
		return err
	}
	if move("Rehearsing") == nil {
		w.after(a.span(), func() { _ = move(phase) }) // nothing fails here: the world itself calls
	}
}
