package terraform_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/terraform"
)

var update = flag.Bool("update", false, "write the golden files anew")

// recorded reads a plan of testdata/record.sh.
func recorded(t *testing.T, name string) *tfjson.Plan {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, string(data))
}

func decoded(t *testing.T, data string) *tfjson.Plan {
	t.Helper()
	p, err := terraform.Decode([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// lines writes changes as they are reviewed in a golden file.
func lines(p gitops.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", p.Summary())
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "%s %s (%s) id %q keeps %t\n", c.Action, c.LogicalID, c.Type, c.PhysicalID, c.Keeps)
		for _, p := range c.Properties {
			fmt.Fprintf(&b, "    %s: %q -> %q %s%s\n", p.Path, p.LastDeployed, p.Proposed, p.Recreates, mark(p.Computed))
		}
	}
	return b.String()
}

func mark(computed bool) string {
	if computed {
		return " computed"
	}
	return ""
}

func drifted(r gitops.DriftReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s complete %t\n", r.Summary(), r.Complete)
	for _, r := range r.Resources {
		fmt.Fprintf(&b, "%s %s (%s) id %q\n", r.Status, r.LogicalID, r.Type, r.PhysicalID)
		for _, p := range r.Properties {
			fmt.Fprintf(&b, "    %s: %q -> %q %s%s\n", p.Path, p.Declared, p.Live, p.Kind, mark(p.Computed))
		}
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s: %s", file, diff)
	}
}

func TestEveryRecordedPlanIsTold(t *testing.T) {
	for _, name := range []string{"create", "none", "outputs-only", "change", "tainted"} {
		t.Run(name, func(t *testing.T) { golden(t, name, lines(terraform.Plan(recorded(t, name)))) })
	}
}

func TestEveryRecordedDriftIsTold(t *testing.T) {
	for _, name := range []string{"in-sync", "drifted"} {
		t.Run(name, func(t *testing.T) { golden(t, name, drifted(terraform.Drift(recorded(t, name)))) })
	}
}

// Every secret of the recordings begins alike, and stands in most of them unmarked somewhere.
func TestNoRecordedSecretIsTold(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d recordings, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		if name == "state" {
			continue
		}
		p := recorded(t, name)
		for what, told := range map[string]any{"plan": terraform.Plan(p), "drift": terraform.Drift(p), "outputs": terraform.PlannedOutputs(p)} {
			data, err := json.Marshal(told)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(data), "s3ntinel") {
				t.Errorf("the %s of %s tells a secret: %s", what, name, data)
			}
		}
	}
}

