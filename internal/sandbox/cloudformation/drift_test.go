package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

// wide has a resource of every type whose live properties can be read.
const wide = `
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 10
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
      Tags: [ { Key: team, Value: a }, { Key: cost, Value: b } ]
  Dead: { Type: AWS::SQS::Queue, Properties: { FifoQueue: false, SqsManagedSseEnabled: true } }
  Ordered: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true, ContentBasedDeduplication: "true" } }
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: Alerts, Tags: [ { Key: team, Value: a } ] } }
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [ { AttributeName: pk, AttributeType: S }, { AttributeName: sk, AttributeType: S }, { AttributeName: due, AttributeType: "N" } ]
      KeySchema: [ { AttributeName: pk, KeyType: HASH }, { AttributeName: sk, KeyType: RANGE } ]
      GlobalSecondaryIndexes:
        - { IndexName: due, KeySchema: [ { AttributeName: due, KeyType: HASH } ], Projection: { ProjectionType: ALL } }
      StreamSpecification: { StreamViewType: NEW_AND_OLD_IMAGES }
      TimeToLiveSpecification: { AttributeName: ttl, Enabled: true }
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true }
      SSESpecification: { SSEEnabled: true }
      Tags: [ { Key: team, Value: a } ]
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.1.0.0/16, EnableDnsHostnames: true, Tags: [ { Key: Name, Value: main } ] } }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: !Select [ 0, !Cidr [ !GetAtt Vpc.CidrBlock, 4, 8 ] ], MapPublicIpOnLaunch: true } }
  Routes: { Type: AWS::EC2::RouteTable, Properties: { VpcId: !Ref Vpc, Tags: [ { Key: Name, Value: r } ] } }
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: web
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - { IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0, Description: all }
        - { IpProtocol: tcp, FromPort: "80", ToPort: "80", CidrIp: 10.0.0.0/8 }
      SecurityGroupEgress: [ { IpProtocol: "-1", CidrIp: 0.0.0.0/0 } ]
  Parameter: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: v, Description: d, Tags: { team: a } } }
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: { Status: Enabled }
      PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true }
      BucketEncryption: { ServerSideEncryptionConfiguration: [ { ServerSideEncryptionByDefault: { SSEAlgorithm: AES256 } } ] }
      Tags: [ { Key: team, Value: a } ]
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: runs
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" } ] }
      ManagedPolicyArns: [ "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole" ]
      Policies: [ { PolicyName: inline, PolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "s3:GetObject", Resource: "*" } ] } } ]
      Tags: [ { Key: team, Value: a } ]
  Shared:
    Type: AWS::IAM::ManagedPolicy
    Properties: { Roles: [ !Ref Role ], PolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "s3:ListBucket", Resource: "*" } ] } }
  More:
    Type: AWS::IAM::Policy
    Properties: { PolicyName: more, Roles: [ !Ref Role ], PolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "sqs:*", Resource: "*" } ] } }
`

// meddle changes a live resource behind CloudFormation's back.
type meddle func(w *world, c *resource.Client, at resource.Scope, physical string) error

func query(service, action, parameter string, params map[string]any) meddle {
	return func(w *world, c *resource.Client, at resource.Scope, physical string) error {
		params[parameter] = physical
		_, err := c.Query(w.t.Context(), at, service, action, params)
		return err
	}
}

func send(service, action, parameter string, params map[string]any) meddle {
	return func(w *world, c *resource.Client, at resource.Scope, physical string) error {
		params[parameter] = physical
		_, err := c.JSON(w.t.Context(), at, service, action, params)
		return err
	}
}

func put(setting, body string) meddle {
	return func(w *world, c *resource.Client, at resource.Scope, physical string) error {
		_, err := c.S3(w.t.Context(), at, "PUT", "/"+physical+"?"+setting, []byte(body))
		return err
	}
}

func TestFreshStackIsInSyncWhateverItHolds(t *testing.T) {
	w := newWorld(t)
	w.must("wide", wide, withIAM, withTags("stack", "wide"))
	w.inSync("wide")
	out, err := w.client.DescribeStackResourceDrifts(t.Context(), &cfn.DescribeStackResourceDriftsInput{StackName: aws.String("wide")})
	if err != nil || len(out.StackResourceDrifts) != 12 {
		t.Errorf("%d resources were looked at, want 12 (%v)", len(out.StackResourceDrifts), err)
	}
	if c := w.plan("wide", wide, withIAM, withMode(types.DeploymentModeRevertDrift)); c.Status != types.ChangeSetStatusFailed {
		t.Errorf("a drift-aware change set finds changes: %v", changes(c))
	}
	w.delete("wide")
}

