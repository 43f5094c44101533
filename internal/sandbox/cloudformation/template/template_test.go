package template_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// env resolves with resource A made as "a-1" and one export.
func env(t *testing.T, body string, parameters map[string]string) *template.Env {
	t.Helper()
	parsed, err := template.Parse(body, nil)
	if err != nil {
		t.Fatal(err)
	}
	bound, err := parsed.Bind(parameters)
	if err != nil {
		t.Fatal(err)
	}
	values, _, err := parsed.Values(bound, func(name string) (string, error) { return "value of " + name, nil })
	if err != nil {
		t.Fatal(err)
	}
	e := &template.Env{
		Template: parsed, Parameters: values, Pseudo: map[string]any{"AWS::Region": "eu-west-1"},
		Ref:    func(id string) (any, error) { return strings.ToLower(id) + "-1", nil },
		GetAtt: func(id, attribute string) (any, error) { return id + "." + attribute, nil },
		Import: func(name string) (string, error) { return "exported " + name, nil },
		Zones:  func(region string) []any { return []any{region + "a", region + "b"} },
	}
	if err := e.Evaluate(); err != nil {
		t.Fatal(err)
	}
	return e
}

const functions = `
Parameters:
  Word: { Type: String, Default: hello }
  List: { Type: CommaDelimitedList, Default: "x, y" }
  Latest: { Type: "AWS::SSM::Parameter::Value<String>", Default: /ami }
Mappings: { Sizes: { eu-west-1: { small: t3 } } }
Conditions:
  Greets: !Equals [ !Ref Word, hello ]
  Both: !And [ !Condition Greets, !Not [ !Equals [ a, b ] ] ]
Resources:
  A: { Type: AWS::SQS::Queue }
  B:
    Type: AWS::SQS::Queue
    Properties:
      Value: %s
`

