package handler_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The trigger reads nothing: whose a resource is only CloudFormation tells.
func TestAChangeByHandIsPassedOnToWhoMayAskWhoseItIs(t *testing.T) {
	store, q := fake.NewStore(), fake.NewQueue()
	trigger := &handler.Trigger{Repositories: store, Claims: store, Queue: q, Log: quiet, Allowed: func(to gitops.Target) error {
		if to.Account != "111122223333" || to.Region == "us-east-1" {
			return reconcile.ErrDenied
		}
		return nil
	}, Places: []handler.Place{{Account: "444455556666", Regions: []string{"eu-west-1"}}, {Account: "111122223333", Regions: []string{"eu-west-1", "us-east-1", "eu-north-1"}}}}
	for name, want := range map[string][]string{
		"queue":             {"eu-west-1 https://sqs.eu-west-1.amazonaws.com/111122223333/prod-jobs"},
		"tags":              {"eu-west-1 subnet-0a1b2c3d4e5f60718", "eu-west-1 vpc-0a1b2c3d4e5f60718"},
		"role":              {"eu-west-1 prod-worker", "eu-north-1 prod-worker"}, // of no region: its stack may be in any that is allowed
		"of-cloudformation": nil,
		"of-ours":           nil,
		"refused":           nil,
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := os.ReadFile("../../events/eventbridge-call-" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			other := strings.ReplaceAll(string(raw), "111122223333", "444455556666")
			for _, event := range []string{string(raw), other} {
				if err := trigger.Handle(t.Context(), json.RawMessage(event)); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, m := range q.Drain() {
				got = append(got, m.Resource.Region+" "+m.Resource.Physical)
				if m.Resource.Account != "111122223333" || !strings.HasPrefix(m.Resource.Touch.By, "arn:aws:iam::111122223333:") ||
					!m.Resource.Touch.At.Equal(time.Date(2026, 11, 21, 9, 41, 7, 0, time.UTC)) || m.Resource.Touch.From != "203.0.113.7" {
					t.Errorf("the hint is %+v", m.Resource)
				}
				if !strings.HasPrefix(m.Group(), "resource-") || len(m.Group()) > 128 {
					t.Errorf("its group is %q", m.Group())
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("passed on (-want +got):\n%s", diff)
			}
			if n := len(store.Counts()); n != 0 {
				t.Errorf("it read: %v", store.Counts())
			}
		})
	}
}

func TestMessagesOfOneResourceAreOfOneGroup(t *testing.T) {
	hint := reconcile.ResourceHint{Account: "111122223333", Region: "eu-west-1", Physical: "a"}
	again, other := hint, hint
	again.Touch.By, other.Physical = "somebody", "b"
	group := func(h reconcile.ResourceHint) string { return reconcile.Message{Resource: &h}.Group() }
	if group(hint) != group(again) || group(hint) == group(other) {
		t.Errorf("groups are %s, %s and %s", group(hint), group(again), group(other))
	}
}
