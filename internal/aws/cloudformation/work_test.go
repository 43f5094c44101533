package cloudformation

import (
	"context"
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// engine returns the engine over the account.
func (a *account) engine() *Engine {
	enter := func(context.Context, reconcile.Work) (api, error) { return a, nil }
	none := func(reconcile.Work) string { return "" }
	return &Engine{deploy: enter, drift: enter, role: none, bucket: none,
		live: func(context.Context, reconcile.Work) (resources, error) { return a, nil },
		artefacts: func(context.Context, reconcile.Work) (objects, error) {
			return nil, errors.New("no artefact was wanted")
		}}
}

const goodTemplate = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      VisibilityTimeout: 5\n"

// work returns the work of the application jobs, its files those of a good repository.
func work(kind gitops.OperationKind) reconcile.Work {
	return reconcile.Work{
		Application: "jobs",
		Settings: gitops.Settings{
			Name: "jobs", Path: "stacks/jobs", Engine: gitops.EngineCloudFormation,
			Target:         gitops.Target{Account: "111122223333", Region: "eu-west-1"},
			CloudFormation: gitops.CloudFormation{Stack: stackName, Template: "template.yaml"},
		},
		Kind:   gitops.KindDeploy,
		Bundle: "bundles/b1",
		Operation: gitops.Operation{N: 1, Kind: kind, Token: token,
			At: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)},
		Files: func(context.Context) (fs.FS, error) {
			return fstest.MapFS{"stacks/jobs/template.yaml": {Data: []byte(goodTemplate)}}, nil
		},
	}
}

// mustStart starts an operation and returns the work with what is known of it by then.
func mustStart(t *testing.T, e *Engine, w reconcile.Work) reconcile.Work {
	t.Helper()
	op, err := e.Start(t.Context(), w)
	if err != nil {
		t.Fatalf("start %s: %v", w.Operation.Kind, err)
	}
	w.Operation = op
	return w
}

func mustObserve(t *testing.T, e *Engine, w reconcile.Work) gitops.Sighting {
	t.Helper()
	s, err := e.Observe(t.Context(), w)
	if err != nil {
		t.Fatalf("observe %s: %v", w.Operation.Kind, err)
	}
	return s
}

// refusal returns the refusal that starting w ends with.
func refusal(t *testing.T, e *Engine, w reconcile.Work) *gitops.Refusal {
	t.Helper()
	_, err := e.Start(t.Context(), w)
	var r *gitops.Refusal
	if !errors.As(err, &r) {
		t.Fatalf("start %s: got %v, want a refusal", w.Operation.Kind, err)
	}
	return r
}

func (a *account) count(call string) int {
	n := 0
	for _, c := range a.calls {
		if c == call {
			n++
		}
	}
	return n
}

// planned is an account whose change set is ready, and the work to apply it.
func planned(t *testing.T, a *account) reconcile.Work {
	t.Helper()
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settle(token, added("Queue"))
	w.Operation.Kind = gitops.OperationApply
	return w
}

func added(logical string) types.Change {
	return types.Change{ResourceChange: &types.ResourceChange{Action: types.ChangeActionAdd,
		LogicalResourceId: aws.String(logical), ResourceType: aws.String("AWS::SQS::Queue")}}
}
