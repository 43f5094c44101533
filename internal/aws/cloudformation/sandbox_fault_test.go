package cloudformation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	sandbox "github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// made brings the stack up.
func (w *world) made() *sdk.Client {
	w.Helper()
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	return sdk.NewFromConfig(w.front)
}

// becomes waits for a status of the stack.
func (w *world) becomes(c *sdk.Client, status types.StackStatus) {
	w.Helper()
	w.until(c, func(s types.StackStatus) bool { return s == status })
}

// goesOn fails unless a plan is made and applied.
func (w *world) goesOn(timeout string) {
	w.Helper()
	w.want(w.run(gitops.OperationPlan, w.queue(timeout)), gitops.OperationReady)
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
}

// refuses fails unless a plan is refused with all of these texts.
func (w *world) refuses(blocked bool, texts ...string) {
	w.Helper()
	w.tokens++
	w.work.Operation = gitops.Operation{N: 1, Kind: gitops.OperationPlan, Token: gitops.Token("e2e", w.tokens), At: time.Now()}
	_, err := w.engine.Start(w.Context(), w.work)
	var r *gitops.Refusal
	if !errors.As(err, &r) || r.Blocked != blocked {
		w.Fatalf("got %v, want a refusal, blocked %t", err, blocked)
	}
	for _, text := range texts {
		if !strings.Contains(r.Reason, text) {
			w.Errorf("%q does not say %q", r.Reason, text)
		}
	}
}

// fails scripts what a resource's operation ends with.
func (w *world) fails(action string) {
	w.cloud.Script(sandbox.Failure{Stack: w.name(), Resource: "Queue", Action: action, Reason: "the queue is on fire", Times: 1})
}

func (w *world) name() string { return w.work.Settings.CloudFormation.Stack }

// update changes the stack by hand.
func (w *world) update(c *sdk.Client, timeout string, change ...func(*sdk.UpdateStackInput)) {
	w.Helper()
	in := &sdk.UpdateStackInput{StackName: aws.String(w.name()), TemplateBody: aws.String(w.queue(timeout))}
	for _, f := range change {
		f(in)
	}
	if _, err := c.UpdateStack(w.Context(), in); err != nil {
		w.Fatal(err)
	}
}

func TestR26_StatesThatAStackIsFoundInInTheSandbox(t *testing.T) {
	enter := newWorld(t)
	for status, reach := range map[types.StackStatus]func(w *world){
		types.StackStatusReviewInProgress: func(w *world) {
			c := sdk.NewFromConfig(w.front)
			if _, err := c.CreateChangeSet(w.Context(), &sdk.CreateChangeSetInput{StackName: aws.String(w.name()), ChangeSetName: aws.String("theirs"),
				ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: aws.String(w.queue("9"))}); err != nil {
				w.Fatal(err)
			}
			w.becomes(c, types.StackStatusReviewInProgress)
			w.goesOn("5")
		},
		types.StackStatusUpdateRollbackComplete: func(w *world) {
			c := w.made()
			w.fails("UPDATE")
			w.update(c, "9")
			w.becomes(c, types.StackStatusUpdateRollbackComplete)
			w.goesOn("7")
		},
		types.StackStatusUpdateRollbackFailed: func(w *world) {
			c := w.made()
			w.fails("UPDATE")
			w.fails("ROLLBACK")
			w.update(c, "9")
			w.becomes(c, types.StackStatusUpdateRollbackFailed)
			w.refuses(true, "UPDATE_ROLLBACK_FAILED", "the queue is on fire", "aws cloudformation continue-update-rollback --stack-name "+w.name())
			if _, err := c.ContinueUpdateRollback(w.Context(), &sdk.ContinueUpdateRollbackInput{StackName: aws.String(w.name())}); err != nil {
				w.Fatal(err)
			}
			w.becomes(c, types.StackStatusUpdateRollbackComplete)
			w.goesOn("7")
		},
		types.StackStatusUpdateFailed: func(w *world) {
			c := w.made()
			w.fails("UPDATE")
			w.update(c, "9", func(in *sdk.UpdateStackInput) { in.DisableRollback = aws.Bool(true) })
			w.becomes(c, types.StackStatusUpdateFailed)
			w.refuses(true, "UPDATE_FAILED", "the queue is on fire", "aws cloudformation rollback-stack --stack-name "+w.name())
			if _, err := c.RollbackStack(w.Context(), &sdk.RollbackStackInput{StackName: aws.String(w.name())}); err != nil {
				w.Fatal(err)
			}
			w.becomes(c, types.StackStatusUpdateRollbackComplete)
			w.goesOn("7")
		},
		types.StackStatusCreateFailed: func(w *world) {
			c := sdk.NewFromConfig(w.front)
			w.fails("CREATE")
			if _, err := c.CreateStack(w.Context(), &sdk.CreateStackInput{StackName: aws.String(w.name()), TemplateBody: aws.String(w.queue("5")), DisableRollback: aws.Bool(true)}); err != nil {
				w.Fatal(err)
			}
			w.becomes(c, types.StackStatusCreateFailed)
			w.given(w.queue("5"))
			w.refuses(false, "CREATE_FAILED", "the queue is on fire")
		},
		types.StackStatusDeleteFailed: func(w *world) {
			c := w.made()
			w.fails("DELETE")
			if _, err := c.DeleteStack(w.Context(), &sdk.DeleteStackInput{StackName: aws.String(w.name())}); err != nil {
				w.Fatal(err)
			}
			w.becomes(c, types.StackStatusDeleteFailed)
			w.refuses(true, "DELETE_FAILED", "the queue is on fire", "aws cloudformation delete-stack --stack-name "+w.name())
		},
	} {
		t.Run(string(status), func(t *testing.T) { reach(enter(t, strings.ToLower(strings.ReplaceAll(string(status), "_", "-")))) })
	}
}

