package runner_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// one is a configuration that needs no provider.
func one(input string) map[string]string {
	return map[string]string{"main.tf": `
resource "terraform_data" "one" {
  input = "` + input + `"
}
output "said" {
  value = terraform_data.one.output
}
`}
}

func TestAConfigurationIsPlannedAppliedAndThenUnchanged(t *testing.T) {
	w := newWorld(t)
	o, planned := w.plan(one("hello"))
	if diff := cmp.Diff(gitops.PlanSummary{Add: 2}, planned.Plan.Summary()); diff != "" {
		t.Error(diff)
	}
	applied := w.do(w.applying(o, planned))
	w.want(applied, build.OutcomeApplied)
	if diff := cmp.Diff(map[string]string{"said": "hello"}, applied.Outputs); diff != "" {
		t.Error(diff)
	}
	again := w.do(w.order(gitops.OperationPlan, one("hello")))
	w.want(again, build.OutcomeNoChange)
	if diff := cmp.Diff(map[string]string{"said": "hello"}, again.Outputs); diff != "" {
		t.Error(diff)
	}
	drift := w.do(w.order(gitops.OperationDetect, one("hello")))
	w.want(drift, build.OutcomeDetected)
	if diff := cmp.Diff("in sync", drift.Drift.Summary().String()); diff != "" {
		t.Error(diff)
	}
	if len(w.woken) != 4 || w.woken[0] != "https://sqs/work.fifo data build plan" {
		t.Errorf("woken: %q", w.woken)
	}
}
