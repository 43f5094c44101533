package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// backlog is a world whose sweep finds what it is told, and which keeps what was sent when.
type backlog struct {
	reconcile.Store
	w       *world
	waiting reconcile.Waiting
	sent    map[string]time.Duration // by application, since the sweep began
	order   []string
	began   time.Time
	failed  string // the application whose message cannot be sent
}

func (b *backlog) Unfinished(context.Context, int64) (reconcile.Waiting, error) {
	return b.waiting, nil
}

func (b *backlog) Send(_ context.Context, messages ...reconcile.Message) error {
	for _, m := range messages {
		if b.failed != "" && m.Application == b.failed {
			return errors.New("throttled")
		}
		b.sent[m.Application] = b.w.now.Sub(b.began)
		b.order = append(b.order, m.Application)
	}
	return nil
}

// due returns n applications of an account whose drift is due, the longest first.
func due(account string, n int) []reconcile.Due {
	var all []reconcile.Due
	for i := range n {
		all = append(all, reconcile.Due{Application: fmt.Sprintf("%s-%03d", account, i), Account: account, Region: "eu-west-1"})
	}
	return all
}

func sweeping(t *testing.T, found ...reconcile.Due) *backlog {
	t.Helper()
	w := newWorld(t)
	b := &backlog{w: w, sent: map[string]time.Duration{}, began: w.now, waiting: reconcile.Waiting{Applications: []string{"deploys"}, DriftDue: found}}
	w.sweep.Store, w.sweep.Queue = b, b
	w.sweep.Sleep = func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil }
	return b
}

func (b *backlog) sweep(ctx context.Context) error {
	_, err := b.w.sweep.Unfinished(ctx)
	return err
}

func TestFewWhoseDriftIsDueAreWokenAtOnce(t *testing.T) {
	b := sweeping(t, append(due("one", 3), due("two", 3)...)...)
	if err := b.sweep(t.Context()); err != nil || len(b.sent) != 7 || !b.w.now.Equal(b.began) {
		t.Errorf("sent %v in %s, %v", b.sent, b.w.now.Sub(b.began), err)
	}
}

// In no second does an account and region see more than its share, whatever the others' number, and
// what is left is what has been due for the shortest time.
func TestManyWhoseDriftIsDueAreWokenAtThePaceOfTheirAccountAndRegion(t *testing.T) {
	for sentence, c := range map[string]struct {
		rates reconcile.Rates
		due   int
		pause time.Duration
		most  int
	}{
		"by default, half of the calls that describe": {reconcile.Rates{}, 600, 1200 * time.Millisecond, 42},
		"detections that may come quicker":            {reconcile.Rates{Detect: 10, Describe: 60}, 600, 100 * time.Millisecond, 501},
		"detections that may come more slowly":        {reconcile.Rates{Detect: 0.2}, 600, 5 * time.Second, 11},
		"over the minute, where there is time":        {reconcile.Rates{}, 25, 2 * time.Second, 25},
		"at half of the pace, where there is more":    {reconcile.Rates{}, 4, 2400 * time.Millisecond, 4},
	} {
		t.Run(sentence, func(t *testing.T) {
			b := sweeping(t, append(due("one", c.due), due("two", 3)...)...)
			b.w.sweep.Rates = c.rates
			if err := b.sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if b.sent["deploys"] != 0 || b.order[0] != "deploys" {
				t.Errorf("what is unfinished came after %v", b.order[0])
			}
			for i := range c.most {
				want := time.Duration(i) * c.pause
				if at, ok := b.sent[fmt.Sprintf("one-%03d", i)]; !ok || at != want {
					t.Fatalf("number %d was sent: %v, after %s; want %s", i, ok, at, want)
				}
			}
			if n := len(b.sent); n != c.most+4 || b.w.now.Sub(b.began) > 50*time.Second {
				t.Errorf("%d sent in %s, want %d", n, b.w.now.Sub(b.began), c.most+4)
			}
			if b.sent["two-002"] != 0 {
				t.Errorf("the few of the other account waited %s", b.sent["two-002"])
			}
		})
	}
}

func TestADetectionUnderWayTakesNobodysTurn(t *testing.T) {
	all := due("one", 20)
	for i := range all {
		all[i].Began = time.Date(2026, 11, 21, 8, 59, 30, 0, time.UTC) // half a minute before
	}
	all[0].Began = all[0].Began.Add(-time.Hour)
	all[19].Began = all[0].Began
	b := sweeping(t, append(all, due("new", 1)...)...)
	b.waiting.DriftDue[20].Account = "one"
	if err := b.sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Those that began long ago are looked at, and the new one begins, at once; the others' events
	// are still to come.
	if diff := cmp.Diff([]string{"deploys", "one-000", "new-000", "one-019"}, b.order); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if b.sent["new-000"] != 0 {
		t.Errorf("the new one was sent after %s", b.sent["new-000"])
	}
}

func TestASweepEndsBeforeItsFunctionDoes(t *testing.T) {
	b := sweeping(t, due("one", 100)...)
	if err := b.sweep(&dated{t.Context(), b.began.Add(20 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	if took := b.w.now.Sub(b.began); took < 10*time.Second || took > 14*time.Second {
		t.Errorf("it took %s of 20", took)
	}
	b = sweeping(t, due("one", 100)...)
	b.w.sweep.Sleep = func(context.Context, time.Duration) error { return context.Canceled }
	if err := b.sweep(t.Context()); err != nil || len(b.sent) != 2 {
		t.Errorf("ended while it waited: sent %v, %v", b.order, err)
	}
}

// dated is a context whose deadline is told, and does not come: the world's clock is another.
type dated struct {
	context.Context
	at time.Time
}

func (u *dated) Deadline() (time.Time, bool) { return u.at, true }

func TestR11_OneMessageThatCannotBeSentKeepsNobodyElseFromItsTurn(t *testing.T) {
	b := sweeping(t, due("one", 6)...)
	b.failed = "one-003"
	if err := b.sweep(t.Context()); err == nil || !strings.Contains(err.Error(), "throttled") || len(b.sent) != 6 {
		t.Errorf("sent %v, %v", b.order, err)
	}
}

// The whole: many applications, of which the reconciler detects the drift as they are woken.
func TestWhatIsDueIsLookedAtOverTheMinuteAndDueAgainInTime(t *testing.T) {
	w := watching(t)
	w.sweep.Sleep = func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); w.drain(); return nil }
	a := w.app("jobs")
	w.now = a.DriftDue
	if _, err := w.sweep.Unfinished(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if now := w.app("jobs"); !now.DriftDue.After(w.now) || now.Drift.At.Before(a.DriftDue) || now.Drift.String() != (gitops.DriftSummary{At: w.now, Complete: true, InSync: 1}).String() {
		t.Errorf("not looked at: %+v, due %s", now.Drift, now.DriftDue)
	}
}
