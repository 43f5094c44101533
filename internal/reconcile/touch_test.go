package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const (
	jobsStack = "arn:stack/111122223333/eu-west-1/prod-jobs"
	ann       = "arn:aws:iam::111122223333:user/ann"
)

// locator knows of one resource.
type locator struct {
	stack   string
	logical []string
	err     error
	calls   int
}

func (l *locator) StackOf(_ context.Context, _ gitops.Target, physical string) (string, []string, error) {
	l.calls++
	if physical != "the-queue" {
		return "", nil, fmt.Errorf("%s: %w", physical, reconcile.ErrNotFound)
	}
	return l.stack, l.logical, l.err
}

// hint is of a change of the queue, at a time.
func hint(at time.Time) reconcile.ResourceHint {
	return reconcile.ResourceHint{Account: target.Account, Region: target.Region, Physical: "the-queue",
		Touch: gitops.Touch{By: ann, From: "203.0.113.7", Event: "SetQueueAttributes", At: at}}
}

// watched returns a world whose application jobs was deployed an hour ago, on a stack of a full ARN.
func watched(t *testing.T) (*world, *locator) {
	t.Helper()
	w := watching(t)
	a := w.app("jobs")
	a.Deployed.StackID = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/8f2d"
	if err := w.store.PutApplication(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(30 * time.Minute)
	w.queue.Drain()
	return w, &locator{stack: a.Deployed.StackID, logical: []string{"Queue"}}
}

func (w *world) touch(l reconcile.Locator, h reconcile.ResourceHint) {
	w.t.Helper()
	if err := w.r.Touch(w.t.Context(), l, h); err != nil {
		w.t.Fatal(err)
	}
}

func TestWhoChangedAResourceIsNotedOnItsApplicationWhichIsWoken(t *testing.T) {
	w, l := watched(t)
	h := hint(w.now.Add(-time.Second))
	w.touch(l, h)
	if diff := cmp.Diff([]gitops.Touched{{LogicalID: "Queue", Touch: h.Touch}}, w.app("jobs").Touched); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
	if sent := w.queue.Drain(); len(sent) != 1 || sent[0].Application != "jobs" {
		t.Errorf("woken: %+v", sent)
	}
	due := w.app("jobs").DriftDue
	w.touch(l, hint(w.now)) // the same person goes on
	if a := w.app("jobs"); len(w.queue.Drain()) != 0 || !a.Touched[0].At.Equal(h.Touch.At) || !a.DriftDue.Equal(due) {
		t.Errorf("what repeats was noted again: %+v", a.Touched)
	}
	if waiting, err := w.store.Unfinished(t.Context(), w.now.Unix()); err != nil || len(waiting.Applications) != 1 {
		t.Errorf("the sweep would not find it: %+v, %v", waiting, err)
	}
}

func TestATouchThatTellsOfLaterThanNowIsOfNow(t *testing.T) {
	w, l := watched(t)
	w.touch(l, hint(w.now.Add(time.Hour)))
	if a := w.app("jobs"); len(a.Touched) != 1 || !a.Touched[0].At.Equal(w.now) {
		t.Errorf("noted %+v at %s", a.Touched, w.now)
	}
}

func TestWhatIsChangedAgainAndAgainIsLeftToTheSweep(t *testing.T) {
	w, l := watched(t)
	a := w.app("jobs")
	a.Drift.At = w.now.Add(-time.Second)
	if err := w.store.PutApplication(t.Context(), &a); err != nil {
		t.Fatal(err)
	}
	w.touch(l, hint(w.now))
	if a := w.app("jobs"); len(a.Touched) != 1 || w.queue.Len() != 0 {
		t.Errorf("noted %+v, woken %v", a.Touched, w.queue.Sent())
	}
}

// Each case is a reason to do nothing.
func TestATouchThatConcernsNobodyChangesNothing(t *testing.T) {
	for sentence, c := range map[string]struct {
		change func(*world, *locator, *reconcile.ResourceHint)
		record func(*gitops.Application)
	}{
		"a target that is not allowed":      {func(_ *world, _ *locator, h *reconcile.ResourceHint) { h.Account = "444455556666" }, nil},
		"a resource of no stack":            {func(_ *world, _ *locator, h *reconcile.ResourceHint) { h.Physical = "another" }, nil},
		"a stack that nobody has claimed":   {func(_ *world, l *locator, _ *reconcile.ResourceHint) { l.stack = jobsStack + "-other/1" }, nil},
		"an answer that does not come":      {func(_ *world, l *locator, _ *reconcile.ResourceHint) { l.err = errors.New("Rate exceeded") }, nil},
		"a stack that was made again since": {nil, func(a *gitops.Application) { a.Deployed.StackID += "-before" }},
		"a deployment in flight":            {nil, func(a *gitops.Application) { a.InFlight = "01J" }},
		"an application that is suspended":  {nil, func(a *gitops.Application) { a.Suspended = &gitops.Suspension{By: "ann"} }},
		"an application that left the file": {nil, func(a *gitops.Application) { a.Removed = true }},
		"drift that nobody looks for":       {nil, func(a *gitops.Application) { a.Settings.Drift.EverySeconds = 0 }},
		"a record that cannot be read": {func(w *world, _ *locator, _ *reconcile.ResourceHint) {
			w.store.Fail(func(call string) error {
				if call == "Owner" {
					return errors.New("throttled")
				}
				return nil
			})
		}, nil},
	} {
		t.Run(sentence, func(t *testing.T) {
			w, l := watched(t)
			h := hint(w.now)
			if c.record != nil {
				a := w.app("jobs")
				c.record(&a)
				if err := w.store.PutApplication(t.Context(), &a); err != nil {
					t.Fatal(err)
				}
			}
			if c.change != nil {
				c.change(w, l, &h)
			}
			before := w.app("jobs").Version
			w.touch(l, h)
			if a := w.app("jobs"); a.Version != before || w.queue.Len() != 0 {
				t.Errorf("it wrote or woke: %+v, %d messages", a.Touched, w.queue.Len())
			}
		})
	}
	w, _ := watched(t)
	w.touch(nil, hint(w.now)) // an installation that finds no stacks
}

func TestATouchThatLosesAgainstAnotherWriterIsNotedAfterwards(t *testing.T) {
	w, l := watched(t)
	raced := false
	w.store.Fail(func(call string) error {
		if call == "PutApplication" && !raced {
			raced = true
			w.store.Fail(nil)
			return reconcile.ErrConflict
		}
		return nil
	})
	w.touch(l, hint(w.now))
	if a := w.app("jobs"); !raced || len(a.Touched) != 1 || w.queue.Len() != 1 {
		t.Errorf("noted %+v, %d messages", a.Touched, w.queue.Len())
	}
}
