package cloudformation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// TestR29g_EveryErrorCodeHasItsMeaningAtEveryCall shows what the engine makes of each code that
// it tells apart, call by call: an answer that nobody listed is "again later", never a failure.
func TestR29g_EveryErrorCodeHasItsMeaningAtEveryCall(t *testing.T) {
	transient := []string{"Throttling", "RequestLimitExceeded", "InternalFailure", "ServiceUnavailable", "ExpiredToken", "NewlyInvented"}
	codes := slices.Concat([]string{codeValidation, codeExists, codeNoChangeSet, codeWrongStatus, codeTokenExists, codeLimit,
		codeCapabilities, codeStackNotFound, codeInvalidAction}, denials, transient)
	calls := []string{"DescribeStacks", "CreateChangeSet", "DescribeChangeSet", "DescribeEvents", "ExecuteChangeSet", "DescribeStackEvents", "DeleteChangeSet",
		"ListChangeSets", "DetectStackDrift", "DescribeStackDriftDetectionStatus", "ListStackResources", "DescribeStackResourceDrifts"}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\t%s\n", strings.Join(calls, "\t"))
	for _, code := range codes {
		row := []string{code}
		for _, call := range calls {
			cell := answered(t, call, apiError(code, "of no known wording"))
			if slices.Contains(transient, code) && cell != "again later" {
				t.Errorf("%s of %s: %s", code, call, cell)
			}
			row = append(row, cell)
		}
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	golden(t, "error.golden", out.String())
}

// answered is what becomes of the operation that makes a call when AWS answers it so.
func answered(t *testing.T, call string, err error) string {
	t.Helper()
	a := standing("UPDATE_COMPLETE")
	w := work(gitops.OperationPlan)
	switch call {
	case "DescribeStacks", "CreateChangeSet":
		a.fails[call] = []error{err, err}
		_, err := a.engine().Start(t.Context(), w)
		return orGoesOn(said("", err))
	case "DetectStackDrift":
		a.fails[call] = []error{err}
		_, err := a.engine().Start(t.Context(), work(gitops.OperationDetect))
		return orGoesOn(said("", err))
	case "DescribeStackDriftDetectionStatus", "ListStackResources", "DescribeStackResourceDrifts":
		a, w = detecting(t, "IN_SYNC")
		a.fails[call] = []error{err}
		return state(a.engine().Observe(t.Context(), w))
	case "DeleteChangeSet", "ListChangeSets":
		a = newAccount()
		w = planned(t, a)
		w.Operation.Kind = gitops.OperationCancel
		a.fails[call] = []error{err}
		_, err := a.engine().Start(t.Context(), w)
		return orGoesOn(said("", err))
	}
	w = planned(t, a)
	a.fails[call] = []error{err}
	switch call {
	case "ExecuteChangeSet":
		_, err := a.engine().Start(t.Context(), w)
		return orGoesOn(said("", err))
	case "DescribeStackEvents":
		return state(a.engine().Observe(t.Context(), w))
	}
	w.Operation.Kind = gitops.OperationPlan
	return state(a.engine().Observe(t.Context(), w))
}

// orGoesOn is what a call that ended without an error comes to: the next look tells.
func orGoesOn(outcome string) string {
	if outcome == "" {
		return "goes on"
	}
	return outcome
}
