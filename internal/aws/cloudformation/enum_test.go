package cloudformation

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var update = flag.Bool("update", false, "write the golden files anew")

// invented is a value that a later SDK may bring.
const invented = "NEWLY_INVENTED"

// enum is the table of one of the SDK's enums: what the engine does at each value, one column
// for each place where the value counts. The rows are the SDK's own Values(), so that a value
// that a later SDK adds is missing from the golden file until somebody has thought about it.
type enum[T ~string] struct {
	values  []T
	columns []string
	row     func(t *testing.T, v T) []string
}

// write appends the table to a golden file's text, and holds that no value of the SDK's is
// unknown and that an invented one is so in every column.
func (e enum[T]) write(t *testing.T, out *strings.Builder) {
	t.Helper()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%s (%d)\t%s\n", strings.TrimPrefix(fmt.Sprintf("%T", *new(T)), "types."), len(e.values), strings.Join(e.columns, "\t"))
	for _, v := range append(slices.Clone(e.values), invented) {
		row := e.row(t, v)
		if len(row) != len(e.columns) {
			t.Fatalf("%s has %d cells for %d columns", v, len(row), len(e.columns))
		}
		for i, cell := range row {
			if (v == invented) != (cell == "unknown") {
				t.Errorf("%s, %s: %s", v, e.columns[i], cell)
			}
		}
		fmt.Fprintf(w, "%s\t%s\n", v, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; if the new rows are meant, run make update-golden and review the diff (-file +now):\n%s", path, diff)
	}
}

// said is an outcome in one word: the error's where there is one.
func said(outcome string, err error) string {
	var r *gitops.Refusal
	switch {
	case err == nil:
		return outcome
	case errors.As(err, &r) && r.Blocked:
		return "blocked"
	case errors.As(err, &r):
		return "fails"
	case errors.Is(err, reconcile.ErrDenied):
		return "denied"
	case strings.Contains(err.Error(), "is not known to this version"):
		return "unknown"
	}
	return "again later"
}

func state(s gitops.Sighting, err error) string { return said(string(s.State), err) }

// on is an account whose stack is in a status. A deleted stack has no name any more.
func on(s types.StackStatus) *account {
	a := standing(s)
	if s == types.StackStatusDeleteComplete {
		a.stack = nil
	}
	return a
}

// TestR26_EveryStackStateAtTheStartOfAPlan and everywhere else that a stack's state counts.
func TestR26_EveryStackStateAtTheStartOfAPlan(t *testing.T) {
	var out strings.Builder
	enum[types.StackStatus]{
		values: types.StackStatus("").Values(),
		columns: []string{"a plan begins", "a plan that is not there", "a plan to be applied", "an apply that led there",
			"a look for drift", "a look that is due", "a recovery begins", "a recovery to be begun", "one that led there"},
		row: func(t *testing.T, s types.StackStatus) []string {
			return []string{begun(t, s), unplanned(t, s), unapplied(t, s), applied(t, s), looked(t, s, work(gitops.OperationDetect)), looked(t, s, scheduled()),
				ledOut(t, s), unrecovered(t, s), recoveredTo(t, s)}
		},
	}.write(t, &out)
	golden(t, "stack-status.golden", out.String())
}

// begun is what the start of a plan comes to: the type of its change set, or why there is none.
func begun(t *testing.T, s types.StackStatus) string {
	a := on(s)
	_, err := a.engine().Start(t.Context(), work(gitops.OperationPlan))
	if err == nil && a.created == nil {
		return "waits"
	}
	if err != nil {
		return said("", err)
	}
	return string(a.created.ChangeSetType)
}

func unplanned(t *testing.T, s types.StackStatus) string {
	return state(on(s).engine().Observe(t.Context(), work(gitops.OperationPlan)))
}

// unapplied is what becomes of a ready change set that nobody executed, on a stack that
// somebody else brought to a status.
func unapplied(t *testing.T, s types.StackStatus) string {
	a := standing("UPDATE_COMPLETE")
	w := planned(t, a)
	a.emit("theirs", stackName, string(s), "")
	return state(a.engine().Observe(t.Context(), w))
}

// applied is what an operation of ours comes to whose latest event has a status.
func applied(t *testing.T, s types.StackStatus) string {
	a := standing("UPDATE_COMPLETE")
	w := mustStart(t, a.engine(), planned(t, a))
	if s != types.StackStatusReviewInProgress { // it is what stands before an operation
		a.emit(token, stackName, string(s), "")
	}
	return state(a.engine().Observe(t.Context(), w))
}

// looked is how a look for drift begins, and where it cannot what is reported instead.
func looked(t *testing.T, s types.StackStatus, w reconcile.Work) string {
	a := on(s)
	op, err := a.engine().Start(t.Context(), w)
	w.Operation = op
	if err != nil || op.ID != undetectable {
		return said("begins", err)
	}
	seen, err := a.engine().Observe(t.Context(), w)
	if err != nil || seen.Report == nil {
		return state(seen, err)
	}
	if seen.Report.Gone {
		return "reports it gone"
	}
	return "reports its state"
}

// ledOut is the call by which a stack is led out of a status, where the settings allow all.
func ledOut(t *testing.T, s types.StackStatus) string {
	a, w := stillborn(s), work(gitops.OperationRecover)
	w.Settings.Recover.Recreate = true
	if s == types.StackStatusDeleteComplete {
		a.stack = nil
	}
	_, err := a.engine().Start(t.Context(), w)
	if err == nil && a.recovered.call == "" {
		return "waits"
	}
	return said(a.recovered.call, err)
}

// unrecovered is what a recovery that nobody began is, by the status of the stack.
func unrecovered(t *testing.T, s types.StackStatus) string {
	return state(on(s).engine().Observe(t.Context(), work(gitops.OperationRecover)))
}

// recoveredTo is what a recovery comes to whose latest event has a status.
func recoveredTo(t *testing.T, s types.StackStatus) string {
	a, w := stranded(), work(gitops.OperationRecover)
	if s == types.StackStatusDeleteInProgress || s == types.StackStatusDeleteComplete {
		a, w.Settings.Recover.Recreate = stillborn("ROLLBACK_COMPLETE"), true
	}
	w = mustStart(t, a.engine(), w)
	if s != types.StackStatusReviewInProgress { // it is what stands before an operation
		a.emit(token, stackName, string(s), "")
	}
	return state(a.engine().Observe(t.Context(), w))
}

func TestEveryStackStatusEndsAnOperationOrDoesNot(t *testing.T) {
	var out strings.Builder
	enum[types.StackStatus]{
		values:  types.StackStatus("").Values(),
		columns: []string{"for a plan", "of an operation", "begins one", "changed what is there", "its reason tells why", "the way out"},
		row: func(_ *testing.T, s types.StackStatus) []string {
			m := meaningOf(s)
			if m.ending == endingUnknown {
				return []string{string(m.footing), string(m.ending), "unknown", "unknown", "unknown", "unknown"}
			}
			if dead := m.footing == footingDead || m.footing == footingStuck; dead != (m.remedy != "") || dead != (m.way != "") {
				t.Errorf("%s is %s, its way out %q and its remedy %q", s, m.footing, m.way, m.remedy)
			}
			return []string{string(m.footing), string(m.ending), yes(m.begins), yes(m.changed), yes(m.failing), orNone(string(m.way))}
		},
	}.write(t, &out)
	golden(t, "stack-meaning.golden", out.String())
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func TestEveryStatusOfAChangeSetIsKnown(t *testing.T) {
	columns := []string{"as a plan", "to be applied", "of a nested stack"}
	row := func(t *testing.T, s types.ChangeSetStatus, x types.ExecutionStatus, reason string) []string {
		return []string{ofSet(t, gitops.OperationPlan, s, x, reason), ofSet(t, gitops.OperationApply, s, x, reason), ofNested(t, s, x, reason)}
	}
	var out strings.Builder
	out.WriteString("The execution status of a change set is AVAILABLE here, and its reason no known wording.\n\n")
	enum[types.ChangeSetStatus]{values: types.ChangeSetStatus("").Values(), columns: columns,
		row: func(t *testing.T, s types.ChangeSetStatus) []string {
			return row(t, s, types.ExecutionStatusAvailable, "no such bucket")
		}}.write(t, &out)
	out.WriteString("The status of a change set is CREATE_COMPLETE here.\n\n")
	enum[types.ExecutionStatus]{values: types.ExecutionStatus("").Values(), columns: columns,
		row: func(t *testing.T, x types.ExecutionStatus) []string {
			return row(t, types.ChangeSetStatusCreateComplete, x, "")
		}}.write(t, &out)
	out.WriteString("What a deletion that AWS refuses means, by the execution status.\n\n")
	for _, x := range types.ExecutionStatus("").Values() {
		fmt.Fprintf(&out, "%-20s %s\n", x, cancelled(t, x))
	}
	golden(t, "change-set-status.golden", out.String())
}

// ofSet is what a change set in these statuses is, as a plan or to be applied.
func ofSet(t *testing.T, kind gitops.OperationKind, s types.ChangeSetStatus, x types.ExecutionStatus, reason string) string {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	w.Operation.Kind = kind
	set := a.sets[token]
	set.Status, set.ExecutionStatus, set.StatusReason = s, x, aws.String(reason)
	return state(a.engine().Observe(t.Context(), w))
}

// ofNested is what a plan is one of whose nested change sets is in these statuses.
func ofNested(t *testing.T, s types.ChangeSetStatus, x types.ExecutionStatus, reason string) string {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.settle(token, a.nest(token, "Vpc", types.ChangeActionModify))
	set := a.sets[token+"-Vpc"]
	set.Status, set.ExecutionStatus, set.StatusReason = s, x, aws.String(reason)
	return state(a.engine().Observe(t.Context(), w))
}

// cancelled is what it means that AWS refuses to delete a change set that was created.
func cancelled(t *testing.T, x types.ExecutionStatus) string {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	a.sets[token].Status, a.sets[token].ExecutionStatus = types.ChangeSetStatusCreateComplete, x
	a.fails["DeleteChangeSet"] = []error{apiError("InvalidChangeSetStatus", "no")}
	w.Operation.Kind = gitops.OperationCancel
	_, err := a.engine().Start(t.Context(), w)
	return said("nothing is left to cancel", err)
}

func TestEveryStatusOfDriftIsKnown(t *testing.T) {
	var out strings.Builder
	enum[types.StackDriftDetectionStatus]{values: types.StackDriftDetectionStatus("").Values(), columns: []string{"the operation", "the report"},
		row: func(t *testing.T, s types.StackDriftDetectionStatus) []string {
			a, w := detecting(t, types.StackDriftStatusInSync)
			a.detection.DetectionStatus = s
			return reported(a.engine().Observe(t.Context(), w))
		}}.write(t, &out)
	enum[types.StackDriftStatus]{values: types.StackDriftStatus("").Values(), columns: []string{"the operation", "the report", "a plan that looks at live"},
		row: func(t *testing.T, s types.StackDriftStatus) []string {
			a, w := detecting(t, s)
			note, err := (&reader{}).note(&cloudformation.DescribeChangeSetOutput{StackDriftStatus: s}, 1)
			return append(reported(a.engine().Observe(t.Context(), w)), said(orNone(note), err))
		}}.write(t, &out)
	enum[types.StackResourceDriftStatus]{values: types.StackResourceDriftStatus("").Values(), columns: []string{"the resource", "AWS could look"},
		row: func(_ *testing.T, s types.StackResourceDriftStatus) []string {
			at := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
			r, unseen, err := resourceDrift(types.StackResourceSummary{}, types.StackResourceDrift{StackResourceDriftStatus: s, Timestamp: &at}, true, "", at)
			return []string{said(string(r.Status), err), said(yes(!unseen), err)}
		}}.write(t, &out)
	enum[types.DifferenceType]{values: types.DifferenceType("").Values(), columns: []string{"declared", "live"},
		row: func(_ *testing.T, d types.DifferenceType) []string {
			list, err := differences(types.StackResourceDrift{PropertyDifferences: []types.PropertyDifference{
				{PropertyPath: aws.String("/P"), ExpectedValue: aws.String("1"), ActualValue: aws.String("2"), DifferenceType: d}}})
			if err != nil {
				return []string{said("", err), said("", err)}
			}
			return []string{orNone(list[0].Declared), orNone(list[0].Live)}
		}}.write(t, &out)
	golden(t, "drift-status.golden", out.String())
}

func reported(s gitops.Sighting, err error) []string {
	switch {
	case err != nil:
		return []string{state(s, err), state(s, err)}
	case s.Report == nil:
		return []string{string(s.State), "none"}
	case s.Report.Complete:
		return []string{string(s.State), "complete"}
	}
	return []string{string(s.State), "incomplete"}
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
