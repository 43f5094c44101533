package e2e_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

// several is a stack of the types whose drift is healed, and a queue that somebody deletes.
const several = `
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: healed, VisibilityTimeout: 5 } }
  Lost: { Type: AWS::SQS::Queue, Properties: { QueueName: healed-lost, VisibilityTimeout: 7 } }
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: healed, DisplayName: Alerts } }
  Parameter: { Type: AWS::SSM::Parameter, Properties: { Name: /healed, Type: String, Value: v } }
  Table: { Type: AWS::DynamoDB::Table, Properties: { TableName: healed, BillingMode: PAY_PER_REQUEST, AttributeDefinitions: [ { AttributeName: pk, AttributeType: S } ], KeySchema: [ { AttributeName: pk, KeyType: HASH } ], PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true } } }
  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: healed-by-driftless, Tags: [ { Key: team, Value: a } ] } }
  Group: { Type: AWS::EC2::SecurityGroup, Properties: { GroupDescription: healed, SecurityGroupIngress: [ { IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8 } ] } }
  Role: { Type: AWS::IAM::Role, Properties: { RoleName: healed, Description: runs, AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" } ] } } }
`

// hand changes what lives in the sandbox, past every stack.
type hand struct {
	*repo
	client *resource.Client
	at     resource.Scope
}

func newHand(r *repo) hand {
	return hand{r, &resource.Client{URL: r.stage.Sandbox.URL(), Endpoint: r.stage.Sandbox.URL, HTTP: http.DefaultClient},
		resource.Scope{Account: demo.Account, Region: sandbox.Region}}
}

func (h hand) query(service, action string, params map[string]any) {
	h.t.Helper()
	_, err := h.client.Query(h.t.Context(), h.at, service, action, params)
	h.must(err)
}

func (h hand) json(service, action string, in map[string]any) {
	h.t.Helper()
	_, err := h.client.JSON(h.t.Context(), h.at, service, action, in)
	h.must(err)
}

// physical returns what a resource of a stack is called live.
func (h hand) physical(stack, logical string) string {
	h.t.Helper()
	out, err := cloudFormation(h.t).DescribeStackResource(h.t.Context(), &sdk.DescribeStackResourceInput{StackName: &stack, LogicalResourceId: &logical})
	h.must(err)
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId)
}

// meddle changes one thing of each resource, each through the service's own API.
func (h hand) meddle() {
	h.t.Helper()
	h.must(h.stage.Sandbox.SetQueueAttribute(h.t.Context(), "healed", "VisibilityTimeout", "77"))
	h.json("sqs", "DeleteQueue", map[string]any{"QueueUrl": h.physical("healed", "Lost")})
	h.query("sns", "SetTopicAttributes", map[string]any{"TopicArn": h.physical("healed", "Topic"), "AttributeName": "DisplayName", "AttributeValue": "X"})
	h.json("ssm", "PutParameter", map[string]any{"Name": "/healed", "Value": "w", "Type": "String", "Overwrite": true})
	h.json("dynamodb", "UpdateContinuousBackups", map[string]any{"TableName": "healed", "PointInTimeRecoverySpecification": map[string]any{"PointInTimeRecoveryEnabled": false}})
	_, err := h.client.S3(h.t.Context(), h.at, http.MethodPut, "/healed-by-driftless?tagging", []byte("<Tagging><TagSet><Tag><Key>team</Key><Value>b</Value></Tag></TagSet></Tagging>"))
	h.must(err)
	h.query("ec2", "AuthorizeSecurityGroupIngress", map[string]any{"GroupId": h.physical("healed", "Group"), "IpPermissions.1.IpProtocol": "tcp",
		"IpPermissions.1.FromPort": "22", "IpPermissions.1.ToPort": "22", "IpPermissions.1.IpRanges.1.CidrIp": "0.0.0.0/0"})
	h.query("iam", "UpdateRole", map[string]any{"RoleName": "healed", "Description": "else"})
}

// deployments returns an application's deployments, newest first.
func (r *repo) deployments(name string) []gitops.Deployment {
	r.t.Helper()
	var all []gitops.Deployment
	r.must(r.stage.JSON(r.t.Context(), &all, "history", name))
	return all
}

func TestWhatSomebodyChangedByHandIsHealedByItselfWhateverItIs(t *testing.T) {
	const name = "healed"
	config := strings.Replace(fileWith("    drift: { heal: true }\n", name), "{ stack: healed }", "{ stack: healed, capabilities: [CAPABILITY_NAMED_IAM] }", 1)
	r := watch(t, mapFS(map[string]string{"driftless.yaml": config, "stacks/healed/template.yaml": several}))
	r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	newHand(r).meddle()
	out, err := r.stage.Run(t.Context(), "drift", name, "--detect", "--exit-code")
	if demo.ExitCode(err) != 2 || !strings.Contains(out, "8 of 8 resources drifted") {
		t.Fatalf("the changes are not found: %v\n%s", err, out)
	}
	var all []gitops.Deployment
	r.eventually("a heal ends", func() bool {
		all = r.deployments(name)
		return all[0].Kind == gitops.KindHeal && all[0].Phase.Done()
	}, func() string { return out })
	if all[0].Phase != gitops.PhaseSucceeded {
		t.Fatalf("the heal ended %s: %s\n%s", all[0].Phase, all[0].Reason, out)
	}
	var report gitops.DriftReport
	r.must(r.stage.JSON(t.Context(), &report, "drift", name, "--detect"))
	if i := slices.IndexFunc(report.Resources, func(d gitops.ResourceDrift) bool { return d.Status != gitops.ResourceInSync }); i >= 0 || !report.Complete || len(report.Resources) != 8 {
		t.Errorf("after the heal: %+v", report)
	}
	for queue, want := range map[string]string{"healed": "5", "healed-lost": "7"} {
		if got, err := r.stage.Sandbox.QueueAttribute(t.Context(), queue, "VisibilityTimeout"); err != nil || got != want {
			t.Errorf("live VisibilityTimeout of %s is %q, %v; want %s", queue, got, err, want)
		}
	}
}
