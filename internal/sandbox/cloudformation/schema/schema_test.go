package schema_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
)

func TestTableIsReadable(t *testing.T) {
	if n := len(schema.Names()); n < 200 {
		t.Errorf("%d types are described", n)
	}
}

func TestTypesAreKnownDescribedOrNeither(t *testing.T) {
	for name, want := range map[string][2]bool{
		"AWS::SQS::Queue": {true, true}, "AWS::AppRunner::Service": {true, false}, "AWS::SQS::Nothing": {false, false}, "Custom::Thing": {true, false},
	} {
		if got := [2]bool{schema.Known(name), schema.Lookup(name) != nil}; got != want {
			t.Errorf("%s: known and described %v, want %v", name, got, want)
		}
	}
}

func TestRecreationFollowsTheSchema(t *testing.T) {
	for _, c := range []struct{ kind, path, want string }{
		{"AWS::SQS::Queue", "QueueName", "Always"}, {"AWS::SQS::Queue", "VisibilityTimeout", "Never"},
		{"AWS::DynamoDB::Table", "KeySchema.AttributeName", "Conditionally"}, {"AWS::EC2::VPC", "CidrBlock", "Always"},
	} {
		if got := schema.Lookup(c.kind).Recreation(c.path); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.kind, c.path, got, c.want)
		}
	}
}

func TestAttributesAreThoseOfGetAtt(t *testing.T) {
	for _, c := range []struct {
		kind, name string
		want       bool
	}{
		{"AWS::SQS::Queue", "Arn", true}, {"AWS::SQS::Queue", "QueueName", true}, {"AWS::SNS::Topic", "TopicName", true},
		{"AWS::EC2::EIP", "AllocationId", true}, {"AWS::SQS::Queue", "Nope", false},
	} {
		if got := schema.Lookup(c.kind).Attribute(c.name); got != c.want {
			t.Errorf("%s.%s: %v", c.kind, c.name, got)
		}
	}
}

func TestPropertiesAreJudgedAsAWSDoes(t *testing.T) {
	for name, c := range map[string]struct {
		kind       string
		properties map[string]any
		want       []schema.Problem
	}{
		"all is well, numbers as text too": {"AWS::SQS::Queue", map[string]any{"VisibilityTimeout": "5", "FifoQueue": "true"}, nil},
		"an unknown property":              {"AWS::SQS::Queue", map[string]any{"Foo": 1}, []schema.Problem{{Path: "/Properties/Foo", Message: "Encountered unsupported property Foo"}}},
		"a required one missing": {"AWS::EC2::Subnet", map[string]any{"CidrBlock": "10.0.0.0/24"},
			[]schema.Problem{{Path: "/Properties", Message: "Properties validation failed for resource X with message: [#: required key [VpcId] not found]"}}},
		"a list for a text": {"AWS::SQS::Queue", map[string]any{"QueueName": []any{}},
			[]schema.Problem{{Path: "/Properties/QueueName", Message: "Properties validation failed for resource X with message: [#/QueueName: expected type: String, found: JSONArray]"}}},
		"a word that is none of its values": {"AWS::SSM::Parameter", map[string]any{"Type": "Word", "Value": "v"},
			[]schema.Problem{{Path: "/Properties/Type", Message: "Properties validation failed for resource X with message: [#/Type: Word is not a valid enum value]"}}},
		"what only time can tell": {"AWS::SQS::Queue", map[string]any{"VisibilityTimeout": "{{changeSet:KNOWN_AFTER_APPLY}}"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(c.want, schema.Lookup(c.kind).Validate("X", c.properties)); d != "" {
				t.Error(d)
			}
		})
	}
}
