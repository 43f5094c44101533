package sim

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// byHand notes a change that somebody made to a resource, and lets events tell of it.
func (w *world) byHand(stack, resource, what string, done bool) {
	if done {
		w.judge.touched(stack)
		w.trace.event(w.at, "others", what+" "+stack, nil)
		w.mail.changed(stack, resource)
	}
}

// tweak changes another property of another resource than edit does.
func (w *world) tweak(a Action) {
	e, resource := w.repo.app(a.App), "B"
	stack := e.stack
	if e.Heal && w.draw(2) == 0 {
		resource = "A" // of others it has no such property, and no detection would see it
	}
	w.byHand(stack, resource, "tweak "+resource+" of", w.cloud.Edit(stack, resource, "Delay", fmt.Sprint(100+w.draw(100))))
}

// erase deletes a resource by hand.
func (w *world) erase(a Action) {
	stack := w.repo.app(a.App).stack
	w.byHand(stack, a.Arg, "erase "+a.Arg+" of", w.cloud.Erase(stack, a.Arg))
}

// fight lets somebody change a resource back whenever it was healed, seven times, or two in turn.
func (w *world) fight(a Action) {
	both := a.span()/time.Second%2 == 0
	for i := range 7 {
		w.after(time.Duration(i)*(20*time.Second+a.span()/4), func() {
			stack := w.repo.app(a.App).stack
			switch {
			case w.calm:
			case both && i%2 == 1:
				w.byHand(stack, "B", "change B of", w.cloud.Edit(stack, "B", "Delay", fmt.Sprint(200+i)))
			default:
				w.edit(a)
			}
		})
	}
}

// regret ships what fails its checks, insists on it, ships something sound, and wants to go back.
func (w *world) regret(a Action) {
	w.push(Action{App: a.App, Arg: a.Arg + "-bad"})
	w.after(100*time.Second, func() { w.sync(a) })
	w.after(160*time.Second, func() { w.push(Action{App: a.App, Arg: a.Arg}) })
	w.after(260*time.Second, func() { w.rollBack(Action{App: a.App}) })
}

// usurp lets an application take the stack of another one that moved there and whose creation fails.
func (w *world) usurp(a Action) {
	other := w.repo.apps[len(w.repo.apps)-1].Name
	if other == a.App || w.repo.app(a.App).stack != "prod-"+a.App {
		return
	}
	w.repo.files[other+"/template.json"] = template(w.repo.app(other).App, "5-fail")
	w.move(Action{App: other})
	w.after(3*time.Minute, func() { w.clash(a) })
}

// darken keeps everybody from looking at an application's checks for a while.
func (w *world) darken(a Action) {
	w.checks.dark = append(w.checks.dark, darkness{a.App, stretch{w.at, w.at + a.span()}})
}

// outage lets an application answer wrongly for a while, whatever is deployed.
func (w *world) outage(a Action) {
	w.checks.out = append(w.checks.out, darkness{a.App, stretch{w.at, w.at + a.span()}})
}

func (w *world) heal(a Action) {
	w.person("heal", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Heal(ctx, a.App, "bob")
		return err
	})
}

// rollBack asks for what was last good, or for one of the application's deployments, whatever became
// of it.
func (w *world) rollBack(a Action) {
	var all []string
	for _, id := range slices.Backward(w.judge.order) {
		if w.judge.deployments[id].Application == a.App {
			all = append(all, id)
		}
	}
	to, n := "", 0
	if _, err := fmt.Sscan(a.Arg, &n); err == nil && n < len(all) {
		to = all[n]
	}
	w.person("rollback", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Rollback(ctx, a.App, to, "bob")
		return err
	})
}

func (w *world) recover(a Action) {
	var skip []string
	if a.Arg != "" {
		skip = []string{a.Arg}
		w.judge.touched(w.repo.app(a.App).stack) // what is left out stays as it is, and is somebody's to mend
	}
	w.person("recover", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Recover(ctx, a.App, skip, "bob")
		return err
	})
}

// bad reports whether the checks of a deployment fail: by the content of the commit that it brings.
func (w *world) bad(app, commit string) bool {
	body, known := w.content(app, commit)
	return known && behaves(body, "bad")
}

// content returns an application's template in a commit.
func (w *world) content(app, commit string) (string, bool) {
	for _, v := range w.repo.commits {
		if v.commit == commit {
			body, known := v.files[app+"/template.json"]
			return body, known
		}
	}
	return "", false
}

// fails reports whether the checks of a deployment that is made as it says would fail.
func (w *world) fails(d gitops.Deployment) bool {
	return len(d.Settings.Verify.Checks) > 0 && w.bad(d.Application, d.Revision.Commit)
}
