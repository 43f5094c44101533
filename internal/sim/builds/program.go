package builds

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// program is what runs in a build: internal/runner's protocol, above a state in memory.
type program struct {
	w      *world
	b      *aBuild
	order  build.Order
	job    build.Job
	plan   planFile // that it made, or fetched
	failed bool     // how the build ends
}

// planFile is a saved plan.
type planFile struct {
	Token  string `json:"token"`  // it was made under
	Bundle string `json:"bundle"` // what it applies
	Serial int    `json:"serial"` // of the state that it was made on
}

// ending is an end of a job other than the wanted one.
type ending struct {
	outcome build.Outcome
	reason  string
}

func (e *ending) Error() string { return e.reason }

func (p *program) data() patient { return patient{p.w.data} }

// who is what the locks of this build say.
func (p *program) who() string { return "root@" + p.b.id }

// main does the job that the order names, and the apply after it where it is told to.
func (p *program) main(ctx context.Context) {
	data, err := p.data().Get(ctx, p.b.key)
	if err == nil {
		err = json.Unmarshal(data, &p.order)
	}
	if err != nil || !p.claim(ctx, p.order.Job) {
		p.failed = err != nil
		return
	}
	if outcome := p.run(ctx); outcome != build.OutcomePlanned || p.order.StaySeconds == 0 || !p.told(ctx) {
		return
	}
	job := p.job
	job.Kind = gitops.OperationApply
	if p.claim(ctx, job) {
		p.run(ctx)
	}
}

// claim makes a job this build's, and reports whether it is.
func (p *program) claim(ctx context.Context, job build.Job) bool {
	there, mine, err := build.First(ctx, p.data(), job.ClaimKey(), build.Claim{Build: p.b.id, Who: p.who(), At: p.w.now()})
	if p.failed = err != nil; p.failed || !mine && there.Build != p.b.id {
		return false // where it is its own, an earlier try of the same write got there
	}
	p.job = job
	p.w.judge.claimed(p.b, job)
	return true
}

// own says who is about to work on the state. A program that goes on from its plan does so once, and
// goes on where that fails (internal/runner, stay).
func (p *program) own(ctx context.Context) error {
	data, err := json.Marshal(build.Owner{Claim: build.Claim{Build: p.b.id, Who: p.who(), At: p.w.now()}, Job: p.job})
	if err != nil {
		return err
	}
	key := build.OwnerKey(p.job.Side, p.order.Application, p.who())
	if p.job.Kind != p.order.Job.Kind {
		_ = p.w.data.Replace(ctx, key, data) // the plan's stands there
		return nil
	}
	return p.data().Replace(ctx, key, data)
}

// run does the job and reports it.
func (p *program) run(ctx context.Context) build.Outcome {
	r := build.Report{Schema: build.Schema, Job: p.job, Build: p.b.id}
	if err := p.work(ctx, &r); err != nil {
		r.Outcome, r.Reason = build.OutcomeFailed, err.Error()
		var e *ending
		if errors.As(err, &e) {
			r.Outcome = e.outcome
		}
	}
	r.At = p.w.now()
	data, err := json.Marshal(r)
	if err == nil {
		_, err = p.data().PutNew(ctx, p.job.ReportKey(), data)
	}
	p.failed = err != nil || r.Outcome == build.OutcomeFailed || r.Outcome == build.OutcomeBlocked
	if err != nil {
		return ""
	}
	p.w.judge.reported(p.b, r)
	p.w.event(reconcile.Message{Application: p.order.Application, Reason: "build " + string(p.job.Kind)})
	return r.Outcome
}

func (p *program) work(ctx context.Context, r *build.Report) error {
	p.takes()
	if p.order.CDK != nil {
		return p.synthesise(ctx, r)
	}
	switch p.job.Kind { //nolint:exhaustive // nothing else is ordered
	case gitops.OperationDetect:
		p.takes()
		r.Outcome, r.Drift = build.OutcomeDetected, &gitops.DriftReport{Application: p.order.Application, At: p.w.now(), Complete: true,
			Resources: []gitops.ResourceDrift{{LogicalID: "p", Type: "aws_ssm_parameter", Status: gitops.ResourceInSync}}}
		return nil
	case gitops.OperationPlan:
		return p.plans(ctx, r)
	}
	return p.apply(ctx, r)
}

