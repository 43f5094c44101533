package conformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
)

const (
	buildReference = "https://docs.aws.amazon.com/codebuild/latest/APIReference/"
	oneProject     = "a stack of a CodeBuild project without a source and its role, and builds of less than a minute"
)

// projectTemplate is a stack of one project, named after the stack. Its builds sleep and exit as
// their variables say, may do nothing, and leave no log.
const projectTemplate = `Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {Service: codebuild.amazonaws.com}, Action: sts:AssumeRole,
        Condition: {StringEquals: {'aws:SourceAccount': !Ref AWS::AccountId}}}]}
  Project:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: !Ref AWS::StackName
      ServiceRole: !GetAtt Role.Arn
      Artifacts: {Type: NO_ARTIFACTS}
      Environment: {Type: LINUX_CONTAINER, ComputeType: BUILD_GENERAL1_SMALL, Image: 'aws/codebuild/amazonlinux-x86_64-standard:5.0'}
      LogsConfig: {CloudWatchLogs: {Status: DISABLED}}
      Source:
        Type: NO_SOURCE
        BuildSpec: '{"version": "0.2", "phases": {"build": {"commands": ["sleep ${NAP:-0}", "exit ${CODE:-0}"]}}}'
`

func projects() []Expectation {
	return []Expectation{
		{Name: "cb-token", Makes: oneProject, Source: buildReference + "API_StartBuild.html", Calls: buildToken,
			Says: "a second request under a token finds the build that the first one started; another request under it is refused",
			Answers: []string{
				"again: the same build=true",
				"another request: code=InvalidInputException",
			}},
		{Name: "cb-missing", Makes: "nothing", Source: buildReference + "API_BatchGetBuilds.html", Calls: buildMissing,
			Says: "a build that does not exist is listed as not found; no build is started of a project, and none stopped, that does not exist",
			Answers: []string{
				"BatchGetBuilds: builds=0 not found=[NAME:UUID]",
				"StartBuild: code=ResourceNotFoundException",
				"StopBuild: code=ResourceNotFoundException",
			}},
		{Name: "cb-ends", Makes: oneProject, Source: buildReference + "API_Build.html", Calls: buildEnds,
			Says: "a build ends as its commands do, with the variables that were sent with it, and is then complete",
			Answers: []string{
				"good: status=SUCCEEDED complete=true phase=COMPLETED",
				"bad: status=FAILED complete=true phase=COMPLETED",
			}},
		{Name: "cb-stopped", Makes: oneProject, Source: buildReference + "API_StopBuild.html", Calls: buildStopped,
			Says: "a build that is stopped ends STOPPED, and may be stopped again",
			Answers: []string{
				"stop: code=none",
				"end: status=STOPPED complete=true phase=COMPLETED",
				"again: code=none",
			}},
	}
}

// project makes a project that is deleted afterwards, and returns its name.
func (a *Account) project(ctx context.Context) (string, error) {
	name := a.stack()
	_, err := a.stacks.CreateStack(ctx, &cloudformation.CreateStackInput{StackName: aws.String(name), TemplateBody: aws.String(projectTemplate),
		Capabilities: []cfn.Capability{cfn.CapabilityCapabilityIam}})
	if err != nil {
		return "", fmt.Errorf("create stack %s: %w", name, err)
	}
	s, err := a.settled(ctx, name)
	if err == nil && (s == nil || s.StackStatus != cfn.StackStatusCreateComplete) {
		err = fmt.Errorf("create stack %s: it is not there, or failed", name)
	}
	return name, err
}

// start starts a build with variables, by name and value in turn, under a token if there is one.
func (a *Account) start(ctx context.Context, project, token string, variables ...string) (string, error) {
	in := &codebuild.StartBuildInput{ProjectName: aws.String(project)}
	if token != "" {
		in.IdempotencyToken = aws.String(token)
	}
	for i := 0; i+1 < len(variables); i += 2 {
		in.EnvironmentVariablesOverride = append(in.EnvironmentVariablesOverride,
			types.EnvironmentVariable{Name: aws.String(variables[i]), Value: aws.String(variables[i+1]), Type: types.EnvironmentVariableTypePlaintext})
	}
	out, err := a.builds.StartBuild(ctx, in)
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Build.Id), nil
}

// over waits until a build is complete, and notes how it ended.
func (a *Account) over(ctx context.Context, label, id string) error {
	var b types.Build
	err := a.until(ctx, "the build is over", func() (bool, error) {
		out, err := a.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
		if err != nil || len(out.Builds) == 0 {
			return false, err
		}
		b = out.Builds[0]
		return b.BuildComplete, nil
	})
	if err == nil {
		a.Note(label, "status", b.BuildStatus, "complete", b.BuildComplete, "phase", b.CurrentPhase)
	}
	return err
}

func buildToken(ctx context.Context, a *Account) error {
	project, err := a.project(ctx)
	if err != nil {
		return err
	}
	first, err := a.start(ctx, project, "one")
	if err != nil {
		return err
	}
	again, err := a.start(ctx, project, "one")
	if err != nil {
		return err
	}
	a.Note("again", "the same build", first == again)
	_, err = a.start(ctx, project, "one", "CODE", "1")
	a.Note("another request", "code", err)
	_, err = a.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: aws.String(first)})
	return err
}

func buildMissing(ctx context.Context, a *Account) error {
	id := a.prefix + ":01234567-89ab-cdef-0123-456789abcdef"
	out, err := a.builds.BatchGetBuilds(ctx, &codebuild.BatchGetBuildsInput{Ids: []string{id}})
	if err != nil {
		return err
	}
	a.Note("BatchGetBuilds", "builds", len(out.Builds), "not found", out.BuildsNotFound)
	_, err = a.start(ctx, a.prefix, "")
	a.Note("StartBuild", "code", err)
	_, err = a.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: aws.String(id)})
	a.Note("StopBuild", "code", err)
	return nil
}

func buildEnds(ctx context.Context, a *Account) error {
	project, err := a.project(ctx)
	if err != nil {
		return err
	}
	for _, b := range []struct{ label, code string }{{"good", "0"}, {"bad", "3"}} {
		id, err := a.start(ctx, project, "", "CODE", b.code)
		if err != nil {
			return err
		}
		if err := a.over(ctx, b.label, id); err != nil {
			return err
		}
	}
	return nil
}

func buildStopped(ctx context.Context, a *Account) error {
	project, err := a.project(ctx)
	if err != nil {
		return err
	}
	id, err := a.start(ctx, project, "", "NAP", "300")
	if err != nil {
		return err
	}
	_, err = a.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: aws.String(id)})
	a.Note("stop", "code", err)
	if err := a.over(ctx, "end", id); err != nil {
		return err
	}
	_, err = a.builds.StopBuild(ctx, &codebuild.StopBuildInput{Id: aws.String(id)})
	a.Note("again", "code", err)
	return nil
}
