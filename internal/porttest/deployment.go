package porttest

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func deploymentMissing(t *testing.T, s reconcile.Store) {
	_, err := s.Deployment(t.Context(), "jobs", "01B")
	wantError(t, err, reconcile.ErrNotFound)
}

func deploymentRoundTrip(t *testing.T, s reconcile.Store) {
	a, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	wantEqual(t, []int64{a.Version, d.Version}, []int64{2, 1})
	got, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, got, d)
	d.Approved, d.Rejected, d.Drift, d.Times, d.Reason = nil, nil, nil, nil, ""
	must(t, s.PutDeployment(t.Context(), &d))
	got, err = s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, got, d)
}

func openLocks(t *testing.T, s reconcile.Store) {
	a, _ := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	second, d := a, deployment("jobs", "01C")
	second.InFlight = "01C"
	wantError(t, s.Open(t.Context(), &second, &d), reconcile.ErrConflict)
	wantEqual(t, []int64{second.Version, d.Version}, []int64{a.Version, 0})
	_, err := s.Deployment(t.Context(), "jobs", "01C")
	wantError(t, err, reconcile.ErrNotFound)
	got, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got, a)
}

func openRace(t *testing.T, s reconcile.Store) {
	a := register(t, s, application("jobs", "r1"))
	const racers = 6
	errs := make([]error, racers)
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			mine, d := a, deployment("jobs", fmt.Sprintf("01%d", i))
			mine.InFlight = d.ID
			errs[i] = s.Open(t.Context(), &mine, &d)
		})
	}
	wg.Wait()
	won := ""
	for i, err := range errs {
		switch {
		case err == nil && won == "":
			won = fmt.Sprintf("01%d", i)
		case err == nil:
			t.Errorf("both %s and 01%d got the lock", won, i)
		case !errors.Is(err, reconcile.ErrConflict):
			// A transaction that met another one is transient: it got nothing, and may try again.
			t.Logf("racer %d: %v", i, err)
		}
	}
	got, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got.InFlight, won)
	all, err := s.ListDeployments(t.Context(), "jobs", racers)
	must(t, err)
	if len(all) != 1 || won == "" {
		t.Errorf("%d deployments are stored, %q won; want exactly one", len(all), won)
	}
}

func openUnnamed(t *testing.T, s reconcile.Store) {
	a, d := register(t, s, application("jobs", "r1")), deployment("jobs", "01B")
	if err := s.Open(t.Context(), &a, &d); err == nil {
		t.Error("a deployment was opened that the application does not name in flight")
	}
	_, err := s.Deployment(t.Context(), "jobs", "01B")
	wantError(t, err, reconcile.ErrNotFound)
}

func intend(t *testing.T, s reconcile.Store) {
	a, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	d.Phase, d.Operation.Kind = gitops.PhaseApplying, gitops.OperationApply
	must(t, s.Intend(t.Context(), a, &d))
	wantEqual(t, d.Version, int64(2))
	stored, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, stored, d)
	left, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, left, a)
}

func intendConflict(t *testing.T, s reconcile.Store) {
	a, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	suspended := a
	suspended.Suspended = &gitops.Suspension{By: "ada", At: noon}
	must(t, s.PutApplication(t.Context(), &suspended))
	mine := d
	mine.Phase = gitops.PhaseApplying
	wantError(t, s.Intend(t.Context(), a, &mine), reconcile.ErrConflict)
	wantEqual(t, mine.Version, d.Version)

	theirs := d
	must(t, s.PutDeployment(t.Context(), &theirs))
	wantError(t, s.Intend(t.Context(), suspended, &mine), reconcile.ErrConflict)
	got, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, got, theirs)
}

func intendUnnamed(t *testing.T, s reconcile.Store) {
	a, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	other := d
	other.ID = "01C"
	if err := s.Intend(t.Context(), a, &other); err == nil || errors.Is(err, reconcile.ErrConflict) {
		t.Errorf("the intent to apply what is not in flight is answered %v, want a refusal", err)
	}
	got, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, got, d)
}

