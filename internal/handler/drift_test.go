package handler_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestAReportSaysWhenItWasFoundAgain(t *testing.T) {
	a, do := api()
	app := gitops.Application{ID: "jobs", Drift: gitops.DriftSummary{At: clock()}}
	if err := a.Store.Register(t.Context(), &app, nil); err != nil {
		t.Fatal(err)
	}
	if err := a.Store.PutReport(t.Context(), gitops.DriftReport{Application: "jobs", At: clock().Add(-time.Hour), Complete: true, News: true}); err != nil {
		t.Fatal(err)
	}
	var r gitops.DriftReport
	got := do(t, "read", ann, "GET", "/v1/applications/jobs/drift", "")
	if err := json.Unmarshal([]byte(got.Body), &r); err != nil || !r.At.Equal(clock()) || !r.Complete {
		t.Errorf("answered %d %s, want the report as of %s", got.StatusCode, got.Body, clock())
	}
}
