package dynamodb_test

import (
	"net/http"
	"testing"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR22_WhoseDriftIsDueIsToldWithoutItsPlaceWhileRecordsCannotBeRead(t *testing.T) {
	w := newWorld(t, moto(t))
	w.wire.before = func(operation string) (*http.Response, error) {
		if operation == "BatchGetItem" {
			return refusal("ThrottlingException"), nil
		}
		return nil, nil
	}
	due := w.app().DriftDue.Unix()
	got, err := w.store.Unfinished(t.Context(), due)
	if err == nil || len(got.DriftDue) != 1 || got.DriftDue[0] != (reconcile.Due{Application: "jobs"}) {
		t.Errorf("got %+v, %v; want jobs, of nowhere, and the failure told", got, err)
	}
	w.wire.before = nil
	got, err = w.store.Unfinished(t.Context(), due)
	if err != nil || len(got.DriftDue) != 1 || got.DriftDue[0].Account != "111122223333" {
		t.Errorf("got %+v, %v", got, err)
	}
}
