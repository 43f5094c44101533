package reconcile_test

import (
	"context"
	"io/fs"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// reading is an engine that reads the template of each detection it observes.
type reading struct {
	reconcile.Engine
	read []string
}

func (e *reading) Observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	if w.Operation.Kind == gitops.OperationDetect && !w.Since.IsZero() {
		files, err := w.Files(ctx)
		if err != nil {
			return gitops.Sighting{}, err
		}
		data, err := fs.ReadFile(files, "stacks/jobs/template.yaml")
		if err != nil {
			return gitops.Sighting{}, err
		}
		e.read = append(e.read, string(data))
	}
	return e.Engine.Observe(ctx, w)
}

func TestADetectionOutsideADeploymentReadsWhatIsDeployed(t *testing.T) {
	w := watching(t)
	e := &reading{Engine: w.engine}
	w.r.Engines[gitops.EngineCloudFormation] = e
	deployed := w.app("jobs").Deployed.Bundle
	if _, err := w.op.DetectDrift(t.Context(), "jobs", "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if len(e.read) == 0 || e.read[0] != w.files["stacks/jobs/template.yaml"] || w.app("jobs").Deployed.Bundle != deployed {
		t.Errorf("read %q", e.read)
	}
}
