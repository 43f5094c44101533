package e2e_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sentinel"
)

// The demo is the main job, and fails by itself when a part of it does not happen.
func TestTheMainJobIsDoneAsTheDemoTellsIt(t *testing.T) {
	var out bytes.Buffer
	err := demo.Run(t.Context(), io.MultiWriter(&out, writer{t}), 0, false, demo.Options{Root: root,
		Sandbox: sandbox.Options{Addr: "127.0.0.1:0", ScheduleSpeed: 12, Watch: seen.listen}})
	seen.output(sentinel.Output{Where: "what the demo showed", Body: out.Bytes()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"roll", "VisibilityTimeout", "declared 120", "live 5", "coverage", "stacks/alerts/template.yaml:"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
}

// writer shows the demo's lines in the test's log as they come.
type writer struct{ t *testing.T }

func (w writer) Write(p []byte) (int, error) {
	w.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

func TestR1_WithEveryEventLostOneResyncAppliesThePush(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("lost"), "stacks/lost/template.yaml": queue("lost", 5)}))
	r.ends("lost", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.stage.Sandbox.DropEvents(true)
	defer r.stage.Sandbox.DropEvents(false)
	r.set("stacks/lost/template.yaml", queue("lost", 9))
	commit := r.push("unheard")
	r.ends("lost", commit, gitops.PhaseSucceeded) // the schedules fire at twelve times their pace: within one resync
	if got, err := r.stage.Sandbox.QueueAttribute(t.Context(), "lost", "VisibilityTimeout"); err != nil || got != "9" {
		t.Errorf("live VisibilityTimeout is %q, %v; want 9", got, err)
	}
}

func TestR43_AForcePushToAnOlderCommitIsAppliedAndNoted(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("forced"), "stacks/forced/template.yaml": queue("forced", 5)}))
	older := r.git("rev-parse", "HEAD")
	r.ends("forced", older, gitops.PhaseSucceeded)
	r.set("stacks/forced/template.yaml", queue("forced", 9))
	r.git("-c", "user.name=Ann", "-c", "user.email=a@example.com", "commit", "-q", "-a", "-m", "newer", "--date", "2040-01-01T00:00:00Z")
	newer := r.amendLater()
	r.ends("forced", newer, gitops.PhaseSucceeded)
	r.git("push", "-q", "--force", r.stage.Sandbox.GitURL(r.name), older+":refs/heads/main")
	v := r.ends("forced", older, gitops.PhaseSucceeded)
	if !strings.Contains(v.Repository.Note, "history was rewritten") {
		t.Errorf("the rewritten history is not noted: %+v", v.Repository)
	}
	if got, _ := r.stage.Sandbox.QueueAttribute(t.Context(), "forced", "VisibilityTimeout"); got != "5" {
		t.Errorf("live VisibilityTimeout is %q, want that of the older commit, 5", got)
	}
}

// amendLater gives the last commit a committer's time after every other's, and pushes it:
// a second is git's finest, and tests are quicker.
func (r *repo) amendLater() string {
	r.t.Helper()
	r.t.Setenv("GIT_COMMITTER_DATE", "2040-01-01T00:00:00Z")
	r.git("-c", "user.name=Ann", "-c", "user.email=a@example.com", "commit", "-q", "--amend", "--no-edit")
	r.must(os.Unsetenv("GIT_COMMITTER_DATE"))
	r.git("push", "-q", "--force", r.stage.Sandbox.GitURL(r.name), "HEAD:main")
	return r.git("rev-parse", "HEAD")
}

func TestR44_ABranchThatIsGoneSuspendsAndIsTakenUpAgain(t *testing.T) {
	r := watchBranch(t, "trunk", mapFS(map[string]string{"driftless.yaml": file("gone"), "stacks/gone/template.yaml": queue("gone", 5)}))
	head := r.git("rev-parse", "HEAD")
	r.ends("gone", head, gitops.PhaseSucceeded)
	r.git("push", "-q", r.stage.Sandbox.GitURL(r.name), ":refs/heads/main")
	var v gitops.View
	r.eventually("suspended", func() bool { v, _ = r.app("gone"); return v.Health == gitops.HealthSuspended }, func() string { return describe(v, r.repository()) })
	if !strings.Contains(v.Message, "main") {
		t.Errorf("the message names no branch: %q", v.Message)
	}
	if _, err := r.stage.Sandbox.QueueAttribute(t.Context(), "gone", "VisibilityTimeout"); err != nil {
		t.Errorf("the stack is gone with the branch: %v", err)
	}
	r.git("push", "-q", r.stage.Sandbox.GitURL(r.name), "HEAD:refs/heads/main")
	r.eventually("resumed", func() bool { v, _ = r.app("gone"); return v.Health == gitops.HealthHealthy }, func() string { return describe(v, r.repository()) })
}

