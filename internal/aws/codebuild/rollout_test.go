package codebuild_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// errLost is an answer that never came.
var errLost = errors.New("connection reset by peer")

// rollout is the real reconciler and this engine above a bucket, a CodeBuild and programs in
// memory, all driven by one seed. The programs keep the protocol of ADR 0016 step by step;
// what is random is who goes on, what is lost, and who dies.
type rollout struct {
	t      *testing.T
	seed   uint64
	random *rand.Rand
	faults bool
	now    time.Time
	ids    int

	store  *fake.Store
	queue  *fake.Queue
	git    *fake.Git
	r      *reconcile.Reconciler
	op     *reconcile.Operator
	sweep  *reconcile.Sweeper
	data   objects
	states objects
	builds map[string]*program // by id
	tokens map[string]string   // idempotency token to build
	begun  map[string]time.Time

	live    string // the bundle that runs
	serial  int    // of the state
	applied int
	trace   []string
}

// program is a build.
type program struct {
	id, project, key string
	status           codebuild.Status
	queued           bool
	order            build.Order
	job              build.Job
	steps            []func() // what is left to do
	saw              int      // the state's serial that it planned on
	working          bool     // on the state
	stays            int
}

const rolledOut = "https://git.example.com/team/infra"

func newRollout(t *testing.T, seed uint64) *rollout {
	x := &rollout{t: t, seed: seed, random: rand.New(rand.NewPCG(seed, 1)), faults: true, now: noon, store: fake.NewStore(), queue: fake.NewQueue(),
		git: fake.NewGit(), data: objects{}, states: objects{}, builds: map[string]*program{}, tokens: map[string]string{}, begun: map[string]time.Time{}}
	clock := func() time.Time { return x.now }
	allowed := func(gitops.Target) error { return nil }
	engine := codebuild.New(codebuild.Config{Builds: x, Data: lossy{x.data, x}, States: lossy{x.states, x}, Now: clock, State: build.State{Bucket: "states"},
		Projects: map[build.Side]string{build.SidePlan: "driftless-plan", build.SideApply: "driftless-apply"},
		Access:   func(reconcile.Work, build.Side) (build.Access, error) { return build.Access{}, nil }})
	blobs := fake.NewBlobs()
	x.r = &reconcile.Reconciler{Store: x.store, Queue: x.queue, Blobs: blobs, Git: x.git, Allowed: allowed, Now: clock,
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineTerraform: engine},
		NewID:   func() string { x.ids++; return fmt.Sprintf("01J%05d", x.ids) },
		Sleep:   func(context.Context, time.Duration) error { return errors.New("leave it to the sweep") }}
	x.op = &reconcile.Operator{Store: x.store, Queue: x.queue, Blobs: blobs, Allowed: allowed, Now: clock}
	x.sweep = &reconcile.Sweeper{Store: x.store, Queue: x.queue, Now: clock}
	return x
}

// lossy loses answers, before or after their effect, while there are faults.
type lossy struct {
	objects
	x *rollout
}

func (l lossy) Put(ctx context.Context, key string, data []byte) error {
	_, err := l.PutNew(ctx, key, data)
	return err
}

func (l lossy) PutNew(ctx context.Context, key string, data []byte) (bool, error) {
	if l.x.loses() {
		return false, errLost
	}
	made, err := l.objects.PutNew(ctx, key, data)
	if l.x.loses() {
		return false, errLost
	}
	return made, err
}

func (l lossy) Get(ctx context.Context, key string) ([]byte, error) {
	if l.x.loses() {
		return nil, errLost
	}
	return l.objects.Get(ctx, key)
}

func (x *rollout) loses() bool { return x.faults && x.random.IntN(25) == 0 }

func (x *rollout) note(format string, args ...any) {
	x.trace = append(x.trace, x.now.Format("15:04:05 ")+fmt.Sprintf(format, args...))
}

func (x *rollout) fail(format string, args ...any) {
	x.t.Helper()
	for _, line := range x.trace {
		x.t.Log(line)
	}
	x.t.Fatalf("seed %d: %s", x.seed, fmt.Sprintf(format, args...))
}

