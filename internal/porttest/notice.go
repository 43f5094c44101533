package porttest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Notices is the store of notices as both the notifier and the sweeper use it.
type Notices interface {
	notify.Notices
	reconcile.Notices
}

// TestNotices runs the contract of notify.Notices and reconcile.Notices.
func TestNotices(t *testing.T, newNotices func(*testing.T) Notices) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Notices){
		"a notice that was never stored is not found":         noticeMissing,
		"a notice comes back as it was stored":                noticeRoundTrip,
		"a field of a notice that is emptied is empty":        noticeEmptied,
		"the second write of one version of a notice fails":   noticeConflict,
		"only one of many that claim a place at once gets it": noticeRace,
		"a notice falls due at its second, the oldest first":  noticeDue,
		"a touch keeps a notice as it is, and is due later":   noticeTouch,
		"what is not due cannot be touched":                   noticeTouchInVain,
	} {
		t.Run(name, func(t *testing.T) { test(t, newNotices(t)) })
	}
}

// notice returns one with every field filled, that is due at noon.
func notice(place string) notify.Notice {
	return notify.Notice{
		Place:  place,
		About:  notify.About{Repo: "r1", App: "jobs", Deployment: "01A"},
		Shown:  notify.Shown{State: forge.StatePending, Description: "planning", URL: "https://example.com"},
		Seen:   3,
		Sender: "me", Due: noon, Tries: 2, Since: noon.Add(-time.Minute), Reason: "503",
	}
}

func noticeMissing(t *testing.T, n Notices) {
	_, err := n.Notice(t.Context(), "r1#c1#driftless")
	wantError(t, err, reconcile.ErrNotFound)
	wantError(t, n.TouchNotice(t.Context(), "r1#c1#driftless", noon.Unix(), noon.Unix()+300), reconcile.ErrConflict)
	_, err = n.Notice(t.Context(), "r1#c1#driftless")
	wantError(t, err, reconcile.ErrNotFound) // a touch makes none
}

func noticeRoundTrip(t *testing.T, n Notices) {
	stored := notice("r1#c1#driftless/jobs")
	must(t, n.PutNotice(t.Context(), &stored))
	wantEqual(t, stored.Version, int64(1))
	got, err := n.Notice(t.Context(), stored.Place)
	must(t, err)
	wantEqual(t, got, stored)
}

func noticeEmptied(t *testing.T, n Notices) {
	stored := notice("r1#c1#driftless/jobs")
	must(t, n.PutNotice(t.Context(), &stored))
	stored = notify.Notice{Place: stored.Place, Version: stored.Version}
	must(t, n.PutNotice(t.Context(), &stored))
	got, err := n.Notice(t.Context(), stored.Place)
	must(t, err)
	wantEqual(t, got, notify.Notice{Place: stored.Place, Version: 2})
	wantDue(t, n, noon.Add(time.Hour))
}

func noticeConflict(t *testing.T, n Notices) {
	first := notice("r1#c1#driftless/jobs")
	again := first
	must(t, n.PutNotice(t.Context(), &first))
	wantError(t, n.PutNotice(t.Context(), &again), reconcile.ErrConflict)
	mine, theirs := first, first
	theirs.Reason = "theirs"
	must(t, n.PutNotice(t.Context(), &theirs))
	wantError(t, n.PutNotice(t.Context(), &mine), reconcile.ErrConflict)
	wantEqual(t, mine.Version, first.Version)
	got, err := n.Notice(t.Context(), first.Place)
	must(t, err)
	wantEqual(t, got, theirs)
}

func noticeRace(t *testing.T, n Notices) {
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		wg.Go(func() {
			mine := notice("r1#c1#driftless/jobs")
			errs[i] = n.PutNotice(t.Context(), &mine)
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantError(t, err, reconcile.ErrConflict)
	}
	wantEqual(t, won, 1)
}

func noticeDue(t *testing.T, n Notices) {
	for place, due := range map[string]time.Time{
		"r1#c1#driftless/late": noon.Add(time.Hour), "r1#c1#driftless/first": noon.Add(-time.Hour),
		"r1#c1#driftless/second": noon, "r1#c1#driftless/shown": {},
	} {
		stored := notice(place)
		stored.Due = due
		must(t, n.PutNotice(t.Context(), &stored))
	}
	wantDue(t, n, noon.Add(-time.Hour-time.Second))
	wantDue(t, n, noon, "r1#c1#driftless/first", "r1#c1#driftless/second")
	first, err := n.DueNotices(t.Context(), noon.Unix(), 1)
	must(t, err)
	wantEqual(t, first, []string{"r1#c1#driftless/first"})
}

func noticeTouch(t *testing.T, n Notices) {
	stored := notice("r1#c1#driftless/jobs")
	must(t, n.PutNotice(t.Context(), &stored))
	must(t, n.TouchNotice(t.Context(), stored.Place, noon.Unix(), noon.Unix()+300))
	got, err := n.Notice(t.Context(), stored.Place)
	must(t, err)
	wantEqual(t, got, stored)
	wantDue(t, n, noon.Add(299*time.Second))
	wantDue(t, n, noon.Add(300*time.Second), stored.Place)
	must(t, n.PutNotice(t.Context(), &stored)) // whoever stores it decides again
	wantDue(t, n, noon, stored.Place)
}

func noticeTouchInVain(t *testing.T, n Notices) {
	stored := notice("r1#c1#driftless/jobs")
	must(t, n.PutNotice(t.Context(), &stored))
	wantError(t, n.TouchNotice(t.Context(), stored.Place, noon.Unix()-1, noon.Unix()+300), reconcile.ErrConflict)
	stored.Due = time.Time{}
	must(t, n.PutNotice(t.Context(), &stored))
	wantError(t, n.TouchNotice(t.Context(), stored.Place, noon.Unix(), noon.Unix()+300), reconcile.ErrConflict)
	wantDue(t, n, noon.Add(time.Hour))
}

func wantDue(t *testing.T, n Notices, now time.Time, want ...string) {
	t.Helper()
	got, err := n.DueNotices(t.Context(), now.Unix(), 10)
	must(t, err)
	wantEqual(t, slices.Clone(got), want)
}
