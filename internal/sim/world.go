package sim

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim/cloud"
)

// world is one run: the programs, what is behind their ports, and what the checks remember.
type world struct {
	plan   Plan
	knobs  Knobs
	start0 time.Time     // when it began
	at     time.Duration // since then
	agenda agenda
	draw   func(int) int
	trace  trace

	running   *process // the one that runs now; nil: the world itself
	idle, all []*process
	busy      int // processes that have a job

	calls  map[string]int // by site, while there are faults
	faults map[string][]Fault
	calm   bool          // the faults have stopped
	made   int           // calls of ports
	failed time.Duration // when a fault happened last, or git is back that people cut off
	thawed time.Duration // when the last process that is frozen goes on

	store    *store
	blobs    *fake.Blobs
	git      *fake.Git
	mail     *mail
	cloud    *cloud.Cloud
	slow     bool      // CloudFormation throttles everybody
	slowed   []stretch // when it did
	poisoned string    // the application whose calls of CloudFormation go wrong always
	poison   FaultKind // how

	reconciler *reconcile.Reconciler
	operator   *reconcile.Operator
	sweeper    *reconcile.Sweeper
	ids        int

	repo   *repo
	judge  *judge
	checks *checker
}

const repoURL = "https://git.example.com/team/infra"

var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

func newWorld(p Plan, log io.Writer) *world {
	w := &world{plan: p, knobs: DrawKnobs(p.Seed), start0: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), draw: dice(p.Seed, 3),
		calls: map[string]int{}, faults: map[string][]Fault{}, blobs: fake.NewBlobs(), git: fake.NewGit(), trace: trace{out: log}}
	if p.Knobs != nil {
		w.knobs = *p.Knobs
	}
	for _, f := range p.Faults {
		w.faults[f.Site] = append(w.faults[f.Site], f)
	}
	w.judge = newJudge(w)
	w.store = &store{Store: fake.NewStore(), w: w, before: map[string]any{}}
	w.store.Changed, w.store.Copies = w.judge.changed, !w.knobs.Text
	w.mail = &mail{w: w}
	w.repo = newRepo(w)
	w.checks = &checker{w: w, given: map[string]given{}}
	w.build()
	for _, f := range []interface{ Fail(func(string) error) }{w.store.Store, w.blobs, w.git} {
		f.Fail(w.gate)
	}
	return w
}

// build wires the programs as functions/reconciler, functions/sweeper and functions/api do.
func (w *world) build() {
	k := w.knobs
	upTo := func(d time.Duration) func() time.Duration {
		return func() time.Duration { return time.Duration(1 + w.draw(int(d))) }
	}
	w.cloud = &cloud.Cloud{Now: func() time.Time { return w.now() }, After: w.after, Draw: w.draw, Vanish: k.Vanish, Odd: k.Odd, Forgets: k.Forgets, Page: k.Page,
		Pace: cloud.Pace{ChangeSet: upTo(k.ChangeOf), Execution: upTo(k.ExecOf), Detection: upTo(k.DetectOf), Late: k.Late},
		Told: w.mail.told, Created: w.judge.created, Executed: w.judge.executed, Deleted: w.judge.deleted,
		Planned: w.judge.planned, Recovered: w.judge.recovered}
	clock := func() time.Time {
		if w.running == nil {
			return w.now()
		}
		return w.now().Add(w.running.skew)
	}
	allowed := func(gitops.Target) error { return nil }
	w.reconciler = &reconcile.Reconciler{Store: w.store, Queue: w.mail, Blobs: w.blobs, Git: w.git, Allowed: allowed, Now: clock,
		Checker: w.checks, Locator: locator{w},
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: cloudformation.Over(client{w})},
		NewID:   func() string { w.ids++; return fmt.Sprintf("01J%05d", w.ids) },
		Sleep:   func(_ context.Context, d time.Duration) error { w.running.pause(d); return nil }, Log: w.trace.logger(w)}
	w.operator = &reconcile.Operator{Store: w.store, Queue: w.mail, Blobs: w.blobs, Allowed: allowed, Now: clock}
	w.sweeper = &reconcile.Sweeper{Store: w.store, Queue: w.mail, Now: clock}
}

func (w *world) now() time.Time { return w.start0.Add(w.at) }

func (w *world) after(d time.Duration, do func()) { w.agenda.put(w.at+d, do) }

// until lets the world go on to a time, or to the first violation.
func (w *world) until(at time.Duration) {
	for len(w.agenda.entries) > 0 && w.agenda.entries[0].at <= at && w.judge.found == nil {
		e, _ := w.agenda.take()
		w.at = e.at
		e.do()
	}
	w.at = max(w.at, at)
}

// schedules are the two rules of the sweeper, each with its own phase.
func (w *world) schedules() {
	var minute, five func()
	minute = func() {
		w.sweepOnce("sweep", w.sweeper.Unfinished)
		w.after(time.Minute, minute)
	}
	five = func() {
		w.sweepOnce("resync", w.sweeper.Repositories)
		w.after(5*time.Minute, five)
	}
	w.after(time.Duration(w.draw(60))*time.Second, minute)
	w.lonely(0)
	w.after(time.Duration(w.draw(300))*time.Second, five)
}

// patience is for how many minutes a repository may be unfinished while nobody is at work and
// nothing fails: the one-minute sweep finds it.
const patience = 3

// lonely checks every minute that an unfinished repository is not forgotten until the resync.
func (w *world) lonely(minutes int) {
	w.after(time.Minute, func() {
		if w.judge.repository.Unfinished() && !w.repo.gone && w.busy == 0 && len(w.mail.letters) == 0 && w.at-w.failed > patience*time.Minute {
			minutes++
		} else {
			minutes = 0
		}
		if minutes > patience {
			w.violate("I3", "the repository is unfinished, and nobody has looked at it for %d minutes", minutes)
		}
		w.lonely(minutes)
	})
}

func (w *world) sweepOnce(name string, sweep func(context.Context) (int, error)) {
	w.start(name, invocation, func(ctx context.Context) { _, _ = sweep(ctx) }, func(bool) {}) // the next one comes anyway
}

func (w *world) violate(invariant, format string, args ...any) {
	if w.judge.found == nil {
		w.judge.found = &Violation{Invariant: invariant, What: fmt.Sprintf(format, args...), At: w.at}
	}
}

// close ends every process.
func (w *world) close() {
	for _, p := range w.all {
		w.running, *p.dead = p, true // what of it goes on after that reaches nothing
		p.stop()
	}
}
