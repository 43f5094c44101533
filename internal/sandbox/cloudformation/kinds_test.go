package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

// others has a resource of the types that wide lacks and the real templates do not use.
const others = `
Parameters: { Text: { Type: String, Default: one } }
Resources:
  Queue: { Type: AWS::SQS::Queue }
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties: { Queues: [ !Ref Queue ], PolicyDocument: { Version: "2012-10-17", Statement: [ { Sid: !Ref Text, Effect: Allow, Principal: "*", Action: "sqs:SendMessage", Resource: !GetAtt Queue.Arn } ] } }
  Topic: { Type: AWS::SNS::Topic, Properties: { Subscription: [ { Protocol: sqs, Endpoint: !GetAtt Queue.Arn } ] } }
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties: { Topics: [ !Ref Topic ], PolicyDocument: { Version: "2012-10-17", Statement: [ { Sid: !Ref Text, Effect: Allow, Principal: "*", Action: "sns:Publish", Resource: !Ref Topic } ] } }
  Filtered:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, RawMessageDelivery: true, FilterPolicy: { kind: [ !Ref Text ] } }
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: orders } }
  BusPolicy: { Type: AWS::Events::EventBusPolicy, Properties: { EventBusName: !Ref Bus, StatementId: others, Action: "events:PutEvents", Principal: "111122223333" } }
  Rule:
    Type: AWS::Events::Rule
    Properties: { EventBusName: !Ref Bus, EventPattern: { source: [ !Ref Text ] }, Targets: [ { Id: a, Arn: !GetAtt Queue.Arn } ] }
  Every: { Type: AWS::Events::Rule, Properties: { ScheduleExpression: rate(1 minute), Description: !Ref Text, Targets: [ { Id: a, Arn: !GetAtt Queue.Arn } ] } }
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties: { ScheduleExpression: rate(1 minute), Description: !Ref Text, FlexibleTimeWindow: { Mode: "OFF" }, Target: { Arn: !GetAtt Queue.Arn, RoleArn: !GetAtt Role.Arn } }
  Logs: { Type: AWS::Logs::LogGroup, Properties: { RetentionInDays: !If [ First, 7, 14 ] } }
  Filter:
    Type: AWS::Logs::MetricFilter
    Properties: { LogGroupName: !Ref Logs, FilterPattern: !Ref Text, MetricTransformations: [ { MetricName: errors, MetricNamespace: app, MetricValue: "1" } ] }
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties: { Namespace: AWS/SQS, MetricName: Age, Statistic: Maximum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold, AlarmDescription: !Ref Text, Dimensions: [ { Name: QueueName, Value: !GetAtt Queue.QueueName } ] }
  Dashboard: { Type: AWS::CloudWatch::Dashboard, Properties: { DashboardBody: !Sub '{"widgets":[{"type":"text","properties":{"markdown":"${Text}"}}]}' } }
  Secret: { Type: AWS::SecretsManager::Secret, Properties: { Description: !Ref Text, GenerateSecretString: { SecretStringTemplate: '{"user":"u"}', GenerateStringKey: password, PasswordLength: 20 } } }
  Taken: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub "{{resolve:secretsmanager:${Secret}:SecretString:user}}" } }
  Key: { Type: AWS::KMS::Key, Properties: { EnableKeyRotation: true, KeyPolicy: { Version: "2012-10-17", Statement: [ { Sid: !Ref Text, Effect: Allow, Principal: "*", Action: "kms:*", Resource: "*" } ] } } }
  KeyName: { Type: AWS::KMS::Alias, Properties: { AliasName: alias/others, TargetKeyId: !Ref Key } }
  Images: { Type: AWS::ECR::Repository, Properties: { ImageTagMutability: !If [ First, MUTABLE, IMMUTABLE ] } }
  Role:
    Type: AWS::IAM::Role
    Properties: { AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { Service: codebuild.amazonaws.com }, Action: "sts:AssumeRole" } ] } }
  Profile: { Type: AWS::IAM::InstanceProfile, Properties: { Roles: [ !Ref Role ] } }
  RolePolicy: { Type: AWS::IAM::RolePolicy, Properties: { RoleName: !Ref Role, PolicyName: p, PolicyDocument: { Version: "2012-10-17", Statement: [ { Sid: !Ref Text, Effect: Allow, Action: "s3:*", Resource: "*" } ] } } }
  Managed: { Type: AWS::IAM::ManagedPolicy, Properties: { PolicyDocument: { Version: "2012-10-17", Statement: [ { Sid: !Ref Text, Effect: Allow, Action: "s3:*", Resource: "*" } ] } } }
  Bucket:
    Type: AWS::S3::Bucket
    Properties: { LifecycleConfiguration: { Rules: [ { Id: !Ref Text, Status: Enabled, ExpirationInDays: 30 } ] }, OwnershipControls: { Rules: [ { ObjectOwnership: BucketOwnerEnforced } ] } }
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties: { Bucket: !Ref Bucket, PolicyDocument: { Version: "2012-10-17", Statement: [ { Sid: !Ref Text, Effect: Deny, Principal: "*", Action: "s3:*", Resource: !Sub "${Bucket.Arn}/*", Condition: { Bool: { "aws:SecureTransport": "false" } } } ] } }
  Global:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [ { AttributeName: pk, AttributeType: S } ]
      KeySchema: [ { AttributeName: pk, KeyType: HASH } ]
      Replicas: [ { Region: !Ref "AWS::Region", PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: !If [ First, true, false ] } } ]
  Stream: { Type: AWS::Kinesis::Stream, Properties: { ShardCount: 1 } }
  Machine: { Type: AWS::StepFunctions::StateMachine, Properties: { RoleArn: !GetAtt Role.Arn, DefinitionString: '{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}' } }
  Wait: { Type: AWS::CloudFormation::WaitConditionHandle }
  Metadata: { Type: AWS::CDK::Metadata, Properties: { Analytics: !Ref Text } }
Conditions: { First: !Equals [ !Ref Text, one ] }
Outputs:
  Taken: { Value: !GetAtt Taken.Value }
  Bucket: { Value: !GetAtt Bucket.RegionalDomainName }
  Rule: { Value: !GetAtt Rule.Arn }
`

