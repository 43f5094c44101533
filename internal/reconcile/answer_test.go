package reconcile_test

import (
	"context"
	"errors"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// forgetful is a store whose next write of an application is carried out, and answered as a
// repeat of it is by the SDK, which meets its own effect.
type forgetful struct {
	reconcile.Store
	next bool
}

func (s *forgetful) PutApplication(ctx context.Context, a *gitops.Application) error {
	written := *a
	err := s.Store.PutApplication(ctx, &written)
	if s.next && err == nil {
		s.next = false
		return reconcile.ErrConflict
	}
	*a = written
	return err
}

func TestR21_ARequestWhoseAnswerIsLostIsMadeOnce(t *testing.T) {
	w := watching(t)
	store := &forgetful{Store: w.store}
	w.op.Store = store
	before := w.app("jobs").Request.N
	store.next = true
	if _, err := w.op.Sync(t.Context(), "jobs", "bob"); err != nil {
		t.Fatal(err)
	}
	if n := w.app("jobs").Request.N; n != before+1 {
		t.Errorf("one sync is request %d, want %d", n, before+1)
	}
	w.settle()
	if _, err := w.op.Suspend(t.Context(), "jobs", "bob", "a test"); err != nil {
		t.Fatal(err)
	}
	store.next = true
	if a, err := w.op.Resume(t.Context(), "jobs", "bob"); err != nil || a.Suspended != nil {
		t.Errorf("a resume whose answer is lost: %+v, %v", a.Suspended, err)
	}
	var refusal *gitops.Refusal
	if _, err := w.op.Resume(t.Context(), "jobs", "bob"); !errors.As(err, &refusal) {
		t.Errorf("resuming what is not suspended: %v", err)
	}
}
