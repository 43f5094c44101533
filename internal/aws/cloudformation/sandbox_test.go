package cloudformation_test

import (
	"context"
	"io/fs"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	sandbox "github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// world is the engine over HTTP against the sandbox's CloudFormation, whose resources are
// moto's. Credentials are what moto makes of any.
type world struct {
	*testing.T
	engine *cloudformation.Engine
	cloud  *sandbox.Service
	config aws.Config // moto's
	front  aws.Config // the sandbox's CloudFormation
	work   reconcile.Work
	files  map[string]string // beside the template
	tokens int
}

// newWorld returns a function that makes worlds, one for each stack, over one moto.
func newWorld(t *testing.T) func(t *testing.T, stack string) *world {
	t.Helper()
	server, err := moto.Start(t.Context(), moto.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatalf("start moto: %v (moto_server belongs on the PATH)", err)
	}
	t.Cleanup(server.Close)
	cloud := sandbox.New(sandbox.Config{Moto: server.URL()})
	t.Cleanup(cloud.Close)
	front := httptest.NewServer(beside(t, controlled(cloud), server.URL()))
	t.Cleanup(front.Close)
	config := func(url string) aws.Config {
		return aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(url),
			Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""), APIOptions: moto.KeepAnswers()}
	}
	enter := func(context.Context, reconcile.Work) (aws.Config, error) { return config(front.URL), nil }
	bucket := func(reconcile.Work) string { return artefacts }
	engine := cloudformation.New(cloudformation.Config{Deploy: enter, Drift: enter, Bucket: bucket, Pause: unhurried})
	return func(t *testing.T, stack string) *world {
		return &world{T: t, cloud: cloud, config: config(server.URL()), front: config(front.URL), engine: engine,
			work: reconcile.Work{Application: "jobs", Kind: gitops.KindDeploy, Bundle: "b", Settings: gitops.Settings{
				Name: "jobs", Path: ".", Engine: gitops.EngineCloudFormation,
				Target:         gitops.Target{Account: "123456789012", Region: "us-east-1"},
				CloudFormation: gitops.CloudFormation{Stack: stack, Template: "template.yaml"}}}}
	}
}

// run starts an operation and looks at it until it has an answer. An operation that the
// last one made known, the change set of a plan, is passed on.
func (w *world) run(kind gitops.OperationKind, template string) gitops.Sighting {
	w.Helper()
	if kind != gitops.OperationApply && kind != gitops.OperationCancel {
		w.tokens++
		w.work.Operation = gitops.Operation{N: 1, Kind: kind, Token: gitops.Token("e2e", w.tokens)}
	}
	w.work.Operation.Kind, w.work.Operation.At = kind, time.Now()
	if template != "" {
		w.work.Files = func(context.Context) (fs.FS, error) {
			tree := fstest.MapFS{"template.yaml": {Data: []byte(template)}}
			for name, body := range w.files {
				tree[name] = &fstest.MapFile{Data: []byte(body)}
			}
			return tree, nil
		}
	}
	op, err := w.engine.Start(w.Context(), w.work)
	if err != nil {
		w.Fatalf("start %s: %v", kind, err)
	}
	w.work.Operation = op
	if kind == gitops.OperationCancel {
		return gitops.Sighting{}
	}
	s := w.look()
	for ; s.State == gitops.OperationRunning; s = w.look() {
		w.wait()
	}
	w.work.Operation = s.Operation
	return s
}

func (w *world) want(s gitops.Sighting, state gitops.OperationState) gitops.Sighting {
	w.Helper()
	if s.State != state {
		w.Fatalf("got %s (%s), want %s", s.State, s.Reason, state)
	}
	return s
}

// queue returns a template of one queue, named after the stack, with an output.
func (w *world) queue(timeout string) string {
	return "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: " + w.work.Settings.CloudFormation.Stack +
		"\n      VisibilityTimeout: " + timeout +
		"\nOutputs:\n  Url: {Value: !Ref Queue}\n"
}

// live sets the queue's visibility time-out behind CloudFormation's back.
func (w *world) live(url, timeout string) {
	w.Helper()
	_, err := sqs.NewFromConfig(w.config).SetQueueAttributes(w.Context(), &sqs.SetQueueAttributesInput{
		QueueUrl: aws.String(url), Attributes: map[string]string{"VisibilityTimeout": timeout}})
	if err != nil {
		w.Fatal(err)
	}
}

func TestTheEngineInTheSandbox(t *testing.T) {
	world := newWorld(t)
	t.Run("a stack's whole life", func(t *testing.T) { wholeLife(t, world(t, "life")) })
	t.Run("a failure is named and rolled back", func(t *testing.T) { failure(t, world(t, "failing")) })
	t.Run("a cancelled plan leaves no shell", func(t *testing.T) { cancelled(world(t, "shell")) })
	t.Run("what somebody else did to the stack is told", func(t *testing.T) { others(t, world(t, "others")) })
	t.Run("nested stacks and code are packaged, planned and rolled back", func(t *testing.T) { nested(t, world(t, "nested")) })
	t.Run("what is there already is imported", func(t *testing.T) { imported(t, world(t, "imported")) })
	t.Run("a stack of another origin is taken over", func(t *testing.T) { takenOver(t, world(t, "taken")) })
	t.Run("nested stacks are looked into", func(t *testing.T) { deep(t, world(t, "deep")) })
	t.Run("what no template says is found", func(t *testing.T) { undeclared(t, world(t, "outside")) })
	t.Run("a macro is called", func(t *testing.T) { included(t, world(t, "included")) })
}

