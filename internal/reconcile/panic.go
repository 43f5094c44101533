package reconcile

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// bug is a panic of our own, as the refusal of what was being done: it ends that with its
// reason, instead of a process again and again, and everything else goes on.
type bug struct{ gitops.Refusal }

// Unwrap returns the refusal.
func (b *bug) Unwrap() error { return &b.Refusal }

// caught turns a panic into the error that a deferring function returns.
func (r *Reconciler) caught(err *error) {
	p := recover()
	if p == nil {
		return
	}
	id := stackID()
	r.log().Error("panic", "id", id, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	*err = &bug{gitops.Refusal{Reason: fmt.Sprintf("a bug in Driftless, whose stack is in the reconciler's log under %s: %v", id, p)}}
}

// stackID names where a panic came from, below what guards: the same place has the same id, so
// that a record which tells of it already is not written again.
func stackID() string {
	places := make([]uintptr, 64)
	frames := runtime.CallersFrames(places[:runtime.Callers(3, places)])
	sum := fnv.New32a()
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		more = more && !strings.Contains(f.Function, ".guarded")
		_, _ = fmt.Fprintln(sum, f.Function, f.Line) // it never fails
	}
	return fmt.Sprintf("%08x", sum.Sum32())
}

// guarded is an engine whose panics are refusals.
type guarded struct {
	Engine
	r *Reconciler
}

// Start implements Engine.
func (g guarded) Start(ctx context.Context, w Work) (op gitops.Operation, err error) {
	defer g.r.caught(&err)
	return g.Engine.Start(ctx, w)
}

// Observe implements Engine.
func (g guarded) Observe(ctx context.Context, w Work) (s gitops.Sighting, err error) {
	defer g.r.caught(&err)
	return g.Engine.Observe(ctx, w)
}

// guardedLook is look, whose panic is the repository's trouble: it is looked at again.
func (r *Reconciler) guardedLook(ctx context.Context, repo *gitops.Repository) error {
	err := func() (err error) {
		defer r.caught(&err)
		return r.look(ctx, repo)
	}()
	var b *bug
	if errors.As(err, &b) {
		return r.trouble(ctx, repo, err)
	}
	return err
}

// guardedBring is bring, whose panic is the application's problem.
func (r *Reconciler) guardedBring(ctx context.Context, repo gitops.Repository, rev gitops.Revision, c candidate, s Snapshot) (moved bool, err error) {
	defer r.caught(&err)
	return r.bring(ctx, repo, rev, c, s)
}
