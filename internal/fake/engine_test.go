package fake_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

const (
	first  = "# the queue\nQueue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\nOutputs.url: https://queue\n"
	second = "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 60\n"
)

// order is the work of one operation on the stack "jobs".
func order(kind gitops.OperationKind, token, template string) reconcile.Work {
	return reconcile.Work{
		Application: "jobs",
		Settings: gitops.Settings{Path: "jobs", Engine: gitops.EngineCloudFormation, Target: target,
			CloudFormation: gitops.CloudFormation{Stack: "jobs", Template: "template.txt"}},
		Kind:      gitops.KindDeploy,
		Operation: gitops.Operation{N: 1, Kind: kind, Token: token},
		Files: func(context.Context) (fs.FS, error) {
			return fstest.MapFS{"jobs/template.txt": {Data: []byte(template)}}, nil
		},
	}
}

func start(t *testing.T, e *fake.Engine, w reconcile.Work) reconcile.Work {
	t.Helper()
	op, err := e.Start(t.Context(), w)
	must(t, err)
	w.Operation = op
	return w
}

// look observes an operation and demands a state.
func look(t *testing.T, e *fake.Engine, w reconcile.Work, want gitops.OperationState) gitops.Sighting {
	t.Helper()
	s, err := e.Observe(t.Context(), w)
	must(t, err)
	if s.State != want {
		t.Fatalf("%s is %s (%s), want %s", w.Operation.Token, s.State, s.Reason, want)
	}
	return s
}

// applied plans and applies a template.
func applied(t *testing.T, e *fake.Engine, token, template string) reconcile.Work {
	t.Helper()
	w := start(t, e, order(gitops.OperationPlan, token, template))
	look(t, e, w, gitops.OperationReady)
	w.Operation.Kind = gitops.OperationApply
	w = start(t, e, w)
	look(t, e, w, gitops.OperationDone)
	return w
}

func TestAPlanIsExecutedOnce(t *testing.T) {
	e := fake.NewEngine()
	w := start(t, e, order(gitops.OperationPlan, "t1", first))
	start(t, e, w)
	plan := look(t, e, w, gitops.OperationReady).Plan
	if got := plan.Summary().String(); got != "+1" {
		t.Errorf("the plan is %s, want +1", got)
	}
	w.Operation.Kind = gitops.OperationApply
	look(t, e, w, gitops.OperationReady)
	for range 3 {
		start(t, e, w)
		outputs := look(t, e, w, gitops.OperationDone).Outputs
		if diff := cmp.Diff(map[string]string{"url": "https://queue"}, outputs); diff != "" {
			t.Error(diff)
		}
	}
	if got := e.Executed(); len(got) != 1 || got[0].Token != "t1" {
		t.Errorf("executed: %+v", got)
	}
	want := fake.Resources{"Queue": {"Type": "AWS::SQS::Queue", "VisibilityTimeout": "5"}}
	if diff := cmp.Diff(want, e.Live(target, "jobs")); diff != "" {
		t.Error(diff)
	}
	look(t, e, start(t, e, order(gitops.OperationPlan, "t2", first)), gitops.OperationNoChange)
}

func TestAPlanGoesStaleWhenTheStackMoves(t *testing.T) {
	e := fake.NewEngine()
	applied(t, e, "t1", first)
	stale := start(t, e, order(gitops.OperationPlan, "t2", second))
	look(t, e, stale, gitops.OperationReady)
	e.Touch(target, "jobs")
	stale.Operation.Kind = gitops.OperationApply
	look(t, e, start(t, e, stale), gitops.OperationStale)
	if got := e.Executed(); len(got) != 1 {
		t.Errorf("a stale plan was executed: %+v", got)
	}
}

func TestOnePlanExecutedTheOthersAreGone(t *testing.T) {
	e := fake.NewEngine()
	applied(t, e, "t1", first)
	other := start(t, e, order(gitops.OperationPlan, "t2", second))
	applied(t, e, "t3", "Queue.VisibilityTimeout: 7\n")
	look(t, e, other, gitops.OperationAbsent)
	if got := e.Leftovers(); len(got) != 0 {
		t.Errorf("left over: %q", got)
	}
}

