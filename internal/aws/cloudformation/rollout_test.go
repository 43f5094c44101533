package cloudformation

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// TestARolloutTakesEighteenCalls counts what an engine of 3 s for the change set and 10 s
// for the stack costs where it is looked at every second: twenty is the limit.
func TestARolloutTakesEighteenCalls(t *testing.T) {
	a := newAccount()
	e := a.engine()
	phases := map[string]int{}
	phase := func(name string) { phases[name], a.calls = len(a.calls), nil }
	w := mustStart(t, e, work(gitops.OperationPlan))
	phase("start of the plan")
	for range 2 {
		if s := mustObserve(t, e, w); s.State != gitops.OperationRunning {
			t.Fatalf("got %s", s.State)
		}
	}
	phase("while it is made")
	a.settle(token, added("Queue"))
	w.Operation = mustObserve(t, e, w).Operation
	phase("its end")
	w.Operation.Kind = gitops.OperationApply
	w = mustStart(t, e, w)
	phase("start of the apply")
	for range 9 {
		a.emit(token, "Queue", "CREATE_IN_PROGRESS", "")
		if s := mustObserve(t, e, w); s.State != gitops.OperationRunning {
			t.Fatalf("got %s", s.State)
		}
	}
	phase("while it runs")
	a.emit(token, stackName, "CREATE_COMPLETE", "")
	if s := mustObserve(t, e, w); s.State != gitops.OperationDone {
		t.Fatalf("got %s", s.State)
	}
	phase("the end of it")
	want := map[string]int{"start of the plan": 2, "while it is made": 2, "its end": 2, "start of the apply": 1, "while it runs": 9, "the end of it": 2}
	if diff := cmp.Diff(want, phases); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

// TestR29d_AnOperationOfThreeHoursIsManyShortLooks: a custom resource never answers. Every
// look is one call, says what is waited for, and concludes nothing from the time that passed.
func TestR29d_AnOperationOfThreeHoursIsManyShortLooks(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), planned(t, a))
	a.emit(token, "Custom", "CREATE_IN_PROGRESS", "")
	a.calls = nil
	const looks = 180
	for range looks {
		a.now = a.now.Add(time.Minute)
		s := mustObserve(t, a.engine(), w)
		if s.State != gitops.OperationRunning || s.Progress != "Custom CREATE_IN_PROGRESS" {
			t.Fatalf("got %s: %q", s.State, s.Progress)
		}
	}
	if len(a.calls) != looks {
		t.Errorf("%d looks made %d calls", looks, len(a.calls))
	}
	a.emit(token, "Custom", "CREATE_FAILED", "CloudFormation did not receive a response from your Custom Resource")
	a.emit(token, stackName, "ROLLBACK_COMPLETE", "")
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationFailed {
		t.Errorf("got %s", s.State)
	}
}
