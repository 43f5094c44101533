package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAProviderIsStartedOnceOnlyWhereItCannotHaveTwoConfigurations(t *testing.T) {
	const required = "terraform {\n required_providers {\n  aws = { source = \"hashicorp/aws\" }\n }\n}\n"
	for name, c := range map[string]struct {
		root, module string
		want         bool
	}{
		"configured once":                       {required + `provider "aws" {}`, `resource "aws_x" "y" {}`, true},
		"configured nowhere":                    {required, required, true},
		"two providers":                         {`provider "aws" {}` + "\n" + `provider "random" {}`, ``, true},
		"required by its version alone":         {"terraform {\n required_providers {\n  aws = \"5.0\"\n }\n}", ``, true},
		"an alias":                              {"provider \"aws\" {}\nprovider \"aws\" {\n alias = \"b\"\n}", ``, false},
		"an alias alone":                        {"provider \"aws\" {\n alias = \"b\"\n}", ``, false},
		"one for each of many":                  {"provider \"aws\" {\n for_each = var.x\n}", ``, false},
		"a module that configures it":           {``, `provider "aws" {}`, false},
		"a module that wants aliases":           {``, "terraform {\n required_providers {\n  aws = {\n source = \"hashicorp/aws\"\n configuration_aliases = [aws.b]\n }\n }\n}", false},
		"under another name":                    {"terraform {\n required_providers {\n  other = { source = \"hashicorp/aws\" }\n }\n}", ``, false},
		"under a name that is not yet computed": {"terraform {\n required_providers {\n  aws = { source = var.x }\n }\n}", ``, false},
		"what cannot be read":                   {"provider {", ``, false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range map[string]string{"app/main.tf": c.root, "app/child/main.tf": c.module,
				"terraform/modules/modules.json": `{"Modules":[{"Key":"","Dir":"."},{"Key":"child","Dir":"child"}]}`} {
				file = filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			s := &session{Runner: &Runner{Dir: dir}, app: filepath.Join(dir, "app")}
			if got := s.single(); got != c.want {
				t.Errorf("%t, want %t", got, c.want)
			}
		})
	}
}

func TestTheGreetingOfAProviderIsRead(t *testing.T) {
	got, err := greeted("1|5|unix|/tmp/plugin1|grpc|\n", 7)
	want := reattach{Protocol: "grpc", ProtocolVersion: 5, Pid: 7, Test: true}
	want.Addr.Network, want.Addr.String = "unix", "/tmp/plugin1"
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, line := range []string{"", "This binary is a plugin.", "1|5|unix|/tmp/plugin1|netrpc|", "1|x|unix|/a|grpc|", "2|5|unix|/a|grpc"} {
		if _, err := greeted(line, 7); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", line, err)
		}
	}
}
