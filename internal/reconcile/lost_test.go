package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// empty is a bucket without anything.
type empty struct{ Blobs }

func (empty) GetFile(_ context.Context, key string, _ io.Writer) error {
	return fmt.Errorf("get %s: %w", key, ErrNotFound)
}

func TestABundleThatIsGoneBlocksAndSaysWhatMakesANewOne(t *testing.T) {
	r := &Reconciler{Blobs: empty{}}
	key := "bundles/" + strings.Repeat("0", 64) + ".zip"
	_, err := r.openBundle(t.Context(), key)
	var refusal *gitops.Refusal
	if !errors.As(err, &refusal) || !refusal.Blocked || !strings.Contains(refusal.Reason, key) || !strings.Contains(refusal.Reason, "a new commit") {
		t.Errorf("a bundle that is gone: %v", err)
	}
}
