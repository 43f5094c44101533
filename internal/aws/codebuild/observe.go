package codebuild

import (
	"cmp"
	"context"
	"fmt"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// life is what is known of a job: its report; else whose it is, and how that build is.
type life struct {
	report *build.Report
	claim  build.Claim // zero: nobody's yet
	build  *Build      // nil: none is known
}

// look reads a job's report and claim, and its build where there is no report. The report is
// read again once the build is over: it may have been written in between.
func (e *Engine) look(ctx context.Context, j build.Job, id string) (life, error) {
	var l life
	for range 2 {
		report, there, err := read[build.Report](ctx, e.Data, j.ReportKey())
		if err != nil {
			return l, err
		}
		if there {
			l.report = &report
			return l, nil
		}
		if l.build != nil && l.build.over() {
			return l, nil
		}
		if l.claim, _, err = read[build.Claim](ctx, e.Data, j.ClaimKey()); err != nil {
			return l, err
		}
		if id = cmp.Or(l.claim.Build, id); id == "" || l.claim.Void != "" {
			return l, nil
		}
		b, err := e.Builds.Build(ctx, id)
		if err != nil {
			return l, err
		}
		if l.build = &b; !b.over() {
			return l, nil
		}
	}
	return l, nil
}

// sighting says how a job without a report is. The zero state means that nothing is known.
func (l life) sighting(op gitops.Operation, doing string) gitops.Sighting {
	s := gitops.Sighting{Operation: op}
	switch b := l.build; {
	case l.claim.Void != "":
		s.State, s.Reason = gitops.OperationStale, doing+" was given up"
	case b == nil:
		s.State = gitops.OperationAbsent
	case !b.over() && b.queued():
		s.State, s.Reason = gitops.OperationForeign, fmt.Sprintf("build %s waits in CodeBuild's queue", b.ID)
		if t := at(b.Started); !t.IsZero() {
			s.Reason += " since " + t.Format("15:04:05Z")
		}
	case !b.over():
		return running(op, b.ID)
	case l.claim.Build == "" && b.queued():
		s.State, s.Reason = gitops.OperationStale, b.end()+": it waited in the queue for too long"
	default:
		s.State, s.Reason = gitops.OperationFailed, b.end()+", without a report"
	}
	return s
}

// running says that a build works. It wakes whoever waits for it when it is over.
func running(op gitops.Operation, id string) gitops.Sighting {
	return gitops.Sighting{State: gitops.OperationRunning, Operation: op, Progress: "build " + id, Announced: true}
}

// planned looks at a plan.
func (e *Engine) planned(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	j := planJob(w)
	l, err := e.look(ctx, j, w.Operation.ID)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if l.report == nil {
		return l.sighting(w.Operation, "the plan"), nil
	}
	s := reported(w.Operation, *l.report)
	if l.report.Outcome != build.OutcomePlanned {
		return s, nil
	}
	kept, err := e.Data.Has(ctx, l.report.PlanFile.Key)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if !kept {
		s.State, s.Reason = gitops.OperationStale, "the saved plan has expired"
		return s, nil
	}
	if s.Plan == nil {
		return gitops.Sighting{}, fmt.Errorf("report of build %s: it planned, and holds no plan", l.report.Build)
	}
	s.Plan.Engine, s.Plan.Kind, s.Plan.Bundle = w.Settings.Engine, w.Kind, w.Bundle
	s.Plan.Seal()
	return s, nil
}

// applied looks at an apply: at the job's own build; else at the one that was told to go on;
// else it was not begun.
func (e *Engine) applied(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	planned := planJob(w)
	by, there, err := read[build.Claim](ctx, e.Data, planned.ClaimKey())
	if err != nil {
		return gitops.Sighting{}, err
	}
	own := w.Operation.ID
	if there && own == by.Build {
		own = "" // it is the plan's
	}
	l, err := e.look(ctx, applyJob(w), own)
	switch {
	case err != nil:
		return gitops.Sighting{}, err
	case l.report != nil:
		return reported(w.Operation, *l.report), nil
	case l.claim.Build != "" && l.build != nil && l.build.over():
		return gitops.Sighting{State: gitops.OperationBlocked, Operation: w.Operation,
			Reason: l.build.end() + " while it applied: the state may be incomplete; the next plan waits for a person"}, nil
	case l.claim.Void != "":
		return gitops.Sighting{State: gitops.OperationFailed, Operation: w.Operation, Reason: l.claim.Void}, nil
	case l.build != nil && l.build.over() && l.build.queued():
		return gitops.Sighting{State: gitops.OperationReady, Operation: w.Operation}, nil
	case l.build != nil && l.build.over():
		return e.unbegun(ctx, w, *l.build)
	case l.build != nil:
		return l.sighting(w.Operation, "the apply"), nil
	}
	return e.told(ctx, w, planned, by.Build)
}

// unbegun ends an apply whose build is over and never had its claim. It takes the claim: another
// worker, which froze, may yet start a build, when the deployment is over.
func (e *Engine) unbegun(ctx context.Context, w reconcile.Work, b Build) (gitops.Sighting, error) {
	void := build.Claim{Void: b.end() + ", without a report", At: e.Now()}
	held, _, err := build.First(ctx, e.Data, applyJob(w).ClaimKey(), void)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if held.Void == "" {
		return running(w.Operation, held.Build), nil
	}
	return gitops.Sighting{State: gitops.OperationFailed, Operation: w.Operation, Reason: held.Void}, nil
}

// told looks at a build that planned and was told to go on, before it has begun to. Where it
// was not told, has left or died, the plan is still to be applied.
func (e *Engine) told(ctx context.Context, w reconcile.Work, planned build.Job, id string) (gitops.Sighting, error) {
	ready := gitops.Sighting{State: gitops.OperationReady, Operation: w.Operation}
	word, there, err := read[build.Word](ctx, e.Data, planned.WordKey())
	if err != nil {
		return gitops.Sighting{}, err
	}
	if !there || !word.Go || id == "" {
		return ready, nil
	}
	b, err := e.Builds.Build(ctx, id)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if b.over() {
		// It may have begun and ended since its claim was looked for.
		if begun, err := e.Data.Has(ctx, applyJob(w).ClaimKey()); err != nil || !begun {
			return ready, err
		}
	}
	return running(w.Operation, id), nil
}

// detected looks at a look for drift.
func (e *Engine) detected(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	j, id := detectJob(w)
	if j.Token == "" {
		return gitops.Sighting{State: gitops.OperationAbsent, Operation: w.Operation}, nil
	}
	l, err := e.look(ctx, j, id)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if l.report != nil {
		return reported(w.Operation, *l.report), nil
	}
	return l.sighting(w.Operation, "the look for drift"), nil
}

// reported turns a report into what was seen.
func reported(op gitops.Operation, r build.Report) gitops.Sighting {
	s := gitops.Sighting{Operation: op, Reason: gitops.Printable(r.Reason), At: r.At, Plan: r.Plan, Report: r.Drift, Outputs: r.Outputs, Stacks: r.Stacks}
	if s.Operation.Token != "" {
		s.Operation.ID = r.Build
	}
	if s.Report != nil {
		s.Report.StackID = op.StackID
	}
	switch r.Outcome {
	case build.OutcomePlanned:
		s.State = gitops.OperationReady
	case build.OutcomeNoChange:
		s.State = gitops.OperationNoChange
	case build.OutcomeApplied, build.OutcomeDetected, build.OutcomeSynthesised:
		s.State = gitops.OperationDone
	case build.OutcomeStale:
		s.State = gitops.OperationStale
	case build.OutcomeFailed:
		s.State = gitops.OperationFailed
	case build.OutcomeBlocked:
		s.State = gitops.OperationBlocked
	default:
		s.State, s.Reason = gitops.OperationUnknown, fmt.Sprintf("outcome %q is not known to this version of Driftless", r.Outcome)
	}
	return s
}
