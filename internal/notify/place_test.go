package notify_test

import (
	"errors"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
)

// once calls f the first time that it is called itself.
func once(f func()) func() {
	done := false
	return func() {
		if !done {
			done = true
			f()
		}
	}
}

func TestNothingOlderIsShownAfterANewerPhase(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	w.move(d, gitops.PhaseApplying)
	w.forge.gate = once(func() { // the forge has the request and is slow; meanwhile the apply ends
		w.move(d, gitops.PhaseSucceeded)
		w.n.Tell(t.Context(), []notify.Subject{about(*d)})
		if got := w.forge.shows("r1", commit, "driftless/jobs"); got != "" {
			t.Errorf("shows %q while somebody else is showing something", got)
		}
	})
	w.n.Tell(t.Context(), []notify.Subject{about(*d)})
	w.expect("jobs", commit, forge.StateSuccess)
}

func TestANewerDeploymentIsShownByWhoeverHasThePlace(t *testing.T) {
	w := newWorld(t)
	older, newer := begin("jobs", "01A", commit), begin("jobs", "01B", commit)
	w.move(older, gitops.PhaseFailed)
	w.forge.gate = once(func() {
		w.move(newer, gitops.PhaseApplying)
		w.n.Tell(t.Context(), []notify.Subject{about(*newer)})
	})
	w.n.Tell(t.Context(), []notify.Subject{about(*older)})
	w.expect("jobs", commit, forge.StateRunning)
	if behind := w.notices.Behind(); len(behind) != 0 {
		t.Errorf("behind: %v", behind)
	}
}

func TestWhoeverFindsThePlaceFreeAfterAllShowsTheNewerDeployment(t *testing.T) {
	w := newWorld(t)
	older, newer := begin("jobs", "01A", commit), begin("jobs", "01B", commit)
	w.move(older, gitops.PhaseFailed)
	w.move(newer, gitops.PhaseApplying)
	held := notify.Notice{Place: notify.Place("r1", notify.Deployment(*older)), About: about(*older).About,
		Sender: "another", Due: w.now.Add(time.Minute)}
	put := func() {
		t.Helper()
		if err := w.notices.PutNotice(t.Context(), &held); err != nil {
			t.Fatal(err)
		}
	}
	put()
	w.notices.Fail(func(call string) error {
		if call == "PutNotice" { // while the newer one is to be handed over, the other ends
			w.notices.Fail(nil)
			held.Sender, held.Due, held.Shown.State = "", time.Time{}, forge.StateFailure
			put()
		}
		return nil
	})
	if errs := w.n.Tell(t.Context(), []notify.Subject{about(*newer)}); errs[0] != nil {
		t.Fatal(errs[0])
	}
	w.expect("jobs", commit, forge.StateRunning)
}

func TestWhatWasReadBeforeSomethingNewerWasShownIsNotShown(t *testing.T) {
	w := newWorld(t)
	d := begin("jobs", "01A", commit)
	w.move(d, gitops.PhaseApplying)
	end := once(func() {
		w.move(d, gitops.PhaseSucceeded)
		w.n.Tell(t.Context(), []notify.Subject{about(*d)})
	})
	w.notices.Fail(func(string) error { end(); return nil }) // the record was read, its notice is next
	w.n.Tell(t.Context(), []notify.Subject{about(*d)})
	w.expect("jobs", commit, forge.StateSuccess)
}

func TestTheNewestDeploymentHasThePlace(t *testing.T) {
	w := newWorld(t)
	older, newer := begin("jobs", "01A", commit), begin("jobs", "01B", commit)
	w.forge.fault = func(gitops.Repository, forge.Status) error { return errors.New("503") }
	w.move(older, gitops.PhaseFailed)
	w.deliver() // is to be tried again
	w.forge.fault = nil
	w.move(newer, gitops.PhaseApplying)
	w.deliver()
	w.stream = append(w.stream, about(*older)) // a record of the stream that comes again
	w.deliver()
	for range 5 {
		w.sweep(time.Minute)
	}
	w.expect("jobs", commit, forge.StateRunning)
	w.move(newer, gitops.PhaseSucceeded)
	w.deliver()
	w.expect("jobs", commit, forge.StateSuccess)
}
