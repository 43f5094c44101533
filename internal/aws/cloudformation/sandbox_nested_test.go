package cloudformation_test

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

const artefacts = "driftless-artefacts-123456789012-us-east-1"

// beside returns CloudFormation with S3 at the same address, as it stands behind a gateway.
func beside(t *testing.T, cloud http.Handler, moto string) http.Handler {
	t.Helper()
	at, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	rest := httputil.NewSingleHostReverseProxy(at)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "/s3/aws4_request") {
			rest.ServeHTTP(w, r)
			return
		}
		cloud.ServeHTTP(w, r)
	})
}

// bucket makes the artefact bucket, and returns how many objects it holds.
func (w *world) bucket() (count func() int) {
	w.Helper()
	c := s3.NewFromConfig(w.front)
	if _, err := c.CreateBucket(w.Context(), &s3.CreateBucketInput{Bucket: aws.String(artefacts)}); err != nil {
		w.Fatal(err)
	}
	return func() int {
		out, err := c.ListObjectsV2(w.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(artefacts)})
		if err != nil {
			w.Fatal(err)
		}
		return len(out.Contents)
	}
}

const parentTemplate = `
Parameters: { Token: { Type: String, NoEcho: true, Default: s3ntinel } }
Resources:
  Inner:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: inner.yaml
      Parameters: { Secret: !Ref Token }
  Beside: { Type: AWS::SNS::Topic, Properties: { TopicName: beside } }
`

func innerTemplate(timeout string) string {
	return `
Parameters: { Secret: { Type: String, NoEcho: true } }
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: inner, VisibilityTimeout: ` + timeout + ` } }
  Hidden: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Ref Secret } }
`
}

// nested makes a stack with another one in it, changes the inner one alone, and fails in it.
func nested(t *testing.T, w *world) {
	count := w.bucket()
	w.files = map[string]string{"inner.yaml": innerTemplate("5")}
	plan := w.want(w.run(gitops.OperationPlan, parentTemplate), gitops.OperationReady).Plan
	if plan.Summary().String() != "+4" || len(plan.Changes) != 2 || plan.Changes[1].LogicalID != "Inner" || len(plan.Changes[1].Nested) != 2 {
		t.Fatalf("plan %+v", plan.Changes)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	plan = w.want(w.run(gitops.OperationPlan, parentTemplate), gitops.OperationReady).Plan
	if len(plan.Changes) != 0 || !strings.HasPrefix(plan.Note, "no resource changes, in nested stacks neither") {
		t.Errorf("a plan of what is there: %+v, note %q", plan.Changes, plan.Note)
	}
	w.run(gitops.OperationCancel, "")
	if n := count(); n != 1 {
		t.Errorf("%d objects for one template", n)
	}

	w.files["inner.yaml"] = innerTemplate("7")
	plan = w.want(w.run(gitops.OperationPlan, parentTemplate), gitops.OperationReady).Plan
	inner := plan.Changes[0]
	if len(plan.Changes) != 1 || inner.Action != gitops.ActionModify || len(inner.Nested) != 1 || inner.Nested[0].Properties[0].Proposed != "7" {
		t.Fatalf("plan %+v", plan.Changes)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)

	w.cloud.Fail(inner.PhysicalID[strings.Index(inner.PhysicalID, "/")+1:strings.LastIndex(inner.PhysicalID, "/")], "Queue", "the queue is on fire")
	w.files["inner.yaml"] = innerTemplate("9")
	w.want(w.run(gitops.OperationPlan, parentTemplate), gitops.OperationReady)
	s := w.want(w.run(gitops.OperationApply, ""), gitops.OperationFailed)
	if !strings.HasPrefix(s.Reason, "nested stack Inner: Queue (AWS::SQS::Queue) UPDATE_FAILED: ") || !strings.Contains(s.Reason, "the queue is on fire") {
		t.Errorf("reason %q", s.Reason)
	}

	w.files["inner.yaml"] = strings.Replace(innerTemplate("9"), "VisibilityTimeout: 9", "VisibilityTimeout: 9, DelaySeconds: late", 1)
	s = w.want(w.run(gitops.OperationPlan, parentTemplate), gitops.OperationFailed)
	if !strings.HasPrefix(s.Reason, "nested stack Inner: Queue /Resources/Queue") {
		t.Errorf("reason %q", s.Reason)
	}
	w.run(gitops.OperationCancel, "")
}

// imported takes a queue that somebody made into a stack, and brings it to what git says.
func imported(t *testing.T, w *world) {
	made, err := sqs.NewFromConfig(w.config).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("imported")})
	if err != nil {
		t.Fatal(err)
	}
	template := strings.Replace(w.queue("30"), "    Properties:", "    DeletionPolicy: Retain\n    Properties:", 1)
	s := w.want(w.run(gitops.OperationPlan, template), gitops.OperationFailed)
	if !strings.Contains(s.Reason, "already exists") || !strings.Contains(s.Reason, "/Resources/Queue") {
		t.Errorf("without the setting: %q", s.Reason)
	}
	w.run(gitops.OperationCancel, "")
	w.gone()
	w.work.Settings.CloudFormation.ImportExisting = true
	plan := w.want(w.run(gitops.OperationPlan, template), gitops.OperationReady).Plan
	if plan.Summary().String() != "←1" {
		t.Fatalf("plan %+v", plan.Changes)
	}
	done := w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	if done.Outputs["Url"] != aws.ToString(made.QueueUrl) {
		t.Errorf("outputs %v; the queue is %s", done.Outputs, aws.ToString(made.QueueUrl))
	}
	changed := strings.Replace(template, "VisibilityTimeout: 30", "VisibilityTimeout: 31", 1)
	if plan := w.want(w.run(gitops.OperationPlan, changed), gitops.OperationReady).Plan; plan.Summary().String() != "~1" {
		t.Fatalf("the next plan %+v", plan.Changes)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
}

