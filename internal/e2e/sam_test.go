package e2e_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// sammed is a driftless.yaml with one application of SAM at app.
func sammed(name string) string {
	return fmt.Sprintf("version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n  - name: %s\n    path: app\n    sam: {}\n",
		demo.Account, sandbox.Region, name)
}

// serverless is a SAM template as teams have them: two functions whose code lies beside it, one
// on a schedule with a table, the other with a queue.
func serverless() string {
	architecture := "x86_64"
	if runtime.GOARCH == "arm64" {
		architecture = "arm64"
	}
	return fmt.Sprintf(`Transform: AWS::Serverless-2016-10-31
Globals: { Function: { Timeout: 5 } }
Resources:
  Notes: { Type: AWS::Serverless::SimpleTable }
  Ticker:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: app.handler
      CodeUri: ticker/
      Policies: [{ DynamoDBCrudPolicy: { TableName: !Ref Notes } }]
      Environment: { Variables: { TABLE: !Ref Notes } }
      Events: { Tick: { Type: Schedule, Properties: { Schedule: rate(1 day) } } }
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: sam-worker
      Runtime: provided.al2023
      Handler: bootstrap
      Architectures: [%s]
      CodeUri: worker/
      Events: { Jobs: { Type: SQS, Properties: { Queue: !GetAtt Jobs.Arn } } }
  Jobs: { Type: AWS::SQS::Queue, Properties: { QueueName: sam-jobs } }
Outputs:
  Role: { Value: !GetAtt TickerRole.Arn }
`, architecture)
}

// answering is a function's program that answers every event with a word, as the developer
// guide's "Building a custom runtime" has it.
func answering(word string) string {
	return fmt.Sprintf(`#!/bin/sh
at=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while true; do
  id=$(curl -sS -D - -o /dev/null "$at/next" | tr -d '\r' | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  curl -sS -o /dev/null -d '"%s"' "$at/$id/response"
done
`, word)
}

func TestASAMTemplateIsRolledOutWithTheCodeThatLiesBesideIt(t *testing.T) {
	const name = "sam"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": "version: 1\napplications: []\n", "app/template.yaml": serverless(),
		"app/ticker/app.py": "def handler(event, context): pass\n", "app/worker/bootstrap": answering("one")}))
	r.must(os.Chmod(filepath.Join(r.stage.Dir, "app/worker/bootstrap"), 0o755))
	r.set("driftless.yaml", sammed(name))
	v := r.ends(name, r.push("a SAM application"), gitops.PhaseSucceeded)
	if role := v.Application.Deployed.Outputs["Role"]; !strings.Contains(role, ":role/sam-TickerRole-") {
		t.Errorf("an output of what the macro made is %q", role)
	}
	want := []string{"Add Jobs AWS::SQS::Queue", "Add Notes AWS::DynamoDB::Table", "Add Ticker AWS::Lambda::Function", "Add TickerRole AWS::IAM::Role",
		"Add TickerTick AWS::Events::Rule", "Add TickerTickPermission AWS::Lambda::Permission", "Add Worker AWS::Lambda::Function",
		"Add WorkerJobs AWS::Lambda::EventSourceMapping", "Add WorkerRole AWS::IAM::Role"}
	if diff := cmp.Diff(want, r.planned(v)); diff != "" {
		t.Errorf("the plan does not show what the template becomes (-want +got):\n%s", diff)
	}
	first := code(t, name)
	if got, want := unpacked(t, first["Ticker"]), map[string]string{"app.py": "def handler(event, context): pass\n"}; !cmp.Equal(got, want) {
		t.Errorf("the code in the bucket is %v, want %v", got, want)
	}
	t.Run("and runs", func(t *testing.T) { runs(t, r, "one") })

	r.set("app/README.md", "nothing that is deployed\n")
	if v = r.ends(name, r.push("words"), gitops.PhaseSucceeded); v.Application.Ended.Reason != "no changes" {
		t.Errorf("nothing that is deployed changed, and it ended with %q", v.Application.Ended.Reason)
	}
	r.set("app/worker/bootstrap", answering("two"))
	v = r.ends(name, r.push("another answer"), gitops.PhaseSucceeded)
	if got := r.planned(v); !cmp.Equal(got, []string{"Modify Worker AWS::Lambda::Function"}) {
		t.Errorf("new code of one function is the plan %v", got)
	}
	if now := code(t, name); now["Ticker"] != first["Ticker"] || now["Worker"] == first["Worker"] {
		t.Errorf("the code lies at %v, and before at %v", now, first)
	}
	t.Run("and runs anew", func(t *testing.T) { runs(t, r, "two") })
}

