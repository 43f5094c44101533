package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestADeploymentIsShownFromPendingToItsEnd(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	for _, p := range course {
		w.move(d, p)
		w.deliver()
	}
	var got []string
	for _, s := range w.forge.all["r1 a1a1a1a driftless/jobs"] {
		got = append(got, string(s.State)+": "+s.Description)
	}
	want := []string{
		"pending: waiting to begin", "running: planning", "pending: waiting for approval: the plan replaces or removes resources",
		"running: applying", "running: applied, verifying", "success: applied and in sync",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if behind := w.notices.Behind(); len(behind) > 0 {
		t.Errorf("still behind: %v", behind)
	}
}

func TestWhatIsShownIsNotShownAgain(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	w.move(d, gitops.PhaseApplying)
	w.stream = append(w.stream, w.stream...)
	w.deliver()
	w.notices.Forget()
	for range 20 { // what the stack is doing is stored with every look
		d.Progress = fmt.Sprint("applying: resource ", d.Version)
		w.move(d, gitops.PhaseApplying)
		w.deliver()
	}
	if w.forge.tried != 1 || w.notices.Count("PutNotice") != 0 {
		t.Errorf("%d reports and then %d writes for one phase", w.forge.tried, w.notices.Count("PutNotice"))
	}
}

func TestABatchShowsWhereThingsStandByNow(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	for _, p := range course {
		w.move(d, p)
	}
	w.deliver()
	w.expect("jobs", commit, forge.StateSuccess)
	if w.forge.tried != 1 {
		t.Errorf("%d reports for six records in one batch", w.forge.tried)
	}
}

func TestNobodyIsToldWhereNobodyListens(t *testing.T) {
	for name, r := range map[string]gitops.Repository{
		"CodeCommit":     {ID: "r2", Forge: gitops.ForgeCodeCommit, Credentials: "ssm:x"},
		"plain git":      {ID: "r2", Credentials: "ssm:x"},
		"no credentials": {ID: "r2", Forge: gitops.ForgeGitHub},
		"removed":        {ID: "r3"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.put(&r)
			w.stream, w.n.Records = nil, w.store
			w.store.Forget()
			d := begin("jobs", "01A", commit)
			d.Repository = "r2"
			w.move(d, gitops.PhaseApplying)
			w.deliver()
			if w.forge.tried != 0 || len(w.notices.Counts()) != 0 || len(w.stream) != 0 {
				t.Errorf("%d reports, notices %v, left %v", w.forge.tried, w.notices.Counts(), w.stream)
			}
			if reads := w.store.Count("Repository"); reads != 1 || w.store.Count("Deployment") != 0 {
				t.Errorf("it took %v to find out", w.store.Counts())
			}
		})
	}
}

func TestADeploymentWithoutARepositoryIsNotShown(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	d.Repository = ""
	w.move(d, gitops.PhaseApplying)
	w.deliver()
	if w.forge.tried != 0 || len(w.stream) != 0 {
		t.Errorf("%d reports, left %v", w.forge.tried, w.stream)
	}
}

func TestAForgeThatIsDownForAnHourIsToldAfterwards(t *testing.T) {
	w := newWorld(t)
	w.forge.fault = func(gitops.Repository, forge.Status) error { return errors.New("503") }
	d := begin("jobs", "01A", commit)
	for _, p := range course {
		w.move(d, p)
		w.deliver()
	}
	for range 60 {
		w.sweep(time.Minute)
	}
	if w.forge.tried > 15 || len(w.stream) != 0 {
		t.Errorf("%d tries within the hour, left %v", w.forge.tried, w.stream)
	}
	w.forge.fault = nil
	for range 31 {
		w.sweep(time.Minute)
	}
	w.expect("jobs", commit, forge.StateSuccess)
	if behind := w.notices.Behind(); len(behind) > 0 {
		t.Errorf("still behind: %v", behind)
	}
}

