package cloudformation_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudcontrol"
	sandbox "github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// controlled is CloudFormation with Cloud Control beside it, as it stands behind a gateway.
func controlled(cloud *sandbox.Service) http.Handler {
	control := cloudcontrol.New(cloudcontrol.Config{Live: cloud.Live,
		Caller: func(*http.Request) (account, region string) { return "123456789012", "us-east-1" }})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "/"+cloudcontrol.Service+"/aws4_request") {
			control.ServeHTTP(w, r)
			return
		}
		cloud.ServeHTTP(w, r)
	})
}

// unhurried makes reads follow one another at once: the sandbox has no rate.
func unhurried(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// told is a report as short lines: status, resource, differences.
func told(r *gitops.DriftReport) []string {
	var all []string
	for _, res := range r.Resources {
		line := string(res.Status) + " " + res.LogicalID
		for _, p := range res.Properties {
			line += fmt.Sprintf(" %s %s", p.Kind, p.Path)
		}
		all = append(all, line)
	}
	return all
}

// deep finds drift in a nested stack, and looks at one of its resources alone.
func deep(t *testing.T, w *world) {
	w.bucket()
	w.files = map[string]string{"inner.yaml": strings.ReplaceAll(innerTemplate("5"), "QueueName: inner", "QueueName: deep")}
	parent := strings.ReplaceAll(parentTemplate, "TopicName: beside", "TopicName: deep")
	w.want(w.run(gitops.OperationPlan, parent), gitops.OperationReady)
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	fresh := []string{"InSync Beside", "NotCheckable Inner", "InSync Inner/Hidden", "InSync Inner/Queue"}
	if diff := cmp.Diff(fresh, told(w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report)); diff != "" {
		t.Fatal(diff)
	}
	queues := sqs.NewFromConfig(w.config)
	url, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("deep")})
	if err != nil {
		t.Fatal(err)
	}
	w.live(aws.ToString(url.QueueUrl), "60")
	r := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if i := slices.Index(told(r), "Modified Inner/Queue NOT_EQUAL /VisibilityTimeout"); i < 0 || r.Resources[i].Properties[0].Live != "60" {
		t.Errorf("found %v", told(r))
	}
	w.work.Only = []string{"Inner/Queue"}
	r = w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if diff := cmp.Diff([]string{"Modified Inner/Queue NOT_EQUAL /VisibilityTimeout"}, told(r)); diff != "" || !r.Partial {
		t.Errorf("partial %v: %s", r.Partial, diff)
	}
}

func TestR51_ADetectionThatRunsInTheSandboxIsWaitedFor(t *testing.T) {
	w := newWorld(t)(t, "running")
	w.made()
	timing := sandbox.DefaultTiming
	timing.Detection = 400 * time.Millisecond
	w.cloud.SetTiming(timing)
	w.work.Operation = gitops.Operation{N: 1, Kind: gitops.OperationDetect, At: time.Now()}
	if _, err := w.engine.Start(t.Context(), w.work); err != nil { // its id is lost
		t.Fatal(err)
	}
	_, err := w.engine.Start(t.Context(), w.work)
	var refused *gitops.Refusal
	if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "already in progress") {
		t.Fatalf("a second one: %v", err)
	}
	op := gitops.Operation{}
	for op.ID == "" {
		w.wait()
		if op, err = w.engine.Start(t.Context(), w.work); err != nil && !strings.Contains(err.Error(), "already in progress") {
			t.Fatal(err)
		}
	}
	w.work.Operation = op
	s := w.look()
	for ; s.State == gitops.OperationRunning; s = w.look() {
		w.wait()
	}
	if got := told(w.want(s, gitops.OperationDone).Report); got[0] != "InSync Queue" {
		t.Errorf("found %v", got)
	}
}

func TestR52_AThrottledReadInTheSandboxIsNotCheckable(t *testing.T) {
	w := newWorld(t)(t, "throttled")
	w.made()
	w.cloud.Script(sandbox.Failure{Stack: "throttled", Resource: "Queue", Action: "READ", Reason: "Rate exceeded", Times: 1})
	r := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if r.Complete || told(r)[0] != "NotCheckable Queue" || !strings.Contains(r.Resources[0].Reason, "Rate exceeded") || r.Summary().String() == "in sync" {
		t.Errorf("complete %v, %q, %v", r.Complete, r.Reason, told(r))
	}
	w.inSync()
}

const roleTemplate = `
Resources:
  Role: { Type: AWS::IAM::Role, Properties: { RoleName: outside, AssumeRolePolicyDocument: { Version: "2012-10-17", Statement: [ { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" } ] } } }
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: outside, DelaySeconds: 1 } }
  Bus: { Type: AWS::Events::EventBus, Properties: { Name: outside } }
`

// undeclared finds what no template says, and takes it as given.
func undeclared(t *testing.T, w *world) {
	w.work.Settings.CloudFormation.Capabilities = []string{"CAPABILITY_NAMED_IAM"}
	w.want(w.run(gitops.OperationPlan, roleTemplate), gitops.OperationReady)
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	roles, queues := iam.NewFromConfig(w.config), sqs.NewFromConfig(w.config)
	url, err := queues.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("outside")})
	if err != nil {
		t.Fatal(err)
	}
	w.live(aws.ToString(url.QueueUrl), "60")
	if _, err := roles.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("outside"), PolicyName: aws.String("more"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}); err != nil {
		t.Fatal(err)
	}
	if got := told(w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report); !slices.Contains(got, "InSync Queue") || !slices.Contains(got, "InSync Role") {
		t.Errorf("what AWS compares alone: %v", got)
	}
	w.work.Settings.Drift.Undeclared = true
	r := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	want := []string{"NotCheckable Bus", "Modified Queue UNDECLARED /MaximumMessageSize UNDECLARED /VisibilityTimeout", "Modified Role UNDECLARED /Policies/0"}
	if diff := cmp.Diff(want, told(r)); diff != "" || !r.Complete {
		t.Fatalf("complete %v, %q: %s", r.Complete, r.Reason, diff)
	}
	file, err := drift.BaselineOf(*r, drift.Baseline{}).File()
	if err != nil {
		t.Fatal(err)
	}
	w.work.Settings.Drift.Baseline = "baseline.json"
	w.files = map[string]string{"baseline.json": string(file)}
	w.want(w.run(gitops.OperationPlan, roleTemplate), gitops.OperationNoChange)
	w.run(gitops.OperationCancel, "")
	if got := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report; got.Summary().Drifted != 0 || !got.Complete {
		t.Errorf("with the baseline %s: %v", file, told(got))
	}
}
