package porttest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func applicationRoundTrip(t *testing.T, s reconcile.Store) {
	a := application("jobs", "r1")
	a.Suspended = &gitops.Suspension{By: "ada", At: noon, Reason: "holiday"}
	a.Detection = &gitops.Detection{Operation: gitops.Operation{N: 1, Kind: gitops.OperationDetect, ID: "d1", At: noon, Again: true}, Fence: 4, Request: 1}
	a.DriftDue = noon.Add(time.Hour)
	a = register(t, s, a)
	if a.Version != 1 {
		t.Errorf("version after registering is %d, want 1", a.Version)
	}
	got, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got, a)
	_, err = s.Application(t.Context(), "nobody")
	wantError(t, err, reconcile.ErrNotFound)
}

func applicationsByID(t *testing.T, s reconcile.Store) {
	want := map[string]gitops.Application{}
	var ids []string
	for i := range 103 { // more than one call of DynamoDB's takes
		a := register(t, s, application(fmt.Sprintf("app-%d", i), "r1"))
		want[a.ID] = a
		ids = append(ids, a.ID)
	}
	got, err := s.ApplicationsByID(t.Context(), append(ids, "nobody"))
	must(t, err)
	wantEqual(t, got, want)
	none, err := s.ApplicationsByID(t.Context(), nil)
	must(t, err)
	if len(none) != 0 {
		t.Errorf("asked for none, got %v", none)
	}
}

func applicationEmptied(t *testing.T, s reconcile.Store) {
	a := application("jobs", "r1")
	a.Removed = true
	a.Suspended = &gitops.Suspension{By: "ada", At: noon}
	a = register(t, s, a)
	a.Removed, a.Suspended, a.Deployed = false, nil, gitops.Deployed{}
	must(t, s.PutApplication(t.Context(), &a))
	got, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got, a)
}

func applicationConflict(t *testing.T, s reconcile.Store) {
	a := register(t, s, application("jobs", "r1"))
	mine, theirs := a, a
	must(t, s.PutApplication(t.Context(), &theirs))
	if theirs.Version != a.Version+1 {
		t.Errorf("the version after a write is %d, want %d", theirs.Version, a.Version+1)
	}
	mine.Fence = 99
	wantError(t, s.PutApplication(t.Context(), &mine), reconcile.ErrConflict)
	gone := application("gone", "r1")
	gone.Version = 3
	wantError(t, s.PutApplication(t.Context(), &gone), reconcile.ErrConflict)
	_, err := s.Application(t.Context(), "gone")
	wantError(t, err, reconcile.ErrNotFound)
}

// stackOfApp registers a CDK app and a stack of it.
func stackOfApp(t *testing.T, s reconcile.Store) (app, stack gitops.Application) {
	t.Helper()
	stack = application("shop-web", "r1")
	stack.Settings.Of = "shop"
	return register(t, s, application("shop", "r1")), register(t, s, stack)
}

func retire(t *testing.T, s reconcile.Store) {
	app, stack := stackOfApp(t, s)
	stack.Removed = true
	must(t, s.Retire(t.Context(), &stack, app))
	wantEqual(t, stack.Version, int64(2))
	got, err := s.ApplicationsByID(t.Context(), []string{"shop", "shop-web"})
	must(t, err)
	wantEqual(t, got, map[string]gitops.Application{"shop": app, "shop-web": stack})
}

func retireConflict(t *testing.T, s reconcile.Store) {
	app, stack := stackOfApp(t, s)
	back := app
	must(t, s.PutApplication(t.Context(), &back))
	late := stack
	late.Removed = true
	wantError(t, s.Retire(t.Context(), &late, app), reconcile.ErrConflict)
	wantEqual(t, late.Version, stack.Version)
	theirs := stack
	must(t, s.PutApplication(t.Context(), &theirs))
	wantError(t, s.Retire(t.Context(), &late, back), reconcile.ErrConflict)
	got, err := s.Application(t.Context(), "shop-web")
	must(t, err)
	wantEqual(t, got, theirs)
}

func registerTwice(t *testing.T, s reconcile.Store) {
	register(t, s, application("jobs", "r1"))
	again := application("jobs", "r2")
	wantError(t, s.Register(t.Context(), &again, []reconcile.Claim{reconcile.ClaimApplication("jobs")}), reconcile.ErrConflict)
	got, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got.Repository, "r1")
}

func registerClaims(t *testing.T, s reconcile.Store) {
	a := application("jobs", "r1")
	claims := []reconcile.Claim{reconcile.ClaimApplication("jobs"), reconcile.ClaimStack("1", "eu-west-1", "prod-jobs")}
	must(t, s.Register(t.Context(), &a, claims))
	for _, c := range claims {
		owner, err := s.Owner(t.Context(), c)
		must(t, err)
		wantEqual(t, owner, "jobs")
	}
}

