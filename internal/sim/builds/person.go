package builds

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// act is what an action does, how often it is drawn, and its argument.
type act struct {
	weight int
	do     func(w *world, a sim.Action)
	arg    func(draw func(int) int) string
}

func none(func(int) int) string { return "" }

// acts are the actions. The map is never ranged over.
var acts map[string]act

// names are the actions' names in the order in which they are drawn.
var names = []string{"push", "both", "force", "leave", "answer", "sync", "drift", "suspend", "resume", "kill", "byhand", "expire", "lookup"}

func init() {
	acts = map[string]act{
		"push":    {14, (*world).push, func(draw func(int) int) string { return fmt.Sprint(1 + draw(60)) }},
		"both":    {3, (*world).both, func(draw func(int) int) string { return fmt.Sprint(1 + draw(60)) }},
		"force":   {2, (*world).force, func(draw func(int) int) string { return fmt.Sprint(1 + draw(4)) }},
		"leave":   {4, (*world).leave, seconds},
		"answer":  {6, (*world).answer, func(draw func(int) int) string { return []string{"yes", "yes", "yes", "no"}[draw(4)] }},
		"sync":    {2, (*world).sync, none},
		"drift":   {2, (*world).drift, none},
		"suspend": {2, (*world).suspend, seconds},
		"resume":  {0, (*world).resume1, none},
		"kill":    {9, (*world).kill, func(draw func(int) int) string { return []string{"fault", "timeout", "stop"}[draw(3)] }},
		"byhand":  {4, (*world).byHand, seconds},
		"expire":  {1, (*world).expire, none},
		"lookup":  {3, (*world).lookup, none},
	}
}

// repo is the watched repository.
type repo struct {
	w       *world
	id      string
	files   map[string]string
	left    bool // the CDK app is not in driftless.yaml
	commits []version
}

// version is a commit that can be gone back to.
type version struct {
	commit string
	files  map[string]string
	left   bool
}

const repoURL = "https://git.example.com/team/infra"

var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

func newRepo(w *world) *repo {
	return &repo{w: w, files: map[string]string{terraformApp + "/main.tf": "0", cdkApp + "/cdk.json": "{}", cdkApp + "/" + appFile: "Data=0 Web=0"}}
}

// config returns driftless.yaml.
func (r *repo) config() string {
	k := r.w.knobs
	sync := "sync: { approval: " + string(k.Approval)
	if k.Manual {
		sync += ", mode: manual"
	}
	sync += " }"
	text := fmt.Sprintf("version: 1\ndefaults: { target: { account: %q, region: %s }, drift: { every: off } }\napplications:\n", target.Account, target.Region)
	text += fmt.Sprintf("  - { name: %s, path: %s, terraform: { version: 1.11.4 }, verify: { drift: %t }, %s }\n", terraformApp, terraformApp, k.Verify, sync)
	if k.CDK && !r.left {
		text += fmt.Sprintf("  - { name: %s, path: %s, cdk: { version: 2.1148.1 }, verify: { drift: false }, sync: { approval: %s } }\n", cdkApp, cdkApp, k.Stacks)
	}
	return text
}

// commit pushes the files as they are.
func (r *repo) commit(message string) {
	r.files["driftless.yaml"] = r.config()
	id := r.w.git.Push(repoURL, "main", message, r.files)
	r.commits = append(r.commits, version{id, maps.Clone(r.files), r.left})
	r.w.event(reconcile.Message{Repository: r.id, Reason: "a push"})
}

func (r *repo) head() string { return r.commits[len(r.commits)-1].commit }

// change gives an application another content. Which stacks a CDK app has is drawn with it.
func (r *repo) change(app, arg string) {
	if app == terraformApp {
		r.files[terraformApp+"/main.tf"] = arg
		return
	}
	n := 0
	_, _ = fmt.Sscan(arg, &n) // the argument is drawn
	var stacks []string
	for i, name := range []string{"Data", "Web", "Jobs"} {
		if n>>i&1 == 0 || i == 0 && n%5 > 0 {
			stacks = append(stacks, fmt.Sprintf("%s=%d", name, n/8+i*(n%3)))
		}
	}
	if len(stacks) == 0 {
		stacks = append(stacks, "Data=1")
	}
	r.files[cdkApp+"/"+appFile] = strings.Join(stacks, " ")
}

