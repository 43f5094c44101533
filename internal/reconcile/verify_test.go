package reconcile_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// What verifies an apply is a look at drift: it fails, or never answers. Live is at what git
// wants all the same, so that it is applied once, recorded as deployed, and let go.
func TestR62_AVerificationThatFailsOrHangsIsToldAndAppliesNothingAgain(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(string) error
		phase gitops.Phase
		want  string
	}{
		"it cannot begin": {func(call string) error {
			if call == "Start detect" {
				return &gitops.Refusal{Reason: "no right to detect drift"}
			}
			return nil
		}, gitops.PhaseSucceeded, "applied; drift could not be detected: no right to detect drift"},
		"it ends without a result": {func(call string) error {
			if call == "Observe detect" {
				return &gitops.Refusal{Reason: "internal failure"}
			}
			return nil
		}, gitops.PhaseSucceeded, "applied; drift could not be detected: internal failure"},
		"it never answers": {func(call string) error {
			if call == "Observe detect" {
				return errors.New("Rate exceeded")
			}
			return nil
		}, gitops.PhaseSucceeded, "applied; drift detection takes over five minutes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t)
			before, began := len(w.engine.Executed()), w.now
			w.push("more", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 9\n"})
			w.engine.Fail(c.fault)
			w.resync()
			w.settle()
			d := w.expect("jobs", c.phase)
			if !strings.Contains(d.Reason, c.want) {
				t.Errorf("the reason is %q, want %q", d.Reason, c.want)
			}
			if a := w.app("jobs"); a.Deployed.Deployment != d.ID || a.Drift.Complete {
				t.Errorf("deployed is %s of %s, and drift %+v", a.Deployed.Deployment, d.ID, a.Drift)
			}
			if held := w.now.Sub(began); held > 8*time.Minute {
				t.Errorf("the application was held for %s", held)
			}
			w.resync()
			w.settle()
			if got := len(w.engine.Executed()) - before; got != 1 {
				t.Errorf("%d executions, want one", got)
			}
		})
	}
}

// Where the deployment was to bring live back, only the look can tell whether it did.
func TestR62_ARevertThatCannotBeVerifiedFailed(t *testing.T) {
	w := watching(t)
	w.engine.Edit(target, "prod-jobs", "Queue", "VisibilityTimeout", "60")
	if _, err := w.op.DetectDrift(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if w.app("jobs").Drift.Drifted != 1 {
		t.Fatalf("drift is %+v", w.app("jobs").Drift)
	}
	w.engine.Fail(func(call string) error {
		if call == "Observe detect" {
			return &gitops.Refusal{Reason: "internal failure"}
		}
		return nil
	})
	if _, err := w.op.Sync(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseFailed); !strings.HasPrefix(d.Reason, "verify: ") {
		t.Errorf("the reason is %q", d.Reason)
	}
}
