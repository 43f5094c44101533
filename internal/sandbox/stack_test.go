package sandbox_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox"
	sandboxcloudformation "github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

const stackTemplate = `{"Resources":{
	"Queue":{"Type":"AWS::SQS::Queue","Properties":{"QueueName":"jobs"}},
	"Repository":{"Type":"AWS::CodeCommit::Repository","Properties":{"RepositoryName":"of-a-stack"}}},
	"Outputs":{"Clone":{"Value":{"Fn::GetAtt":["Repository","CloneUrlHttp"]}}}}`

func TestStackIsMadeOfAllPartsAndTellsTheRules(t *testing.T) {
	s := start(t, sandbox.Options{})
	queue := makeRule(t, s, "stacks", `{"source":["aws.cloudformation"],"detail":{"status-details":{"status":["CREATE_COMPLETE"]}},
		"detail-type":["CloudFormation Stack Status Change"]}`)
	client := cloudformation.NewFromConfig(admin(s))
	made, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("prod"), TemplateBody: aws.String(stackTemplate), ClientRequestToken: aws.String("token-1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got event
	if err := json.Unmarshal([]byte(receiveAll(t, s, queue, 1)[0]), &got); err != nil {
		t.Fatal(err)
	}
	if text := string(got.Detail); !strings.Contains(text, *made.StackId) || !strings.Contains(text, `"token-1"`) {
		t.Errorf("the event's detail has not the stack and its token: %s", text)
	}
	out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: made.StackId})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := *out.Stacks[0].Outputs[0].OutputValue, s.URL()+"/v1/repos/of-a-stack"; got != want {
		t.Errorf("output %s, want %s", got, want)
	}
	count, err := s.Count(t.Context(), "prod")
	if err != nil {
		t.Fatal(err)
	}
	if count["AWS::SQS::Queue"] != 1 || count["AWS::CodeCommit::Repository"] != 1 {
		t.Errorf("count %v, want one queue and one repository", count)
	}
	if err := s.SetQueueAttribute(t.Context(), "jobs", "VisibilityTimeout", "5"); err != nil {
		t.Fatal(err)
	}
	if value, err := s.QueueAttribute(t.Context(), "jobs", "VisibilityTimeout"); err != nil || value != "5" {
		t.Errorf("live VisibilityTimeout %q, error %v, want 5", value, err)
	}
}

func TestScriptedFailureRollsAStackBack(t *testing.T) {
	s := start(t, sandbox.Options{Timing: &sandboxcloudformation.Timing{}})
	s.Script(sandboxcloudformation.Failure{Stack: "prod", Resource: "Queue", Reason: "no more today", Times: 1})
	client := cloudformation.NewFromConfig(admin(s))
	made, err := client.CreateStack(t.Context(), &cloudformation.CreateStackInput{
		StackName: aws.String("prod"), TemplateBody: aws.String(stackTemplate),
	})
	if err != nil {
		t.Fatal(err)
	}
	status := types.StackStatusCreateInProgress
	for deadline := time.Now().Add(20 * time.Second); status != types.StackStatusRollbackComplete; {
		if time.Now().After(deadline) {
			t.Fatalf("the stack is %s, want ROLLBACK_COMPLETE", status)
		}
		out, err := client.DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: made.StackId})
		if err != nil {
			t.Fatal(err)
		}
		status = out.Stacks[0].StackStatus
	}
}
