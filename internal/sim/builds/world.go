package builds

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sim"
)

// world is one run: the programs, what is behind their ports, and what the checks remember.
type world struct {
	plan   sim.Plan
	knobs  Knobs
	began  time.Time
	at     time.Duration // since then
	agenda agenda
	draw   func(int) int
	trace  trace

	running *process // the one that runs now; nil: the world itself
	alive   []*process
	calls   map[string]int // by site, while there are faults
	faults  map[string][]sim.Fault
	calm    bool          // the faults have stopped
	made    int           // calls of ports
	thawed  time.Duration // when the last process that is frozen goes on
	found   *sim.Violation

	store        *fake.Store
	git          *fake.Git
	mail         *mail
	data, states *bucket
	infra        map[string]*state // by application
	builds       *codeBuild
	stacks       *fake.Engine

	reconciler *reconcile.Reconciler
	operator   *reconcile.Operator
	sweeper    *reconcile.Sweeper
	ids        int
	answered   int // what the CDK app is told when it looks something up

	repo  *repo
	judge *judge
}

func newWorld(p sim.Plan, log io.Writer) *world {
	w := &world{plan: p, knobs: DrawKnobs(p.Seed), began: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), draw: dice(p.Seed, 3), trace: newTrace(log),
		calls: map[string]int{}, faults: map[string][]sim.Fault{}, infra: map[string]*state{}, git: fake.NewGit(), stacks: fake.NewEngine(), store: fake.NewStore()}
	for _, f := range p.Faults {
		w.faults[f.Site] = append(w.faults[f.Site], f)
	}
	w.judge = newJudge(w)
	w.store.Changed, w.store.Copies = w.judge.changed, true
	w.mail, w.repo, w.builds = &mail{w: w}, newRepo(w), &codeBuild{w: w, tokens: map[string]*aBuild{}}
	w.data, w.states = &bucket{w, map[string][]byte{}}, &bucket{w, map[string][]byte{}}
	w.wire()
	for _, f := range []interface{ Fail(func(string) error) }{w.store, w.git, w.stacks} {
		f.Fail(w.gate)
	}
	return w
}

// wire wires the programs as functions/reconciler, functions/sweeper and functions/api do.
func (w *world) wire() {
	clock := func() time.Time {
		if w.running == nil {
			return w.now()
		}
		return w.now().Add(w.running.skew)
	}
	allowed := func(gitops.Target) error { return nil }
	engine := codebuild.New(codebuild.Config{Builds: w.builds, Data: w.data, States: w.states, Now: clock, State: build.State{Bucket: "states"},
		Projects: map[build.Side]string{build.SidePlan: "plan", build.SideApply: "apply"},
		Access:   func(reconcile.Work, build.Side) (build.Access, error) { return build.Access{}, nil }})
	w.stacks.Now = clock
	w.reconciler = &reconcile.Reconciler{Store: w.store, Queue: w.mail, Blobs: w.data, Git: w.git, Allowed: allowed, Now: clock,
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineTerraform: engine, gitops.EngineCDK: engine, gitops.EngineCloudFormation: stacks{w.stacks}},
		NewID:   func() string { w.ids++; return fmt.Sprintf("01J%05d", w.ids) },
		Sleep:   func(_ context.Context, d time.Duration) error { w.running.pause(d); return nil }, Log: slog.New(lines{w})}
	w.operator = &reconcile.Operator{Store: w.store, Queue: w.mail, Blobs: w.data, Allowed: allowed, Now: clock}
	w.sweeper = &reconcile.Sweeper{Store: w.store, Queue: w.mail, Now: clock}
}

func (w *world) now() time.Time { return w.began.Add(w.at) }

func (w *world) after(d time.Duration, do func()) { w.agenda.put(w.at+d, do) }

// until lets the world go on to a time, or to the first violation.
func (w *world) until(at time.Duration) {
	for len(w.agenda) > 0 && w.agenda[0].at <= at && w.found == nil {
		e := w.agenda[0]
		w.agenda = w.agenda[1:]
		w.at = e.at
		e.do()
	}
	w.at = max(w.at, at)
}

// schedules are the two rules of the sweeper, each with its own phase.
func (w *world) schedules() {
	var minute, five func()
	minute = func() {
		w.start("sweep", invocation, func(ctx context.Context) { _, _ = w.sweeper.Unfinished(ctx) }, func(bool) {}) // the next one comes anyway
		w.after(time.Minute, minute)
	}
	five = func() {
		w.start("resync", invocation, func(ctx context.Context) { _, _ = w.sweeper.Repositories(ctx) }, func(bool) {})
		w.after(5*time.Minute, five)
	}
	w.after(time.Duration(w.draw(60))*time.Second, minute)
	w.after(time.Duration(w.draw(300))*time.Second, five)
}

// event lets something that happened be told of, unless the plan has something else in mind.
func (w *world) event(m reconcile.Message) {
	come := func(d time.Duration) {
		w.after(d+time.Duration(w.draw(int(2*time.Second))), func() { w.mail.tell(m) })
	}
	f, faulty := w.fault("event")
	switch {
	case !faulty:
		come(0)
	case f.Kind == sim.FaultDouble:
		come(0)
		come(0)
	case f.Kind == sim.FaultDelay:
		come(f.For)
	}
}

func (w *world) violate(invariant, format string, args ...any) {
	if w.found == nil {
		w.found = &sim.Violation{Invariant: invariant, What: fmt.Sprintf(format, args...), At: w.at}
	}
}

// close ends every process.
func (w *world) close() {
	for _, p := range append([]*process(nil), w.alive...) {
		w.running, p.dead = p, true // what of it goes on after that reaches nothing
		p.stop()
	}
}