func TestOutputsThatAreNotSensitiveAreReadWithAllTheirDigits(t *testing.T) {
	want := map[string]string{"name": "/app/plain", "account": "123456789012", "ports": "[5432,12345678901234567890]"}
	got, err := terraform.Pulled(state(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.Outputs); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(want, terraform.PlannedOutputs(recorded(t, "none"))); diff != "" {
		t.Errorf("of a plan without changes: %s", diff)
	}
	if _, err := terraform.Pulled([]byte("no JSON")); err == nil {
		t.Error("no JSON was read")
	}
}

// state reads the recorded state.
func state(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/state.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWhatIsSensitiveInAStateIsFoundByItsPath(t *testing.T) {
	pulled, err := terraform.Pulled(state(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"s3ntinel-password-1"}, pulled.Secrets); diff != "" {
		t.Error(diff)
	}
	const secret = "correct horse battery"
	for name, instance := range map[string]string{
		"an attribute":                 `{"attributes":{"p":"` + secret + `"},"sensitive_attributes":[[{"type":"get_attr","value":"p"}]]}`,
		"an element of a list":         `{"attributes":{"l":["a","` + secret + `"]},"sensitive_attributes":[[{"type":"get_attr","value":"l"},{"type":"index","value":{"value":1,"type":"number"}}]]}`,
		"an element of a map":          `{"attributes":{"m":{"k":"` + secret + `"}},"sensitive_attributes":[[{"type":"get_attr","value":"m"},{"type":"index","value":{"value":"k","type":"string"}}]]}`,
		"an element of a set":          `{"attributes":{"s":["` + secret + `"]},"sensitive_attributes":[[{"type":"get_attr","value":"s"},{"type":"index","value":{"value":{"a":1},"type":["object",{}]}}]]}`,
		"of a value of any type":       `{"attributes":{"v":{"value":{"k":"` + secret + `"},"type":["map","string"]}},"sensitive_attributes":[[{"type":"get_attr","value":"v"},{"type":"get_attr","value":"k"}]]}`,
		"a whole, with what is inside": `{"attributes":{"o":{"a":["` + secret + `"]}},"sensitive_attributes":[[{"type":"get_attr","value":"o"}]]}`,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := terraform.Pulled([]byte(`{"version":4,"outputs":{"url":{"value":"https://app:` + secret + `@db","type":"string"}},"resources":[{"instances":[` + instance + `]}]}`))
			if err != nil {
				t.Fatal(err)
			}
			want := terraform.State{Outputs: map[string]string{"url": "https://app:(sensitive)@db"}, Secrets: []string{secret}}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// change is a plan of one change of one resource.
func change(actions, rest string) string {
	return `{"format_version":"1.2","resource_changes":[{"address":"a.b","mode":"managed","type":"a","change":{"actions":` + actions + `,` + rest + `}}]}`
}

func TestEveryShapeOfAChangeIsTold(t *testing.T) {
	long := strings.Repeat("ä", 2000)
	for name, c := range map[string]struct {
		plan string
		want []gitops.Change
	}{
		"a mark on the whole hides every part, on either side": {
			change(`["update"]`, `"before":{"a":"one"},"after":{"a":"two"},"before_sensitive":false,"after_sensitive":true`),
			[]gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{LastDeployed: "(sensitive)", Proposed: "(sensitive)"}}}}},
		"a mark deep below hides its own value alone": {
			change(`["update"]`, `"before":{"l":[{"p":"x","q":"1"}]},"after":{"l":[{"p":"y","q":"2"}]},"after_sensitive":{"l":[{"p":true}]}`),
			[]gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{
				{Path: "/l/0/p", LastDeployed: "(sensitive)", Proposed: "(sensitive)"}, {Path: "/l/0/q", LastDeployed: "1", Proposed: "2"}}}}},
		"what becomes another kind of value hides what either holds": {
			change(`["update"]`, `"before":{"v":{"p":"x"}},"after":{"v":"plain"},"before_sensitive":{"v":{"p":true}}`),
			[]gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/v", LastDeployed: "(sensitive)", Proposed: "plain"}}}}},
		"what is sensitive and not known yet is sensitive": {
			change(`["create"]`, `"before":null,"after":{},"after_unknown":{"p":true},"after_sensitive":{"p":true}`),
			[]gitops.Change{{Action: gitops.ActionAdd, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/p", Proposed: "(sensitive)"}}}}},
		"a part that is not known yet is told apart from its neighbours": {
			change(`["update"]`, `"before":{"l":["a","b"]},"after":{"l":["a",null]},"after_unknown":{"l":[false,true]}`),
			[]gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/l/1", LastDeployed: "b", Proposed: "(known after apply)"}}}}},
		"a block whose parts are all unknown may be missing": {
			change(`["create"]`, `"before":null,"after":{},"after_unknown":{"block":[{"id":true}]}`),
			[]gitops.Change{{Action: gitops.ActionAdd, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/block/0/id", Proposed: "(known after apply)"}}}}},
		"what a value is made of is escaped in its path": {
			change(`["update"]`, `"before":{"a/b~c":1},"after":{"a/b~c":2}`),
			[]gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/a~1b~0c", LastDeployed: "1", Proposed: "2"}}}}},
		"a long value is cut between characters, and says what it was": {
			change(`["create"]`, `"before":null,"after":{"v":"`+long+`"}`),
			[]gitops.Change{{Action: gitops.ActionAdd, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{
				{Path: "/v", Proposed: strings.Repeat("ä", 1024) + "… (4000 bytes, SHA-256 960af864a879e49b)"}}}}},
		"an action of a later Terraform is a modification": {
			change(`["reincarnate"]`, `"before":{},"after":{}`), []gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a"}}},
		"what is made anew while the old one is forgotten is replaced": {
			change(`["create","forget"]`, `"before":{"v":1},"after":{"v":2},"replace_paths":[["v"]]`),
			[]gitops.Change{{Action: gitops.ActionReplace, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/v", LastDeployed: "1", Proposed: "2", Recreates: "Always"}}}}},
		"a data source that is read is no change": {
			`{"format_version":"1.2","resource_changes":[{"address":"data.a.b","mode":"data","type":"a","change":{"actions":["read"]}}]}`, []gitops.Change{}},
		"an action that is invoked is one": {
			`{"format_version":"1.2","action_invocations":[{"address":"action.a.b","type":"a"}]}`, []gitops.Change{{Action: gitops.ActionModify, LogicalID: "action.a.b", Type: "action"}}},
		"what is sensitive in one place is hidden in another": {
			change(`["update"]`, `"before":{"p":"correct horse","u":"x"},"after":{"p":"correct horse","u":"postgres://app:correct horse@db"},"before_sensitive":{"p":true},"after_sensitive":{"p":true}`),
			[]gitops.Change{{Action: gitops.ActionModify, LogicalID: "a.b", Type: "a", Properties: []gitops.PropertyChange{{Path: "/u", LastDeployed: "x", Proposed: "postgres://app:(sensitive)@db"}}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, terraform.Plan(decoded(t, c.plan)).Changes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is not declared in the configuration is told apart, within modules too, whatever their keys.
func TestWhatNobodyDeclaresIsMarkedAsComputed(t *testing.T) {
	plan := func(address, name, attribute string) string {
		return `{"format_version":"1.2","resource_changes":[{"address":"` + address + `.a.` + name + `","module_address":"` + address + `","mode":"managed","type":"a","name":"` + name + `",
			"change":{"actions":["update"],` + attribute + `}}],
			"configuration":{"root_module":{"module_calls":{"m":{"module":{"module_calls":{"n":{"module":{"resources":[{"address":"a.b","mode":"managed","type":"a","name":"b","expressions":{"said":{}}}]}}}}}}}}}`
	}
	unknown := func(name, before string) string {
		return `"before":{"` + name + `":` + before + `},"after":{},"after_unknown":{"` + name + `":true}`
	}
	for name, c := range map[string]struct {
		plan string
		want bool
	}{
		"declared":                 {plan(`module.m.module.n`, "b", unknown("said", "1")), false},
		"not declared":             {plan(`module.m.module.n`, "b", unknown("other", "1")), true},
		"in instances of modules":  {plan(`module.m[0].module.n[\"a].b\\\"[\"]`, "b", unknown("other", "1")), true},
		"a list":                   {plan(`module.m.module.n`, "b", unknown("other", "[1]")), false},
		"known":                    {plan(`module.m.module.n`, "b", `"before":{"other":1},"after":{"other":2}`), false},
		"a part of what is listed": {plan(`module.m.module.n`, "b", `"before":{"l":[{"p":1}]},"after":{"l":[{}]},"after_unknown":{"l":[{"p":true}]}`), false},
		"not in the configuration": {plan(`module.m.module.n`, "c", unknown("other", "1")), false},
	} {
		changes := terraform.Plan(decoded(t, c.plan)).Changes
		if len(changes) != 1 || len(changes[0].Properties) != 1 {
			t.Fatalf("%s: %+v", name, changes)
		}
		if got := changes[0].Properties[0].Computed; got != c.want {
			t.Errorf("%s: computed is %t, want %t", name, got, c.want)
		}
	}
}

func TestOfTooManyPropertiesTheRestIsCounted(t *testing.T) {
	p := terraform.Plan(decoded(t, change(`["create"]`, `"before":null,"after":[`+strings.Repeat(`"x",`, 600)+`"x"]`)))
	if n := len(p.Changes[0].Properties); n != 500 || p.Note != "101 properties more differ: of one resource at most 500 are shown" {
		t.Errorf("%d properties, %q", n, p.Note)
	}
}

func TestWhatIsNoPlanIsRefused(t *testing.T) {
	for name, text := range map[string]string{"no JSON": "Error: no", "no plan": "{}", "a plan of a format to come": `{"format_version":"2.0"}`} {
		if _, err := terraform.Decode([]byte(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}
