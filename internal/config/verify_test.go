package config_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/config"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestChecksAndRulesAreResolved(t *testing.T) {
	settings, problems := config.Parse([]byte(`version: 1
defaults:
  target: { account: "111122223333", region: eu-west-1 }
  verify: { onFailure: rollback }
  drift: { heal: true, ignore: [ { resource: "*", path: /Tags/backup, reason: "set by the backup tool" } ] }
applications:
  - name: data
    path: data
    cloudformation: {}
    verify:
      monitor: 5m
      checks:
        - http: { url: "${outputs.Url}/healthz", body: "^ok" }
        - alarm: data-5xx
          retries: 0
          interval: 30s
        - name: rows
          lambda: driftless-verify-rows
    drift:
      healTypes: ["AWS::SQS::Queue"]
      undeclared: true
      baseline: baseline.json
      ignore: [ { resource: Table, path: /BillingMode, reason: "by hand in sales weeks", until: 2027-01-01 } ]
    recover: { continue: false, recreate: true }
  - name: web
    path: web
    cloudformation: {}
    verify: { onFailure: report }
    drift: { heal: false }
`))
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	common := gitops.Ignore{Resource: "*", Path: "/Tags/backup", Reason: "set by the backup tool"}
	data, web := settings[0], settings[1]
	if diff := cmp.Diff(gitops.Verify{Drift: true, OnFailure: gitops.OnFailureRollback, MonitorSeconds: 300, Checks: []gitops.Check{
		{Name: "http ${outputs.Url}/healthz", HTTP: &gitops.HTTPCheck{URL: "${outputs.Url}/healthz", Status: 200, Body: "^ok"}, Retries: 5, IntervalSeconds: 10, TimeoutSeconds: 5},
		{Name: "alarm data-5xx", Alarm: "data-5xx", IntervalSeconds: 30, TimeoutSeconds: 5},
		{Name: "rows", Lambda: "driftless-verify-rows", Retries: 5, IntervalSeconds: 10, TimeoutSeconds: 20},
	}}, data.Verify); diff != "" {
		t.Errorf("verify (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gitops.DriftPolicy{EverySeconds: 3600, Heal: true, HealTypes: []string{"AWS::SQS::Queue"}, Undeclared: true, Baseline: "baseline.json",
		Ignore: []gitops.Ignore{common, {Resource: "Table", Path: "/BillingMode", Reason: "by hand in sales weeks", Until: "2027-01-01"}}}, data.Drift); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gitops.Recover{Recreate: true}, data.Recover); diff != "" {
		t.Errorf("recover (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gitops.Verify{Drift: true, OnFailure: gitops.OnFailureReport}, web.Verify); diff != "" {
		t.Errorf("verify of another (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(gitops.DriftPolicy{EverySeconds: 3600, Ignore: []gitops.Ignore{common}}, web.Drift); diff != "" {
		t.Errorf("drift of another (-want +got):\n%s", diff)
	}
}
