package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestTemplatesPassCfnLint(t *testing.T) {
	lint, err := exec.LookPath("cfn-lint")
	if err != nil {
		t.Skip("cfn-lint is not installed: the templates are not linted")
	}
	out, err := exec.CommandContext(t.Context(), lint, "../templates/target-role.yaml", "../templates/target-events.yaml").CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestOtherAccountsGrantWhatTheOwnOneGrants(t *testing.T) {
	file, stack := read(t, "target-role.yaml"), synthesised.usual
	for id, r := range file.Resources {
		want, got := text(r.Properties), text(stack.Resources[id].Properties)
		want = strings.NewReplacer(
			`{"Ref":"ReconcilerRoleArn"}`, `{"Fn::GetAtt":["`+stack.role("reconciler")+`","Arn"]}`,
			`{"Ref":"PlanBuildRoleArn"}`, `{"Fn::GetAtt":["`+stack.builder("plan")+`","Arn"]}`, `{"Ref":"ApplyBuildRoleArn"}`, `{"Fn::GetAtt":["`+stack.builder("apply")+`","Arn"]}`,
			`{"Ref":"ExternalId"}`, `{"Fn::Select":[2,{"Fn::Split":["/",{"Ref":"AWS::StackId"}]}]}`,
			"${ExecPolicies}", "", `{"Ref":"Transforms"}`, `{"Fn::Join":["",["arn:",{"Ref":"AWS::Partition"},":cloudformation:*:aws:transform/Serverless-2016-10-31"]]}`,
		).Replace(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

// role returns the logical id of a function's role.
func (t template) role(function string) string {
	arn := t.lambda(function).Properties["Role"].(map[string]any)["Fn::GetAtt"].([]any)
	return arn[0].(string)
}

// CloudFormation knows no resource when it decides on conditions (its guide, "Conditions").
func TestConditionsReferToNoResource(t *testing.T) {
	for name, made := range map[string]template{"usual": synthesised.usual, "far": synthesised.far} {
		for id, c := range made.Conditions {
			for resource := range made.Resources {
				if strings.Contains(text(map[string]any{"of": c}), `"`+resource+`"`) {
					t.Errorf("%s: %s refers to %s", name, id, resource)
				}
			}
		}
	}
}

// builder returns the logical id of the role of a side's builds.
func (t template) builder(side string) string {
	for _, p := range t.of("AWS::CodeBuild::Project") {
		if p.Properties["Name"] == "driftless-"+side {
			return p.Properties["ServiceRole"].(map[string]any)["Fn::GetAtt"].([]any)[0].(string)
		}
	}
	return ""
}

func TestForwardersMayPutEventsOnOneBusAndNothingElse(t *testing.T) {
	file := read(t, "target-events.yaml")
	role := file.Resources["ForwardRole"].Properties
	trust := statements(role["AssumeRolePolicyDocument"])
	if len(trust) != 1 || text(trust[0]["Principal"]) != `{"Service":"events.amazonaws.com"}` ||
		condition(trust[0]) != ` if {"ArnLike":{"aws:SourceArn":{"Fn::Sub":"arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/driftless-*"}},"StringEquals":{"aws:SourceAccount":{"Ref":"AWS::AccountId"}}}` {
		t.Errorf("trusts %v", trust)
	}
	rights := statements(asList(role["Policies"])[0].(map[string]any)["PolicyDocument"])
	if len(asList(role["Policies"])) != 1 || role["ManagedPolicyArns"] != nil || len(rights) != 1 ||
		text(rights[0]["Action"]) != "events:PutEvents" || text(rights[0]["Resource"]) != "${InboundBusArn}" {
		t.Errorf("may %v", rights)
	}
}

func TestForwardersSendWhatTheTriggerListensTo(t *testing.T) {
	want, got := map[string]bool{}, map[string]bool{}
	for _, r := range synthesised.usual.of("AWS::Events::Rule") {
		if pattern := text(r.Properties["EventPattern"]); r.Properties["EventPattern"] != nil && !strings.Contains(pattern, "aws.codebuild") { // builds run here alone
			want[text(r.Properties["EventPattern"])] = true
		}
	}
	file := read(t, "target-events.yaml")
	policy := text(file.Resources["DeadLettersPolicy"].Properties)
	for id, r := range file.of("AWS::Events::Rule") {
		got[text(r.Properties["EventPattern"])] = true
		target := r.target()
		if text(target["Arn"]) != "${InboundBusArn}" || text(target["RoleArn"]) != "${ForwardRole.Arn}" || !strings.Contains(text(target["DeadLetterConfig"]), "DeadLetters.Arn") {
			t.Errorf("%s forwards with %v", id, target)
		}
		if !strings.Contains(policy, `"Fn::GetAtt":"`+id+`.Arn"`) {
			t.Errorf("the dead-letter queue takes nothing from %s", id)
		}
		if name := r.Properties["Name"].(string); !strings.HasPrefix(name, "driftless-") {
			t.Errorf("the role trusts no rule %s", name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestArtefactsAreEncryptedPrivateAndKept(t *testing.T) {
	file := read(t, "target-events.yaml")
	b := file.Resources["Artefacts"]
	if b.DeletionPolicy != "RetainExceptOnCreate" || !strings.Contains(text(b.Properties["BucketEncryption"]), "AES256") ||
		strings.Count(text(b.Properties["PublicAccessBlockConfiguration"]), "true") != 4 || !file.refuses("AWS::S3::BucketPolicy", "Bucket", "Artefacts") {
		t.Errorf("%v", b)
	}
	if text(b.Properties["BucketName"]) != "driftless-artefacts-${AWS::AccountId}-${AWS::Region}" {
		t.Errorf("the roles know no bucket %s", text(b.Properties["BucketName"]))
	}
	if q := file.Resources["DeadLetters"]; q.Properties["SqsManagedSseEnabled"] != true || !file.refuses("AWS::SQS::QueuePolicy", "Queues", "DeadLetters") {
		t.Errorf("%v", q)
	}
}

// read reads a template of templates/, its short tags spelled out.
func read(t *testing.T, name string) template {
	t.Helper()
	data, err := os.ReadFile("../templates/" + name)
	if err != nil {
		t.Fatal(err)
	}
	var root yaml.Node
	if err := yaml.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	long, err := json.Marshal(spell(t, root.Content[0]))
	if err != nil {
		t.Fatal(err)
	}
	var out template
	if err := json.Unmarshal(long, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// spell returns a node's value with !Ref as {"Ref": …} and the others as {"Fn::…": …}.
// CloudFormation knows no aliases (its guide, "CloudFormation template formats").
func spell(t *testing.T, n *yaml.Node) any {
	t.Helper()
	tag := n.Tag
	if strings.HasPrefix(tag, "!!") {
		tag = ""
	}
	var value any
	switch n.Kind {
	case yaml.MappingNode:
		m := map[string]any{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = spell(t, n.Content[i+1])
		}
		value = m
	case yaml.SequenceNode:
		list := []any{}
		for _, e := range n.Content {
			list = append(list, spell(t, e))
		}
		value = list
	case yaml.AliasNode:
		t.Errorf("line %d: CloudFormation knows no aliases", n.Line)
	default:
		if tag != "" {
			value = n.Value
		} else if err := n.Decode(&value); err != nil {
			t.Fatal(err)
		}
	}
	if tag == "" {
		return value
	}
	if name := strings.TrimPrefix(tag, "!"); name != "Ref" && name != "Condition" {
		return map[string]any{"Fn::" + name: value}
	}
	return map[string]any{strings.TrimPrefix(tag, "!"): value}
}
