package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProblemsAreNamedFromWhereTheCommandRuns(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{
		"driftless.yaml":            "version: 1\n",
		"stacks/jobs/template.yaml": "Resources: {N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ../inner.yaml}}}\n",
		"stacks/inner.yaml":         "Resources: {}\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(dir, "stacks", "jobs"))
	var out bytes.Buffer
	c := Config{Stdout: &out, Stderr: &out, Env: func(string) string { return "" }}
	if got := Run(t.Context(), c, []string{"validate", "--template", "template.yaml"}); got != ExitFailed {
		t.Errorf("exit code %d, want %d", got, ExitFailed)
	}
	if want := "../inner.yaml:1:12: Resources is empty"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("it says %q, want %q first", out.String(), want)
	}
}
