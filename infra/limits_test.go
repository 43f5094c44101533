package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The functions read the limits into types that know nothing of the context.
func TestEveryLimitIsReadByWhatAppliesIt(t *testing.T) {
	data, err := json.Marshal(limits{FileBytes: 1, Files: 2, Depth: 3, TotalBytes: 4, BundleBytes: 5, WebhookBytes: 6})
	if err != nil {
		t.Fatal(err)
	}
	var read git.Limits
	var bundle reconcile.Limits
	var body handler.Limits
	for _, into := range []any{&read, &bundle, &body} {
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(git.Limits{FileBytes: 1, Files: 2, Depth: 3, TotalBytes: 4}, read); diff != "" {
		t.Errorf("git (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(reconcile.Limits{TotalBytes: 4, BundleBytes: 5}, bundle); diff != "" {
		t.Errorf("bundles (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(handler.Limits{WebhookBytes: 6}, body); diff != "" {
		t.Errorf("webhooks (-want +got):\n%s", diff)
	}
}

func TestLimitsReachTheFunctions(t *testing.T) {
	for want, made := range map[string]template{"{}": synthesised.usual, `{"fileBytes":2097152}`: synthesised.far} {
		for _, function := range []string{"reconciler", "webhook"} {
			variables := made.lambda(function).Properties["Environment"].(map[string]any)["Variables"].(map[string]any)
			if got := variables["DRIFTLESS_LIMITS"]; got != want {
				t.Errorf("%s is told %v, want %s", function, got, want)
			}
		}
	}
}
