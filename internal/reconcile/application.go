package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// settle is how long after a look at drift that found some a second look is worth taking:
// live settles late after an apply.
const settle = 30 * time.Second

// patience is how long the look at drift that ends an apply may hold the application.
const patience = 5 * time.Minute

// errInconsistent says that records contradict each other: a bug, which goes to the
// dead-letter queue instead of being looked at every minute.
var errInconsistent = errors.New("inconsistent records")

// records is an application and its deployment in flight as they were read or written last.
type records struct {
	application gitops.Application
	deployment  *gitops.Deployment
}

// application takes the application's steps until one has to wait. What was read or written
// last is decided on without reading it again: every write is conditional on the versions, so
// whoever was overtaken finds out and reads. Where nothing is written before something is begun,
// both records are read again.
func (r *Reconciler) application(ctx context.Context, id string) error {
	var last *records          // nil: to be read
	var known *gitops.Sighting // what the last call already told
	for look, tries := 0, 0; r.timeLeft(ctx); {
		o, err := r.observe(ctx, id, last, known)
		if err == nil && gitops.Decide(o).Kind == gitops.StepStart {
			o, err = r.again(ctx, id, o)
		}
		if errors.Is(err, errInconsistent) {
			return err
		}
		if err != nil {
			return r.transient("observe", err, "app", id)
		}
		step := gitops.Decide(o)
		r.logStep(o, step)
		last, known, err = r.act(ctx, o, step)
		switch {
		case lost(err) && tries < conflicts:
			last, known = nil, nil
			tries++
			continue
		case lost(err):
			return nil
		case err != nil:
			return r.transient("take step", err, "app", id, "step", string(step.Kind))
		case step.Kind == gitops.StepRest, step.Kind == gitops.StepDetect && known == nil:
			return nil // an event tells when the detection has ended
		case step.Kind == gitops.StepWait:
			if !r.lookAgain(ctx, o, look) {
				return nil
			}
			look++
		default:
			look = 0
		}
	}
	return r.Queue.Send(ctx, Message{Application: id, Reason: "go on: the time of one invocation was up"})
}

// again reads the records of an observation again, before something is begun again that is not
// there: another worker may have removed it, and ended the deployment. What was seen of the
// operation still holds if nobody moved the deployment since.
func (r *Reconciler) again(ctx context.Context, id string, o gitops.Observation) (gitops.Observation, error) {
	last, err := r.read(ctx, id)
	if err != nil {
		return gitops.Observation{}, err
	}
	if d := last.deployment; d == nil || d.ID != o.Deployment.ID || d.Version != o.Deployment.Version {
		return r.observe(ctx, id, last, nil)
	}
	return r.observe(ctx, id, last, &o.Operation)
}

// lookAgain waits before another look, and reports whether there is to be one: only while
// something is planned whose end nothing announces, as that of a change set, or something is
// checked again soon.
func (r *Reconciler) lookAgain(ctx context.Context, o gitops.Observation, look int) bool {
	if o.Deployment != nil && o.Deployment.Checking() && r.Sleep != nil {
		pause := o.Deployment.NextCheck().Sub(r.Now())
		return r.afford(ctx, pause) && r.Sleep(ctx, pause) == nil
	}
	if r.Sleep == nil || look >= len(looks) || o.Deployment == nil ||
		o.Deployment.Phase != gitops.PhasePlanning || o.Operation.State != gitops.OperationRunning || o.Operation.Announced {
		return false
	}
	return r.Sleep(ctx, looks[look]) == nil
}

// logStep writes the one line of a step.
func (r *Reconciler) logStep(o gitops.Observation, s gitops.Step) {
	args := []any{"app", o.Application.ID, "step", string(s.Kind), "why", s.Reason}
	if d := o.Deployment; d != nil {
		args = append(args, "deployment", d.ID, "revision", d.Revision.String(), "phase", string(d.Phase),
			"operation", string(o.Operation.State))
	}
	r.log().Info("step", args...)
}

