package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// R53: a detection of a stack looks at none of the resources of its nested stacks, Driftless does.
func TestR53_DriftInANestedStackIsShownWithItsPath(t *testing.T) {
	const name = "nesting"
	r := watch(t, mapFS(map[string]string{
		"driftless.yaml":               file(name),
		"stacks/nesting/template.yaml": "Resources:\n  Inner: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: inner.yaml } }\n",
		"stacks/nesting/inner.yaml":    queue("nesting-inner", 5),
	}))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	if out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code"); err != nil || !strings.Contains(out, "in sync") {
		t.Fatalf("right after the deployment: %v\n%s", err, out)
	}
	r.must(r.stage.Sandbox.SetQueueAttribute(t.Context(), "nesting-inner", "VisibilityTimeout", "77"))
	out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code")
	if demo.ExitCode(err) != 2 || !strings.Contains(out, "~ Inner/Queue") || !strings.Contains(out, "declared 5   live 77") {
		t.Errorf("drift exited with %v and said\n%s", err, out)
	}
}

func TestWhatNoTemplateSaysIsFoundTakenIntoTheBaselineAndInSync(t *testing.T) {
	const name = "outside"
	config := fileWith("    drift: { undeclared: true, baseline: baseline.json }\n", name)
	r := watch(t, mapFS(map[string]string{
		"driftless.yaml":               config,
		"stacks/outside/template.yaml": queue(name, 5),
		"stacks/outside/baseline.json": `{"resources":{"Queue":{"/MaximumMessageSize":"1048576"}}}`,
	}))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	if out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code"); err != nil || !strings.Contains(out, "in sync") {
		t.Fatalf("right after the deployment: %v\n%s", err, out)
	}
	r.must(r.stage.Sandbox.SetQueueAttribute(t.Context(), name, "MessageRetentionPeriod", "600"))
	baseline := filepath.Join(r.stage.Dir, "stacks", name, "baseline.json")
	out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code", "--baseline", baseline)
	if demo.ExitCode(err) != 2 || !strings.Contains(out, "MessageRetentionPeriod") || !strings.Contains(out, "live 600") {
		t.Errorf("drift exited with %v and said\n%s", err, out)
	}
	r.ends(name, r.push("take it as given"), gitops.PhaseSucceeded)
	if out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code"); err != nil || !strings.Contains(out, "in sync") {
		t.Errorf("with the baseline: %v\n%s", err, out)
	}
}
