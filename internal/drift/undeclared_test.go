package drift_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

const roleSchema = `{"typeName":"AWS::IAM::Role","properties":{
	"RoleName":{"type":"string"},"Arn":{"type":"string"},"Path":{"type":"string","default":"/"},"Description":{"type":"string"},
	"Policies":{"type":"array","items":{"$ref":"#/definitions/Policy"}},"Self":{"$ref":"#/definitions/Loop"}},
	"definitions":{"Policy":{"properties":{"PolicyName":{"type":"string"},"Kind":{"default":"inline"}}},"Loop":{"default":1,"properties":{"Again":{"$ref":"#/definitions/Loop"}}}},
	"readOnlyProperties":["/properties/Arn","/properties/Nested/properties/Id","/properties/List/items/Id"],"createOnlyProperties":["/properties/RoleName"],
	"writeOnlyProperties":["/properties/Secret"],"primaryIdentifier":["/properties/RoleName"]}`

func parsed(t *testing.T, text string) map[string]any {
	t.Helper()
	m, err := drift.Properties(text)
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return m
}

func schemaOf(t *testing.T, text string) drift.Schema {
	t.Helper()
	s, err := drift.ParseSchema(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// found are differences as short lines.
func found(all []gitops.Difference) []string {
	var out []string
	for _, d := range all {
		out = append(out, strings.TrimSpace(fmt.Sprint(d.Kind, " ", d.Path, " ", d.Live)))
	}
	return out
}

func TestSchemaTellsWhatIsNobodysToSet(t *testing.T) {
	want := drift.Schema{ReadOnly: []string{"/Arn", "/Nested/Id", "/List/*/Id"}, CreateOnly: []string{"/RoleName"}, WriteOnly: []string{"/Secret"},
		Identifier: []string{"RoleName"}, Defaults: map[string]any{"/Path": "/", "/Policies/*/Kind": "inline", "/Self": "1"}}
	got := schemaOf(t, roleSchema)
	got.Defaults["/Self"] = fmt.Sprint(got.Defaults["/Self"])
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := drift.ParseSchema("{"); err == nil {
		t.Error("a broken schema is read")
	}
}

func TestCloudControlKnowsAResourceByItsIdentifier(t *testing.T) {
	for name, c := range map[string]struct {
		identifier []string
		physical   string
		declared   string
		want       string
	}{
		"the physical id where there is one name":    {[]string{"QueueUrl"}, "https://q", `{}`, "https://q"},
		"the physical id where none is named":        {nil, "x", `{}`, "x"},
		"what is declared beside the physical id":    {[]string{"RestApiId", "ResourceId"}, "abc", `{"RestApiId":"api"}`, "api|abc"},
		"the physical id where it has all already":   {[]string{"PolicyName", "RoleName"}, "p|r", `{}`, "p|r"},
		"nothing where more than one is not known":   {[]string{"A", "B"}, "x", `{}`, ""},
		"nothing where the resource has no id":       {[]string{"A"}, "", `{}`, ""},
		"nothing where a declared name is no scalar": {[]string{"A", "B"}, "x", `{"A":[1]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := drift.Schema{Identifier: c.identifier}.IdentifierOf(c.physical, parsed(t, c.declared))
			if !ok {
				got = ""
			}
			if got != c.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestWhatNoTemplateSaysIsFound(t *testing.T) {
	const nothing = `{}`
	for name, c := range map[string]struct {
		kind, declared, live, baseline string
		others                         []drift.Resource
		want                           []string
	}{
		"a property that was set":                  {role, `{"RoleName":"r"}`, `{"RoleName":"r","Description":"mine"}`, nothing, nil, []string{"UNDECLARED /Description mine"}},
		"what lies in a property that is declared": {"AWS::X::Y", `{"A":{"B":1}}`, `{"A":{"B":2,"C":{"D":true}}}`, nothing, nil, []string{`UNDECLARED /A/C {"D":true}`}},
		"another value than the default":           {queue, `{}`, `{"VisibilityTimeout":60,"DelaySeconds":"0"}`, nothing, nil, []string{"UNDECLARED /VisibilityTimeout 60"}},
		"nothing that AWS sets, names or defaults": {role, `{}`, `{"RoleName":"stack-Role-1","Arn":"arn","Path":"/","MaxSessionDuration":3600,"Description":"","Tags":[],"Secret":"s","Nested":{"Id":"1"},"Self":1}`, nothing, nil, nil},
		"nothing within a list that is declared":   {role, `{"ManagedPolicyArns":["a"]}`, `{"ManagedPolicyArns":["a","b"]}`, nothing, nil, nil},
		"nothing within a policy that is declared": {role, `{"AssumeRolePolicyDocument":{"Statement":[]}}`, `{"AssumeRolePolicyDocument":{"Version":"2012-10-17","Statement":[]}}`, nothing, nil, nil},
		"a child of a list that is not declared": {role, `{}`, `{"Policies":[{"PolicyName":"p","PolicyDocument":{"Statement":[]}}],"ManagedPolicyArns":["arn:a"]}`, nothing, nil,
			[]string{"UNDECLARED /ManagedPolicyArns/0 arn:a", `UNDECLARED /Policies/0 {"PolicyDocument":{"Statement":[]},"PolicyName":"p"}`}},
		"nothing that another resource of the stack made": {role, `{}`,
			`{"Policies":[{"PolicyName":"p","PolicyDocument":{"Statement":{"Effect":"Allow","Action":"S3:*"}}}],"ManagedPolicyArns":["arn:m"]}`, nothing,
			[]drift.Resource{
				{Type: "AWS::IAM::Policy", Declared: map[string]any{"PolicyName": "p", "Roles": []any{"r-1"}, "PolicyDocument": map[string]any{"Statement": []any{map[string]any{"Effect": "Allow", "Action": []any{"s3:*"}}}}}},
				{Type: "AWS::IAM::ManagedPolicy", PhysicalID: "arn:m", Declared: map[string]any{"Roles": []any{"r-1"}}},
			}, nil},
		"what is named as another resource's and is something else": {role, `{}`, `{"Policies":[{"PolicyName":"p","PolicyDocument":{"Statement":[{"Effect":"Allow"}]}}]}`, nothing,
			[]drift.Resource{{Type: "AWS::IAM::Policy", Declared: map[string]any{"PolicyName": "p", "Roles": []any{"r-1"}, "PolicyDocument": map[string]any{"Statement": []any{}}}}},
			[]string{`UNDECLARED /Policies/0 {"PolicyDocument":{"Statement":[{"Effect":"Allow"}]},"PolicyName":"p"}`}},
		"what another resource of the stack made for somebody else": {role, `{}`, `{"Policies":[{"PolicyName":"p","PolicyDocument":{"Statement":[]}}],"ManagedPolicyArns":["arn:m"]}`, nothing,
			[]drift.Resource{
				{Type: "AWS::IAM::Policy", Declared: map[string]any{"PolicyName": "p", "Roles": []any{"r-2"}, "PolicyDocument": map[string]any{"Statement": []any{}}}},
				{Type: "AWS::IAM::ManagedPolicy", PhysicalID: "arn:m", Declared: map[string]any{"Roles": []any{"r-2"}}},
			}, []string{"UNDECLARED /ManagedPolicyArns/0 arn:m", `UNDECLARED /Policies/0 {"PolicyDocument":{"Statement":[]},"PolicyName":"p"}`}},
		"a rule that was added": {group, `{}`, `{"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0/0"},{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"10.0.0.0/8"}],"SecurityGroupEgress":[{"IpProtocol":"-1","CidrIp":"0.0.0.0/0","FromPort":-1}]}`, nothing,
			[]drift.Resource{
				{Type: "AWS::EC2::SecurityGroupIngress", Declared: map[string]any{"GroupId": "r-1", "IpProtocol": "tcp", "FromPort": "443", "ToPort": "443", "CidrIp": "10.0.0.0/8"}},
				{Type: "AWS::EC2::SecurityGroupIngress", Declared: map[string]any{"GroupId": "r-2", "IpProtocol": "tcp", "FromPort": "22", "ToPort": "22", "CidrIp": "0.0.0.0/0"}},
			},
			[]string{`UNDECLARED /SecurityGroupIngress/0 {"CidrIp":"0.0.0.0/0","FromPort":22,"IpProtocol":"tcp","ToPort":22}`}},
		"a tag that nobody declared": {queue, `{}`, `{"Tags":[{"Key":"aws:cloudformation:stack-name","Value":"s"},{"Key":"team","Value":"a"},{"Key":"who","Value":"me"}]}`, nothing, nil,
			[]string{`UNDECLARED /Tags/2 {"Key":"who","Value":"me"}`}},
		"a subscription that was added": {"AWS::SNS::Topic", `{}`, `{"Subscription":[{"Protocol":"sqs","Endpoint":"a"},{"Protocol":"email","Endpoint":"b"}]}`, nothing,
			[]drift.Resource{{Type: "AWS::SNS::Subscription", Declared: map[string]any{"TopicArn": "r-1", "Protocol": "sqs", "Endpoint": "a"}}},
			[]string{`UNDECLARED /Subscription/1 {"Endpoint":"b","Protocol":"email"}`}},
		"nothing that the baseline has": {role, `{}`, `{"Description":"mine","ManagedPolicyArns":["b","a"],"A":{"B":{"C":5}}}`,
			`{"/Description":"mine","/ManagedPolicyArns":["a","b"],"/A":{"B":{"C":"5"}}}`, nil, nil},
		"what is another value than the baseline's": {role, `{}`, `{"Description":"other","ManagedPolicyArns":["a","c"]}`, `{"/Description":"mine","/ManagedPolicyArns":["a","b"]}`, nil,
			[]string{"UNDECLARED /Description other", "UNDECLARED /ManagedPolicyArns/1 c"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := drift.Resource{Type: c.kind, PhysicalID: "r-1", Declared: parsed(t, c.declared), Live: parsed(t, c.live)}
			if c.kind == role {
				r.Schema = schemaOf(t, roleSchema)
			}
			got := drift.Undeclared(r, drift.Stack{Tags: map[string]string{"team": "a"}, Others: c.others}, parsed(t, c.baseline))
			if diff := cmp.Diff(c.want, found(got), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// What is taken into a baseline is found no more, whatever it is; and stays in it.
func TestBaselineOfAReportTakesItAsGiven(t *testing.T) {
	live := parsed(t, `{"Description":"{\"a\": 1}","Name":"5","Many":["b",{"x":1}],"Deep":{"One":{"Two":[1]}},"0":"zero","Text":"[1, 2]"}`)
	r := drift.Resource{Type: "AWS::X::Y", PhysicalID: "r", Declared: parsed(t, `{"Deep":{}}`), Live: live}
	all := drift.Undeclared(r, drift.Stack{}, nil)
	if len(all) != 7 {
		t.Fatalf("found %v", found(all))
	}
	all = append(all, gitops.Difference{Path: "/Deep", Kind: "NOT_EQUAL", Live: "no"})
	report := gitops.DriftReport{Resources: []gitops.ResourceDrift{{LogicalID: "Inner/R", Properties: all}, {LogicalID: "Other"}}}
	before := drift.Baseline{Resources: map[string]map[string]any{"Q": {"/A": "1"}, "Inner/R": {"/Old": true}}}
	b := drift.BaselineOf(report, before)
	file, err := b.File()
	if err != nil {
		t.Fatal(err)
	}
	read, err := drift.ParseBaseline(file)
	if err != nil {
		t.Fatalf("%v\n%s", err, file)
	}
	if left := drift.Undeclared(r, drift.Stack{}, read.Resources["Inner/R"]); len(left) != 0 {
		t.Errorf("left %v of\n%s", found(left), file)
	}
	if read.Resources["Q"]["/A"] != "1" || read.Resources["Inner/R"]["/Old"] != true || read.Resources["Inner/R"]["/Deep"] != nil || read.Resources["Other"] != nil {
		t.Errorf("baseline\n%s", file)
	}
	if len(before.Resources["Inner/R"]) != 1 {
		t.Error("the baseline before was changed")
	}
}

func TestBaselineFileIsReadStrictly(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"another word":     {`{"resource":{}}`, `unknown field "resource"`},
		"no JSON":          {`resources:`, "read baseline"},
		"more than one":    {`{"resources":{}} {}`, "more follows"},
		"a name, no path":  {`{"resources":{"Q":{"DelaySeconds":1}}}`, `resource Q: "DelaySeconds" is no path`},
		"a list for paths": {`{"resources":{"Q":[]}}`, "read baseline"},
	} {
		if _, err := drift.ParseBaseline([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := drift.ParseBaseline([]byte(" \n")); err != nil || len(b.Resources) != 0 {
		t.Errorf("an empty file: %v, %v", b, err)
	}
	if got, err := (drift.Baseline{}).File(); err != nil || string(got) != "{\n  \"resources\": {}\n}\n" {
		t.Errorf("an empty baseline: %q, %v", got, err)
	}
}
