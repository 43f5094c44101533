package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Reconciler carries out steps. All fields but Checker, Locator, Limits, Sleep and Log are required.
type Reconciler struct {
	Store   Store
	Queue   Queue
	Blobs   Blobs
	Git     Git
	Engines map[gitops.Engine]Engine
	Checker Checker // nil: an application that has checks cannot be looked at
	Locator Locator // nil: who changed a resource is not told
	// Allowed reports why an application may not go to a target, nil when it may: the
	// installation's allow-list.
	Allowed func(gitops.Target) error
	Limits  Limits // of Bundles
	Now     func() time.Time
	NewID   func() string // ULIDs, so that deployments sort by their beginning
	// Sleep waits between two looks at something that no event announces; nil: never wait.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger // nil: discard

	files readFiles
}

// conflicts is how often a step that lost against another writer reads and decides again.
// Whoever won has sent, or will send, a message of its own: giving up loses nothing.
const conflicts = 5

// reserve is what has to be left of an invocation's time for another step to begin: a call
// that is cut off leaves a saved intent that the next invocation has to find again.
const reserve = 8 * time.Second

// Reconcile looks at what the message names, and takes steps until it has to wait or is
// done. An error means a bug or an unreadable record; what is throttled, refused or not
// known is logged, and the record stays unfinished, so that the sweep looks again.
func (r *Reconciler) Reconcile(ctx context.Context, m Message) error {
	switch {
	case m.Application != "" && m.Repository == "":
		return r.application(ctx, m.Application)
	case m.Repository != "" && m.Application == "":
		return r.repository(ctx, m.Repository)
	case m.Resource != nil && m.Application == "":
		return r.touch(ctx, r.Locator, *m.Resource)
	}
	return fmt.Errorf("message %+v: exactly one of repository, application and resource must be set", m)
}

// transient turns an error of a port into what a step returns: nothing but a log line,
// since the record says that the work is not done.
func (r *Reconciler) transient(doing string, err error, args ...any) error {
	r.log().Warn(doing, append(args, "error", err.Error())...)
	return nil
}

func (r *Reconciler) log() *slog.Logger {
	if r.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return r.Log
}

// timeLeft reports whether another step may begin.
func (r *Reconciler) timeLeft(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return !ok || deadline.Sub(r.Now()) > reserve
}

// afford reports whether a pause leaves time for another step.
func (r *Reconciler) afford(ctx context.Context, pause time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return !ok && pause < time.Minute || ok && deadline.Sub(r.Now()) > reserve+pause+20*time.Second
}

// lost reports whether an error means that another writer was first.
func lost(err error) bool { return errors.Is(err, ErrConflict) }

// Pause waits for d, or until ctx ends, whose error it then returns.
func Pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// looks is the pause before each look at a change set being created, which no event
// announces: about 28 s in all, within the function's minute. The pauses begin short, since
// small change sets are ready within a second, and grow to what a person does not notice.
var looks = func() []time.Duration {
	all := []time.Duration{100 * time.Millisecond, 400 * time.Millisecond}
	for range 8 {
		all = append(all, 500*time.Millisecond)
	}
	for _, s := range []int{1, 1, 2, 3, 5, 5, 6} {
		all = append(all, time.Duration(s)*time.Second)
	}
	return all
}()