func TestR57_TwoApplicationsOneStackTheSecondIsRefused(t *testing.T) {
	first := watch(t, mapFS(map[string]string{"driftless.yaml": file("mine"), "stacks/mine/template.yaml": queue("mine", 5)}))
	first.ends("mine", first.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	t.Run("second", func(t *testing.T) {
		second := watch(t, mapFS(map[string]string{
			"driftless.yaml":             strings.Replace(file("thief"), "stack: thief", "stack: mine", 1),
			"stacks/thief/template.yaml": queue("thief", 5)}))
		second.eventually("refused", func() bool { return len(second.repository().Problems) > 0 }, func() string { return describe(gitops.View{}, second.repository()) })
		if p := second.repository().Problems[0]; p.Application != "thief" || !strings.Contains(p.Message, "claimed by application mine") {
			t.Errorf("the problem is %+v", p)
		}
	})
}

func TestAPersonApprovesExactlyTheDestructivePlan(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("careful"), "stacks/careful/template.yaml": queue("careful", 5)}))
	r.ends("careful", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.set("stacks/careful/template.yaml", queue("careful-renamed", 5))
	commit := r.push("rename the queue")
	r.asks("careful")
	if out := r.cli("diff", "careful"); !strings.Contains(out, "replacement") || !strings.Contains(out, "careful-renamed") {
		t.Errorf("the plan shows no replacement:\n%s", out)
	}
	if _, err := r.stage.Run(t.Context(), "approve", "careful", "--digest", strings.Repeat("0", 64)); demo.ExitCode(err) != 1 {
		t.Errorf("a yes to another plan exited with %d", demo.ExitCode(err))
	}
	r.cli("approve", "careful", "--yes")
	r.ends("careful", commit, gitops.PhaseSucceeded)
	if _, err := r.stage.Sandbox.QueueAttribute(t.Context(), "careful-renamed", "VisibilityTimeout"); err != nil {
		t.Errorf("the approved plan was not executed: %v", err)
	}
}

func TestAMistakeEndsFailedWithTheReasonAndWhere(t *testing.T) {
	for name, c := range map[string]struct{ template, want string }{
		"nocapability": {"Resources:\n  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument: {}\n", "CAPABILITY_IAM"},
		"noresource":   {"Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    DependsOn: Nothing\n", "stacks/noresource/template.yaml:4"},
		"badproperty":  {"Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      Visibility: 5\n", "Visibility"},
		"transform":    {"Transform: AWS::Serverless-2016-10-31\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n", `say sam in place of cloudformation, or add "AWS::Serverless-2016-10-31" to the application's transforms`},
	} {
		t.Run(name, func(t *testing.T) {
			r := watch(t, mapFS(map[string]string{"driftless.yaml": file(name), "stacks/" + name + "/template.yaml": c.template}))
			v := r.ends(name, r.git("rev-parse", "HEAD"), gitops.PhaseFailed)
			if !strings.Contains(v.Application.Ended.Reason, c.want) {
				t.Errorf("the reason is %q, want it to name %q", v.Application.Ended.Reason, c.want)
			}
		})
	}
}

func TestAStackThatNeverCameUpIsReportedWithItsFirstCause(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	shared.Sandbox.Script(cloudformation.Failure{Stack: "stillborn", Resource: "Queue", Reason: "the name is taken", Times: 1})
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("stillborn"), "stacks/stillborn/template.yaml": queue("stillborn", 5)}))
	commit := r.git("rev-parse", "HEAD")
	v := r.ends("stillborn", commit, gitops.PhaseFailed)
	if !strings.Contains(v.Application.Ended.Reason, "Queue") || !strings.Contains(v.Application.Ended.Reason, "the name is taken") {
		t.Errorf("the first cause is not named: %q", v.Application.Ended.Reason)
	}
	r.set("stacks/stillborn/template.yaml", queue("stillborn", 6))
	commit = r.push("another try")
	v = r.ends("stillborn", commit, gitops.PhaseFailed)
	if !strings.Contains(v.Application.Ended.Reason, "ROLLBACK_COMPLETE") {
		t.Errorf("the stack's state is not named: %q", v.Application.Ended.Reason)
	}
}

