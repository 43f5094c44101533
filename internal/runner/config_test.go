package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// inspected inspects files.
func inspected(t *testing.T, flavor gitops.Flavor, files map[string]string) (configuration, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return inspect(dir, flavor)
}

func TestABackendIsFoundInEveryFormOfFile(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"none":                    {map[string]string{"main.tf": `resource "a" "b" {}`}, " "},
		"in Terraform's language": {map[string]string{"main.tf": `x = 1`, "b.tf": "terraform {\n  required_version = \"1.11.4\"\n  backend \"s3\" {\n    key = \"k\"\n  }\n}"}, "s3 b.tf:3"},
		"in JSON":                 {map[string]string{"main.tf.json": `{"terraform": {"backend": {"gcs": {}}}}`}, "gcs main.tf.json:1"},
		"in an override":          {map[string]string{"main.tf": "", "z_override.tf": "terraform {\n backend \"http\" {}\n}"}, "http z_override.tf:2"},
		"a cloud block":           {map[string]string{"main.tf": "terraform {\n cloud {}\n}"}, "cloud main.tf:2"},
		"not in a comment":        {map[string]string{"main.tf": "# terraform { backend \"s3\" {} }\n"}, " "},
		"not in OpenTofu's files": {map[string]string{"main.tf": "", "b.tofu": "terraform {\n backend \"s3\" {}\n}"}, " "},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := inspected(t, gitops.FlavorTerraform, c.files)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.backend+" "+got.where); diff != "" {
				t.Error(diff)
			}
		})
	}
	got, err := inspected(t, gitops.FlavorTofu, map[string]string{"b.tofu": "terraform {\n backend \"s3\" {}\n}"})
	if err != nil || got.backend != "s3" {
		t.Errorf("OpenTofu's own: %+v, %v", got, err)
	}
}

func TestVariablesWhoseValuesAreExpressionsAreKnown(t *testing.T) {
	got, err := inspected(t, gitops.FlavorTerraform, map[string]string{
		"main.tf":   "variable \"a\" {}\nvariable \"b\" { type = string }\nvariable \"c\" { type = list(string) }\nvariable \"d\" { type = any }\nvariable \"e\" { type = number }",
		"j.tf.json": `{"variable": {"f": {"type": "map(string)"}, "g": {"type": "bool"}}}`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"c": true, "d": true, "f": true}, got.whole); diff != "" {
		t.Error(diff)
	}
}

func TestAMistakeIsToldWithFileAndLine(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"an unclosed block": {map[string]string{"main.tf": "resource \"a\" \"b\" {\n"}, "main.tf:1: Unclosed configuration block"},
		"JSON that is none": {map[string]string{"main.tf.json": "{\n  \"a\": ,\n}"}, "main.tf.json:2: "},
		"no configuration":  {map[string]string{"README.md": ""}, "the application's path has no configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := inspected(t, gitops.FlavorTerraform, c.files)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}

func TestAConfigurationAgreesWithItsApplication(t *testing.T) {
	for name, c := range map[string]struct {
		backend string
		own     bool
		want    build.Outcome
	}{
		"without a backend":                     {"", false, ""},
		"with one":                              {"s3", true, ""},
		"without one that was registered":       {"", true, build.OutcomeBlocked},
		"with one that was not":                 {"s3", false, build.OutcomeBlocked},
		"with a cloud block that was not":       {"cloud", false, build.OutcomeBlocked},
		"with a state in the build's directory": {"local", true, build.OutcomeFailed},
	} {
		t.Run(name, func(t *testing.T) {
			err := configuration{backend: c.backend, where: "main.tf:1"}.agrees(c.own)
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("it agrees")
			}
			if outcome, _ := outcomeOf(err); outcome != c.want {
				t.Errorf("%s: %v", outcome, err)
			}
		})
	}
}
