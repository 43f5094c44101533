package codebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// plan orders a plan, and starts a build for it.
func (e *Engine) plan(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	o, err := e.order(w, planJob(w))
	if err != nil {
		return w.Operation, err
	}
	if o.Job.Side == build.SideApply {
		o.StaySeconds = stay
	}
	if o.Unlock, o.Incomplete, err = e.left(ctx, w); err != nil {
		return w.Operation, err
	}
	return e.start(ctx, w.Operation, o)
}

// apply tells the build that planned to go on, if it stays; else it starts another one, which
// applies the saved plan. A word to go that was given to a build which died before it began
// is found by that build being over.
func (e *Engine) apply(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	planned := planJob(w)
	report, there, err := read[build.Report](ctx, e.Data, planned.ReportKey())
	if err != nil {
		return w.Operation, err
	}
	if !there {
		return w.Operation, fmt.Errorf("apply %s: its plan has no report", w.Operation.Token)
	}
	if planned.Side == build.SideApply {
		goes, err := e.goOn(ctx, planned, report.Build)
		if err != nil || goes {
			return w.Operation, err
		}
	}
	o, err := e.order(w, applyJob(w))
	if err != nil {
		return w.Operation, err
	}
	o.Plan = report.PlanFile
	return e.start(ctx, w.Operation, o)
}

// goOn tells a build that stays to apply what it planned, and reports whether it will.
func (e *Engine) goOn(ctx context.Context, planned build.Job, id string) (bool, error) {
	word, _, err := build.First(ctx, e.Data, planned.WordKey(), build.Word{Go: true, From: "reconciler", At: e.Now()})
	if err != nil || !word.Go {
		return false, err
	}
	b, err := e.Builds.Build(ctx, id)
	return err == nil && !b.over(), err
}

// detect orders a look for drift, and starts a build for it. Outside a deployment nobody gave
// it a token: it takes one of its own, which the operation's id then holds.
func (e *Engine) detect(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	j, id := detectJob(w)
	if j.Token == "" {
		j.Token = fmt.Sprintf("drift-%s-%d", w.Application, e.Now().UnixNano())
	}
	if id != "" {
		return w.Operation, nil
	}
	o, err := e.order(w, j)
	if err != nil {
		return w.Operation, err
	}
	op, err := e.start(ctx, w.Operation, o)
	if w.Operation.Token == "" && op.ID != "" {
		op.ID = j.Token + " " + op.ID
	}
	return op, err
}

// detectJob returns the job of a look for drift and its build's id, as far as they are known.
func detectJob(w reconcile.Work) (j build.Job, id string) {
	j = build.Job{Side: build.SidePlan, Token: w.Operation.Token, Kind: gitops.OperationDetect}
	id = w.Operation.ID
	if j.Token == "" {
		j.Token, id, _ = strings.Cut(w.Operation.ID, " ")
	}
	return j, id
}

// start puts an order and starts a build of it. Two builds of one order are harmless: one gets
// the claim.
func (e *Engine) start(ctx context.Context, op gitops.Operation, o build.Order) (gitops.Operation, error) {
	data, err := json.Marshal(o)
	if err != nil {
		return op, fmt.Errorf("encode order %s: %w", o.Job.Token, err)
	}
	if err := e.Data.Put(ctx, o.Job.OrderKey(), data); err != nil {
		return op, err
	}
	id, err := e.Builds.Start(ctx, e.Projects[o.Job.Side], o.Job.Token+"-"+string(o.Job.Kind),
		map[string]string{build.EnvOrder: o.Job.OrderKey(), build.EnvApplication: o.Application})
	if err != nil {
		return op, err
	}
	op.ID, op.StackID = id, o.Address()
	return op, nil
}

// cancel gives a plan up: it takes the claim, so that no build of it begins any more; where a
// build has it, that one is stopped, and the plan is given up once it is over.
func (e *Engine) cancel(ctx context.Context, w reconcile.Work) error {
	j, id := planJob(w), w.Operation.ID
	held, mine, err := build.First(ctx, e.Data, j.ClaimKey(), build.Claim{Void: "given up", At: e.Now()})
	if err != nil {
		return err
	}
	if held.Void == "" {
		id = held.Build
	}
	if id == "" || !mine && held.Void != "" {
		return nil
	}
	if j.Side == build.SideApply && !mine { // one that stays needs no stopping
		if _, _, err := build.First(ctx, e.Data, j.WordKey(), build.Word{From: "reconciler", At: e.Now()}); err != nil {
			return err
		}
	}
	b, err := e.Builds.Build(ctx, id)
	if err != nil || b.over() {
		return err
	}
	if err := e.Builds.Stop(ctx, id); err != nil || mine {
		return err // one that has no claim ends by itself as soon as it begins
	}
	return errors.New("build " + id + " is being stopped")
}

// applying is what Terraform writes into the lock of an apply (backend.OperationType, its String).
const applying = "OperationTypeApply"

// left returns the lock that a build of ours left on the application's state and that is to be
// removed, since its build is proven over, and whether that build was to apply. A lock of
// somebody else's blocks, and one of a build that still runs is waited for.
func (e *Engine) left(ctx context.Context, w reconcile.Work) (lock *build.Lock, applied bool, err error) {
	if w.Settings.Terraform == nil || w.Settings.Terraform.Backend {
		return nil, false, nil // its backend is its own, and terraform itself tells of its lock
	}
	state := e.state(w.Application)
	held, there, err := read[build.Lock](ctx, e.States, state.LockKey(w.Settings.Terraform.Workspace))
	if err != nil || !there {
		return nil, false, err
	}
	for _, s := range []build.Side{build.SideApply, build.SidePlan} {
		owner, known, err := read[build.Owner](ctx, e.Data, build.OwnerKey(s, w.Application, held.Who))
		if err != nil {
			return nil, false, err
		}
		if !known || owner.Who == "" || owner.Who != held.Who {
			continue
		}
		b, err := e.Builds.Build(ctx, owner.Build)
		if err != nil {
			return nil, false, err
		}
		if !b.over() {
			return nil, false, &gitops.Busy{Reason: fmt.Sprintf("build %s works on the state (lock %s)", owner.Build, gitops.Printable(held.ID))}
		}
		// A build that went on from its plan may have failed to write that it applies; its lock tells.
		return &held, owner.Job.Kind == gitops.OperationApply || held.Operation == applying, nil
	}
	return nil, false, &gitops.Refusal{Blocked: true, Reason: fmt.Sprintf("state s3://%s/%s is locked by %s since %s (lock %s), which is no build of Driftless: once nobody works on it, run terraform force-unlock %s",
		state.Bucket, state.Key, gitops.Printable(held.Who), held.Created.UTC().Format("2006-01-02 15:04:05Z"), gitops.Printable(held.ID), gitops.Printable(held.ID))}
}