// given makes a template the application's, without starting anything.
func (w *world) given(template string) {
	w.work.Files = func(context.Context) (fs.FS, error) {
		return fstest.MapFS{"template.yaml": {Data: []byte(template)}}, nil
	}
}

func TestR29_AThousandLeftoversInTheSandboxAreCleared(t *testing.T) {
	w := newWorld(t)(t, "full")
	w.cloud.SetTiming(sandbox.Timing{})
	c := w.made()
	leave := func(i int) error {
		_, err := c.CreateChangeSet(t.Context(), &sdk.CreateChangeSetInput{StackName: aws.String("full"),
			ChangeSetName: aws.String(fmt.Sprintf("driftless-old-%d", i)), TemplateBody: aws.String(w.queue("9"))})
		return err
	}
	full := 0 // one stands already, which was executed
	for ; full < 999; full++ {
		if err := leave(full); err != nil {
			t.Fatalf("leftover %d: %v", full, err)
		}
	}
	if err := leave(full); err == nil || !strings.Contains(err.Error(), "LimitExceeded") {
		t.Fatalf("the sandbox takes more than a thousand: %v", err)
	}
	w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
	left := 0
	pages := sdk.NewListChangeSetsPaginator(c, &sdk.ListChangeSetsInput{StackName: aws.String("full")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page.Summaries {
			if s.Status != types.ChangeSetStatusDeleteInProgress && s.Status != types.ChangeSetStatusDeletePending {
				left++
			}
		}
	}
	if left >= 1000 {
		t.Errorf("%d change sets are left", left)
	}
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
}

// lossy is a way to AWS on which what one call was answered with is lost.
type lossy struct {
	action string
	sent   atomic.Int32
	losses int32
}

func (l *lossy) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	response, err := http.DefaultClient.Do(r)
	if err == nil && strings.Contains(string(body), "Action="+l.action+"&") && l.sent.Add(1) <= l.losses {
		_ = response.Body.Close()
		return nil, errors.New("connection reset by peer")
	}
	return response, err
}

// through lets the engine go the lossy way.
func (w *world) through(l *lossy) {
	cfg := w.front
	cfg.HTTPClient = l
	enter := func(context.Context, reconcile.Work) (aws.Config, error) { return cfg, nil }
	w.engine = cloudformation.New(cloudformation.Config{Deploy: enter, Drift: enter, Bucket: func(reconcile.Work) string { return artefacts }})
}

// updates counts the updates that the stack began.
func (w *world) updates(c *sdk.Client) (n int) {
	w.Helper()
	pages := sdk.NewDescribeStackEventsPaginator(c, &sdk.DescribeStackEventsInput{StackName: aws.String(w.name())})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.Context())
		if err != nil {
			w.Fatal(err)
		}
		for _, e := range page.StackEvents {
			if aws.ToString(e.LogicalResourceId) == w.name() && e.ResourceStatus == types.ResourceStatusUpdateInProgress {
				n++
			}
		}
	}
	return n
}

func TestR29b_AnExecutionWhoseAnswerIsLostInTheSandboxHappensOnce(t *testing.T) {
	enter := newWorld(t)
	for losses, name := range map[int32]string{1: "lost-once", 100: "lost-always"} {
		t.Run(name, func(t *testing.T) {
			w := enter(t, name)
			c := w.made()
			w.through(&lossy{action: "ExecuteChangeSet", losses: losses})
			w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
			w.work.Operation.Kind, w.work.Operation.At = gitops.OperationApply, time.Now()
			op, err := w.engine.Start(t.Context(), w.work)
			if losses > 1 && err == nil {
				t.Error("nothing was lost")
			}
			if err == nil {
				w.work.Operation = op
			}
			s := w.look()
			for ; s.State == gitops.OperationRunning; s = w.look() {
				w.wait()
			}
			w.want(s, gitops.OperationDone)
			if n := w.updates(c); n != 1 {
				t.Errorf("the stack was updated %d times", n)
			}
		})
	}
}