// wholeLife goes the way of an application: made, verified, unchanged, changed, drifted,
// brought back.
func wholeLife(t *testing.T, w *world) {
	plan := w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	if plan.Plan.Summary().String() != "+1" {
		t.Fatalf("plan %+v", plan.Plan)
	}
	if p := plan.Plan.Changes[0].Properties; len(p) != 2 || p[0].Path != "/QueueName" || p[0].Proposed != "life" || p[1].Proposed != "5" {
		t.Fatalf("properties of what is added: %+v", p)
	}
	done := w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	url := done.Outputs["Url"]
	if !strings.HasSuffix(url, "/life") {
		t.Fatalf("outputs %v", done.Outputs)
	}
	w.inSync()

	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationNoChange)
	w.run(gitops.OperationCancel, "")

	plan = w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
	changed := plan.Plan.Changes[0]
	if changed.Action != gitops.ActionModify || len(changed.Properties) != 1 || changed.Properties[0].Path != "/VisibilityTimeout" ||
		changed.Properties[0].LastDeployed != "5" || changed.Properties[0].Proposed != "7" {
		t.Fatalf("change %+v", changed)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)

	w.live(url, "60")
	found := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if s := found.Summary(); s.Drifted != 1 || s.Message != "Queue VisibilityTimeout 7 -> 60" || s.Coverage() != 100 {
		t.Fatalf("drift %+v", s)
	}
	w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationNoChange) // compares templates alone
	w.run(gitops.OperationCancel, "")

	w.work.Kind = gitops.KindRevert
	plan = w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
	if p := plan.Plan.Changes[0].Properties[0]; p.LastDeployed != "7" || p.Live != "60" || p.Proposed != "7" {
		t.Fatalf("revert %+v", p)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	w.inSync()
}

func (w *world) inSync() {
	w.Helper()
	r := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if s := r.Summary(); s.InSync != 1 || s.Drifted != 0 || !s.Complete {
		w.Fatalf("drift %+v", r)
	}
}

func failure(t *testing.T, w *world) {
	w.cloud.Fail("failing", "Queue", "the queue is on fire")
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	s := w.want(w.run(gitops.OperationApply, ""), gitops.OperationFailed)
	if !strings.Contains(s.Reason, "Queue (AWS::SQS::Queue) CREATE_FAILED") || !strings.Contains(s.Reason, "the queue is on fire") {
		t.Errorf("reason %q", s.Reason)
	}
	w.tokens++
	w.work.Operation = gitops.Operation{Kind: gitops.OperationPlan, Token: gitops.Token("e2e", w.tokens)}
	if _, err := w.engine.Start(t.Context(), w.work); err == nil || !strings.Contains(err.Error(), "ROLLBACK_COMPLETE") {
		t.Errorf("a plan on what is left of it: %v", err)
	}
}

// others updates a stack by hand, and deletes it.
func others(t *testing.T, w *world) {
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	w.work.Since = time.Now()
	w.inSync()
	byHand := sdk.NewFromConfig(w.front)
	if _, err := byHand.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: aws.String("others"), TemplateBody: aws.String(w.queue("9"))}); err != nil {
		t.Fatal(err)
	}
	w.until(byHand, func(s types.StackStatus) bool { return s == types.StackStatusUpdateComplete })
	r := w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if !strings.HasPrefix(r.Foreign, "the stack was updated by somebody else at ") || r.Gone || r.Summary().InSync != 1 {
		t.Fatalf("after an update by hand: %+v", r)
	}
	if _, err := byHand.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("others")}); err != nil {
		t.Fatal(err)
	}
	w.until(byHand, func(s types.StackStatus) bool { return s == "" || s == types.StackStatusDeleteComplete })
	r = w.want(w.run(gitops.OperationDetect, ""), gitops.OperationDone).Report
	if r.Foreign != "the stack others was deleted by somebody else" || !r.Gone || !r.Complete {
		t.Fatalf("after its deletion: %+v", r)
	}
}

// until waits for the stack's status; one that is gone has none.
func (w *world) until(c *sdk.Client, good func(types.StackStatus) bool) {
	w.Helper()
	for {
		out, err := c.DescribeStacks(w.Context(), &sdk.DescribeStacksInput{StackName: aws.String(w.work.Settings.CloudFormation.Stack)})
		if err != nil && good("") || err == nil && good(out.Stacks[0].StackStatus) {
			return
		}
		w.wait()
	}
}

func cancelled(w *world) {
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	w.run(gitops.OperationCancel, "")
	w.work.Operation = gitops.Operation{N: 2, Kind: gitops.OperationPlan, Token: gitops.Token("e2e", 99)}
	for s := w.look(); s.State != gitops.OperationAbsent; s = w.look() {
		w.want(s, gitops.OperationForeign) // its deletion takes a moment
		w.wait()
	}
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	w.run(gitops.OperationCancel, "")
}

func (w *world) look() gitops.Sighting {
	w.Helper()
	s, err := w.engine.Observe(w.Context(), w.work)
	if err != nil {
		w.Fatalf("observe %s: %v", w.work.Operation.Kind, err)
	}
	return s
}

// wait lets the sandbox go on, which keeps AWS's time.
func (w *world) wait() {
	w.Helper()
	select {
	case <-time.After(50 * time.Millisecond):
	case <-w.Context().Done():
		w.Fatal("the test ended first")
	}
}
