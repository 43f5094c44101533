package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// synthesised are the templates that the tests look at. One process of Node serves them
// all, since it takes a second to start.
var synthesised struct {
	usual   template // the default context
	far     template // other accounts, other regions, every context key
	reports []string // where cdk-nag says what it thinks of the two
}

func TestMain(m *testing.M) {
	os.Exit(func() int {
		defer jsii.Close()
		dir, err := os.MkdirTemp("", "driftless-infra")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		synthesised.usual = synthesise(dir, nil)
		synthesised.far = synthesise(dir, map[string]any{
			"architecture":      "x86_64",
			"maxConcurrency":    "20",
			"allowPrivateHosts": `["127.0.0.1:4566","git.example.internal"]`,
			"limits":            `{"fileBytes":2097152}`,
			"execPolicies":      `["arn:aws:iam::aws:policy/AdministratorAccess"]`,
			"targets":           `[{"regions":["eu-west-1","eu-central-1"]},{"account":"222233334444","regions":["eu-west-1"],"role":"arn:aws:iam::222233334444:role/ci","artefacts":["eu-west-1"]}]`,
			"transforms":        `["AWS::Include","AWS::LanguageExtensions"]`,
		})
		return m.Run()
	}())
}

// synthesise makes the stack under the context of cdk.json and what is given on top, with
// a stand-in for the functions' code.
func synthesise(dir string, context map[string]any) template {
	file, err := os.ReadFile("../cdk.json")
	if err != nil {
		panic(err)
	}
	var cdk struct{ Context map[string]any }
	if err := json.Unmarshal(file, &cdk); err != nil {
		panic(err)
	}
	for k, v := range context {
		cdk.Context[k] = v
	}
	out, err := os.MkdirTemp(dir, "cdk.out")
	if err != nil {
		panic(err)
	}
	app := awscdk.NewApp(&awscdk.AppProps{Context: &cdk.Context, Outdir: jsii.String(out)})
	s, err := readSettings(func(key string) any { return app.Node().TryGetContext(jsii.String(key)) }, "")
	if err != nil {
		panic(err)
	}
	s.TargetRole, s.BuildSpec, s.Code = "../templates/target-role.yaml", "../templates/buildspec.yaml", map[string]string{}
	s.Runner = filepath.Join(dir, "runner")
	if err := os.WriteFile(s.Runner, []byte("runner"), 0o755); err != nil {
		panic(err)
	}
	for _, name := range functionNames() {
		s.Code[name] = filepath.Join(dir, name)
		if err := os.MkdirAll(s.Code[name], 0o755); err != nil {
			panic(err)
		}
		if err := os.WriteFile(filepath.Join(s.Code[name], "bootstrap"), []byte(name), 0o755); err != nil {
			panic(err)
		}
	}
	stack, err := newStack(app, "Driftless", s)
	if err != nil {
		panic(err)
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true)}), nil)
	made := assertions.Template_FromStack(stack, nil)
	synthesised.reports = append(synthesised.reports, filepath.Join(*app.Outdir(), "AwsSolutions-Driftless-NagReport.csv"))
	data, err := json.Marshal(*made.ToJSON())
	if err != nil {
		panic(err)
	}
	var t template
	if err := json.Unmarshal(data, &t); err != nil {
		panic(err)
	}
	t.text = string(data)
	return t
}

// template is a synthesised template.
type template struct {
	Resources  map[string]resource
	Outputs    map[string]any
	Conditions map[string]any
	text       string
}

type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
}

// of returns the resources of a type, by logical id.
func (t template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	return found
}

// text writes a value of a template as one string, with what it refers to in ${}: the
// same for Fn::Join, Fn::Sub, Ref and Fn::GetAtt, whoever wrote them.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []any:
		parts := make([]string, 0, len(v))
		for _, e := range v {
			parts = append(parts, text(e))
		}
		return strings.Join(parts, ",")
	case map[string]any:
		for k, e := range v {
			switch k {
			case "Ref":
				return "${" + text(e) + "}"
			case "Fn::GetAtt":
				return "${" + strings.ReplaceAll(text(e), ",", ".") + "}"
			case "Fn::Sub":
				return text(e)
			case "Fn::Join":
				var b strings.Builder
				separator := text(e.([]any)[0])
				for i, part := range e.([]any)[1].([]any) {
					if i > 0 {
						b.WriteString(separator)
					}
					b.WriteString(text(part))
				}
				return b.String()
			}
		}
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

func TestNagIsCleanAndEverySuppressionIsNeeded(t *testing.T) {
	for i, made := range []template{synthesised.usual, synthesised.far} {
		report, err := os.ReadFile(synthesised.reports[i])
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(report)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		needed := map[string]bool{} // by rule and resource
		for _, row := range rows {
			switch row[2] {
			case "Compliant", "N/A", "Compliance": // the last is the header
			case "Suppressed":
				needed[row[0]+" "+row[1]] = true
			default:
				t.Errorf("%s: %s of %s", row[2], row[0], row[1])
			}
		}
		said := 0
		for id, r := range made.Resources {
			nag, _ := r.Metadata["cdk_nag"].(map[string]any)
			for _, s := range asList(nag["rules_to_suppress"]) {
				said++
				if reason := s.(map[string]any)["reason"].(string); len(reason) < 20 {
					t.Errorf("%s: %q is no reason", id, reason)
				}
			}
		}
		if said != len(needed) {
			t.Errorf("%d suppressions, of which %d silence something: %v", said, len(needed), slices.Sorted(maps.Keys(needed)))
		}
	}
}