func TestR29c_AnUpdateThatRollsBackInTheSandboxSaysWhyAndCanBeRepeated(t *testing.T) {
	w := newWorld(t)(t, "again")
	w.made()
	w.fails("UPDATE")
	w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
	s := w.want(w.run(gitops.OperationApply, ""), gitops.OperationFailed)
	if !strings.Contains(s.Reason, "Queue (AWS::SQS::Queue) UPDATE_FAILED") || !strings.Contains(s.Reason, "the queue is on fire") {
		t.Errorf("reason %q", s.Reason)
	}
	w.goesOn("7")
}

func TestR29e_SomebodyElsesUpdateInTheSandboxIsWaitedForAndPlannedUpon(t *testing.T) {
	w := newWorld(t)(t, "shared")
	c := w.made()
	w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
	slow := sandbox.DefaultTiming
	slow.Stack = 3 * time.Second
	w.cloud.SetTiming(slow)
	w.update(c, "9")
	w.cloud.SetTiming(sandbox.DefaultTiming)
	w.work.Operation.Kind, w.work.Operation.At = gitops.OperationApply, time.Now()
	op, err := w.engine.Start(t.Context(), w.work)
	if err != nil {
		t.Fatal(err)
	}
	w.work.Operation = op
	for s := w.look(); s.State != gitops.OperationStale; s = w.look() {
		w.want(s, gitops.OperationForeign)
		w.wait()
	}
	w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationForeign)
	w.becomes(c, types.StackStatusUpdateComplete)
	w.want(w.look(), gitops.OperationAbsent)
	w.goesOn("7")
	if n := w.updates(c); n != 2 {
		t.Errorf("the stack was updated %d times, want theirs and ours", n)
	}
}

func TestR29f_AStackThatIsDeletedWhileItIsMadeInTheSandboxIsMadeAnew(t *testing.T) {
	w := newWorld(t)(t, "vanishing")
	c := sdk.NewFromConfig(w.front)
	slow := sandbox.DefaultTiming
	slow.Stack = 2 * time.Second
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	w.cloud.SetTiming(slow)
	w.work.Operation.Kind, w.work.Operation.At = gitops.OperationApply, time.Now()
	op, err := w.engine.Start(t.Context(), w.work)
	if err != nil {
		t.Fatal(err)
	}
	w.work.Operation = op
	w.becomes(c, types.StackStatusCreateInProgress)
	w.cloud.SetTiming(sandbox.DefaultTiming)
	if _, err := c.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("vanishing")}); err != nil {
		t.Fatal(err)
	}
	s := w.look()
	for ; s.State == gitops.OperationRunning || s.State == gitops.OperationForeign; s = w.look() {
		w.wait()
	}
	if w.want(s, gitops.OperationFailed); !strings.Contains(s.Reason, "disappeared") {
		t.Errorf("reason %q", s.Reason)
	}
	w.goesOn("5")
}

func TestR29j_AStackOfAnotherRoleInTheSandboxIsRefused(t *testing.T) {
	const other = "arn:aws:iam::123456789012:role/somebody"
	w := newWorld(t)(t, "theirs")
	c := sdk.NewFromConfig(w.front)
	if _, err := c.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: aws.String("theirs"), TemplateBody: aws.String(w.queue("5")), RoleARN: aws.String(other)}); err != nil {
		t.Fatal(err)
	}
	w.becomes(c, types.StackStatusCreateComplete)
	w.given(w.queue("7"))
	w.refuses(false, other)
	if n := w.updates(c); n != 0 {
		t.Errorf("the stack was updated %d times", n)
	}
}

func TestR28_AFailedChangeSetInTheSandboxIsNotTakenForAnEmptyOne(t *testing.T) {
	w := newWorld(t)(t, "invalid")
	w.made()
	w.cloud.Script(sandbox.Failure{Stack: "invalid", Resource: "Queue", Action: "VALIDATE", Path: "/Properties/QueueName", Reason: "no such name", Times: 1})
	s := w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationFailed)
	if !strings.Contains(s.Reason, "no such name") || !strings.Contains(s.Reason, "QueueName") {
		t.Errorf("reason %q", s.Reason)
	}
	w.run(gitops.OperationCancel, "")
	w.goesOn("7")
}
