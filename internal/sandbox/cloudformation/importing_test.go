package cloudformation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

func scopeOf(w *world) resource.Scope { return resource.Scope{Account: w.account, Region: "us-east-1"} }

func importing(in *cfn.CreateChangeSetInput) { in.ImportExistingResources = aws.Bool(true) }

// everyImportable names one resource of each type that can be imported.
func everyImportable(suffix string) string {
	return strings.ReplaceAll(`
Resources:
  Queue: { Type: AWS::SQS::Queue, DeletionPolicy: Retain, Properties: { QueueName: q-SUFFIX } }
  Topic: { Type: AWS::SNS::Topic, DeletionPolicy: Retain, Properties: { TopicName: t-SUFFIX } }
  Bucket: { Type: AWS::S3::Bucket, DeletionPolicy: Retain, Properties: { BucketName: b-SUFFIX } }
  Parameter: { Type: AWS::SSM::Parameter, DeletionPolicy: Retain, Properties: { Name: p-SUFFIX, Type: String, Value: v } }
  Group: { Type: AWS::Logs::LogGroup, DeletionPolicy: RetainExceptOnCreate, Properties: { LogGroupName: l-SUFFIX } }
  Table:
    Type: AWS::DynamoDB::Table
    DeletionPolicy: Retain
    Properties:
      TableName: d-SUFFIX
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [ { AttributeName: id, AttributeType: S } ]
      KeySchema: [ { AttributeName: id, KeyType: HASH } ]
  Role:
    Type: AWS::IAM::Role
    DeletionPolicy: Retain
    Properties:
      RoleName: r-SUFFIX
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { Service: sqs.amazonaws.com }, Action: "sts:AssumeRole" } ] }
`, "SUFFIX", suffix)
}

// abandon leaves a template's resources behind without a stack.
func (w *world) abandon(body string) {
	w.t.Helper()
	w.must("before", body, withIAM)
	w.delete("before")
}

func TestResourcesThatExistAreImportedByTheirNames(t *testing.T) {
	w := newWorld(t)
	body := everyImportable(w.account)
	w.abandon(body)
	c := w.plan("app", body, withIAM, importing)
	for _, change := range c.Changes {
		if r := change.ResourceChange; r.Action != types.ChangeActionImport || r.PhysicalResourceId == nil {
			t.Errorf("%s of %s: %s", r.Action, aws.ToString(r.LogicalResourceId), aws.ToString(c.StatusReason))
		}
	}
	if len(c.Changes) != 7 {
		t.Fatalf("%d changes: %s %s", len(c.Changes), c.Status, aws.ToString(c.StatusReason))
	}
	w.execute(c)
	if status := w.settled("app"); status != types.StackStatusCreateComplete {
		t.Fatalf("status %s\n%s", status, w.history("app"))
	}
	if got := w.history("app"); strings.Count(got, " IMPORT_COMPLETE ") != 7 {
		t.Errorf("events:\n%s", got)
	}
	w.must("app", body+"Outputs: { Arn: { Value: !GetAtt Queue.Arn } }\n", withIAM)
	if got := w.outputs("app")["Arn"]; !strings.HasSuffix(got, ":q-"+w.account) {
		t.Errorf("the imported queue's ARN is %q", got)
	}
}

func TestImportGoesWithOtherChangesAndIsLetGoByARollback(t *testing.T) {
	w := newWorld(t)
	const kept = "  Kept: { Type: AWS::SQS::Queue, DeletionPolicy: RetainExceptOnCreate, Properties: { QueueName: kept } }\n"
	w.abandon("Resources:\n" + strings.Replace(kept, "RetainExceptOnCreate", "Retain", 1))
	w.must("app", oneQueue)
	w.service.Fail("app", "Last", "no more queues")
	body := twoQueues + kept + "  Last: { Type: AWS::SQS::Queue, DependsOn: Kept }\n"
	c := w.plan("app", body, importing)
	if got := changes(c); !cmp.Equal(got, []string{"Add Dead", "Modify Jobs False" + strings.TrimPrefix(got[1], "Modify Jobs False"), "Import Kept", "Add Last"}) {
		t.Fatalf("plan: %v", got)
	}
	w.execute(c)
	if status := w.settled("app"); status != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("status %s\n%s", status, w.history("app"))
	}
	again := w.plan("app", body, importing)
	if got := changes(again); !slices.Contains(got, "Import Kept") {
		t.Errorf("the rollback did not let go of the queue as it was: %v", got)
	}
	w.execute(again)
	if status := w.settled("app"); status != types.StackStatusUpdateComplete || !strings.HasSuffix(w.physical("app", "Kept"), "/kept") {
		t.Errorf("status %s, imported %q", status, w.physical("app", "Kept"))
	}
}

func TestImportIsRefused(t *testing.T) {
	const named = "Resources:\n  Jobs: { Type: AWS::SQS::Queue, POLICY Properties: { QueueName: taken } }\n"
	retained := strings.Replace(named, "POLICY", "DeletionPolicy: Retain,", 1)
	for name, c := range map[string]struct {
		body   string
		before func(w *world)
		option option
		want   string
	}{
		"without a deletion policy": {strings.Replace(named, "POLICY", "", 1), func(w *world) { w.abandon(retained) }, importing,
			"CloudFormation is attempting to import some resources because they already exist in your account. The resources must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the template for successful import. The affected resources are Jobs ({QueueName=taken})"},
		"from another stack": {retained, func(w *world) { w.must("owner", retained) }, importing,
			"The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]."},
		"unasked": {retained, func(w *world) { w.abandon(retained) }, func(*cfn.CreateChangeSetInput) {},
			"The following hook(s)/validation failed: [AWS::EarlyValidation::ResourceExistenceCheck]."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			c.before(w)
			plan := w.plan("app", c.body, c.option)
			if plan.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(aws.ToString(plan.StatusReason), c.want) {
				t.Errorf("\n got %s %s\nwant %s", plan.Status, aws.ToString(plan.StatusReason), c.want)
			}
		})
	}
}