// observe returns what the records say, read unless they are given, and what AWS says of what
// the application has running.
func (r *Reconciler) observe(ctx context.Context, id string, last *records, known *gitops.Sighting) (gitops.Observation, error) {
	if last == nil {
		var err error
		if last, err = r.read(ctx, id); err != nil {
			return gitops.Observation{}, err
		}
	}
	a, now := last.application, r.Now()
	o := gitops.Observation{Application: a, DriftDue: !a.DriftDue.IsZero() && !now.Before(a.DriftDue)}
	if d := last.deployment; d != nil {
		o.Deployment = d
		o.Settled = now.Sub(d.Operation.At) >= settle
		o.Overdue = d.Phase == gitops.PhaseVerifying && now.Sub(began(*d, d.Phase)) >= patience
		o.CheckDue = d.Checking() && !now.Before(d.NextCheck())
		var err error
		if o.Report, err = r.drifted(ctx, a, *d); err != nil {
			return o, err
		}
		if !d.Operation.IsZero() && !d.Phase.Done() && !d.Checking() {
			o.Operation = r.sight(ctx, deploymentWork(r, *d), d.Phase, known, o.Report)
		}
		if d.Phase == gitops.PhasePending {
			o.Behind, err = r.behind(ctx, a)
		}
		return o, err
	}
	o.HealHeld = a.HealHeld(now)
	if a.Detection != nil {
		o.Detection = r.sight(ctx, r.detectionWork(a), "", known, nil)
	}
	return o, nil
}

// drifted returns the latest drift report, where it says something that a plan is held against;
// nil where there is none.
func (r *Reconciler) drifted(ctx context.Context, a gitops.Application, d gitops.Deployment) (*gitops.DriftReport, error) {
	if a.Drift.Drifted == 0 || d.Phase != gitops.PhasePlanning && d.Phase != gitops.PhaseAwaitingApproval {
		return nil, nil
	}
	report, err := r.latest(ctx, a.ID)
	if err != nil || report.Application == "" {
		return nil, err
	}
	return &report, nil
}

// read reads an application and the deployment that it has in flight.
func (r *Reconciler) read(ctx context.Context, id string) (*records, error) {
	a, err := r.Store.Application(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("read application %s: %w", id, err)
	}
	if a.InFlight == "" {
		return &records{application: a}, nil
	}
	d, err := r.Store.Deployment(ctx, id, a.InFlight)
	if errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("application %s has deployment %s in flight, which has no record: %w", id, a.InFlight, errInconsistent)
	}
	if err != nil {
		return nil, fmt.Errorf("read deployment %s: %w", a.InFlight, err)
	}
	return &records{a, &d}, nil
}

// sight asks the engine, unless the last call told already. What the engine could not find
// out is Unknown, never Failed. A plan says what of the drift that is known it would overwrite.
func (r *Reconciler) sight(ctx context.Context, w Work, phase gitops.Phase, known *gitops.Sighting, drift *gitops.DriftReport) gitops.Sighting {
	if known != nil {
		return *known
	}
	e, err := r.engine(w.Settings.Engine)
	if err != nil {
		return gitops.Sighting{State: gitops.OperationBlocked, Reason: err.Error()}
	}
	s, err := e.Observe(ctx, w)
	if err != nil {
		return sighting(err, phase)
	}
	if s.Plan != nil {
		if drift != nil && !w.Kind.Reverts() {
			s.Plan.Against(*drift)
		}
		s.Plan.Bind(w.Settings)
	}
	return s
}

