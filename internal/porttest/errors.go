package porttest

import (
	"errors"
	"testing"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// WantKind fails unless an error is of the kind that is wanted and of no other; nil: of none,
// so that it is taken for transient.
func WantKind(t *testing.T, err, want error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, kind := range []error{reconcile.ErrDenied, reconcile.ErrConflict, reconcile.ErrNotFound} {
		if errors.Is(err, kind) != errors.Is(want, kind) {
			t.Errorf("the error is %v, want one of kind %v", err, want)
		}
	}
}