// Start implements codebuild.Builds: a token is remembered for five minutes.
func (x *rollout) Start(_ context.Context, project, token string, variables map[string]string) (string, error) {
	if x.loses() {
		return "", errLost
	}
	if x.faults && x.random.IntN(10) == 0 {
		return "", &gitops.Busy{Reason: "no room"}
	}
	id, known := x.tokens[token]
	if !known || x.now.Sub(x.begun[token]) > 5*time.Minute {
		id = fmt.Sprintf("%s:%d", project, len(x.builds)+1)
		x.builds[id] = &program{id: id, project: project, key: variables[build.EnvOrder], status: codebuild.StatusInProgress, queued: true}
		x.tokens[token], x.begun[token] = id, x.now
		x.note("%s is started under %s", id, token)
	}
	if x.loses() {
		return "", errLost
	}
	return id, nil
}

// Build implements codebuild.Builds.
func (x *rollout) Build(_ context.Context, id string) (codebuild.Build, error) {
	if x.loses() {
		return codebuild.Build{}, errLost
	}
	p, ok := x.builds[id]
	if !ok {
		return codebuild.Build{ID: id}, nil
	}
	b := codebuild.Build{ID: id, Status: p.status, Phase: "BUILD", Complete: p.status != codebuild.StatusInProgress}
	if p.queued {
		b.Phase = "QUEUED"
	}
	return b, nil
}

// Stop implements codebuild.Builds.
func (x *rollout) Stop(_ context.Context, id string) error {
	if x.loses() {
		return errLost
	}
	if p := x.builds[id]; p.status == codebuild.StatusInProgress {
		x.end(p, codebuild.StatusStopped)
	}
	return nil
}

func (x *rollout) end(p *program, s codebuild.Status) {
	x.note("%s ends %s", p.id, s)
	p.status, p.steps, p.working, p.queued = s, nil, false, false
	x.wake()
}

func (x *rollout) wake() {
	if !x.loses() {
		_ = x.queue.Send(x.t.Context(), reconcile.Message{Application: "data", Reason: "a build"})
	}
}

// put writes an object as a program does, whose answers are not lost.
func put[T any](x *rollout, key string, v T) bool {
	data, err := json.Marshal(v)
	if err != nil {
		x.t.Fatal(err)
	}
	made, _ := x.data.PutNew(x.t.Context(), key, data)
	return made
}

// step lets a build do the next thing.
func (x *rollout) step(p *program) {
	if p.queued {
		p.queued = false
		p.order = get[build.Order](x.t, x.data, p.key)
		p.job = p.order.Job
		p.steps = []func(){func() { x.claim(p) }}
		return
	}
	do := p.steps[0]
	p.steps = p.steps[1:]
	do()
	if p.status == codebuild.StatusInProgress && len(p.steps) == 0 {
		x.end(p, codebuild.StatusSucceeded)
	}
}

func (x *rollout) claim(p *program) {
	if !put(x, p.job.ClaimKey(), build.Claim{Build: p.id, Who: "root@" + p.id, At: x.now}) {
		x.note("%s is not the one", p.id)
		return
	}
	if p.job.Kind == gitops.OperationDetect { // it reads, and takes no lock
		p.steps = []func(){func() { x.plan(p) }}
		return
	}
	for _, other := range x.builds {
		if other.working {
			x.fail("I1: %s begins to work on the state while %s does", p.id, other.id)
		}
	}
	p.working = true
	data, _ := json.Marshal(build.Owner{Claim: build.Claim{Build: p.id, Who: "root@" + p.id, At: x.now}, Job: p.job})
	x.data[build.OwnerKey(p.job.Side, "data", "root@"+p.id)] = data
	if p.job.Kind == gitops.OperationApply {
		p.saw = int(p.order.Plan.SHA256[0] - 'a')
		p.steps = []func(){func() { x.lock(p) }, func() { x.apply(p) }}
		return
	}
	p.steps = []func(){func() { x.lock(p) }, func() { x.plan(p) }}
}

// lock takes the state's lock, which the programs hold from here to the end of their job.
func (x *rollout) lock(p *program) {
	key := p.order.State.LockKey("")
	if _, held := x.states[key]; held && p.order.Unlock != nil && get[build.Lock](x.t, x.states, key).ID == p.order.Unlock.ID {
		delete(x.states, key)
	}
	if _, held := x.states[key]; held {
		put(x, p.job.ReportKey(), build.Report{Job: p.job, Build: p.id, Outcome: build.OutcomeBlocked, Reason: "locked"})
		p.steps = nil
		return
	}
	data, _ := json.Marshal(build.Lock{ID: "lock of " + p.id, Who: "root@" + p.id, Created: x.now})
	x.states[key] = data
}