func TestWhatNeverWorksIsGivenUpWithItsReason(t *testing.T) {
	w := newWorld(t)
	w.forge.fault = func(gitops.Repository, forge.Status) error {
		return errors.New("503 \x1b[2J" + strings.Repeat("x", 1000))
	}
	d := begin("jobs", "01A", commit)
	w.move(d, gitops.PhaseFailed)
	for range 25 * 60 {
		w.sweep(time.Minute)
	}
	tried := w.forge.tried
	for range 60 {
		w.sweep(time.Minute)
	}
	if w.forge.tried != tried || tried > 60 {
		t.Errorf("tried %d times in 25 hours and %d times afterwards", tried, w.forge.tried-tried)
	}
	n, err := w.notices.Notice(t.Context(), notify.Place("r1", notify.Deployment(*d)))
	if err != nil || !strings.HasPrefix(n.Reason, "given up after 24h0m0s: 503 \ufffd") || len(n.Reason) > 600 {
		t.Errorf("%q %v", n.Reason, err)
	}
	w.move(d, gitops.PhaseFailed) // whatever comes next is tried anew
	w.deliver()
	if behind := w.notices.Behind(); len(behind) != 1 {
		t.Errorf("behind: %v", behind)
	}
	w.forge.fault = nil
	w.sweep(time.Minute)
	w.expect("jobs", commit, forge.StateFailure)
}

func TestABadTokenStopsNobodyElse(t *testing.T) {
	w := newWorld(t)
	w.add("bad", gitops.ForgeGitLab)
	w.forge.fault = func(r gitops.Repository, _ forge.Status) error {
		if r.ID == "bad" {
			return fmt.Errorf("report status: 401: %w", reconcile.ErrDenied)
		}
		return nil
	}
	for i := range 20 {
		d := begin(fmt.Sprint("app-", i), "01A", commit)
		if i%2 == 0 {
			d.Repository = "bad"
		}
		w.move(d, gitops.PhaseSucceeded)
	}
	w.deliver()
	if len(w.stream) != 0 {
		t.Errorf("the stream is held up by %v", w.stream)
	}
	for i := 1; i < 20; i += 2 {
		w.expect(fmt.Sprint("app-", i), commit, forge.StateSuccess)
	}
	w.forge.tried = 0
	for range 59 {
		w.sweep(time.Minute)
	}
	if w.forge.tried != 0 {
		t.Errorf("what was refused was tried %d times more within the hour", w.forge.tried)
	}
	w.forge.fault = nil // the token gets its rights, which nobody tells
	w.sweep(time.Minute)
	if got := w.forge.shows("bad", commit, "driftless/app-0"); got != "success: applied and in sync" {
		t.Errorf("after the token was mended: %q", got)
	}
}

func TestAForgeThatFailsCostsOneTryPerBatch(t *testing.T) {
	w := newWorld(t)
	w.add("good", gitops.ForgeGitLab)
	w.forge.fault = func(r gitops.Repository, _ forge.Status) error {
		if r.ID == "r1" {
			return context.DeadlineExceeded // after ten seconds of the function's time
		}
		return nil
	}
	for i := range 20 {
		d := begin(fmt.Sprint("app-", i), "01A", commit)
		if i%2 == 1 {
			d.Repository = "good"
		}
		w.move(d, gitops.PhaseSucceeded)
	}
	w.deliver()
	if w.forge.tried != 1+10 {
		t.Errorf("%d tries, want 1 of the forge that hangs and 10 of the other", w.forge.tried)
	}
	if behind := w.notices.Behind(); len(behind) != 10 {
		t.Errorf("%d are behind, want 10: %v", len(behind), behind)
	}
	w.forge.fault = nil
	w.sweep(time.Minute)
	for i := 0; i < 20; i += 2 {
		w.expect(fmt.Sprint("app-", i), commit, forge.StateSuccess)
	}
}

func TestNothingIsBegunThatTheInvocationCannotEnd(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	w.move(d, gitops.PhaseSucceeded)
	if errs := w.n.Tell(deadline{t.Context(), w.now.Add(14 * time.Second)}, w.stream); errs[0] != nil || w.forge.tried != 0 {
		t.Errorf("%v after %d reports", errs, w.forge.tried)
	}
	w.stream = nil
	w.sweep(time.Minute)
	w.expect("jobs", commit, forge.StateSuccess)
}

