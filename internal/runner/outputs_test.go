package runner_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/driftless-gitops/driftless/internal/build"
)

// deaf makes the state's backend refuse to be read that many times once an apply wrote the
// state, and returns how often it was.
func (w *world) deaf(times int64) *atomic.Int64 {
	var written atomic.Bool
	refused := &atomic.Int64{}
	w.gate.failing(func(r *http.Request) bool {
		if !strings.HasPrefix(r.URL.Path, "/"+w.state+"/data/terraform.tfstate") || strings.HasSuffix(r.URL.Path, ".tflock") {
			return false
		}
		if r.Method == http.MethodPut {
			written.Store(true)
		}
		return r.Method == http.MethodGet && written.Load() && refused.Add(1) <= times
	}, http.StatusForbidden, "AccessDenied")
	return refused
}

func TestOutputsThatCouldNotBeReadAreReadAgain(t *testing.T) {
	w := newWorld(t)
	o, planned := w.plan(one("x"))
	asked := w.deaf(1)
	r := w.do(w.applying(o, planned))
	w.want(r, build.OutcomeApplied)
	if r.Outputs["said"] != "x" || r.Reason != "" || asked.Load() < 2 {
		t.Errorf("read %d times, the outputs are %v; %s\n%s", asked.Load(), r.Outputs, r.Reason, w.text(r.Job.LogKey()))
	}
}

func TestAnApplyWhoseOutputsCannotBeReadSaysThatThoseOnRecordAreOfBefore(t *testing.T) {
	w := newWorld(t)
	o, planned := w.plan(one("x"))
	w.deaf(1000)
	r := w.do(w.applying(o, planned))
	w.want(r, build.OutcomeApplied)
	const want = "applied, but its outputs could not be read, so that those on record, if any, are of before: terraform state: Failed to refresh state: "
	if r.Outputs != nil || !strings.HasPrefix(r.Reason, want) || !strings.Contains(r.Reason, "AccessDenied") {
		t.Errorf("the outputs are %v, the reason is %q, want %q\n%s", r.Outputs, r.Reason, want, w.text(r.Job.LogKey()))
	}
}
