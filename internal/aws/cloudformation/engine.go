package cloudformation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudcontrol"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/driftless-gitops/driftless/internal/aws/cloudwatch"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Config says with whose rights the engine calls AWS.
type Config struct {
	// Deploy returns the region and credentials with which a work's stack is planned,
	// applied and observed.
	Deploy func(ctx context.Context, w reconcile.Work) (aws.Config, error)
	// Drift returns those with which its drift is detected. CloudFormation reads the live
	// resources with the caller's rights (design, decision 16), so they need to read them.
	Drift func(ctx context.Context, w reconcile.Work) (aws.Config, error)
	// Role returns the ARN of the role that CloudFormation assumes where the settings name
	// none; empty means the caller's rights. Nil means empty.
	Role func(w reconcile.Work) string
	// Bucket returns the artefact bucket of a work's account and region, which the deploy
	// rights reach; empty where there is none. Nil means none anywhere.
	Bucket func(w reconcile.Work) string
	// Now is the time that the signatures of those calls carry for which there is no client of
	// the SDK: the alarms of checks, read with the drift rights, which CloudFormation is handed
	// as rollback triggers. Nil: it is handed none.
	Now func() time.Time
	// Pause waits between two reads of live resources, of which one account takes but so many.
	// Nil means reconcile.Pause.
	Pause func(ctx context.Context, d time.Duration) error
}

// Engine is the CloudFormation engine. It is safe for concurrent use.
type Engine struct {
	deploy, drift func(context.Context, reconcile.Work) (api, error)
	artefacts     func(context.Context, reconcile.Work) (objects, error)
	live          func(context.Context, reconcile.Work) (resources, error)
	role, bucket  func(reconcile.Work) string
	pause         func(context.Context, time.Duration) error
	schemas       sync.Map // drift.Schema by region and type
	alarms        alarms   // nil: CloudFormation watches none
}

var _ reconcile.Engine = (*Engine)(nil)

// New returns the engine.
func New(c Config) *Engine {
	none := func(reconcile.Work) string { return "" }
	e := &Engine{role: c.Role, bucket: c.Bucket, pause: c.Pause,
		deploy:    enter(c.Deploy, func(c aws.Config) api { return cloudformation.NewFromConfig(c) }),
		drift:     enter(c.Drift, func(c aws.Config) api { return cloudformation.NewFromConfig(c) }),
		live:      enter(c.Drift, func(c aws.Config) resources { return cloudcontrol.NewFromConfig(c) }),
		artefacts: enter(c.Deploy, func(c aws.Config) objects { return s3.NewFromConfig(c) })}
	if e.role == nil {
		e.role = none
	}
	if e.bucket == nil {
		e.bucket = none
	}
	if e.pause == nil {
		e.pause = reconcile.Pause
	}
	if c.Now != nil {
		e.alarms = cloudwatch.New(c.Drift, c.Now)
	}
	return e
}

// enter returns what makes a client with the rights that config gives for a work.
func enter[C any](config func(context.Context, reconcile.Work) (aws.Config, error), client func(aws.Config) C) func(context.Context, reconcile.Work) (C, error) {
	return func(ctx context.Context, w reconcile.Work) (C, error) {
		c, err := config(ctx, w)
		if err != nil {
			var none C
			return none, fmt.Errorf("enter account %s: %w", w.Settings.Target.Account, err)
		}
		return client(c), nil
	}
}

// Start begins the operation, or finds it there. A plan that cannot be started because
// somebody else's operation is under way on the stack starts nothing and returns no error:
// Observe then sees it as foreign, and as absent once the way is free. The same holds for
// an apply. A detection that has to wait for another one is an error, to be tried again.
func (e *Engine) Start(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	op, err := e.start(ctx, w)
	return op, hushed(ctx, w, err)
}

func (e *Engine) start(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	switch w.Operation.Kind {
	case gitops.OperationPlan:
		return e.startPlan(ctx, w)
	case gitops.OperationApply:
		return e.startApply(ctx, w)
	case gitops.OperationDetect:
		return e.startDetect(ctx, w)
	case gitops.OperationCancel:
		return e.cancel(ctx, w)
	case gitops.OperationRecover:
		return e.startRecover(ctx, w)
	}
	return w.Operation, fmt.Errorf("start %q: no operation of CloudFormation", w.Operation.Kind)
}

// Observe looks at a plan, an apply, a detection or a recovery. A plan that is seen again while it is
// to be applied carries no Plan: what is applied was kept when it was ready.
func (e *Engine) Observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	s, err := e.observe(ctx, w)
	if err != nil {
		return s, hushed(ctx, w, err)
	}
	return hushedSighting(ctx, w, s)
}

func (e *Engine) observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	switch w.Operation.Kind {
	case gitops.OperationPlan:
		return e.observePlan(ctx, w)
	case gitops.OperationApply:
		return e.observeApply(ctx, w)
	case gitops.OperationDetect:
		return e.observeDetect(ctx, w)
	case gitops.OperationRecover:
		return e.observeRecover(ctx, w)
	case gitops.OperationCancel: // works at once, so there is nothing to look at
	}
	return gitops.Sighting{}, fmt.Errorf("observe %q: no operation of CloudFormation that goes on", w.Operation.Kind)
}

// stackOf returns what the stack is addressed by: its ARN once that is known, since
// another stack may have taken the name.
func stackOf(w reconcile.Work) string {
	if w.Operation.StackID != "" {
		return w.Operation.StackID
	}
	return w.Settings.CloudFormation.Stack
}

// changeSetOf returns what the change set is addressed by. A name goes together with the
// stack's, an ARN alone.
func changeSetOf(w reconcile.Work) (changeSet, stack *string) {
	if w.Operation.ID != "" {
		return aws.String(w.Operation.ID), nil
	}
	return aws.String(w.Operation.Token), aws.String(stackOf(w))
}

// roleOf returns the role that CloudFormation is to assume; empty means the caller's rights.
func (e *Engine) roleOf(w reconcile.Work) string {
	if r := w.Settings.CloudFormation.Role; r != "" {
		return r
	}
	return e.role(w)
}