func (x *rollout) unlock(p *program) { delete(x.states, p.order.State.LockKey("")) }

func (x *rollout) plan(p *program) {
	if p.job.Kind != gitops.OperationDetect {
		x.unlock(p)
	}
	r := build.Report{Job: p.job, Build: p.id, Outcome: build.OutcomeNoChange, At: x.now}
	if p.job.Kind == gitops.OperationDetect {
		r.Outcome, r.Drift = build.OutcomeDetected, &gitops.DriftReport{At: x.now, Complete: true, Resources: []gitops.ResourceDrift{{LogicalID: "p", Status: gitops.ResourceInSync}}}
	} else if x.live != p.order.Bundle {
		p.saw = x.serial % 26
		r.Outcome, r.PlanFile = build.OutcomePlanned, build.PlanFile{Key: p.job.PlanFileKey(), SHA256: string(rune('a' + p.saw))}
		r.Plan = &gitops.Plan{Changes: []gitops.Change{{Action: gitops.ActionModify, LogicalID: "p", Type: "aws_ssm_parameter"}}}
		if p.order.Incomplete {
			r.Plan.Review = "the state may be incomplete"
		}
		x.data[p.job.PlanFileKey()] = []byte(r.PlanFile.SHA256)
	}
	put(x, p.job.ReportKey(), r)
	x.note("%s reports %s", p.id, r.Outcome)
	p.working = false // until it is told to go on
	x.wake()
	if r.Outcome == build.OutcomePlanned && p.order.StaySeconds > 0 {
		p.steps = []func(){func() { x.stay(p) }}
	}
}

func (x *rollout) stay(p *program) {
	w, told := x.data[p.job.WordKey()]
	var word build.Word
	if told {
		_ = json.Unmarshal(w, &word)
	}
	switch {
	case told && word.Go:
		p.job.Kind = gitops.OperationApply
		p.order.Unlock = nil
		p.steps = []func(){func() { x.claim(p) }}
		p.order.Plan = build.PlanFile{SHA256: string(rune('a' + p.saw))}
	case told:
	case p.stays == 3:
		put(x, p.job.WordKey(), build.Word{From: p.id})
		p.steps = []func(){func() { x.stay(p) }} // somebody else may have been first
	default:
		p.stays++
		p.steps = []func(){func() { x.stay(p) }}
	}
}

func (x *rollout) apply(p *program) {
	x.unlock(p)
	r := build.Report{Job: p.job, Build: p.id, Outcome: build.OutcomeApplied, At: x.now}
	if p.saw != x.serial%26 {
		r.Outcome, r.Reason = build.OutcomeStale, "Saved plan is stale"
	} else {
		a, err := x.store.Application(x.t.Context(), "data")
		if err != nil {
			x.t.Fatal(err)
		}
		d, err := x.store.Deployment(x.t.Context(), "data", a.InFlight)
		if err != nil || d.Phase != gitops.PhaseApplying || d.Operation.Token != p.job.Token {
			x.fail("I6: %s applies %s, which no deployment that applies asks for: %+v, %v", p.id, p.job.Token, d, err)
		}
		x.live, x.serial, x.applied = p.order.Bundle, x.serial+1, x.applied+1
	}
	put(x, p.job.ReportKey(), r)
	x.note("%s reports %s", p.id, r.Outcome)
	x.wake()
}

// running returns the builds that are not over.
func (x *rollout) running() (ids []string) {
	for _, id := range slices.Sorted(maps.Keys(x.builds)) {
		if x.builds[id].status == codebuild.StatusInProgress {
			ids = append(ids, id)
		}
	}
	return ids
}

