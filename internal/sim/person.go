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
	if strings.HasSuffix(e.stack, "-2") {
		e.stack = strings.TrimSuffix(e.stack, "-2")
	} else {
		e.stack += "-2"
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
		w.running.pause(time.Duration(w.draw(int(2 * time.Minute))))
		if a.Arg == "no" {
			w.judge.rejected[a.App] = true
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
	}
}

// newer lets a later version of the program write to an application's records: fields that
// this one does not know.
func (w *world) newer(a Action) { w.store.Graft(a.App, `"later":{"schema":2,"list":[1,2]}`) }

func (w *world) throttle(a Action) {
	w.slow = true
	w.after(a.span(), func() { w.slow = false })
}

func (w *world) blind(a Action) {
	w.git.Refuse(repoURL, errDown)
	w.after(a.span(), func() { w.git.Refuse(repoURL, nil) })
}
