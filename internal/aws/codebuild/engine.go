package codebuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// stay is how long a build that has planned waits for the word to apply, in seconds. It is
// paid for, and saves a second build's start, download and init.
const stay = 30

// Objects are what a bucket holds.
type Objects interface {
	// Put stores data, unless something stands under the key.
	Put(ctx context.Context, key string, data []byte) error
	// PutNew does so too, and reports whether it did.
	PutNew(ctx context.Context, key string, data []byte) (bool, error)
	// Get reads; reconcile.ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// Has reports whether something stands under the key.
	Has(ctx context.Context, key string) (bool, error)
}

// Config says where builds run, and on what.
type Config struct {
	Builds   Builds
	Projects map[build.Side]string // names of the two projects
	Data     Objects               // the data bucket: orders, claims, reports
	States   Objects               // the state bucket, of which locks are read
	State    build.State           // that bucket and its region; the key is the application's
	Queue    string                // URL of the queue by which a build wakes the reconciler
	// Access returns the role that the providers of a work assume on a side.
	Access func(w reconcile.Work, side build.Side) (build.Access, error)
	Now    func() time.Time
}

// Settings are what an installation says of its builds, DRIFTLESS_BUILDS.
type Settings struct {
	Plan   string `json:"plan"`   // names of the two projects
	Apply  string `json:"apply"`  //
	States string `json:"states"` // name of the bucket of states
}

// Installed returns the engine of an installation: its projects and states are in cfg's region,
// under cfg's credentials.
func Installed(cfg aws.Config, s Settings, data Objects, queue string, access func(reconcile.Work, build.Side) (build.Access, error), now func() time.Time) *Engine {
	return New(Config{Builds: NewClient(jsonrpc.New(cfg, jsonrpc.CodeBuild, now), cfg.Region), Data: data, States: s3.New(cfg, s.States),
		Projects: map[build.Side]string{build.SidePlan: s.Plan, build.SideApply: s.Apply},
		State:    build.State{Bucket: s.States, Region: cfg.Region}, Queue: queue, Access: access, Now: now})
}

// Engine is the engine of builds. It is safe for concurrent use.
type Engine struct{ Config }

var _ reconcile.Engine = (*Engine)(nil)

// New returns the engine.
func New(c Config) *Engine { return &Engine{c} }

// Start begins the operation, or finds it there. A build that the account has no room for is a
// *gitops.Busy. A state that somebody else has locked is a *gitops.Refusal that blocks.
func (e *Engine) Start(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	switch w.Operation.Kind {
	case gitops.OperationPlan:
		return e.plan(ctx, w)
	case gitops.OperationApply:
		return e.apply(ctx, w)
	case gitops.OperationDetect:
		return e.detect(ctx, w)
	case gitops.OperationCancel:
		return w.Operation, e.cancel(ctx, w)
	case gitops.OperationRecover: // of stacks alone
	}
	return w.Operation, fmt.Errorf("start %q: no operation of a build", w.Operation.Kind)
}

// Observe looks at the operation: at what the bucket holds of it, then at its build.
func (e *Engine) Observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	if w.Operation.StackID == "" && w.Settings.Terraform != nil {
		// Who started it may not have come to write it down. Without it the application would count as
		// missing, and nobody would look for drift.
		w.Operation.StackID = build.Order{Application: w.Application, Terraform: *w.Settings.Terraform, State: e.state(w.Application)}.Address()
	}
	switch w.Operation.Kind {
	case gitops.OperationPlan:
		return e.planned(ctx, w)
	case gitops.OperationApply:
		return e.applied(ctx, w)
	case gitops.OperationDetect:
		return e.detected(ctx, w)
	case gitops.OperationCancel, gitops.OperationRecover:
	}
	return gitops.Sighting{}, fmt.Errorf("observe %q: no operation of a build", w.Operation.Kind)
}

// jobs of a work's token.
func planJob(w reconcile.Work) build.Job {
	return build.Job{Side: build.SideOf(w.Settings), Token: w.Operation.Token, Kind: gitops.OperationPlan}
}

func applyJob(w reconcile.Work) build.Job {
	return build.Job{Side: build.SideApply, Token: w.Operation.Token, Kind: gitops.OperationApply}
}

// order returns what a job is to do, but for what is the job's own.
func (e *Engine) order(w reconcile.Work, j build.Job) (build.Order, error) {
	access, err := e.Access(w, j.Side)
	if err != nil {
		return build.Order{}, fmt.Errorf("enter account %s: %w", w.Settings.Target.Account, err)
	}
	o := build.Order{Schema: build.Schema, Job: j, Application: w.Application,
		Bundle: w.Bundle, Path: w.Settings.Path, Access: access, Queue: e.Queue}
	switch {
	case w.Settings.CDK != nil:
		o.CDK = w.Settings.CDK
	case w.Settings.Terraform != nil:
		o.Terraform, o.State = *w.Settings.Terraform, e.state(w.Application)
	default:
		return build.Order{}, &gitops.Refusal{Reason: fmt.Sprintf("application %s has neither terraform nor cdk settings", w.Application), Blocked: true}
	}
	return o, nil
}

// state returns where an application's state is kept that has no backend of its own.
func (e *Engine) state(application string) build.State {
	s := e.State
	s.Key = "applications/" + application + ".tfstate"
	return s
}

// read reads an object; false where there is none.
func read[T any](ctx context.Context, o Objects, key string) (v T, there bool, err error) {
	data, err := o.Get(ctx, key)
	if errors.Is(err, reconcile.ErrNotFound) {
		return v, false, nil
	}
	if err != nil {
		return v, false, fmt.Errorf("read %s: %w", key, err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, false, fmt.Errorf("decode %s: %w", key, err)
	}
	return v, true, nil
}
