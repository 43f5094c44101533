package serverless_test

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/serverless"
)

func request(t *testing.T, resources string) serverless.Request {
	t.Helper()
	r := serverless.Request{Region: "eu-west-1", Parameters: map[string]string{"Rate": "rate(1 hour)"}}
	if err := json.Unmarshal([]byte(`{"Parameters":{"Rate":{"Type":"String"}},"Resources":`+resources+`}`), &r.Template); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAFunctionBecomesWhatAWSMakesOfIt(t *testing.T) {
	made, err := serverless.Transform(t.Context(), request(t, `{"F":{"Type":"AWS::Serverless::Function","Properties":{
		"Handler":"app.handler","Runtime":"python3.12","CodeUri":"s3://b/ü<k>","Policies":["AWSLambdaExecute"],
		"Events":{"Tick":{"Type":"Schedule","Properties":{"Schedule":{"Ref":"Rate"}}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Transform any
		Resources map[string]struct {
			Type       string
			Properties map[string]any
		}
	}
	if err := json.Unmarshal(made, &got); err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	for id, r := range got.Resources {
		kinds[id] = r.Type
	}
	want := map[string]string{"F": "AWS::Lambda::Function", "FRole": "AWS::IAM::Role", "FTick": "AWS::Events::Rule", "FTickPermission": "AWS::Lambda::Permission"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if code := got.Resources["F"].Properties["Code"]; !cmp.Equal(code, map[string]any{"S3Bucket": "b", "S3Key": "ü<k>"}) {
		t.Errorf("the code is %v", code)
	}
	arns := []any{"arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole", "arn:aws:iam::aws:policy/AWSLambdaExecute"}
	if diff := cmp.Diff(arns, got.Resources["FRole"].Properties["ManagedPolicyArns"]); diff != "" {
		t.Errorf("managed policies, by name too (-want +got):\n%s", diff)
	}
	if got.Transform != nil {
		t.Errorf("the macro is still to be run: %v", got.Transform)
	}
}

func TestWhatTheTranslatorRefusesIsSaidInItsWords(t *testing.T) {
	for name, c := range map[string]struct{ resources, want string }{
		"two bad resources": {
			`{"B":{"Type":"AWS::Serverless::Function","Properties":{"Handler":"h","CodeUri":"local"}},"A":{"Type":"AWS::Serverless::Function","Properties":{"Nope":1}}}`,
			"Invalid Serverless Application Specification document. Number of errors found: 2. Resource with id [A] is invalid. property Nope not defined " +
				"for resource of type AWS::Serverless::Function Resource with id [B] is invalid. 'CodeUri' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.",
		},
		"an application of the repository, which would be fetched": {
			`{"A":{"Type":"AWS::Serverless::Application","Properties":{"Location":{"ApplicationId":"arn:aws:serverlessrepo:us-east-1:123456789012:applications/x","SemanticVersion":"1.0.0"}}}}`,
			"Internal transform failure. (NotImplementedError: the sandbox fetches no application of the Serverless Application Repository, as A names one)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := serverless.Transform(t.Context(), request(t, c.resources))
			if refused := new(serverless.Refused); !errors.As(err, &refused) || refused.Message != c.want {
				t.Errorf("\n got %v\nwant %s", err, c.want)
			}
		})
	}
}

// python puts a program called python3 alone on the PATH, far from any .venv.
func python(t *testing.T, program string) {
	t.Helper()
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("PATH", dir)
	if program == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, "python3"), []byte("#!/bin/sh\n"+program+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func TestWithoutTheTranslatorItIsSaidWhatToInstall(t *testing.T) {
	for name, program := range map[string]string{"no python": "", "a python that lacks the module": "exit 3"} {
		t.Run(name, func(t *testing.T) {
			python(t, program)
			_, err := serverless.Transform(t.Context(), request(t, `{}`))
			if !errors.Is(err, serverless.ErrMissing) || !strings.Contains(err.Error(), "pip install aws-sam-translator=="+serverless.Wanted) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAPythonThatBreaksIsNotTakenForOneThatLacksTheModule(t *testing.T) {
	python(t, "echo first >&2; echo SyntaxError: no >&2; exit 1")
	if _, err := serverless.Transform(t.Context(), request(t, `{}`)); err == nil || errors.Is(err, serverless.ErrMissing) || !strings.Contains(err.Error(), "SyntaxError: no") {
		t.Errorf("got %v", err)
	}
}