// takes lets a part of the job take its time.
func (p *program) takes() { p.w.running.pause(time.Duration(1 + p.w.draw(int(p.w.knobs.Work)))) }

// step is a part of the job that has an effect; one that was told to stop goes no further.
func (p *program) step(name string) error {
	if err := p.w.gate(name); err != nil {
		return err
	}
	if p.b.stopped {
		return errors.New("the build was stopped")
	}
	return nil
}

// plans plans under the state's lock, and keeps the plan's file.
func (p *program) plans(ctx context.Context, r *build.Report) error {
	if err := p.own(ctx); err != nil {
		return err
	}
	if p.order.Unlock != nil {
		p.w.unlock(p, p.order.Unlock.ID)
	}
	if err := p.lock(); err != nil {
		return err
	}
	p.takes()
	s := p.w.state(p.order.Application)
	p.plan = planFile{p.job.Token, p.order.Bundle, s.serial}
	changes := s.bundle != p.order.Bundle || s.live != p.order.Bundle
	p.release()
	if p.b.stopped {
		return errors.New("the build was stopped")
	}
	if !changes {
		r.Outcome = build.OutcomeNoChange
		return nil
	}
	return p.keep(ctx, r)
}

// keep stores the plan's file.
func (p *program) keep(ctx context.Context, r *build.Report) error {
	data, err := json.Marshal(p.plan)
	if err != nil {
		return err
	}
	if _, err := p.data().PutNew(ctx, p.job.PlanFileKey(), data); err != nil {
		return err
	}
	r.Outcome, r.PlanFile = build.OutcomePlanned, build.PlanFile{Key: p.job.PlanFileKey(), SHA256: sum(data)}
	r.Plan = &gitops.Plan{Changes: []gitops.Change{{Action: gitops.ActionModify, LogicalID: "p", Type: "aws_ssm_parameter"}}}
	if p.order.Incomplete {
		r.Plan.Review = "the state may be incomplete"
	}
	return nil
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

// told waits for the word to go, and reports whether it came; in the end it says that it left.
func (p *program) told(ctx context.Context) bool {
	var word build.Word
	for end := p.w.at + time.Duration(p.order.StaySeconds)*time.Second; p.w.at < end && !p.b.stopped; p.w.running.pause(3 * time.Second) {
		data, err := p.w.data.Get(ctx, p.job.WordKey())
		if err == nil && json.Unmarshal(data, &word) == nil {
			return word.Go
		}
	}
	word, mine, err := build.First(ctx, p.data(), p.job.WordKey(), build.Word{From: p.b.id, At: p.w.now()})
	return err == nil && !mine && word.Go && !p.b.stopped
}

// fetch brings the saved plan that the order names, if it still is the one.
func (p *program) fetch(ctx context.Context) error {
	data, err := p.data().Get(ctx, p.order.Plan.Key)
	switch {
	case errors.Is(err, reconcile.ErrNotFound):
		return &ending{build.OutcomeStale, "the saved plan is no longer kept"}
	case err != nil:
		return err
	case sum(data) != p.order.Plan.SHA256:
		return &ending{build.OutcomeBlocked, "the saved plan was changed after it was made"}
	}
	if err := json.Unmarshal(data, &p.plan); err != nil {
		return fmt.Errorf("decode plan: %w", err)
	}
	return nil
}

// apply applies the saved plan, and nothing else: first what runs, then the state that says so.
func (p *program) apply(ctx context.Context, r *build.Report) error {
	if p.order.Job.Kind == gitops.OperationApply {
		if err := p.fetch(ctx); err != nil {
			return err
		}
	}
	if err := p.own(ctx); err != nil {
		return err
	}
	if err := p.lock(); err != nil {
		return err
	}
	s := p.w.state(p.order.Application)
	if s.serial != p.plan.Serial {
		p.release()
		return &ending{build.OutcomeStale, "the saved plan is stale"}
	}
	if err := p.step("live"); err != nil {
		p.release()
		return err
	}
	p.w.judge.applies(p)
	s.live = p.plan.Bundle
	p.takes()
	if err := p.w.gate("state"); err != nil {
		return &ending{build.OutcomeBlocked, "the backend failed while the plan was applied"} // and keeps its lock
	}
	s.serial, s.bundle = s.serial+1, p.plan.Bundle
	p.release()
	r.Outcome = build.OutcomeApplied
	return nil
}
