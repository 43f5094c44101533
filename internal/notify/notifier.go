package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Notifier brings what forges show to what the records say.
type Notifier struct {
	Records Records
	Notices Notices
	Forges  map[gitops.Forge]Reporter // those that show statuses
	NewID   func() string             // names a sender; never the same twice
	Now     func() time.Time
	Log     *slog.Logger // nil: silent
}

// Records reads what is to be shown.
type Records interface {
	// Deployment reads one, consistently; reconcile.ErrNotFound.
	Deployment(ctx context.Context, application, id string) (gitops.Deployment, error)
	// Repository reads one, consistently; reconcile.ErrNotFound.
	Repository(ctx context.Context, id string) (gitops.Repository, error)
}

// Reporter shows a status; forge.Forge has its contract.
type Reporter interface {
	Report(ctx context.Context, r gitops.Repository, s forge.Status) error
}

// Subject is what an event says to look at: a record, or the place of a notice.
type Subject struct {
	About About
	Place string
}

const (
	// conflicts is how often a place is looked at again because somebody else moved its notice.
	conflicts = 5
	// reportTime is how long a forge may take to answer.
	reportTime = 10 * time.Second
	// reserve is what has to be left of an invocation for one more status: a report, and the
	// writes around it.
	reserve = reportTime + 5*time.Second
)

// Tell shows what the records of the subjects say by now, and returns an error for each
// whose record could not be read or whose notice not be written: it has to be told again.
// What a forge refuses or fails to take is kept on the notice, and is no error.
func (n *Notifier) Tell(ctx context.Context, subjects []Subject) []error {
	r := round{Notifier: n, down: map[string]string{}, repositories: map[string]gitops.Repository{}}
	told, errs := map[Subject]error{}, make([]error, len(subjects))
	for i, s := range subjects {
		if _, ok := told[s]; !ok {
			told[s] = r.tell(ctx, s)
		}
		errs[i] = told[s]
	}
	return errs
}

// round is one call of Tell.
type round struct {
	*Notifier
	down map[string]string // by repository, what its forge failed with a moment ago
	// repositories are those that deployments were found to be of. Which forge shows them does
	// not change within a round, and if it does, the repository's own record comes next.
	repositories map[string]gitops.Repository
}