func closeFrees(t *testing.T, s reconcile.Store) {
	a, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	if err := s.Close(t.Context(), &a, &d); err == nil {
		t.Error("a deployment was closed that the application still names in flight")
	}
	a.InFlight, d.Phase, d.EndedAt = "", gitops.PhaseFailed, noon
	must(t, s.Close(t.Context(), &a, &d))
	stored, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, stored, a)
	ended, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, ended, d)
	open(t, s, a, "01C")
}

func closeConflict(t *testing.T, s reconcile.Store) {
	a, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	for name, stale := range map[string]func(*gitops.Application, *gitops.Deployment){
		"the application": func(a *gitops.Application, _ *gitops.Deployment) { a.Version-- },
		"the deployment":  func(_ *gitops.Application, d *gitops.Deployment) { d.Version-- },
	} {
		oldA, oldD := a, d
		oldA.InFlight, oldD.Phase = "", gitops.PhaseSucceeded
		stale(&oldA, &oldD)
		if err := s.Close(t.Context(), &oldA, &oldD); !errors.Is(err, reconcile.ErrConflict) {
			t.Errorf("closing with an old version of %s: %v, want a conflict", name, err)
		}
	}
	stored, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, stored, a)
	running, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, running, d)
}

func supersede(t *testing.T, s reconcile.Store) {
	a, running := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	skipped := deployment("jobs", "01C")
	skipped.Phase, skipped.EndedAt, a.Wanted.Seq = gitops.PhaseSuperseded, noon, 4
	must(t, s.Supersede(t.Context(), &a, &skipped))
	stored, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, stored, a)
	wantEqual(t, stored.InFlight, running.ID)
	got, err := s.Deployment(t.Context(), "jobs", "01C")
	must(t, err)
	wantEqual(t, got, skipped)

	late, again := a, deployment("jobs", "01D")
	late.Version--
	again.Phase = gitops.PhaseSuperseded
	wantError(t, s.Supersede(t.Context(), &late, &again), reconcile.ErrConflict)
	_, err = s.Deployment(t.Context(), "jobs", "01D")
	wantError(t, err, reconcile.ErrNotFound)

	unended := deployment("jobs", "01E")
	if err := s.Supersede(t.Context(), &a, &unended); err == nil {
		t.Error("a deployment that has not ended was stored as one that never ran")
	}
}

func deploymentConflict(t *testing.T, s reconcile.Store) {
	_, d := open(t, s, register(t, s, application("jobs", "r1")), "01B")
	mine, theirs := d, d
	theirs.Phase = gitops.PhaseApplying
	must(t, s.PutDeployment(t.Context(), &theirs))
	mine.Phase = gitops.PhaseRejected
	wantError(t, s.PutDeployment(t.Context(), &mine), reconcile.ErrConflict)
	got, err := s.Deployment(t.Context(), "jobs", "01B")
	must(t, err)
	wantEqual(t, got, theirs)
}

func deploymentList(t *testing.T, s reconcile.Store) {
	a := register(t, s, application("jobs", "r1"))
	register(t, s, application("jobs-2", "r1"))
	for _, id := range []string{"01B", "01D", "01C"} {
		opened, d := open(t, s, a, id)
		opened.InFlight, d.Phase = "", gitops.PhaseSucceeded
		must(t, s.Close(t.Context(), &opened, &d))
		a = opened
	}
	must(t, s.PutReport(t.Context(), report("jobs", noon, 1)))
	for limit, want := range map[int][]string{2: {"01D", "01C"}, 10: {"01D", "01C", "01B"}} {
		all, err := s.ListDeployments(t.Context(), "jobs", limit)
		must(t, err)
		var ids []string
		for _, d := range all {
			ids = append(ids, d.ID)
		}
		wantEqual(t, ids, want)
	}
	none, err := s.ListDeployments(t.Context(), "jobs-2", 10)
	must(t, err)
	if len(none) != 0 {
		t.Errorf("deployments of another application are listed: %v", none)
	}
}
