package sandbox_test

import (
	"archive/zip"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestScheduledRuleInvokesTheFunctionThatLetsIt(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRole(t, s, "function", trustOf(`{"Service":"lambda.amazonaws.com"}`))
	_, err := iam.NewFromConfig(admin(s)).AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{
		RoleName: aws.String("function"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
	})
	if err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(admin(s))
	function, done := makeFunction(t, client), makeQueue(t, s, "done")
	_, err = client.PutFunctionEventInvokeConfig(t.Context(), &lambda.PutFunctionEventInvokeConfigInput{
		FunctionName: aws.String("echo"), DestinationConfig: &lambdatypes.DestinationConfig{
			OnSuccess: &lambdatypes.OnSuccess{Destination: aws.String(queueARN("done"))},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	dead := makeQueue(t, s, "dead")
	makeSchedule(t, s, "tick", "rate(1 hour)", types.Target{
		Id: aws.String("f"), Arn: aws.String(function), Input: aws.String(`{"do":"echo"}`),
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(queueARN("dead"))},
	})

	if _, err := s.Fire(t.Context(), "tick"); err != nil {
		t.Fatal(err)
	}
	if n := len(receiveAll(t, s, dead, 1)); n != 1 {
		t.Errorf("%d dead letters of a function that does not let the rule, want 1", n)
	}
	_, err = client.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: aws.String("echo"), StatementId: aws.String("tick"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String("arn:aws:events:eu-west-1:123456789012:rule/tick"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Fire(t.Context(), "tick"); err != nil {
		t.Fatal(err)
	}
	if got := receiveAll(t, s, done, 1)[0]; !strings.Contains(got, `"requestPayload":{"do":"echo"}`) {
		t.Errorf("the function's destination received %s", got)
	}
}

// makeFunction deploys the function that Lambda's own tests use.
func makeFunction(t *testing.T, client *lambda.Client) (arn string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bootstrap")
	build := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, "./lambda/internal/echo")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build function: %v: %s", err, out)
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	header := &zip.FileHeader{Name: "bootstrap"}
	header.SetMode(0o755)
	f, err := w.CreateHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	architecture := lambdatypes.ArchitectureX8664
	if runtime.GOARCH == "arm64" {
		architecture = lambdatypes.ArchitectureArm64
	}
	out, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("echo"), Role: aws.String("arn:aws:iam::123456789012:role/function"),
		Runtime: lambdatypes.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(10),
		Architectures: []lambdatypes.Architecture{architecture}, Code: &lambdatypes.FunctionCode{ZipFile: archive.Bytes()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.FunctionArn
}
