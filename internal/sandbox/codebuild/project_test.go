package codebuild_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awscodebuild "github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func TestAProjectIsMadeChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.project("jobs", spec("echo one"), func(in *awscodebuild.CreateProjectInput) { in.TimeoutInMinutes = aws.Int32(30) })
	if _, err := w.client.CreateProject(t.Context(), projectInput("jobs", spec("true"))); code(err) != "ResourceAlreadyExistsException" {
		t.Errorf("a second one of the name: %v", err)
	}
	if _, err := w.client.UpdateProject(t.Context(), &awscodebuild.UpdateProjectInput{Name: aws.String("jobs"), Description: aws.String("new"),
		Source: &types.ProjectSource{Type: types.SourceTypeNoSource, Buildspec: aws.String(spec("echo two"))}}); err != nil {
		t.Fatal(err)
	}
	out, err := w.client.BatchGetProjects(t.Context(), &awscodebuild.BatchGetProjectsInput{Names: []string{"jobs", "none"}})
	if err != nil || len(out.Projects) != 1 || !cmp.Equal(out.ProjectsNotFound, []string{"none"}) {
		t.Fatalf("projects %v, not found %v, error %v", out.Projects, out.ProjectsNotFound, err)
	}
	p := out.Projects[0]
	if *p.TimeoutInMinutes != 30 || *p.QueuedTimeoutInMinutes != 480 || *p.Description != "new" || !strings.Contains(*p.Source.Buildspec, "two") || *p.ServiceRole != role {
		t.Errorf("the project is %+v", p)
	}
	if log := w.log(w.end(w.start("jobs"))); !strings.Contains(log, "\ntwo\n") {
		t.Errorf("its build printed\n%s", log)
	}
	for range 2 { // the second finds it gone
		if _, err := w.client.DeleteProject(t.Context(), &awscodebuild.DeleteProjectInput{Name: aws.String("jobs")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.client.UpdateProject(t.Context(), &awscodebuild.UpdateProjectInput{Name: aws.String("jobs")}); code(err) != "ResourceNotFoundException" {
		t.Errorf("changing what is gone: %v", err)
	}
}

func TestAProjectIsRefused(t *testing.T) {
	w := newWorld(t)
	for sentence, c := range map[string]struct {
		change func(*awscodebuild.CreateProjectInput)
		says   string
	}{
		"with a source":       {func(in *awscodebuild.CreateProjectInput) { in.Source.Type = types.SourceTypeGithub }, "source type GITHUB, only NO_SOURCE"},
		"without a buildspec": {func(in *awscodebuild.CreateProjectInput) { in.Source.Buildspec = nil }, "requires a buildspec"},
		"with artifacts":      {func(in *awscodebuild.CreateProjectInput) { in.Artifacts.Type = types.ArtifactsTypeS3 }, "only NO_ARTIFACTS"},
		"with a VPC":          {func(in *awscodebuild.CreateProjectInput) { in.VpcConfig = &types.VpcConfig{} }, `does not support "vpcConfig"`},
		"on Lambda": {func(in *awscodebuild.CreateProjectInput) {
			in.Environment.Type = types.EnvironmentTypeArmLambdaContainer
		}, "ARM_LAMBDA_CONTAINER"},
		"with a name of one": {func(in *awscodebuild.CreateProjectInput) { in.Name = aws.String("j") }, "does not match"},
		"whose role is another's": {func(in *awscodebuild.CreateProjectInput) { in.ServiceRole = aws.String(role + "2") },
			"CodeBuild is not authorized to perform: sts:AssumeRole on " + role + "2"},
	} {
		in := projectInput("jobs", spec("true"))
		c.change(in)
		if _, err := w.client.CreateProject(t.Context(), in); code(err) != "InvalidInputException" || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", sentence, err, c.says)
		}
	}
}

func TestAProjectOfAStackIsMadeChangedAndRemoved(t *testing.T) {
	w := newWorld(t)
	kind := w.service.Kind()
	r := wire.Request{Account: account, Region: region, Type: codebuild.Type, LogicalID: "Plan", Tags: map[string]string{"owner": "team"},
		Properties: map[string]any{
			"Name": "plan", "ServiceRole": role, "TimeoutInMinutes": "60", "QueuedTimeoutInMinutes": 480, "EncryptionKey": "alias/aws/s3",
			"Artifacts": map[string]any{"Type": "NO_ARTIFACTS"}, "Cache": map[string]any{"Type": "NO_CACHE"}, "Visibility": "PRIVATE",
			"Source":      map[string]any{"Type": "NO_SOURCE", "BuildSpec": spec("echo $NAME")},
			"LogsConfig":  map[string]any{"CloudWatchLogs": map[string]any{"Status": "ENABLED", "GroupName": "/driftless/plan"}},
			"Environment": map[string]any{"Type": "ARM_CONTAINER", "ComputeType": "BUILD_GENERAL1_SMALL", "Image": "i", "PrivilegedMode": "false", "EnvironmentVariables": []any{map[string]any{"Name": "NAME", "Type": "PLAINTEXT", "Value": "of the stack"}}},
			"Tags":        []any{map[string]any{"Key": "a", "Value": "b"}},
		}}
	made, err := kind.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wire.Made{PhysicalID: "plan", Attributes: map[string]any{"Arn": "arn:aws:codebuild:eu-west-1:123456789012:project/plan", "Id": "plan"}}, made); diff != "" {
		t.Error(diff)
	}
	b := w.end(w.start("plan"))
	if !strings.Contains(w.log(b), "\nof the stack\n") || *b.Logs.GroupName != "/driftless/plan" {
		t.Errorf("logs %+v:\n%s", b.Logs, w.log(b))
	}
	r.PhysicalID, r.Properties["TimeoutInMinutes"] = "plan", "90"
	if _, err := kind.Update(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if out, err := w.client.BatchGetProjects(t.Context(), &awscodebuild.BatchGetProjectsInput{Names: []string{"plan"}}); err != nil || *out.Projects[0].TimeoutInMinutes != 90 || len(out.Projects[0].Tags) != 2 {
		t.Errorf("projects %+v, error %v", out, err)
	}
	r.Properties["Triggers"] = map[string]any{"Webhook": true}
	refused := new(wire.Error)
	if _, err := kind.Update(t.Context(), r); !errors.As(err, &refused) || !strings.Contains(refused.Message, "Triggers") {
		t.Errorf("with a webhook: %v", err)
	}
	for range 2 {
		if err := kind.Delete(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
}