func registerRefused(t *testing.T, s reconcile.Store) {
	stack := reconcile.ClaimStack("1", "eu-west-1", "prod-jobs")
	a := application("jobs", "r1")
	must(t, s.Register(t.Context(), &a, []reconcile.Claim{stack}))
	b := application("other", "r1")
	err := s.Register(t.Context(), &b, []reconcile.Claim{reconcile.ClaimApplication("other"), stack})
	wantClaimed(t, err, reconcile.ClaimedError{Claim: stack, Owner: "jobs"})
	wantEqual(t, b.Version, int64(0))
	_, err = s.Application(t.Context(), "other")
	wantError(t, err, reconcile.ErrNotFound)
	_, err = s.Owner(t.Context(), reconcile.ClaimApplication("other"))
	wantError(t, err, reconcile.ErrNotFound)
}

func applicationList(t *testing.T, s reconcile.Store) {
	for id, repository := range map[string]string{"c": "r1", "a": "r1", "b": "r2"} {
		a := register(t, s, application(id, repository))
		if id == "a" { // what an application had deployed is none
			open(t, s, a, "01B")
		}
	}
	r := repository("r1", "https://example.com/one", "main")
	must(t, s.PutRepository(t.Context(), &r))
	for repository, want := range map[string][]string{"": {"a", "b", "c"}, "r1": {"a", "c"}, "r3": nil} {
		found, err := s.ListApplications(t.Context(), repository)
		must(t, err)
		var ids []string
		for _, a := range found {
			ids = append(ids, a.ID)
		}
		wantEqual(t, ids, want)
	}
}

func unfinished(t *testing.T, s reconcile.Store) {
	done, looking := repository("done", "https://example.com/done", "main"), repository("looking", "https://example.com/looking", "main")
	looking.Observing.N++
	must(t, s.PutRepository(t.Context(), &done))
	must(t, s.PutRepository(t.Context(), &looking))
	wants := application("wants", "done")
	wants.Wanted.Seq++
	asked := application("asked", "done")
	asked.Request.N++
	suspended := application("suspended", "done")
	suspended.Wanted.Seq++
	suspended.Suspended = &gitops.Suspension{By: "ada", At: noon}
	for _, a := range []gitops.Application{wants, asked, suspended, application("rests", "done")} {
		register(t, s, a)
	}
	open(t, s, register(t, s, application("flies", "done")), "01B")
	wantWaiting(t, s, noon, []string{"looking"}, []string{"asked", "flies", "wants"}, nil)

	got, err := s.Application(t.Context(), "wants")
	must(t, err)
	got.Ended.Seq = got.Wanted.Seq
	must(t, s.PutApplication(t.Context(), &got))
	looking.Done = looking.Observing.N
	must(t, s.PutRepository(t.Context(), &looking))
	wantWaiting(t, s, noon, nil, []string{"asked", "flies"}, nil)
}

func driftDue(t *testing.T, s reconcile.Store) {
	due := application("due", "r1")
	due.DriftDue = noon
	later := application("later", "r1")
	later.DriftDue = noon.Add(time.Minute)
	suspended, removed := due, due
	suspended.ID, suspended.Suspended = "suspended", &gitops.Suspension{By: "ada", At: noon}
	removed.ID, removed.Removed = "removed", true
	flies := due
	flies.ID = "flies"
	began, asked, paused := due, later, suspended
	began.ID, began.Detection = "began", &gitops.Detection{Operation: gitops.Operation{N: 1, At: noon}}
	asked.ID, asked.Detection = "asked", began.Detection
	paused.ID, paused.Detection = "paused", began.Detection
	for _, a := range []gitops.Application{due, later, suspended, removed, began, asked, paused, application("never", "r1")} {
		register(t, s, a)
	}
	a, d := open(t, s, register(t, s, flies), "01B")
	wantWaiting(t, s, noon, nil, []string{"asked", "flies", "paused"}, []string{"began", "due"})
	wantWaiting(t, s, noon.Add(-time.Minute), nil, []string{"asked", "flies", "paused"}, nil)
	a.InFlight, d.Phase = "", gitops.PhaseSucceeded
	must(t, s.Close(t.Context(), &a, &d))
	wantWaiting(t, s, noon.Add(time.Minute), nil, []string{"asked", "paused"}, []string{"asked", "began", "due", "flies", "later"})
}

func driftDueWhere(t *testing.T, s reconcile.Store) {
	for i, id := range []string{"b", "c", "a"} { // in the order in which they fall due
		a := application(id, "r1")
		a.DriftDue = noon.Add(time.Duration(i) * time.Second)
		a.Settings.Target = gitops.Target{Account: fmt.Sprintf("11112222333%d", i), Region: "eu-west-1"}
		if id == "c" {
			a.Detection = &gitops.Detection{Operation: gitops.Operation{N: 1, At: noon.Add(time.Minute)}}
		}
		register(t, s, a)
	}
	got, err := s.Unfinished(t.Context(), noon.Add(time.Hour).Unix())
	must(t, err)
	wantEqual(t, got.DriftDue, []reconcile.Due{
		{Application: "b", Account: "111122223330", Region: "eu-west-1"},
		{Application: "c", Account: "111122223331", Region: "eu-west-1", Began: noon.Add(time.Minute)},
		{Application: "a", Account: "111122223332", Region: "eu-west-1"},
	})
}

