package cloudformation_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

func TestAllOfAResourceIsReadWhoeverDeclaredIt(t *testing.T) {
	w := newWorld(t)
	w.must("wide", wide, withIAM, withTags("stack", "wide"))
	live := func(logical, kind string) map[string]any {
		t.Helper()
		out, err := w.client.DescribeStackResource(t.Context(), &cfn.DescribeStackResourceInput{StackName: aws.String("wide"), LogicalResourceId: &logical})
		if err != nil {
			t.Fatal(err)
		}
		all, err := w.service.Live(t.Context(), w.account, "us-east-1", kind, aws.ToString(out.StackResourceDetail.PhysicalResourceId))
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	queue := live("Queue", "AWS::SQS::Queue")
	if queue["VisibilityTimeout"] != int64(10) || queue["MessageRetentionPeriod"] != int64(345600) || queue["ApproximateNumberOfMessages"] != nil {
		t.Errorf("queue %v", queue)
	}
	if tags := jsonOf(t, queue["Tags"]); !strings.Contains(tags, `{"Key":"stack","Value":"wide"}`) {
		t.Errorf("tags %s", tags)
	}
	role := live("Role", "AWS::IAM::Role")
	if n := len(role["Policies"].([]any)); n != 2 { // its own, and that of an AWS::IAM::Policy
		t.Errorf("%d policies in %v", n, role["Policies"])
	}
	if n := len(role["ManagedPolicyArns"].([]any)); n != 2 {
		t.Errorf("%d attached in %v", n, role["ManagedPolicyArns"])
	}
}

func TestWhatCannotBeReadIsRefusedByName(t *testing.T) {
	w := newWorld(t)
	for kind, want := range map[string]string{
		"AWS::SQS::Nothing":       "TypeNotFoundException: The type 'AWS::SQS::Nothing' cannot be found.",
		"AWS::AppRunner::Service": "UnsupportedActionException: The sandbox's Cloud Control cannot read AWS::AppRunner::Service, which AWS's may",
		"AWS::Events::EventBus":   "UnsupportedActionException: The sandbox's Cloud Control cannot read AWS::Events::EventBus, which AWS's may",
		"AWS::DynamoDB::Table":    "ResourceNotFoundException: Resource of type 'AWS::DynamoDB::Table' with identifier 'none' was not found.",
	} {
		if _, err := w.service.Live(t.Context(), w.account, "us-east-1", kind, "none"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", kind, err)
		}
	}
	w.service.Script(cloudformation.Failure{Resource: "AWS::SQS::Queue", Action: "READ", Reason: "Rate exceeded", Times: 1})
	if _, err := w.service.Live(t.Context(), w.account, "us-east-1", "AWS::SQS::Queue", "q"); err == nil || !strings.Contains(err.Error(), "Rate exceeded") {
		t.Errorf("a read that is to fail: %v", err)
	}
}

func TestATypeIsDescribed(t *testing.T) {
	w := newWorld(t)
	describe := func(name string) (*cfn.DescribeTypeOutput, error) {
		return w.client.DescribeType(t.Context(), &cfn.DescribeTypeInput{Type: types.RegistryTypeResource, TypeName: &name})
	}
	out, err := describe("AWS::IAM::Role")
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Properties                            map[string]map[string]any
		ReadOnlyProperties, PrimaryIdentifier []string
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.Schema)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{"/", []string{"/properties/Arn", "/properties/RoleId"}, []string{"/properties/RoleName"}},
		[]any{got.Properties["Path"]["default"], got.ReadOnlyProperties, got.PrimaryIdentifier}); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{"AWS::SQS::Nothing": "TypeNotFoundException: The type 'AWS::SQS::Nothing' cannot be found.",
		"AWS::AppRunner::Service": "CFNRegistryException: The sandbox does not have the schema of AWS::AppRunner::Service"} {
		if _, err := describe(name); message(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
