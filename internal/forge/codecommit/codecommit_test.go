package codecommit_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/codecommit"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestCodeCommitHasNeitherWebhooksNorStatuses(t *testing.T) {
	if d, err := (codecommit.Forge{}).Receive([]string{"s"}, http.Header{}, []byte("{}")); !errors.Is(err, forge.ErrSignature) || d.Push != nil {
		t.Errorf("it received %+v, %v", d, err)
	}
	if err := (codecommit.Forge{}).Report(t.Context(), gitops.Repository{}, forge.Status{Context: "driftless/jobs"}); !errors.Is(err, reconcile.ErrNotFound) {
		t.Errorf("it reported: %v", err)
	}
}