func TestEveryOtherTypeIsMadeUpdatedAndDeleted(t *testing.T) {
	w := newWorld(t)
	w.must("others", others, withIAM)
	w.inSync("others")
	if got := w.outputs("others"); got["Taken"] != "u" || !strings.HasPrefix(got["Rule"], "arn:aws:events:us-east-1:") {
		t.Errorf("outputs %v", got)
	}
	w.must("others", others, withIAM, withParameter("Text", "two"))
	w.inSync("others")
	w.delete("others")
}

func TestFirstInFirstOutQueueIsNamedSo(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", "Resources:\n  Q: { Type: AWS::SQS::Queue, Properties: { FifoQueue: true } }\nOutputs: { Name: { Value: !GetAtt Q.QueueName }, URL: { Value: !Ref Q } }")
	out := w.outputs("jobs")
	if !strings.HasPrefix(out["Name"], "jobs-Q-") || !strings.HasSuffix(out["Name"], ".fifo") || !strings.HasPrefix(out["URL"], w.url+"/") {
		t.Errorf("outputs %v", out)
	}
}

func TestRetentionReachesTheService(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", "Resources:\n  L: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /app, RetentionInDays: 7 } }")
	out, err := w.moto().JSON(t.Context(), resource.Scope{Account: w.account, Region: "us-east-1"}, "logs", "DescribeLogGroups", map[string]any{"logGroupNamePrefix": "/app"})
	if err != nil {
		t.Fatal(err)
	}
	groups, _ := out["logGroups"].([]any)
	if len(groups) != 1 || groups[0].(map[string]any)["retentionInDays"] != 7.0 {
		t.Errorf("log groups %v", groups)
	}
}