func (w *world) push(a sim.Action) {
	w.repo.change(a.App, a.Arg)
	w.repo.commit(a.App + " to " + a.Arg)
}

func (w *world) both(a sim.Action) {
	w.repo.change(terraformApp, a.Arg)
	w.repo.change(cdkApp, a.Arg)
	w.repo.commit("both to " + a.Arg)
}

func (w *world) force(a sim.Action) {
	n := 1
	_, _ = fmt.Sscan(a.Arg, &n) // the argument is drawn
	r := w.repo
	v := r.commits[max(0, len(r.commits)-1-n)]
	r.files, r.left = maps.Clone(v.files), v.left
	w.git.Reset(repoURL, "main", v.commit)
	r.commits = append(r.commits, v)
	w.event(reconcile.Message{Repository: r.id, Reason: "a push"})
}

// leave takes the CDK app out of driftless.yaml, mostly for a while.
func (w *world) leave(a sim.Action) {
	if !w.knobs.CDK || w.repo.left {
		return
	}
	w.repo.left = true
	w.repo.commit("without " + cdkApp)
	if span(a) < 200*time.Second { // else it stays away
		w.after(span(a), func() {
			w.repo.left = false
			w.repo.commit(cdkApp + " is back")
		})
	}
}

// person lets a person give a command; what is refused is.
func (w *world) person(name string, command func(ctx context.Context, o *reconcile.Operator) error) {
	w.start("person "+name, 0, func(ctx context.Context) { _ = command(ctx, w.operator) }, func(bool) {})
}

func (w *world) sync(a sim.Action) {
	w.person("sync", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Sync(ctx, a.App, "bob")
		return err
	})
}

// lookup lets something change that the CDK app looks up when it is synthesised, and a person ask
// for what comes of it.
func (w *world) lookup(sim.Action) {
	w.answered++
	w.sync(sim.Action{App: cdkApp})
}

func (w *world) drift(a sim.Action) {
	w.person("drift", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.DetectDrift(ctx, a.App, "bob")
		return err
	})
}

func (w *world) suspend(a sim.Action) {
	w.person("suspend", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Suspend(ctx, a.App, "ann", "lunch")
		return err
	})
	w.after(span(a), func() { w.resume1(a) })
}

func (w *world) resume1(a sim.Action) {
	w.person("resume", func(ctx context.Context, o *reconcile.Operator) error {
		_, err := o.Resume(ctx, a.App, "ann")
		return err
	})
}

// answer lets a person look at what waits for an approval, think, and answer. Of a CDK app it is
// each of its stacks that waits.
func (w *world) answer(a sim.Action) {
	ids := []string{a.App}
	if a.App == cdkApp {
		ids = w.judge.ids()
	}
	for _, id := range ids {
		d := w.judge.deployments[w.judge.apps[id].InFlight]
		if d.Phase == gitops.PhaseAwaitingApproval {
			w.person("answer", func(ctx context.Context, o *reconcile.Operator) error { return w.answers(ctx, o, id, a.Arg) })
		}
	}
}

func (w *world) answers(ctx context.Context, o *reconcile.Operator, id, answer string) error {
	app, err := o.Store.Application(ctx, id)
	if err != nil || app.InFlight == "" {
		return err
	}
	d, err := o.Store.Deployment(ctx, id, app.InFlight)
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
	if answer == "no" {
		_, err = o.Reject(ctx, id, d.Plan.Digest, "eve", "not today")
		return err
	}
	w.judge.yes[shown(d)] = true
	_, err = o.Approve(ctx, id, d.Plan.Digest, "eve")
	return err
}
