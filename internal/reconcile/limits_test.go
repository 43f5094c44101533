package reconcile_test

import (
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR47_BundlesHoldToTheirCapsToTheByte(t *testing.T) {
	template := "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\n"
	stored, err := watching(t).bundleSize("jobs")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		limits reconcile.Limits
		want   string
	}{
		"at both caps":            {reconcile.Limits{BundleBytes: stored, TotalBytes: int64(len(template))}, "applied and in sync"},
		"stored, a byte too many": {reconcile.Limits{BundleBytes: stored - 1}, "stacks/jobs: packed, its files have"},
		"opened, a byte too many": {reconcile.Limits{TotalBytes: int64(len(template)) - 1}, "holds more than 54 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.r.Limits = c.limits
			w.push("first", map[string]string{"driftless.yaml": file("jobs"), "stacks/jobs/template.yaml": template})
			w.add()
			w.settle()
			said := ""
			for _, p := range w.repository().Problems {
				said += p.Message
			}
			a, _ := w.store.Application(t.Context(), "jobs")
			said += a.Ended.Reason
			if !strings.Contains(said, c.want) {
				t.Errorf("it ended %s and said %q, want %q", a.Ended.Phase, said, c.want)
			}
			w.r.Limits = reconcile.Limits{} // whoever raises a cap, or makes the next push smaller, is not stuck
			w.push("smaller", map[string]string{"stacks/jobs/template.yaml": template + "Queue.DelaySeconds: 1\n"})
			w.resync()
			w.settle()
			if a := w.app("jobs"); a.Ended.Phase != gitops.PhaseSucceeded {
				t.Errorf("the next push ended %s: %s", a.Ended.Phase, a.Ended.Reason)
			}
		})
	}
}

// bundleSize returns how many bytes the stored Bundle of an application has.
func (w *world) bundleSize(app string) (int64, error) {
	data, err := w.blobs.Get(w.t.Context(), w.app(app).Wanted.Bundle)
	return int64(len(data)), err
}