// tell shows one subject. A conflict means that somebody else was at the same place.
func (r *round) tell(ctx context.Context, s Subject) error {
	sender := r.NewID()
	for range conflicts {
		err := r.once(ctx, &s, sender)
		if !errors.Is(err, reconcile.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("show %+v: somebody else moved its notice %d times", s, conflicts)
}

// truth is what a record says is to be shown.
type truth struct {
	repository gitops.Repository
	status     forge.Status
	version    int64
	missing    string // why there is nothing to show
}

func (t truth) shown() Shown { return Shown{t.status.State, t.status.Description, t.status.URL} }

// once reads what stands, and shows it unless it is shown. Between two writes of the notice
// the place is the sender's own, so that nobody shows something older after it. It leaves
// the place in s: whoever has to look again may find that it is a newer deployment's by now.
func (r *round) once(ctx context.Context, s *Subject, sender string) error {
	about := s.About
	if s.Place != "" {
		stored, err := r.notice(ctx, s.Place)
		if err != nil || stored.Version == 0 {
			return err
		}
		if stored.About.Deployment >= about.Deployment {
			about = stored.About
		}
	}
	t, err := r.read(ctx, about)
	if err != nil {
		return err
	}
	place := Place(about.Repo, t.status)
	if s.Place != "" && place != s.Place {
		return r.rest(ctx, s.Place, or(t.missing, "the repository has moved on"))
	}
	if t.missing != "" {
		return nil
	}
	s.Place = place
	notice, err := r.notice(ctx, place)
	if err != nil {
		return err
	}
	now := r.Now()
	switch {
	case notice.over(about, t.version, t.shown()):
		return nil
	case notice.held(sender, now):
		notice.hand(about)
		return r.Notices.PutNotice(ctx, &notice) // the sender finds that it was moved, and looks again
	}
	notice.claim(sender, about, now)
	if why := r.later(ctx, about.Repo); why != "" {
		notice.postpone(why, now.Add(backoff[0]), now)
		return r.Notices.PutNotice(ctx, &notice)
	}
	if err := r.Notices.PutNotice(ctx, &notice); err != nil {
		return err
	}
	r.report(ctx, t, &notice)
	return r.Notices.PutNotice(ctx, &notice)
}

// notice reads the notice of a place; a new one where there is none.
func (r *round) notice(ctx context.Context, place string) (Notice, error) {
	n, err := r.Notices.Notice(ctx, place)
	if errors.Is(err, reconcile.ErrNotFound) {
		return Notice{Place: place}, nil
	}
	return n, err
}

// rest ends the notice of a place that has nothing to show any more.
func (r *round) rest(ctx context.Context, place, why string) error {
	n, err := r.notice(ctx, place)
	if err != nil || n.Version == 0 || n.Due.IsZero() {
		return err
	}
	n.rest(why)
	return r.Notices.PutNotice(ctx, &n)
}

// read returns what is to be shown of a record. The repository goes first: most often it
// says that there is nobody to show anything to.
func (r *round) read(ctx context.Context, about About) (t truth, err error) {
	var known bool
	if t.repository, known = r.repositories[about.Repo]; !known || about.App == "" {
		t.repository, err = r.Records.Repository(ctx, about.Repo)
	}
	if errors.Is(err, reconcile.ErrNotFound) {
		return truth{missing: "the repository is no longer watched"}, nil
	}
	if err != nil {
		return t, fmt.Errorf("read repository %s: %w", about.Repo, err)
	}
	r.repositories[about.Repo] = t.repository
	if r.Forges[t.repository.Forge] == nil || t.repository.Credentials == "" {
		return truth{missing: "the repository has no forge that shows statuses, or no credentials for it"}, nil
	}
	if about.App == "" {
		var ok bool
		if t.status, ok = Repository(t.repository); !ok {
			t.missing = "the look at the repository has not ended"
		}
		t.version = t.repository.Version
		return t, nil
	}
	d, err := r.Records.Deployment(ctx, about.App, about.Deployment)
	if errors.Is(err, reconcile.ErrNotFound) {
		return truth{missing: "the deployment is gone"}, nil
	}
	if err != nil {
		return t, fmt.Errorf("read deployment %s of %s: %w", about.Deployment, about.App, err)
	}
	t.status, t.version = Deployment(d), d.Version
	return t, nil
}

// later returns why nothing is to be tried in this round any more, or "".
func (r *round) later(ctx context.Context, repository string) string {
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(r.Now()) < reserve {
		return "there was no time left"
	}
	return r.down[repository]
}

// report shows a status and notes what came of it.
func (r *round) report(ctx context.Context, t truth, n *Notice) {
	err := r.send(ctx, t)
	log := r.log().With("repo", n.About.Repo, "app", n.About.App, "deployment", n.About.Deployment,
		"commit", gitops.Short(t.status.Commit), "state", string(t.status.State))
	if err == nil {
		n.settle(t.version, t.shown())
		log.Info("show status", "why", t.status.Description)
		return
	}
	var refusal *gitops.Refusal
	refused := errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) || errors.As(err, &refusal)
	if !refused {
		r.down[n.About.Repo] = line(err.Error())
	}
	n.fail(err.Error(), refused, r.Now())
	log.Warn("show status", "tries", n.Tries, "again", n.Due, "error", n.Reason)
}

// send hands a status to its forge. What an adapter panics with is kept as a failure: it
// must not hold up the others time and again.
func (r *round) send(ctx context.Context, t truth) (err error) {
	defer func() {
		if bug := recover(); bug != nil {
			err = fmt.Errorf("report status: %v", bug)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, reportTime)
	defer cancel()
	return r.Forges[t.repository.Forge].Report(ctx, t.repository, t.status)
}

func (n *Notifier) log() *slog.Logger {
	if n.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return n.Log
}
