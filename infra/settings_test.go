package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestContext(t *testing.T) {
	usual := settings{Architecture: "arm64", Targets: []target{{}}, MaxConcurrency: 10, Transforms: []string{"AWS::Serverless-2016-10-31"}}
	with := func(change func(*settings)) settings { s := usual; change(&s); return s }
	for name, c := range map[string]struct {
		key   string
		value any
		want  settings
	}{
		"nothing is the own account and region": {"architecture", nil, usual},
		"an architecture is taken":              {"architecture", "x86_64", with(func(s *settings) { s.Architecture = "x86_64" })},
		"a number of cdk.json is taken":         {"maxConcurrency", float64(20), with(func(s *settings) { s.MaxConcurrency = 20 })},
		"a number of the command line is read":  {"maxConcurrency", "20", with(func(s *settings) { s.MaxConcurrency = 20 })},
		"a list of cdk.json is taken":           {"allowPrivateHosts", []any{"[::1]:80"}, with(func(s *settings) { s.AllowPrivateHosts = []string{"[::1]:80"} })},
		"a list of the command line is read":    {"allowPrivateHosts", `["127.0.0.1:4566"]`, with(func(s *settings) { s.AllowPrivateHosts = []string{"127.0.0.1:4566"} })},
		"targets of the command line are read":  {"targets", `[{"account":"222233334444","regions":["us-gov-west-1"]}]`, with(func(s *settings) { s.Targets = []target{{Account: "222233334444", Regions: []string{"us-gov-west-1"}}} })},
		"the own account's number is the own":   {"targets", `[{"account":"111122223333"}]`, usual},
		"a region with an artefact bucket": {"targets", `[{"account":"222233334444","regions":["eu-west-1","eu-west-3"],"artefacts":["eu-west-3"]}]`, with(func(s *settings) {
			s.Targets = []target{{Account: "222233334444", Regions: []string{"eu-west-1", "eu-west-3"}, Artefacts: []string{"eu-west-3"}}}
		})},
		"a macro of AWS's own":                   {"transforms", `["AWS::Include"]`, with(func(s *settings) { s.Transforms = []string{"AWS::Include"} })},
		"limits of the command line are read":    {"limits", `{"fileBytes":2097152,"depth":40}`, with(func(s *settings) { s.Limits = limits{FileBytes: 2 << 20, Depth: 40} })},
		"limits of cdk.json are taken":           {"limits", map[string]any{"webhookBytes": float64(6 << 20)}, with(func(s *settings) { s.Limits = limits{WebhookBytes: 6 << 20} })},
		"a managed policy for the exec role too": {"execPolicies", `["arn:aws:iam::aws:policy/AdministratorAccess"]`, with(func(s *settings) { s.ExecPolicies = []string{"arn:aws:iam::aws:policy/AdministratorAccess"} })},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readSettings(only(c.key, c.value), "111122223333")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBadContextIsRefusedWithWhatIsAllowed(t *testing.T) {
	for name, c := range map[string]struct {
		key   string
		value any
		want  string
	}{
		"an unknown architecture":     {"architecture", "riscv", `architecture: found "riscv"; allowed is arm64 or x86_64`},
		"a list that is none":         {"allowPrivateHosts", "127.0.0.1", `allowPrivateHosts: found 127.0.0.1; allowed is a list like`},
		"a host with a scheme":        {"allowPrivateHosts", `["http://a"]`, `found "http://a"; allowed is a host or host:port`},
		"too few reconcilers":         {"maxConcurrency", 1.0, `found "1"; allowed is a whole number from 2 to 1000`},
		"half a reconciler":           {"maxConcurrency", "2.5", `found "2.5"; allowed is a whole number from 2 to 1000`},
		"an account that is a number": {"targets", `[{"account":111122223333}]`, `targets: found [{"account":111122223333}]; allowed is a list like`},
		"a short account":             {"targets", `[{"account":"1"}]`, `targets[0].account: found "1"; allowed is 12 digits`},
		"a key that is not known":     {"targets", `[{"acount":"222233334444"}]`, `targets: found [{"acount"`},
		"an account twice":            {"targets", `[{},{"regions":["eu-west-1"]}]`, `targets[1].account: found ""; allowed is each account once`},
		"no target":                   {"targets", `[]`, `at least one target`},
		"a region that is none":       {"targets", `[{"regions":["Ireland"]}]`, `targets[0].regions: found "Ireland"; allowed is a region like`},
		"a bucket in no region of it": {"targets", `[{"regions":["eu-west-1"],"artefacts":["eu-west-3"]}]`, `targets[0].artefacts: found "eu-west-3"; allowed is one of the target's regions`},
		"a macro of nobody's":         {"transforms", `["Include"]`, `transforms: found "Include"; allowed is the name of a macro that AWS hosts`},
		"a role that is a name":       {"targets", `[{"account":"222233334444","role":"ci"}]`, `targets[0].role: found "ci"; allowed is the ARN of a role`},
		"a policy that is a name":     {"execPolicies", `["PowerUserAccess"]`, `found "PowerUserAccess"; allowed is the ARN of a managed policy`},
		"a limit that is not known":   {"limits", `{"filebites":1}`, `limits: found {"filebites":1}; allowed is an object like {"fileBytes": 2097152}, of fileBytes, files`},
		"a limit above memory":        {"limits", `{"bundleBytes":104857601}`, `limits.bundleBytes: found "104857601"; allowed is a whole number from 1 to 104857600`},
		"a limit below zero":          {"limits", `{"files":-1}`, `limits.files: found "-1"; allowed is a whole number from 1 to 100000`},
		"two values in one":           {"targets", `[{}] []`, `allowed is a list like`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readSettings(only(c.key, c.value), "")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v; want %q in it", err, c.want)
			}
		})
	}
}

func TestEveryProblemOfTheContextIsNamedAtOnce(t *testing.T) {
	_, err := readSettings(func(key string) any {
		return map[string]any{"architecture": "riscv", "maxConcurrency": "many", "execPolicies": []any{"a", "b"}}[key]
	}, "")
	if err == nil || strings.Count(err.Error(), "\n") != 3 {
		t.Errorf("got %v; want four lines", err)
	}
}

func only(key string, value any) func(string) any {
	return func(asked string) any {
		if asked == key {
			return value
		}
		return nil
	}
}
