package terraform_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

// FuzzPlan tells plans of any form: within bounds, each resource of the state once, equal plans
// alike, and nothing that the plan says is secret.
func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(change(`["update"]`, `"before":{"a":["one secret value"]},"after":{"a":"another secret"},"before_sensitive":{"a":[true]},"after_sensitive":true`))
	f.Fuzz(func(t *testing.T, data string) {
		fuzzing.Bounded(t, len(data), func() { _, _ = terraform.Pulled([]byte(data)) })
		p, err := terraform.Decode([]byte(data))
		if err != nil {
			return
		}
		var plan gitops.Plan
		var drift gitops.DriftReport
		fuzzing.Bounded(t, len(data), func() { plan, drift = terraform.Plan(p), terraform.Drift(p) })
		said, err := json.Marshal([]any{plan, drift})
		if err != nil {
			t.Fatal(err)
		}
		again, err := json.Marshal([]any{terraform.Plan(p), terraform.Drift(p)})
		if err != nil || string(again) != string(said) {
			t.Errorf("told twice, it is another: %s, then %s, %v", said, again, err)
		}
		seen := map[string]bool{}
		for _, r := range drift.Resources {
			if seen[r.LogicalID] {
				t.Errorf("%q has two statuses", r.LogicalID)
			}
			seen[r.LogicalID] = true
		}
		for _, secret := range terraform.Secrets(p) {
			for _, c := range plan.Changes {
				for _, property := range c.Properties {
					if property.LastDeployed == secret || property.Proposed == secret {
						t.Errorf("%s tells %q", property.Path, strings.ToValidUTF8(secret, "?"))
					}
				}
			}
		}
	})
}