func TestALostAnswerIsAskedAgain(t *testing.T) {
	w := newWorld(t)
	lost := true
	w.forge.fault = func(gitops.Repository, forge.Status) error {
		if lost {
			return fake.ErrLost
		}
		return nil
	}
	d := begin("jobs", "01A", commit)
	w.move(d, gitops.PhaseApplying)
	w.deliver()
	lost = false
	w.move(d, gitops.PhaseSucceeded)
	w.deliver()
	w.move(d, gitops.PhaseSucceeded)
	w.deliver()
	w.expect("jobs", commit, forge.StateSuccess)
	if w.forge.tried != 2 {
		t.Errorf("%d reports, want 2", w.forge.tried)
	}
}

func TestR11_APanicOfAnAdapterIsKeptAsAFailure(t *testing.T) {
	w := newWorld(t)
	w.forge.fault = func(_ gitops.Repository, s forge.Status) error {
		if s.Context == "driftless/poison" {
			panic("a bug")
		}
		return nil
	}
	for _, app := range []string{"poison", "jobs"} {
		w.move(begin(app, "01A", commit), gitops.PhaseSucceeded)
	}
	w.deliver()
	if behind := w.notices.Behind(); len(w.stream) != 0 || len(behind) != 2 || !strings.Contains(behind[1], "a bug") {
		t.Errorf("left %v, behind %v", w.stream, behind)
	}
	w.sweep(time.Minute)
	w.sweep(time.Minute)
	w.expect("jobs", commit, forge.StateSuccess)
}

func TestOnlyWhatCannotBeKeptIsToldAgainByTheStream(t *testing.T) {
	for call, store := range map[string]bool{"Repository": true, "Deployment": true, "Notice": false, "PutNotice": false} {
		t.Run(call, func(t *testing.T) {
			w := newWorld(t)
			w.deliver()
			fails := func(name string) error {
				if name == call {
					return errors.New("throttled")
				}
				return nil
			}
			if store {
				w.store.Fail(fails)
			} else {
				w.notices.Fail(fails)
			}
			d := begin("jobs", "01A", commit)
			w.move(d, gitops.PhaseSucceeded)
			w.deliver()
			if len(w.stream) != 1 {
				t.Fatalf("left %v, want the one that could not be kept", w.stream)
			}
			w.store.Fail(nil)
			w.notices.Fail(nil)
			w.deliver()
			w.expect("jobs", commit, forge.StateSuccess)
			if w.forge.tried != 1 {
				t.Errorf("%d reports", w.forge.tried)
			}
		})
	}
}

func TestAHundredApplicationsEndAsTheirRecordsDo(t *testing.T) {
	w := newWorld(t)
	ends := []gitops.Phase{gitops.PhaseSucceeded, gitops.PhaseFailed, gitops.PhaseBlocked, gitops.PhaseSuperseded, gitops.PhaseRejected}
	var all []*gitops.Deployment
	for i := range 100 {
		all = append(all, begin(fmt.Sprintf("app-%02d", i), "01A", commit))
	}
	for _, p := range []gitops.Phase{gitops.PhasePending, gitops.PhasePlanning, gitops.PhaseApplying} {
		for _, d := range all {
			w.move(d, p)
		}
		w.deliver()
	}
	for i, d := range all {
		w.move(d, ends[i%len(ends)])
	}
	w.deliver()
	for _, d := range all {
		w.expect(d.Application, commit, notify.Deployment(*d).State)
	}
	if w.forge.tried != 400 {
		t.Errorf("%d reports for 100 applications of four phases", w.forge.tried)
	}
}

// deadline is a context that ends at a moment of the test's own clock.
type deadline struct {
	context.Context
	at time.Time
}

func (d deadline) Deadline() (time.Time, bool) { return d.at, true }