// gone waits until the shell of a cancelled plan is deleted.
func (w *world) gone() {
	w.Helper()
	w.until(sdk.NewFromConfig(w.front), func(s types.StackStatus) bool { return s == "" || s == types.StackStatusDeleteComplete })
}

// takenOver plans over a stack that somebody made by hand, once with a note and then without.
func takenOver(t *testing.T, w *world) {
	byHand := sdk.NewFromConfig(w.front)
	if _, err := byHand.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: aws.String("taken"), TemplateBody: aws.String(w.queue("5"))}); err != nil {
		t.Fatal(err)
	}
	w.until(byHand, func(s types.StackStatus) bool { return s == types.StackStatusCreateComplete })
	plan := w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady).Plan
	if !strings.HasPrefix(plan.Note, "takes over stack taken, which Driftless did not make") {
		t.Errorf("note %q", plan.Note)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	if plan := w.want(w.run(gitops.OperationPlan, w.queue("9")), gitops.OperationReady).Plan; plan.Note != "" {
		t.Errorf("the second time: %q", plan.Note)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
}

// included has CloudFormation put a packaged snippet into the template.
func included(t *testing.T, w *world) {
	w.work.Settings.CloudFormation.Transforms = []string{"AWS::Include"}
	w.files = map[string]string{"queue.yaml": "Queue:\n  Type: AWS::SQS::Queue\n  Properties: { QueueName: included }\n"}
	template := "Resources:\n  Fn::Transform: { Name: AWS::Include, Parameters: { Location: queue.yaml } }\n"
	plan := w.want(w.run(gitops.OperationPlan, template), gitops.OperationReady).Plan
	if plan.Summary().String() != "+1" || plan.Changes[0].LogicalID != "Queue" {
		t.Fatalf("plan %+v", plan.Changes)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	s := w.want(w.run(gitops.OperationPlan, template), gitops.OperationNoChange)
	if !strings.HasPrefix(s.Reason, "No updates are to be performed") {
		t.Errorf("reason %q", s.Reason)
	}
	w.run(gitops.OperationCancel, "")
}