// planned is what the plan of the last deployment would do, sorted.
func (r *repo) planned(v gitops.View) (lines []string) {
	r.t.Helper()
	var diff gitops.Diff
	r.must(r.stage.JSON(r.t.Context(), &diff, "diff", v.Application.Settings.Name, "--deployment", v.Application.Ended.Deployment))
	if diff.Plan == nil {
		r.t.Fatalf("the deployment %s has no plan", v.Application.Ended.Deployment)
	}
	for _, c := range diff.Plan.Changes {
		lines = append(lines, fmt.Sprintf("%s %s %s", c.Action, c.LogicalID, c.Type))
	}
	slices.Sort(lines)
	return lines
}

// packed is where a function's code lies.
type packed struct{ S3Bucket, S3Key string }

// code reads from a stack's template, as the macro made it, where its functions' code lies.
func code(t *testing.T, stack string) map[string]packed {
	t.Helper()
	out, err := cloudFormation(t).GetTemplate(t.Context(), &sdk.GetTemplateInput{StackName: aws.String(stack)})
	if err != nil {
		t.Fatal(err)
	}
	var made struct {
		Resources map[string]struct{ Properties struct{ Code packed } }
	}
	if err := json.Unmarshal([]byte(aws.ToString(out.TemplateBody)), &made); err != nil {
		t.Fatalf("%v:\n%s", err, aws.ToString(out.TemplateBody))
	}
	all := map[string]packed{}
	for id, r := range made.Resources {
		if r.Properties.Code != (packed{}) {
			all[id] = r.Properties.Code
		}
	}
	return all
}

// unpacked are the files of an archive in S3.
func unpacked(t *testing.T, at packed) map[string]string {
	t.Helper()
	out, err := s3.NewFromConfig(config(t), func(o *s3.Options) { o.UsePathStyle = true }).GetObject(t.Context(), &s3.GetObjectInput{Bucket: &at.S3Bucket, Key: &at.S3Key})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = out.Body.Close() }()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// runs fails the test unless the worker answers with the word, and takes what its queue is sent.
func runs(t *testing.T, r *repo, word string) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skipf("NOT TESTED that the code runs: its program asks for events with curl, which is not on the PATH")
	}
	out, err := lambda.NewFromConfig(config(t)).Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("sam-worker")})
	if err != nil || string(out.Payload) != `"`+word+`"` {
		t.Fatalf("the function answered %+v, %v; want %q", out, err, word)
	}
	queue := sqs.NewFromConfig(config(t))
	url, err := queue.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("sam-jobs")})
	r.must(err)
	_, err = queue.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url.QueueUrl, MessageBody: aws.String("a job")})
	r.must(err)
	left := ""
	r.eventually("the message is taken", func() bool {
		left = ""
		for _, attribute := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"} {
			n, err := r.stage.Sandbox.QueueAttribute(t.Context(), "sam-jobs", attribute)
			r.must(err)
			left += n
		}
		return left == "00"
	}, func() string { return "waiting and in flight: " + left })
}

func TestR29i_OfASAMTemplateNoOtherMacroIsCalled(t *testing.T) {
	const name = "sam-and-mine"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": sammed(name),
		"app/template.yaml": "Transform: [AWS::Serverless-2016-10-31, Mine]\nResources:\n  Notes: { Type: AWS::Serverless::SimpleTable }\n"}))
	v := r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseFailed)
	if want := `app/template.yaml:1:41: the macro "Mine" is not allowed`; !strings.Contains(v.Application.Ended.Reason, want) || strings.Contains(v.Application.Ended.Reason, "Serverless") {
		t.Errorf("the reason is %q, want %q", v.Application.Ended.Reason, want)
	}
	for _, o := range seen.everything() {
		if strings.HasPrefix(o.Where, "cloudformation Create") && bytes.Contains(o.Body, []byte("StackName="+name)) {
			t.Errorf("CloudFormation was called: %s\n%s", o.Where, o.Body)
		}
	}
}