// sighting turns an engine's error into what was seen. A person's mistake ends the
// deployment. A refusal of credentials does so too while nothing was applied; afterwards
// the operation may well go on, and only looking again will tell.
func sighting(err error, phase gitops.Phase) gitops.Sighting {
	var refusal *gitops.Refusal
	var busy *gitops.Busy
	switch {
	case errors.As(err, &busy):
		return gitops.Sighting{State: gitops.OperationForeign, Reason: busy.Reason}
	case errors.As(err, &refusal) && refusal.Blocked:
		return gitops.Sighting{State: gitops.OperationBlocked, Reason: refusal.Reason, Stuck: refusal.Stuck}
	case errors.As(err, &refusal):
		return gitops.Sighting{State: gitops.OperationFailed, Reason: refusal.Reason}
	case errors.Is(err, ErrDenied) && (phase == gitops.PhasePlanning || phase == gitops.PhaseRollingBack || phase == ""):
		return gitops.Sighting{State: gitops.OperationBlocked, Reason: err.Error()}
	}
	return gitops.Sighting{State: gitops.OperationUnknown, Reason: err.Error()}
}

func (r *Reconciler) engine(e gitops.Engine) (Engine, error) {
	if engine, ok := r.Engines[e]; ok {
		return guarded{engine, r}, nil
	}
	return nil, fmt.Errorf("engine %q is not part of this installation", e)
}

// act carries out a step, and returns the records as they are then, nil where they have to be
// read. The sighting, if any, is what the call itself told: it is decided on next, instead of
// looking again.
func (r *Reconciler) act(ctx context.Context, o gitops.Observation, s gitops.Step) (*records, *gitops.Sighting, error) {
	same := &records{o.Application, o.Deployment} // steps write the deployment where it is
	told, err := r.keep(ctx, o, s)
	if told != nil || err != nil {
		return same, told, err
	}
	switch s.Kind {
	case gitops.StepRest:
		return same, nil, nil
	case gitops.StepWait:
		return same, nil, r.wait(ctx, o, s)
	case gitops.StepOpen:
		opened, err := r.open(ctx, o, s)
		return opened, nil, err
	case gitops.StepPlan:
		told, err = r.plan(ctx, o, s)
		return same, told, err
	case gitops.StepStart:
		told, err = r.start(ctx, o.Deployment)
		return same, told, err
	case gitops.StepExpand:
		recorded, err := r.expand(ctx, o)
		return recorded, nil, err
	case gitops.StepReview:
		return same, nil, r.review(ctx, o, s)
	case gitops.StepApply:
		told, err = r.apply(ctx, o, s)
		return same, told, err
	case gitops.StepVerify:
		told, err = r.verify(ctx, o, s)
		return same, told, err
	case gitops.StepCheck:
		return same, nil, r.check(ctx, o, s)
	case gitops.StepRecover:
		told, err = r.recover(ctx, o, s)
		return same, told, err
	case gitops.StepFinish:
		return nil, nil, r.finish(ctx, o, s)
	case gitops.StepDetect:
		told, err = r.detect(ctx, o, s)
		return nil, told, err
	case gitops.StepRecord:
		recorded, err := r.record(ctx, o)
		return recorded, nil, err
	case gitops.StepDrop:
		return nil, nil, r.drop(ctx, o, s)
	}
	return nil, nil, fmt.Errorf("step %q is not known", s.Kind)
}

// wait notes on the record what is waited for, if that is news.
func (r *Reconciler) wait(ctx context.Context, o gitops.Observation, s gitops.Step) error {
	d := o.Deployment
	if d == nil || d.Progress == s.Reason || o.Operation.State == gitops.OperationUnknown {
		return nil
	}
	d.Progress = s.Reason
	if s := o.Operation.Operation; s.ID != "" || s.StackID != "" {
		d.Operation.Keep(s)
	}
	return r.Store.PutDeployment(ctx, d)
}

// review hands the plan, which is kept, to a person.
func (r *Reconciler) review(ctx context.Context, o gitops.Observation, s gitops.Step) error {
	d := o.Deployment
	d.Reason, d.Progress = s.Reason, ""
	r.enter(d, gitops.PhaseAwaitingApproval)
	return r.Store.PutDeployment(ctx, d)
}

