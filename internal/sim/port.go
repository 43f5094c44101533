package sim

import (
	"context"
	"errors"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// errDown is what a call returns that had no effect.
var errDown = errors.New("503 Service Unavailable")

// fault returns the fault that the plan has for the next call of a site.
func (w *world) fault(site string) (Fault, bool) {
	if w.calm {
		return Fault{}, false
	}
	w.calls[site]++
	for _, f := range w.faults[site] {
		if f.N == w.calls[site] {
			w.trace.event(w.at, "fault", f.String(), nil)
			w.failed = max(w.failed, w.at)
			return f, true
		}
	}
	return Fault{}, false
}

// gate is passed by every call of a port before it has its effect. It lets the world go on
// for as long as the call takes, and fails it, or its process, where the plan says so. What
// it returns is the call's error: fake.ErrLost lets it have its effect.
func (w *world) gate(site string) error {
	p := w.running
	if p == nil {
		return nil
	}
	if p.doomed || *p.dead {
		p.die()
	}
	w.made++
	if w.judge.found != nil {
		p.die() // nothing that follows is of interest
	}
	p.knows(site)
	f, faulty := w.fault(site)
	if faulty && f.Kind == FaultStall {
		w.mail.frozen(p, f.For)
	}
	p.pause(time.Duration(1 + w.draw(int(w.knobs.Latency))))
	w.trace.event(w.at, p.name, site, nil)
	if !faulty {
		return nil
	}
	switch f.Kind {
	case FaultFail:
		return errDown
	case FaultThrottle:
		return &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
	case FaultCrash:
		p.die()
	case FaultLost:
		return fake.ErrLost
	case FaultDie:
		p.doomed = true
		return fake.ErrLost
	case FaultStale:
		p.stale = true
	case FaultStall, FaultDrop, FaultDouble, FaultDelay:
	}
	return nil
}

// store is the table, whose indexes may be behind, and which the judge watches.
type store struct {
	*fake.Store
	w      *world
	before map[string]any // the last answer of each index
}

// behind returns an index's answer, or the one before where the plan says that it is behind.
func behind[T any](s *store, index string, now T, err error) (T, error) {
	p := s.w.running
	if err != nil || p == nil {
		return now, err
	}
	last, ok := s.before[index].(T)
	s.before[index] = now
	if p.stale && ok {
		now = last
	}
	p.stale = false
	return now, nil
}

// Unfinished implements reconcile.Backlog.
func (s *store) Unfinished(ctx context.Context, now int64) (reconcile.Waiting, error) {
	all, err := s.Store.Unfinished(ctx, now)
	return behind(s, "Unfinished", all, err)
}

// Watched implements reconcile.Backlog.
func (s *store) Watched(ctx context.Context) ([]string, error) {
	all, err := s.Store.Watched(ctx)
	return behind(s, "Watched", all, err)
}

// ListApplications implements reconcile.Applications.
func (s *store) ListApplications(ctx context.Context, repository string) ([]gitops.Application, error) {
	all, err := s.Store.ListApplications(ctx, repository)
	return behind(s, "ListApplications", all, err)
}

// PutReport implements reconcile.Reports.
func (s *store) PutReport(ctx context.Context, r gitops.DriftReport) error {
	err := s.Store.PutReport(ctx, r)
	if err == nil || errors.Is(err, fake.ErrLost) {
		s.w.judge.reported(r)
	}
	return err
}

// client is CloudFormation's client with the gate before it.
type client struct{ w *world }

var _ cloudformation.Client = client{}

// through makes one call.
func through[I, O any](c client, ctx context.Context, site string, in I, do func(context.Context, I, ...func(*sdk.Options)) (O, error)) (O, error) { //nolint:revive // the client is what it is called on
	var none O
	err := c.w.gate(site)
	if p := c.w.running; err == nil && c.w.poisoned != "" && p != nil && p.name == "worker app-"+c.w.poisoned {
		switch c.w.poison { //nolint:exhaustive // the others are no fault of an application
		case FaultFail:
			err = errDown
		case FaultStall:
			p.pause(time.Hour) // until the invocation is ended by force
		case FaultThrottle:
			err = &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
		}
	}
	if err == nil && c.w.slow {
		err = &smithy.GenericAPIError{Code: "Throttling", Message: "Rate exceeded"}
	}
	if p := c.w.running; p != nil && strings.HasPrefix(site, "Describe") {
		p.blind = err != nil
	}
	if err != nil && !errors.Is(err, fake.ErrLost) {
		return none, err
	}
	out, refused := do(ctx, in)
	if c.w.trace.out != nil && refused != nil {
		c.w.trace.event(c.w.at, "cloud", site, refused)
	}
	if err != nil {
		return none, err
	}
	return out, refused
}

func (c client) CreateChangeSet(ctx context.Context, in *sdk.CreateChangeSetInput, _ ...func(*sdk.Options)) (*sdk.CreateChangeSetOutput, error) {
	return through(c, ctx, "CreateChangeSet", in, c.w.cloud.CreateChangeSet)
}

func (c client) DescribeChangeSet(ctx context.Context, in *sdk.DescribeChangeSetInput, _ ...func(*sdk.Options)) (*sdk.DescribeChangeSetOutput, error) {
	if c.w.cloud.Gone(in.StackName) {
		c.w.violate("I5", "change set %s is looked for by its name on a stack that is gone", *in.ChangeSetName)
	}
	return through(c, ctx, "DescribeChangeSet", in, c.w.cloud.DescribeChangeSet)
}

func (c client) ExecuteChangeSet(ctx context.Context, in *sdk.ExecuteChangeSetInput, _ ...func(*sdk.Options)) (*sdk.ExecuteChangeSetOutput, error) {
	return through(c, ctx, "ExecuteChangeSet", in, c.w.cloud.ExecuteChangeSet)
}

func (c client) DeleteChangeSet(ctx context.Context, in *sdk.DeleteChangeSetInput, _ ...func(*sdk.Options)) (*sdk.DeleteChangeSetOutput, error) {
	return through(c, ctx, "DeleteChangeSet", in, c.w.cloud.DeleteChangeSet)
}

func (c client) ListChangeSets(ctx context.Context, in *sdk.ListChangeSetsInput, _ ...func(*sdk.Options)) (*sdk.ListChangeSetsOutput, error) {
	return through(c, ctx, "ListChangeSets", in, c.w.cloud.ListChangeSets)
}

func (c client) DescribeStacks(ctx context.Context, in *sdk.DescribeStacksInput, _ ...func(*sdk.Options)) (*sdk.DescribeStacksOutput, error) {
	return through(c, ctx, "DescribeStacks", in, c.w.cloud.DescribeStacks)
}

func (c client) DescribeStackEvents(ctx context.Context, in *sdk.DescribeStackEventsInput, _ ...func(*sdk.Options)) (*sdk.DescribeStackEventsOutput, error) {
	return through(c, ctx, "DescribeStackEvents", in, c.w.cloud.DescribeStackEvents)
}

func (c client) DescribeEvents(ctx context.Context, in *sdk.DescribeEventsInput, _ ...func(*sdk.Options)) (*sdk.DescribeEventsOutput, error) {
	return through(c, ctx, "DescribeEvents", in, c.w.cloud.DescribeEvents)
}

func (c client) ListStackResources(ctx context.Context, in *sdk.ListStackResourcesInput, _ ...func(*sdk.Options)) (*sdk.ListStackResourcesOutput, error) {
	return through(c, ctx, "ListStackResources", in, c.w.cloud.ListStackResources)
}

func (c client) DeleteStack(ctx context.Context, in *sdk.DeleteStackInput, _ ...func(*sdk.Options)) (*sdk.DeleteStackOutput, error) {
	return through(c, ctx, "DeleteStack", in, c.w.cloud.DeleteStack)
}

func (c client) ContinueUpdateRollback(ctx context.Context, in *sdk.ContinueUpdateRollbackInput, _ ...func(*sdk.Options)) (*sdk.ContinueUpdateRollbackOutput, error) {
	return through(c, ctx, "ContinueUpdateRollback", in, c.w.cloud.ContinueUpdateRollback)
}

func (c client) RollbackStack(ctx context.Context, in *sdk.RollbackStackInput, _ ...func(*sdk.Options)) (*sdk.RollbackStackOutput, error) {
	return through(c, ctx, "RollbackStack", in, c.w.cloud.RollbackStack)
}

func (c client) DescribeType(ctx context.Context, in *sdk.DescribeTypeInput, _ ...func(*sdk.Options)) (*sdk.DescribeTypeOutput, error) {
	return through(c, ctx, "DescribeType", in, c.w.cloud.DescribeType)
}

func (c client) DetectStackDrift(ctx context.Context, in *sdk.DetectStackDriftInput, _ ...func(*sdk.Options)) (*sdk.DetectStackDriftOutput, error) {
	return through(c, ctx, "DetectStackDrift", in, c.w.cloud.DetectStackDrift)
}

func (c client) DescribeStackDriftDetectionStatus(ctx context.Context, in *sdk.DescribeStackDriftDetectionStatusInput, _ ...func(*sdk.Options)) (*sdk.DescribeStackDriftDetectionStatusOutput, error) {
	return through(c, ctx, "DescribeStackDriftDetectionStatus", in, c.w.cloud.DescribeStackDriftDetectionStatus)
}

func (c client) DescribeStackResourceDrifts(ctx context.Context, in *sdk.DescribeStackResourceDriftsInput, _ ...func(*sdk.Options)) (*sdk.DescribeStackResourceDriftsOutput, error) {
	return through(c, ctx, "DescribeStackResourceDrifts", in, c.w.cloud.DescribeStackResourceDrifts)
}