func TestTheCommandLineSaysWhatIsWrong(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("words"), "stacks/words/template.yaml": queue("words", 5)}))
	r.ends("words", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"status", "nobody"}, 1, "nobody"},
		{[]string{"approve", "words", "--yes"}, 1, "nothing that waits"},
		{[]string{"resume", "words"}, 1, "not suspended"},
		{[]string{"statuss"}, 3, "status"},
		{[]string{"drift", "words", "--detect", "--exit-code"}, 0, ""},
	} {
		out, err := r.stage.Run(t.Context(), c.args...)
		code := 0
		if err != nil {
			code = demo.ExitCode(err)
		}
		if code != c.code || c.want != "" && !strings.Contains(errors.Join(err, errors.New(out)).Error(), c.want) {
			t.Errorf("%v exited with %d and said %q %v; want %d and %q", c.args, code, out, err, c.code, c.want)
		}
	}
	if _, err := r.stage.Sandbox.QueueAttribute(t.Context(), "words", "VisibilityTimeout"); err != nil {
		t.Fatal(err)
	}
	r.must(r.stage.Sandbox.SetQueueAttribute(t.Context(), "words", "VisibilityTimeout", "77"))
	out, err := r.stage.Run(t.Context(), "drift", "words", "--detect", "--exit-code")
	if demo.ExitCode(err) != 2 || !strings.Contains(out, "live 77") {
		t.Errorf("drift exited with %v and said %q; want 2 and the live value", err, out)
	}
}

func TestAStackThatSomebodyElseUpdatedOrDeletedIsToldAndDeployedAgain(t *testing.T) {
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("ours"), "stacks/ours/template.yaml": queue("ours", 5)}))
	commit := r.git("rev-parse", "HEAD")
	r.ends("ours", commit, gitops.PhaseSucceeded)
	stacks := cloudFormation(t)
	if _, err := stacks.UpdateStack(t.Context(), &sdk.UpdateStackInput{StackName: aws.String("ours"), TemplateBody: aws.String(queue("ours", 77))}); err != nil {
		t.Fatal(err)
	}
	if err := sdk.NewStackUpdateCompleteWaiter(stacks, func(o *sdk.StackUpdateCompleteWaiterOptions) { o.MinDelay = time.Second }).Wait(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("ours")}, patience); err != nil {
		t.Fatal(err)
	}
	if out, err := r.stage.Run(t.Context(), "drift", "ours", "--detect", "--exit-code"); demo.ExitCode(err) != 2 || !strings.Contains(out, "updated by somebody else") {
		t.Errorf("drift exited with %v and said %q", err, out)
	}
	if v, _ := r.app("ours"); v.Sync != gitops.StatusOutOfSync {
		t.Errorf("it is %s", v.Sync)
	}
	r.cli("sync", "ours", "--wait")
	if got, err := r.stage.Sandbox.QueueAttribute(t.Context(), "ours", "VisibilityTimeout"); err != nil || got != "5" {
		t.Errorf("after the sync live VisibilityTimeout is %q, %v; want 5", got, err)
	}
	if _, err := stacks.DeleteStack(t.Context(), &sdk.DeleteStackInput{StackName: aws.String("ours")}); err != nil {
		t.Fatal(err)
	}
	if err := sdk.NewStackDeleteCompleteWaiter(stacks, func(o *sdk.StackDeleteCompleteWaiterOptions) { o.MinDelay = time.Second }).Wait(t.Context(), &sdk.DescribeStacksInput{StackName: aws.String("ours")}, patience); err != nil {
		t.Fatal(err)
	}
	if _, err := r.stage.Run(t.Context(), "drift", "ours", "--detect", "--exit-code"); demo.ExitCode(err) != 2 {
		t.Errorf("the drift of a deleted stack exited with %v", err)
	}
	if v, _ := r.app("ours"); v.Sync != gitops.StatusOutOfSync || v.Health != gitops.HealthMissing {
		t.Errorf("a deleted stack is %s %s", v.Sync, v.Health)
	}
	r.cli("sync", "ours", "--wait")
	if _, err := r.stage.Sandbox.QueueAttribute(t.Context(), "ours", "VisibilityTimeout"); err != nil {
		t.Errorf("the sync did not make it again: %v", err)
	}
}

// cloudFormation returns a client of the sandbox's, as somebody else would have one.
func cloudFormation(t *testing.T) *sdk.Client {
	t.Helper()
	return sdk.NewFromConfig(config(t))
}