func TestDriftIsFoundAndBroughtBack(t *testing.T) {
	e := fake.NewEngine()
	e.Now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	applied(t, e, "t1", first)
	e.Edit(target, "jobs", "Queue", "VisibilityTimeout", "60")
	look(t, e, start(t, e, order(gitops.OperationPlan, "t2", first)), gitops.OperationNoChange) // template against template

	report := look(t, e, start(t, e, order(gitops.OperationDetect, "", first)), gitops.OperationDone).Report
	if got := report.Summary(); got.Drifted != 1 || got.Message != "Queue VisibilityTimeout 5 -> 60" {
		t.Errorf("the report is %+v", got)
	}
	revert := order(gitops.OperationPlan, "t3", first)
	revert.Kind = gitops.KindRevert
	revert = start(t, e, revert)
	plan := look(t, e, revert, gitops.OperationReady).Plan
	want := []gitops.PropertyChange{{Path: "/VisibilityTimeout", LastDeployed: "5", Live: "60", Proposed: "5"}}
	if diff := cmp.Diff(want, plan.Changes[0].Properties); diff != "" {
		t.Error(diff)
	}
	revert.Operation.Kind = gitops.OperationApply
	look(t, e, start(t, e, revert), gitops.OperationDone)
	report = look(t, e, start(t, e, order(gitops.OperationDetect, "", first)), gitops.OperationDone).Report
	if got := report.Summary(); got.Drifted != 0 || got.InSync != 1 {
		t.Errorf("after the revert the report is %+v", got)
	}

	e.Edit(target, "jobs", "Queue", "", "")
	e.Script("jobs", fake.Script{NotCheckable: []string{"Topic"}})
	report = look(t, e, start(t, e, order(gitops.OperationDetect, "", first)), gitops.OperationDone).Report
	if got := report.Resources[0].Status; got != gitops.ResourceDeleted {
		t.Errorf("a deleted queue is %s", got)
	}
}

func TestTheScriptIsWhatHappens(t *testing.T) {
	for name, c := range map[string]struct {
		script fake.Script
		want   gitops.OperationState
	}{
		"slow":    {fake.Script{Slow: 1}, gitops.OperationRunning},
		"foreign": {fake.Script{Foreign: "somebody"}, gitops.OperationForeign},
		"blocked": {fake.Script{Blocked: "ROLLBACK_COMPLETE"}, gitops.OperationBlocked},
		"unknown": {fake.Script{Unknown: true}, gitops.OperationUnknown},
		"failed":  {fake.Script{FailPlan: "no"}, gitops.OperationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			e := fake.NewEngine()
			e.Script("jobs", c.script)
			w := start(t, e, order(gitops.OperationPlan, "t1", first))
			look(t, e, w, c.want)
			w.Operation.Kind = gitops.OperationApply
			if c.want != gitops.OperationUnknown {
				if _, err := e.Start(t.Context(), w); err == nil && c.want != gitops.OperationRunning {
					t.Error("the plan was executed")
				}
			}
		})
	}
	t.Run("a refusal is a person's mistake", func(t *testing.T) {
		e := fake.NewEngine()
		e.Script("jobs", fake.Script{Refuse: &gitops.Refusal{Reason: "a capability is missing"}})
		_, err := e.Start(t.Context(), order(gitops.OperationPlan, "t1", first))
		var refusal *gitops.Refusal
		if !errors.As(err, &refusal) {
			t.Errorf("the error is %v", err)
		}
		e.Script("jobs", fake.Script{})
		if _, err = e.Start(t.Context(), order(gitops.OperationPlan, "t1", "nonsense")); !errors.As(err, &refusal) {
			t.Errorf("a template that cannot be read: %v", err)
		}
	})
	t.Run("an apply that fails leaves live as it was", func(t *testing.T) {
		e := fake.NewEngine()
		applied(t, e, "t1", first)
		e.Script("jobs", fake.Script{FailApply: "Queue: no such thing"})
		w := start(t, e, order(gitops.OperationPlan, "t2", second))
		w.Operation.Kind = gitops.OperationApply
		if s := look(t, e, start(t, e, w), gitops.OperationFailed); s.Reason != "Queue: no such thing" {
			t.Errorf("the reason is %q", s.Reason)
		}
		if got := e.Live(target, "jobs")["Queue"]["VisibilityTimeout"]; got != "5" {
			t.Errorf("live is %s", got)
		}
	})
}

func TestACancelledPlanLeavesNothing(t *testing.T) {
	e := fake.NewEngine()
	w := start(t, e, order(gitops.OperationPlan, "t1", first))
	if got := e.Leftovers(); len(got) != 1 {
		t.Errorf("left over: %q", got)
	}
	w.Operation.Kind = gitops.OperationCancel
	start(t, e, w)
	start(t, e, w)
	if got := e.Leftovers(); len(got) != 0 || e.Live(target, "jobs") != nil {
		t.Errorf("left over: %q, stack %v", got, e.Live(target, "jobs"))
	}
	w.Operation.Kind = gitops.OperationPlan
	look(t, e, w, gitops.OperationAbsent)

	done := applied(t, e, "t2", first)
	done.Operation.Kind = gitops.OperationCancel
	if _, err := e.Start(t.Context(), done); err == nil {
		t.Error("what was executed was cancelled")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("the error is %v, want %v", err, want)
	}
}

func write(t *testing.T, name, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(name), 0o755))
	must(t, os.WriteFile(name, []byte(content), 0o644))
}
