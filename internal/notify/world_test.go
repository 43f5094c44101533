package notify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// shelf is a forge in memory: it shows the last status under each context of each commit.
type shelf struct {
	mu    sync.Mutex
	all   map[string][]forge.Status // by repository and context, in the order in which they came
	tried int
	fault func(r gitops.Repository, s forge.Status) error // fake.ErrLost: it takes effect all the same
	gate  func()                                          // before and after a status takes effect
}

func (f *shelf) Report(_ context.Context, r gitops.Repository, s forge.Status) error {
	if f.gate != nil {
		f.gate()
		defer f.gate()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tried++
	var err error
	if f.fault != nil {
		err = f.fault(r, s)
	}
	if err == nil || errors.Is(err, fake.ErrLost) {
		key := r.ID + " " + gitops.Short(s.Commit) + " " + s.Context
		f.all[key] = append(f.all[key], s)
	}
	return err
}

// shows returns what is shown last at a place, "" for nothing.
func (f *shelf) shows(repository, commit, context string) string {
	all := f.all[repository+" "+gitops.Short(commit)+" "+context]
	if len(all) == 0 {
		return ""
	}
	return string(all[len(all)-1].State) + ": " + all[len(all)-1].Description
}

// world is the real notifier with its ports in memory, a clock that only the test moves, and
// the table's stream as a list of what it tells.
type world struct {
	t       *testing.T
	now     time.Time
	ids     int
	store   *fake.Store
	notices *fake.Notices
	forge   *shelf
	n       *notify.Notifier
	sweeper *reconcile.Sweeper
	stream  []notify.Subject
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), store: fake.NewStore(), notices: fake.NewNotices(),
		forge: &shelf{all: map[string][]forge.Status{}}}
	clock := func() time.Time { return w.now }
	var mu sync.Mutex
	w.n = &notify.Notifier{Records: w.store, Notices: w.notices, Now: clock,
		NewID:  func() string { mu.Lock(); defer mu.Unlock(); w.ids++; return fmt.Sprint("sender-", w.ids) },
		Forges: map[gitops.Forge]notify.Reporter{gitops.ForgeGitHub: w.forge, gitops.ForgeGitLab: w.forge}}
	w.notices.OnTouch(func(place string) { w.stream = append(w.stream, notify.Subject{Place: place}) })
	w.sweeper = &reconcile.Sweeper{Store: w.store, Queue: fake.NewQueue(), Notices: w.notices, Now: clock}
	w.add("r1", gitops.ForgeGitHub)
	return w
}

// add watches a repository, and returns its record.
func (w *world) add(id string, f gitops.Forge) gitops.Repository {
	w.t.Helper()
	r := gitops.Repository{ID: id, URL: "https://git.example.com/" + id, Branch: "main", Forge: f, Credentials: gitops.CredentialsOf(id)}
	w.put(&r)
	return r
}

// put writes a repository; the stream tells of it.
func (w *world) put(r *gitops.Repository) {
	w.t.Helper()
	if err := w.store.PutRepository(w.t.Context(), r); err != nil {
		w.t.Fatal(err)
	}
	w.stream = append(w.stream, notify.Subject{About: notify.About{Repo: r.ID}})
}

// move writes a deployment that came to a phase; the stream tells of it.
func (w *world) move(d *gitops.Deployment, p gitops.Phase) {
	w.t.Helper()
	d.Phase, d.Reason = p, reasons[p]
	if err := w.store.PutDeployment(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
	w.stream = append(w.stream, about(*d))
}

func about(d gitops.Deployment) notify.Subject {
	return notify.Subject{About: notify.About{Repo: d.Repository, App: d.Application, Deployment: d.ID}}
}

// begin returns a new deployment of an application of r1 that is not stored yet.
func begin(app, id, commit string) *gitops.Deployment {
	return &gitops.Deployment{ID: id, Application: app, Repository: "r1", Kind: gitops.KindDeploy,
		Revision: gitops.Revision{Commit: commit}, Settings: gitops.Settings{Target: target}}
}

// deliver tells what the stream has, in batches as Lambda does. What could not be told stays.
func (w *world) deliver() {
	w.t.Helper()
	var left []notify.Subject
	for len(w.stream) > 0 {
		batch := w.stream[:min(25, len(w.stream))]
		w.stream = w.stream[len(batch):]
		for i, err := range w.n.Tell(w.t.Context(), batch) {
			if err != nil {
				left = append(left, batch[i])
			}
		}
	}
	w.stream = left
}

// sweep is what the one-minute schedule does, and what the stream tells after it.
func (w *world) sweep(after time.Duration) {
	w.t.Helper()
	w.now = w.now.Add(after)
	_, _ = w.sweeper.Unfinished(w.t.Context()) // a sweep that fails is followed by the next
	w.deliver()
}

// expect fails unless an application's place at a commit of r1 shows a state.
func (w *world) expect(app, commit string, want forge.State) {
	w.t.Helper()
	if got := w.forge.shows("r1", commit, "driftless/"+app); !strings.HasPrefix(got, string(want)) {
		w.t.Errorf("%s at %s shows %q, want %s", app, gitops.Short(commit), got, want)
	}
}

// course is how a deployment goes when nothing is wrong.
var course = []gitops.Phase{gitops.PhasePending, gitops.PhasePlanning, gitops.PhaseAwaitingApproval,
	gitops.PhaseApplying, gitops.PhaseVerifying, gitops.PhaseSucceeded}