func TestFunctionsResolve(t *testing.T) {
	for name, c := range map[string]struct {
		yaml string
		want any
	}{
		"a parameter":             {"!Ref Word", "hello"},
		"a list parameter":        {"!Ref List", []any{"x", "y"}},
		"an SSM parameter":        {"!Ref Latest", "value of /ami"},
		"a resource":              {"!Ref A", "a-1"},
		"an attribute":            {"!GetAtt A.Arn", "A.Arn"},
		"a deep attribute":        {"!GetAtt A.Endpoint.Port", "A.Endpoint.Port"},
		"a substitution":          {`!Sub "${Word} ${A} ${A.Arn} ${AWS::Region} ${!Literal}"`, "hello a-1 A.Arn eu-west-1 ${Literal}"},
		"variables of its own":    {`!Sub ["${x}-${Word}", {x: !Ref A}]`, "a-1-hello"},
		"a join":                  {`!Join ["-", [a, !Ref Word, 1]]`, "a-hello-1"},
		"a join of a list":        {`!Join ["", !Ref List]`, "xy"},
		"a selection":             {`!Select [1, !Split ["/", "a/b"]]`, "b"},
		"a map":                   {`!FindInMap [Sizes, !Ref "AWS::Region", small]`, "t3"},
		"a condition that holds":  {"!If [Both, yes-it-is, no]", "yes-it-is"},
		"no value":                {`{ a: !If [Greets, !Ref "AWS::NoValue", 1], b: 2 }`, map[string]any{"b": int64(2)}},
		"no value in a list":      {`[ 1, !Ref "AWS::NoValue", 3 ]`, []any{int64(1), int64(3)}},
		"an import":               {"!ImportValue name", "exported name"},
		"base64":                  {"!Base64 abc", "YWJj"},
		"parts of a network":      {`!Cidr ["10.0.0.0/16", 2, 8]`, []any{"10.0.0.0/24", "10.0.1.0/24"}},
		"zones":                   {`!GetAZs ""`, []any{"a", "b"}},
		"zones of a region":       {`Fn::GetAZs: !Ref "AWS::Region"`, []any{"eu-west-1a", "eu-west-1b"}},
		"JSON as text":            {`Fn::ToJsonString: { a: !Ref A }`, `{"a":"a-1"}`},
		"what only time can tell": {`!Select [0, !Split [",", "{{changeSet:KNOWN_AFTER_APPLY}}"]]`, template.KnownAfterApply},
		"a date":                  {"2012-10-17", "2012-10-17"},
		"an account number":       {"012345678901", "012345678901"},
		"a secret":                {`"{{resolve:ssm:/x}}"`, "{{resolve:ssm:/x}}"},
	} {
		t.Run(name, func(t *testing.T) {
			value := c.yaml
			if strings.HasPrefix(value, "Fn::") {
				value = "{ " + value + " }"
			}
			e := env(t, fmt.Sprintf(functions, value), nil)
			got, err := e.Resolve(e.Template.Resource("B").Properties["Value"])
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestFunctionsThatCannotResolveSayWhy(t *testing.T) {
	for name, c := range map[string]struct{ yaml, want string }{
		"an index out of range": {`!Select [2, [a]]`, "ValidationError: Template error: Fn::Select cannot select nonexistent value at index 2"},
		"a map without the key": {`!FindInMap [Sizes, there, small]`, "ValidationError: Template error: Unable to get mapping for Sizes::there::small"},
		"a network too small":   {`!Cidr ["10.0.0.0/30", 2, 8]`, "ValidationError: Template error: Fn::Cidr requires a CIDR block, a count from 1 to 256 and the subnet bits"},
	} {
		t.Run(name, func(t *testing.T) {
			e := env(t, fmt.Sprintf(functions, c.yaml), nil)
			if _, err := e.Resolve(e.Template.Resource("B").Properties); err == nil || err.Error() != c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestTemplateIsRefused(t *testing.T) {
	const queue = "Resources:\n  A: { Type: AWS::SQS::Queue%s }\n"
	for name, c := range map[string]struct{ body, want string }{
		"a key given twice":       {"Resources:\n  A: { Type: AWS::SQS::Queue }\n  A: { Type: AWS::SNS::Topic }\n", "Template format error: [/Resources] duplicate key A (line 3, column 3)"},
		"text":                    {"hello", "Template format error: unsupported structure."},
		"broken JSON":             {`{"Resources": `, "Template format error: YAML not well-formed. (line 1, column 1)"},
		"another version":         {"AWSTemplateFormatVersion: 2011-01-01\n" + fmt.Sprintf(queue, ""), "Template format error: Unsupported template version: 2011-01-01."},
		"a name with a dash":      {"Resources:\n  A-B: { Type: AWS::SQS::Queue }\n", "Template format error: Resource name A-B is non alphanumeric."},
		"a loop":                  {"Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Queues: [Name, [A, B], { \"Queue${Name}\": { Type: AWS::SQS::Queue } }]\n", "The sandbox does not carry out Fn::ForEach: Fn::ForEach::Queues"},
		"a resource without type": {"Resources:\n  A: { Properties: {} }\n", "Template format error: [/Resources/A] Every Resources object must contain a Type member."},
		"an unknown attribute":    {fmt.Sprintf(queue, ", Depends: B"), "Invalid template resource property 'Depends'"},
		"an unknown policy":       {fmt.Sprintf(queue, ", DeletionPolicy: Keep"), "Template format error: Unrecognized DeletionPolicy Keep for resource A"},
		"an unknown condition":    {fmt.Sprintf(queue, ", Condition: C"), "Template format error: Unresolved condition dependency C in the Resources block of the template"},
		"an unknown function":     {fmt.Sprintf(queue, ", Properties: { X: { 'Fn::Nope': 1 } }"), "Template format error: Unrecognized function Fn::Nope in the Resources block of the template"},
		"a dependency on nothing": {fmt.Sprintf(queue, ", DependsOn: B"), "Template format error: Unresolved resource dependencies [B] in the Resources block of the template"},
		"a resource in a condition": {"Conditions: { C: !Equals [ !Ref A, b ] }\n" + fmt.Sprintf(queue, ""),
			"Template format error: Unresolved dependencies [A]. Cannot reference resources in the Conditions block of the template"},
		"a macro within": {fmt.Sprintf(queue, ", Properties: { 'Fn::Transform': { Name: M } }"), "The sandbox runs no transforms but AWS::Include, AWS::LanguageExtensions and AWS::Serverless-2016-10-31: M"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := template.Parse(c.body, nil); err == nil || err.Error() != "ValidationError: "+c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestParameterIsHeldToItsConstraints(t *testing.T) {
	const body = "Parameters:\n  P: { Type: %s }\nResources: { A: { Type: AWS::SQS::Queue } }\n"
	for name, c := range map[string]struct{ parameter, value, want string }{
		"a number that is none":   {"Number", "x", "Parameter 'P' must be a number"},
		"a number too small":      {"Number, MinValue: 5", "4", "Parameter 'P' must be a number not less than 5"},
		"a number too large":      {"Number, MaxValue: 5", "6", "Parameter 'P' must be a number not greater than 5"},
		"a text too short":        {"String, MinLength: 2", "a", "Parameter 'P' must contain at least 2 characters"},
		"a text too long":         {"String, MaxLength: 2", "abc", "Parameter 'P' must contain at most 2 characters"},
		"a text of another shape": {"String, AllowedPattern: '[a-z]+'", "A", "Parameter 'P' must match pattern [a-z]+"},
		"its own explanation":     {"String, AllowedValues: [a], ConstraintDescription: must be a", "b", "Parameter P failed to satisfy constraint: must be a"},
		"one element of a list":   {"CommaDelimitedList, AllowedValues: [a, b]", "a,c", "Parameter 'P' must be one of AllowedValues"},
	} {
		t.Run(name, func(t *testing.T) {
			parsed, err := template.Parse(fmt.Sprintf(body, c.parameter), nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parsed.Bind(map[string]string{"P": c.value}); err == nil || err.Error() != "ValidationError: "+c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestGraphFollowsTheBranchesThatHold(t *testing.T) {
	e := env(t, `
Conditions: { Never: !Equals [ a, b ] }
Resources:
  A: { Type: AWS::SQS::Queue, Properties: { QueueName: !If [ Never, !Ref B, !Ref C ] } }
  B: { Type: AWS::SQS::Queue, Condition: Never }
  C: { Type: AWS::SQS::Queue, DependsOn: D }
  D: { Type: AWS::SQS::Queue }
`, nil)
	got, err := e.Graph()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string][]string{"A": {"C"}, "C": {"D"}, "D": nil}, got); d != "" {
		t.Error(d)
	}
}

func TestRuleIsAsserted(t *testing.T) {
	parsed, err := template.Parse(`
Parameters: { Env: { Type: String } }
Rules:
  Prod: { RuleCondition: !Equals [ !Ref Env, prod ], Assertions: [ { Assert: { "Fn::Contains": [ [ a ], b ] }, AssertDescription: never } ] }
Resources: { A: { Type: AWS::SQS::Queue } }
`, nil)
	if err != nil {
		t.Fatal(err)
	}
	for value, want := range map[string]string{"test": "<nil>", "prod": "ValidationError: Template validation error: Rule Prod failed: never"} {
		e := &template.Env{Template: parsed, Parameters: map[string]any{"Env": value}}
		if got := fmt.Sprint(e.Evaluate()); got != want {
			t.Errorf("Env=%s: %s, want %s", value, got, want)
		}
	}
}

func TestEqualTakesScalarsByTheirText(t *testing.T) {
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{"5", int64(5), true}, {"true", true, true}, {5.0, int64(5), true}, {"a", "b", false},
		{[]any{"1"}, []any{int64(1)}, true}, {map[string]any{"a": "1"}, map[string]any{"a": int64(1)}, true},
		{map[string]any{"a": 1}, map[string]any{"b": 1}, false}, {nil, "", false}, {"", map[string]any{}, false},
	} {
		if got := template.Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%v, %v) = %v", c.a, c.b, got)
		}
	}
}

func TestSecretIsRevealedOnRequestAlone(t *testing.T) {
	v := map[string]any{"a": []any{"x{{resolve:ssm:one}}y{{resolve:ssm:two}}"}, "b": 1}
	got, err := template.Reveal(v, func(reference string) (string, error) { return "<" + reference + ">", nil })
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]any{"a": []any{"x<ssm:one>y<ssm:two>"}, "b": 1}, got); d != "" {
		t.Error(d)
	}
	if !template.Dynamic(v) || template.Dynamic(got) {
		t.Error("Dynamic does not tell them apart")
	}
}
