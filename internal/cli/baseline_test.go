package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestABaselineTakesWhatIsUndeclaredBesideWhatItHas(t *testing.T) {
	file := filepath.Join(t.TempDir(), "baseline.json")
	var told bytes.Buffer
	f := &flags{Config: Config{Stderr: &told}}
	report := func(id, path, live string) gitops.DriftReport {
		return gitops.DriftReport{Resources: []gitops.ResourceDrift{{LogicalID: id, Status: gitops.ResourceModified,
			Properties: []gitops.Difference{{Path: path, Live: live, Kind: gitops.Undeclared}, {Path: "/VisibilityTimeout", Declared: "5", Live: "60", Kind: "NOT_EQUAL"}}}}}
	}
	for _, r := range []gitops.DriftReport{report("Queue", "/DelaySeconds", "9"), report("Topic", "/DisplayName", "jobs")} {
		if err := rebase(f, file, r); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"/DelaySeconds": "9"`, `"/DisplayName": "jobs"`} {
		if !strings.Contains(string(data), want) {
			t.Errorf("%s is not in\n%s", want, data)
		}
	}
	if strings.Contains(string(data), "VisibilityTimeout") || !strings.Contains(told.String(), "drift.baseline") {
		t.Errorf("drift of what is declared was taken, or nothing was told: %s\n%s", data, told.String())
	}
	if err := os.WriteFile(file, []byte(`{"resources": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := rebase(f, file, report("Queue", "/DelaySeconds", "9")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a file of another form: %v", err)
	}
}