// round lets something happen.
func (x *rollout) round() {
	running := x.running()
	switch n := x.random.IntN(12); {
	case n < 5 && len(running) > 0:
		x.step(x.builds[running[x.random.IntN(len(running))]])
	case n == 5 && x.faults && len(running) > 0 && x.random.IntN(3) == 0:
		x.end(x.builds[running[x.random.IntN(len(running))]], []codebuild.Status{codebuild.StatusFault, codebuild.StatusStopped, codebuild.StatusTimedOut}[x.random.IntN(3)])
	case n == 6 && x.faults && x.random.IntN(8) == 0:
		x.push()
	case n == 7 && x.random.IntN(4) == 0:
		x.now = x.now.Add(6 * time.Minute)
	case n == 8:
		x.now = x.now.Add(time.Minute)
		_, _ = x.sweep.Unfinished(x.t.Context())
	case n == 9:
		_, _ = x.sweep.Repositories(x.t.Context())
	default:
		if m, ok := x.queue.Next(); ok {
			if err := x.r.Reconcile(x.t.Context(), m); err != nil {
				x.fail("reconcile %+v: %v", m, err)
			}
		}
	}
}

func (x *rollout) push() {
	x.ids++
	x.note("push %d", x.ids)
	sync := []string{"", ", approval: never", ", approval: always"}[x.seed%3]
	x.git.Push(rolledOut, "main", "change", map[string]string{
		"driftless.yaml": "version: 1\napplications:\n  - name: data\n    path: tf\n    target: { account: \"111122223333\", region: eu-west-1 }\n    terraform: { version: 1.11.4 }\n    sync: { mode: auto" + sync + " }\n",
		"tf/main.tf":     fmt.Sprint(x.ids)})
}

// person approves what waits, and asks again where something ended otherwise than well.
func (x *rollout) person() {
	a, err := x.store.Application(x.t.Context(), "data")
	if err != nil {
		return
	}
	if a.InFlight == "" {
		if a.Ended.Phase == gitops.PhaseFailed || a.Ended.Phase == gitops.PhaseBlocked {
			x.note("sync after %s: %s", a.Ended.Phase, a.Ended.Reason)
			_, _ = x.op.Sync(x.t.Context(), "data", "ann")
		}
		return
	}
	if d, err := x.store.Deployment(x.t.Context(), "data", a.InFlight); err == nil && d.Phase == gitops.PhaseAwaitingApproval {
		_, _ = x.op.Approve(x.t.Context(), "data", d.Plan.Digest, "ann")
	}
}

// TestR39_WhateverIsLostOneBuildAtATimeAppliesAndTheEndIsWhatGitWants: builds start in any
// order, die anywhere and are started twice; answers of the bucket and of CodeBuild are lost.
// Builds work on the state one at a time, nothing is applied that no deployment asked for,
// and once the faults end live is what git wants, with no lock left.
func TestR39_WhateverIsLostOneBuildAtATimeAppliesAndTheEndIsWhatGitWants(t *testing.T) {
	applied, blocked := 0, 0
	for seed := range uint64(120) {
		x := newRollout(t, seed)
		x.push()
		if _, err := x.op.AddRepository(t.Context(), gitops.Repository{URL: rolledOut, Branch: "main"}, "ann"); err != nil {
			t.Fatal(err)
		}
		for range 400 {
			x.round()
			if x.random.IntN(20) == 0 {
				x.person()
			}
		}
		x.faults = false
		for i := range 2500 {
			x.round()
			if i%100 == 0 {
				x.person()
			}
		}
		a, err := x.store.Application(t.Context(), "data")
		if err != nil {
			t.Fatal(err)
		}
		if a.InFlight != "" || a.Ended.Phase != gitops.PhaseSucceeded || a.Ended.Digest != a.Wanted.Digest || x.live != a.Wanted.Bundle {
			x.fail("I3: at the end %s is in flight, %s (%s) ended, live is %s, wanted is %s", a.InFlight, a.Ended.Phase, a.Ended.Reason, x.live, a.Wanted.Bundle)
		}
		if running := x.running(); len(running) == 0 && len(x.states) != 0 {
			x.fail("I4: a lock is left: %v", x.states)
		}
		applied += x.applied
		for _, line := range x.trace {
			if len(line) > 20 && line[9:19] == "sync after" {
				blocked++
			}
		}
	}
	if applied < 120 || blocked < 10 {
		t.Errorf("%d applies and %d ends that a person had to mend: too few to show anything", applied, blocked)
	}
}