func (w *world) meddle(stack, logical string, f meddle) {
	w.t.Helper()
	out, err := w.client.DescribeStackResource(w.t.Context(), &cfn.DescribeStackResourceInput{StackName: aws.String(stack), LogicalResourceId: aws.String(logical)})
	if err != nil {
		w.t.Fatal(err)
	}
	if err := f(w, w.moto(), resource.Scope{Account: w.account, Region: "us-east-1"}, aws.ToString(out.StackResourceDetail.PhysicalResourceId)); err != nil {
		w.t.Fatalf("meddle with %s: %v", logical, err)
	}
}

func (w *world) revert(stack, body string, options ...option) {
	w.t.Helper()
	c := w.plan(stack, body, append(options, withMode(types.DeploymentModeRevertDrift))...)
	if c.Status != types.ChangeSetStatusCreateComplete {
		w.t.Fatalf("revert: %s %s", c.Status, aws.ToString(c.StatusReason))
	}
	w.execute(c)
	if status := w.settled(stack); status != types.StackStatusUpdateComplete {
		w.t.Fatalf("revert ended in %s\n%s", status, w.history(stack))
	}
}

func TestDriftAwarePlanTellsLiveDeployedAndProposed(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.meddle("jobs", "Jobs", send("sqs", "SetQueueAttributes", "QueueUrl", map[string]any{"Attributes": map[string]string{"VisibilityTimeout": "60"}}))
	c := w.plan("jobs", strings.Replace(oneQueue, "10", "11", 1), withMode(types.DeploymentModeRevertDrift))
	r := c.Changes[0].ResourceChange
	d := r.Details[0].Target
	got := []string{string(r.ResourceDriftStatus), aws.ToString(d.BeforeValue), string(d.BeforeValueFrom), aws.ToString(d.AfterValue), string(d.AfterValueFrom),
		aws.ToString(d.Drift.ActualValue), aws.ToString(d.Drift.PreviousValue), string(d.AttributeChangeType)}
	if want := []string{"MODIFIED", "60", "ACTUAL_STATE", "11", "TEMPLATE", "60", "10", "Modify"}; !cmp.Equal(got, want) {
		t.Error(cmp.Diff(want, got))
	}
	if r.PreviousDeploymentContext == nil || c.DeploymentMode != types.DeploymentModeRevertDrift {
		t.Errorf("context %v, mode %s", r.PreviousDeploymentContext, c.DeploymentMode)
	}
}

func TestTemplateThatFollowedLiveOnlySyncs(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.meddle("jobs", "Jobs", send("sqs", "SetQueueAttributes", "QueueUrl", map[string]any{"Attributes": map[string]string{"VisibilityTimeout": "60"}}))
	adopted := strings.Replace(oneQueue, "10", "60", 1)
	c := w.plan("jobs", adopted, withMode(types.DeploymentModeRevertDrift))
	if len(c.Changes) != 1 || c.Changes[0].ResourceChange.Action != types.ChangeActionSyncWithActual {
		t.Fatalf("plan: %v", changes(c))
	}
	w.execute(c)
	w.settled("jobs")
	w.inSync("jobs")
}

func TestDetectionIsRefusedWhileItCannotBe(t *testing.T) {
	w := newWorld(t)
	w.plan("review", oneQueue)
	_, err := w.client.DetectStackDrift(t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String("review")})
	if got := message(err); !strings.Contains(got, "cannot be performed on stack") {
		t.Errorf("in review: %s", got)
	}
	w.must("jobs", oneQueue)
	slow := cloudformation.Timing{ChangeSet: 1, Resource: 1, Stack: 1, Detection: 1 << 40}
	other := newWorld(t, func(c *cloudformation.Config) { c.Timing = &slow })
	other.must("jobs", oneQueue)
	if _, err := other.client.DetectStackDrift(t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String("jobs")}); err != nil {
		t.Fatal(err)
	}
	_, err = other.client.DetectStackDrift(t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String("jobs")})
	if got := message(err); !strings.Contains(got, "Drift detection is already in progress for stack") {
		t.Errorf("a second one: %s", got)
	}
}

func TestResourceThatCannotBeReadIsUnknownNotInSync(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", twoQueues)
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "READ", Reason: "Rate exceeded", Times: 1})
	status, drifts := w.detect("jobs")
	if status != types.StackDriftStatusUnknown || !cmp.Equal(drifts, map[string][]string{"Jobs": {"UNKNOWN"}}) {
		t.Errorf("%s %v", status, drifts)
	}
}

func TestDetectionReachesTheBus(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.detect("jobs")
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.events[len(w.events)-1]
	if last.DetailType != "CloudFormation Drift Detection Status Change" ||
		!strings.Contains(string(last.Detail), `"drifted-stack-resource-count":0`) || !strings.Contains(string(last.Detail), `"detection-status":"DETECTION_COMPLETE","stack-drift-status":"IN_SYNC"`) {
		t.Errorf("last event %s %s", last.DetailType, last.Detail)
	}
}