// apply saves the intent to apply the plan, which is kept, and applies it. The write is
// conditional on both records being as they were read, so whoever was overtaken meanwhile, by
// a newer revision or a suspension too, starts nothing.
func (r *Reconciler) apply(ctx context.Context, o gitops.Observation, s gitops.Step) (*gitops.Sighting, error) {
	d := o.Deployment
	d.Operation.Kind, d.Operation.At = gitops.OperationApply, r.Now()
	d.Reason, d.Progress = s.Reason, ""
	r.enter(d, gitops.PhaseApplying)
	if err := r.Store.Intend(ctx, o.Application, d); err != nil {
		return nil, err
	}
	return r.start(ctx, d)
}

// verify saves the intent to look for drift, and begins to.
func (r *Reconciler) verify(ctx context.Context, o gitops.Observation, s gitops.Step) (*gitops.Sighting, error) {
	d := o.Deployment
	if d.Phase == gitops.PhaseApplying {
		d.Outputs, d.AppliedAt = o.Operation.Outputs, o.Operation.At
		d.Operation.Keep(o.Operation.Operation)
	}
	n := d.Operation.N + 1
	d.Operation = gitops.Operation{N: n, Kind: gitops.OperationDetect, Token: gitops.Token(d.ID, n),
		StackID: d.Operation.StackID, At: r.Now(), Again: s.Again}
	d.Reason, d.Progress = s.Reason, ""
	r.enter(d, gitops.PhaseVerifying)
	if err := r.Store.PutDeployment(ctx, d); err != nil {
		return nil, err
	}
	return r.start(ctx, d)
}

// keep keeps the plan that a step is about, if it is about one. A bucket that refuses it blocks
// the deployment: nothing that is not kept can be reviewed, or told of afterwards.
func (r *Reconciler) keep(ctx context.Context, o gitops.Observation, s gitops.Step) (*gitops.Sighting, error) {
	if s.Kind != gitops.StepReview && s.Kind != gitops.StepApply {
		return nil, nil
	}
	err := r.keepPlan(ctx, o)
	if errors.Is(err, ErrDenied) {
		return &gitops.Sighting{State: gitops.OperationBlocked, Reason: err.Error()}, nil
	}
	return nil, err
}

// keepPlan stores the plan under its digest, and its summary on the deployment.
func (r *Reconciler) keepPlan(ctx context.Context, o gitops.Observation) error {
	plan := o.Operation.Plan
	if plan == nil {
		return fmt.Errorf("deployment %s is to keep a plan that nobody saw", o.Deployment.ID)
	}
	key, err := putPlan(ctx, r.Blobs, *plan)
	if err != nil {
		return err
	}
	o.Deployment.PlanKey, o.Deployment.Plan = key, o.Deployment.Summarise(*plan)
	o.Deployment.Operation.Keep(o.Operation.Operation)
	return nil
}

// enter moves a deployment to a phase and notes when.
func (r *Reconciler) enter(d *gitops.Deployment, p gitops.Phase) {
	d.Phase = p
	d.Times = append(d.Times, gitops.PhaseTime{Phase: p, At: r.Now()})
}

// began returns when a deployment last entered a phase.
func began(d gitops.Deployment, p gitops.Phase) time.Time {
	for i := len(d.Times) - 1; i >= 0; i-- {
		if d.Times[i].Phase == p {
			return d.Times[i].At
		}
	}
	return d.StartedAt
}

func deploymentWork(r *Reconciler, d gitops.Deployment) Work {
	return Work{Application: d.Application, Settings: d.Settings, Kind: d.Kind, Operation: d.Operation,
		Bundle: d.Bundle, Revision: d.Revision,
		Files: func(ctx context.Context) (fs.FS, error) { return r.openBundle(ctx, d.Bundle) }}
}
