package porttest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// TestStore runs the contract of reconcile.Store.
func TestStore(t *testing.T, newStore func(*testing.T) reconcile.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, reconcile.Store){
		"a repository that was never stored is not found":             repositoryMissing,
		"a repository comes back as it was stored":                    repositoryRoundTrip,
		"the second write of one version of a repository conflicts":   repositoryConflict,
		"repositories are listed by URL and branch":                   repositoryList,
		"a repository that is gone can be deleted again":              repositoryDelete,
		"an application comes back as it was stored":                  applicationRoundTrip,
		"many applications are read at once":                          applicationsByID,
		"a field that is emptied is empty":                            applicationEmptied,
		"the second write of one version of an application conflicts": applicationConflict,
		"an application is registered once":                           registerTwice,
		"an application takes its claims when it is registered":       registerClaims,
		"a claim that somebody else holds registers nothing":          registerRefused,
		"applications are listed by repository, and all":              applicationList,
		"what is unfinished waits for the sweep":                      unfinished,
		"drift falls due where somebody watches":                      driftDue,
		"what is due says where it goes, the longest due first":       driftDueWhere,
		"however many are due, all are told":                          driftDueMany,
		"a claim that nobody holds has no owner":                      ownerMissing,
		"claims are taken in one step, twice too":                     takeClaims,
		"with a claim that somebody else holds none is taken":         takeRefused,
		"a claim is given up together with the record":                yieldClaim,
		"with an old record, or what is not held, none is given up":   yieldConflict,
		"a stack leaves with its app":                                 retire,
		"with an old version of either a stack stays":                 retireConflict,
		"a deployment that was never opened is not found":             deploymentMissing,
		"a deployment comes back as it was stored":                    deploymentRoundTrip,
		"opening a deployment takes the lock":                         openLocks,
		"only one of many that open at once gets the lock":            openRace,
		"a lock that is not named in flight is refused":               openUnnamed,
		"an intent to apply leaves the application as it is":          intend,
		"an intent with an old version of either is not saved":        intendConflict,
		"an intent to apply what is not in flight is refused":         intendUnnamed,
		"closing a deployment frees the application":                  closeFrees,
		"closing with an old version of either changes neither":       closeConflict,
		"the second write of one version of a deployment conflicts":   deploymentConflict,
		"a deployment that never ran is stored with its successor":    supersede,
		"deployments are listed newest first":                         deploymentList,
		"an application without reports has no latest":                reportMissing,
		"the latest report comes back as it was stored":               reportRoundTrip,
		"an older report does not displace the latest":                reportOlder,
		"a report of a thousand resources comes back whole":           reportLarge,
	} {
		t.Run(name, func(t *testing.T) { test(t, newStore(t)) })
	}
}

// noon is a moment with nanoseconds, which must survive.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)

func repositoryMissing(t *testing.T, s reconcile.Store) {
	_, err := s.Repository(t.Context(), "nowhere")
	wantError(t, err, reconcile.ErrNotFound)
}

func repositoryRoundTrip(t *testing.T, s reconcile.Store) {
	r := repository("r1", "https://example.com/one", "main")
	must(t, s.PutRepository(t.Context(), &r))
	if r.Version != 1 {
		t.Errorf("version after the first write is %d, want 1", r.Version)
	}
	got, err := s.Repository(t.Context(), "r1")
	must(t, err)
	wantEqual(t, got, r)
}

func repositoryConflict(t *testing.T, s reconcile.Store) {
	first := repository("r1", "https://example.com/one", "main")
	again := first
	must(t, s.PutRepository(t.Context(), &first))
	wantError(t, s.PutRepository(t.Context(), &again), reconcile.ErrConflict)

	mine, theirs := first, first
	theirs.Note = "theirs"
	must(t, s.PutRepository(t.Context(), &theirs))
	mine.Note = "mine"
	wantError(t, s.PutRepository(t.Context(), &mine), reconcile.ErrConflict)
	if mine.Version != first.Version {
		t.Errorf("the loser's version is %d, want %d as before", mine.Version, first.Version)
	}
	got, err := s.Repository(t.Context(), "r1")
	must(t, err)
	wantEqual(t, got, theirs)
}

func repositoryList(t *testing.T, s reconcile.Store) {
	none, err := s.ListRepositories(t.Context())
	must(t, err)
	if len(none) != 0 {
		t.Errorf("an empty store lists %v", none)
	}
	for _, r := range []gitops.Repository{
		repository("a", "https://example.com/two", "main"),
		repository("b", "https://example.com/one", "main"),
		repository("c", "https://example.com/one", "dev"),
	} {
		must(t, s.PutRepository(t.Context(), &r))
	}
	register(t, s, application("noise", "a"))
	all, err := s.ListRepositories(t.Context())
	must(t, err)
	var ids []string
	for _, r := range all {
		ids = append(ids, r.ID)
	}
	wantEqual(t, ids, []string{"c", "b", "a"})
}

func repositoryDelete(t *testing.T, s reconcile.Store) {
	r := repository("r1", "https://example.com/one", "main")
	must(t, s.PutRepository(t.Context(), &r))
	must(t, s.DeleteRepository(t.Context(), "r1"))
	must(t, s.DeleteRepository(t.Context(), "r1"))
	_, err := s.Repository(t.Context(), "r1")
	wantError(t, err, reconcile.ErrNotFound)
	all, err := s.ListRepositories(t.Context())
	must(t, err)
	if len(all) != 0 {
		t.Errorf("a deleted repository is listed: %v", all)
	}
}

func reportMissing(t *testing.T, s reconcile.Store) {
	_, err := s.LatestReport(t.Context(), "nobody")
	wantError(t, err, reconcile.ErrNotFound)
}

func reportRoundTrip(t *testing.T, s reconcile.Store) {
	r := report("jobs", noon, 2)
	must(t, s.PutReport(t.Context(), r))
	must(t, s.PutReport(t.Context(), r))
	got, err := s.LatestReport(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got, r)
}

func reportOlder(t *testing.T, s reconcile.Store) {
	newer, older := report("jobs", noon, 2), report("jobs", noon.Add(-time.Minute), 1)
	must(t, s.PutReport(t.Context(), newer))
	must(t, s.PutReport(t.Context(), older))
	got, err := s.LatestReport(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got, newer)
}

func reportLarge(t *testing.T, s reconcile.Store) {
	r := report("jobs", noon, 1000)
	must(t, s.PutReport(t.Context(), r))
	got, err := s.LatestReport(t.Context(), "jobs")
	must(t, err)
	wantEqual(t, got, r)
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

func wantEqual(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func wantClaimed(t *testing.T, err error, want reconcile.ClaimedError) {
	t.Helper()
	var claimed *reconcile.ClaimedError
	if !errors.As(err, &claimed) {
		t.Fatalf("the error is %v, want %v", err, &want)
	}
	wantEqual(t, *claimed, want)
	wantError(t, err, reconcile.ErrConflict)
}
