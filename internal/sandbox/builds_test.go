package sandbox_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// buildStack has a project whose role trusts CodeBuild for that project alone, and a role
// that trusts the project's with an ExternalId.
const buildStack = `
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: build
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "sts:AssumeRole", Principal: { Service: codebuild.amazonaws.com },
        Condition: { StringEquals: { "aws:SourceAccount": !Ref "AWS::AccountId" }, ArnEquals: { "aws:SourceArn": !Sub "arn:aws:codebuild:${AWS::Region}:${AWS::AccountId}:project/jobs" } } } ] }
      Policies: [ { PolicyName: p, PolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "s3:PutObject", Resource: "arn:aws:s3:::built/mine/*" },
        { Effect: Allow, Action: "sts:AssumeRole", Resource: "arn:aws:iam::*:role/target" } ] } } ]
  Target:
    Type: AWS::IAM::Role
    Properties:
      RoleName: target
      AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Action: "sts:AssumeRole", Principal: { AWS: !GetAtt Role.Arn }, Condition: { StringEquals: { "sts:ExternalId": right } } } ] }
  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: built } }
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: jobs
      ServiceRole: !GetAtt Role.Arn
      Artifacts: { Type: NO_ARTIFACTS }
      Environment: { Type: ARM_CONTAINER, ComputeType: BUILD_GENERAL1_SMALL, Image: "aws/codebuild/amazonlinux-aarch64-standard:3.0" }
      Source:
        Type: NO_SOURCE
        BuildSpec: |
          version: 0.2
          phases:
            build:
              commands:
                - aws sts get-caller-identity --query Arn --output text
                - echo hello > file
                - aws s3 cp file s3://built/mine/$ORDER
                - aws s3 cp file s3://built/yours/$ORDER || echo refused to write
                - aws sts assume-role --role-arn arn:aws:iam::123456789012:role/target --role-session-name one --external-id right --query AssumedRoleUser.Arn --output text
                - aws sts assume-role --role-arn arn:aws:iam::123456789012:role/target --role-session-name one || echo refused to assume
Outputs: { Project: { Value: !GetAtt Project.Arn } }
`

func TestABuildWorksWithTheAWSCommandLineUnderItsProjectsRole(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("NOT TESTED with a whole build: there is no aws on the PATH, which it calls")
	}
	s := start(t, sandbox.Options{Timing: &sandbox.Timing{}})
	cfg := admin(s)
	stacks := cloudformation.NewFromConfig(cfg)
	name := &cloudformation.DescribeStacksInput{StackName: aws.String("builds")}
	if _, err := stacks.CreateStack(t.Context(), &cloudformation.CreateStackInput{StackName: name.StackName, TemplateBody: aws.String(buildStack),
		Capabilities: []cfntypes.Capability{cfntypes.CapabilityCapabilityNamedIam}}); err != nil {
		t.Fatal(err)
	}
	if err := cloudformation.NewStackCreateCompleteWaiter(stacks, func(o *cloudformation.StackCreateCompleteWaiterOptions) { o.MinDelay = 50 * time.Millisecond }).Wait(t.Context(), name, time.Minute); err != nil {
		t.Fatal(err)
	}
	queue := makeRule(t, s, "builds", `{"source":["aws.codebuild"],"detail-type":["CodeBuild Build State Change"],"detail":{"build-status":["SUCCEEDED","FAILED"],"project-name":["jobs"]}}`)
	var shown sync.Map // what a build asked for, by whose build it is
	s.Inject(func(r sandbox.Request) sandbox.Fault {
		shown.Store(r.Build+" "+r.Service+" "+r.Action+" "+r.Path, string(r.Event))
		return sandbox.FaultNone
	})
	client := codebuild.NewFromConfig(cfg)
	out, err := client.StartBuild(t.Context(), &codebuild.StartBuildInput{ProjectName: aws.String("jobs"), IdempotencyToken: aws.String("one"),
		EnvironmentVariablesOverride: []types.EnvironmentVariable{{Name: aws.String("ORDER"), Value: aws.String("order")}}})
	if err != nil {
		t.Fatal(err)
	}
	var got event
	if err := json.Unmarshal([]byte(receiveAll(t, s, queue, 1)[0]), &got); err != nil {
		t.Fatal(err)
	}
	log, err := s.Builds().Log(*out.Build.Id)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(got.Detail); !strings.Contains(text, `"build-status":"SUCCEEDED"`) || !strings.Contains(text, *out.Build.Arn) {
		t.Errorf("the event says %s; the log is\n%s", text, log)
	}
	for _, line := range []string{"assumed-role/build/AWSCodeBuild-", "refused to write\n", "assumed-role/target/one\n", "refused to assume\n"} {
		if !strings.Contains(log, line) {
			t.Errorf("no %q in the log:\n%s", line, log)
		}
	}
	if _, err := s3.NewFromConfig(cfg).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("built"), Key: aws.String("mine/order")}); err != nil {
		t.Error(err)
	}
	if given, ok := shown.Load(*out.Build.Id + " s3 PUT /built/mine/order"); !ok || given != `{"ORDER":"order"}` {
		t.Errorf("the build's call was shown %t, with %v", ok, given)
	}
}

func TestAProjectsRoleMustTrustCodeBuildForThatProject(t *testing.T) {
	s := start(t, sandbox.Options{})
	for name, condition := range map[string]string{
		"another-project": `"ArnEquals":{"aws:SourceArn":"arn:aws:codebuild:eu-west-1:123456789012:project/others"}`,
		"another-account": `"StringEquals":{"aws:SourceAccount":"111122223333"}`,
	} {
		makeRole(t, s, name, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"codebuild.amazonaws.com"},"Condition":{`+condition+`}}]}`)
		_, err := codebuild.NewFromConfig(admin(s)).CreateProject(t.Context(), &codebuild.CreateProjectInput{
			Name: aws.String("jobs"), ServiceRole: aws.String("arn:aws:iam::123456789012:role/" + name),
			Source:      &types.ProjectSource{Type: types.SourceTypeNoSource, Buildspec: aws.String("version: 0.2")},
			Artifacts:   &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
			Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeArmContainer, Image: aws.String("i"), ComputeType: types.ComputeTypeBuildGeneral1Small},
		})
		if errorCode(err) != "InvalidInputException" || !strings.Contains(err.Error(), "sts:AssumeRole on arn:aws:iam::123456789012:role/"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