func driftDueMany(t *testing.T, s reconcile.Store) {
	var want []string
	for i := range 103 { // more than one call of DynamoDB's reads
		a := application(fmt.Sprintf("app-%03d", i), "r1")
		a.DriftDue = noon.Add(time.Duration(i) * time.Second)
		want = append(want, register(t, s, a).ID)
	}
	got, err := s.Unfinished(t.Context(), noon.Add(time.Hour).Unix())
	must(t, err)
	var late []string
	for _, d := range got.DriftDue {
		late = append(late, d.Application)
	}
	wantEqual(t, late, want)
}

func wantWaiting(t *testing.T, s reconcile.Store, now time.Time, repositories, applications, due []string) {
	t.Helper()
	got, err := s.Unfinished(t.Context(), now.Unix())
	must(t, err)
	slices.Sort(got.Repositories)
	slices.Sort(got.Applications)
	var late []string
	for _, d := range got.DriftDue {
		late = append(late, d.Application)
	}
	slices.Sort(late)
	wantEqual(t, late, due)
	got.DriftDue = nil
	wantEqual(t, got, reconcile.Waiting{Repositories: repositories, Applications: applications})
}

func ownerMissing(t *testing.T, s reconcile.Store) {
	_, err := s.Owner(t.Context(), reconcile.ClaimStack("1", "eu-west-1", "nobody"))
	wantError(t, err, reconcile.ErrNotFound)
}

func takeClaims(t *testing.T, s reconcile.Store) {
	first, second := reconcile.ClaimStack("1", "eu-west-1", "first"), reconcile.ClaimStack("1", "eu-west-1", "second")
	must(t, s.Take(t.Context(), "jobs", []reconcile.Claim{first}))
	for range 2 { // a repeat is harmless
		must(t, s.Take(t.Context(), "jobs", []reconcile.Claim{first, second}))
	}
	must(t, s.Take(t.Context(), "jobs", nil))
	wantOwners(t, s, map[reconcile.Claim]string{first: "jobs", second: "jobs"})
}

// wantOwners fails unless claims are held as they are named; "": by nobody.
func wantOwners(t *testing.T, s reconcile.Store, want map[reconcile.Claim]string) {
	t.Helper()
	for claim, holder := range want {
		owner, err := s.Owner(t.Context(), claim)
		if holder == "" {
			wantError(t, err, reconcile.ErrNotFound)
			continue
		}
		must(t, err)
		wantEqual(t, owner, holder)
	}
}

func takeRefused(t *testing.T, s reconcile.Store) {
	free, theirs := reconcile.ClaimStack("1", "eu-west-1", "free"), reconcile.ClaimStack("1", "eu-west-1", "theirs")
	must(t, s.Take(t.Context(), "other", []reconcile.Claim{theirs}))
	err := s.Take(t.Context(), "jobs", []reconcile.Claim{free, theirs})
	wantClaimed(t, err, reconcile.ClaimedError{Claim: theirs, Owner: "other"})
	wantOwners(t, s, map[reconcile.Claim]string{free: "", theirs: "other"})
}

func yieldClaim(t *testing.T, s reconcile.Store) {
	given, kept := reconcile.ClaimStack("1", "eu-west-1", "given"), reconcile.ClaimStack("1", "eu-west-1", "kept")
	a := register(t, s, application("jobs", "r1"))
	must(t, s.Take(t.Context(), "jobs", []reconcile.Claim{given, kept}))
	a.Deployed = gitops.Deployed{}
	must(t, s.Yield(t.Context(), &a, given))
	stored, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, stored, a)
	wantOwners(t, s, map[reconcile.Claim]string{given: "", kept: "jobs"})
	must(t, s.Take(t.Context(), "other", []reconcile.Claim{given}))
	wantOwners(t, s, map[reconcile.Claim]string{given: "other", kept: "jobs"})
}

func yieldConflict(t *testing.T, s reconcile.Store) {
	mine, theirs := reconcile.ClaimStack("1", "eu-west-1", "mine"), reconcile.ClaimStack("1", "eu-west-1", "theirs")
	a := register(t, s, application("jobs", "r1"))
	must(t, s.Take(t.Context(), "jobs", []reconcile.Claim{mine}))
	must(t, s.Take(t.Context(), "other", []reconcile.Claim{theirs}))
	now := a
	must(t, s.PutApplication(t.Context(), &now))
	late := a
	late.Removed = true
	wantError(t, s.Yield(t.Context(), &late, mine), reconcile.ErrConflict)
	changed := now
	changed.Removed = true
	wantError(t, s.Yield(t.Context(), &changed, theirs), reconcile.ErrConflict)
	wantEqual(t, []int64{late.Version, changed.Version}, []int64{a.Version, now.Version})
	stored, err := s.Application(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, stored, now)
	wantOwners(t, s, map[reconcile.Claim]string{mine: "jobs", theirs: "other"})
}
