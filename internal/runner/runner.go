package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner/install"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// Blobs is the data bucket.
type Blobs interface {
	// Get reads what stands under a key; reconcile.ErrNotFound.
	Get(ctx context.Context, key string) ([]byte, error)
	// GetFile is Get for what is too large to be held in memory.
	GetFile(ctx context.Context, key string, into io.Writer) error
	// PutNew writes under a key where nothing stands, and reports whether it did. Where it did
	// not, an earlier try of the same call may have, whose answer was lost.
	PutNew(ctx context.Context, key string, data []byte) (bool, error)
	// PutFile is PutNew for a file; it does not tell whether something stood there.
	PutFile(ctx context.Context, key string, from io.ReadSeeker) error
	// Replace writes in place of whatever stands there.
	Replace(ctx context.Context, key string, data []byte) error
}

// Cache keeps archives for later builds: those of the data bucket, large ones too.
type Cache interface {
	// GetFile reads what stands under a key; reconcile.ErrNotFound.
	GetFile(ctx context.Context, key string, into io.Writer) error
	// PutFile writes under a key where nothing stands.
	PutFile(ctx context.Context, key string, from io.ReadSeeker) error
}

// Secrets reads one kind of secrets by their names; reconcile.ErrNotFound, reconcile.ErrDenied.
type Secrets interface {
	Read(ctx context.Context, name string) (secret.Secret, error)
}

// Installer finds terraform.
type Installer interface {
	// Install returns the program in exactly that version; a *gitops.Refusal says that it
	// cannot be had. Where it would be downloaded, kept is asked for a directory of what an
	// earlier Install downloaded, which is trusted no more than the site; empty: there is none.
	Install(ctx context.Context, flavor gitops.Flavor, version string, kept func() (dir string)) (install.Program, error)
}

// Runner does the job of one build.
type Runner struct {
	Blobs     Blobs
	Cache     Cache              // nil: each build downloads by itself
	Secrets   map[string]Secrets // by what references begin with: ssm, secretsmanager
	Installer Installer
	// Wake has the reconciler look at an application, by a message to a queue.
	Wake func(ctx context.Context, queue, application, reason string) error

	Build  string                      // the build's id, which no other build has
	Who    string                      // user@host, as terraform writes it into a lock
	Dir    string                      // an empty directory of its own
	Self   string                      // the path of this program: its command "credentials" prints the build's own
	Lookup func(string) (string, bool) // a variable of the environment
	Now    func() time.Time
	Log    *slog.Logger

	LockTimeout time.Duration // how long terraform waits for a state's lock; zero: a minute
}

// ErrUnsuccessful says that a job ended otherwise than wanted; why stands in its report.
var ErrUnsuccessful = errors.New("the job did not succeed")

// patience is how long what has to be said at the end may take once the build is told to stop.
const patience = time.Minute

// Run does the job whose order stands under a key. It returns nil where the job belongs to
// somebody else; an error other than ErrUnsuccessful where there is no report.
func (r *Runner) Run(ctx context.Context, key string) error {
	o, err := r.order(ctx, key)
	if err != nil {
		return err
	}
	mine, err := r.claim(ctx, o.Job)
	if err != nil || !mine {
		return err
	}
	s := &session{Runner: r, order: o, job: o.Job, over: make(chan struct{})}
	defer s.store(ctx) // nobody waits for it any more
	defer s.end()
	outcome, err := s.run(ctx)
	if err == nil && outcome == build.OutcomePlanned && s.stays() {
		return s.stay(ctx)
	}
	return verdict(outcome, err)
}

// verdict is what a job's end means for the build.
func verdict(outcome build.Outcome, err error) error {
	if err == nil && (outcome == build.OutcomeFailed || outcome == build.OutcomeBlocked) {
		return ErrUnsuccessful
	}
	return err
}

// order reads an order. One that stands elsewhere than it says is none.
func (r *Runner) order(ctx context.Context, key string) (build.Order, error) {
	var o build.Order
	data, err := r.Blobs.Get(ctx, key)
	if err != nil {
		return o, fmt.Errorf("read order %s: %w", key, err)
	}
	if err := json.Unmarshal(data, &o); err != nil {
		return o, fmt.Errorf("decode order %s: %w", key, err)
	}
	if o.Job.OrderKey() != key || o.Job.Side == "" || r.Build == "" {
		return o, fmt.Errorf("read order %s: it is one for %s, of the side %q, read by the build %q", key, o.Job.OrderKey(), o.Job.Side, r.Build)
	}
	return o, nil
}

// claim makes the job this build's, and reports whether it is.
func (r *Runner) claim(ctx context.Context, job build.Job) (mine bool, err error) {
	claim := r.self()
	there, mine, err := build.First(ctx, r.Blobs, job.ClaimKey(), claim)
	if err != nil {
		return false, fmt.Errorf("claim %s: %w", job.OrderKey(), err)
	}
	if mine || there.Build == claim.Build && there.At.Equal(claim.At) {
		return true, nil // in the second case an earlier try of the same write got there
	}
	r.Log.Info("the job is another's, nothing is done", "job", job.OrderKey(), "build", there.Build, "void", there.Void)
	return false, nil
}

func (r *Runner) self() build.Claim {
	return build.Claim{Build: r.Build, Who: r.Who, At: r.Now().UTC()}
}

// own says who is about to work on the application's state.
func (r *Runner) own(ctx context.Context, o build.Order, job build.Job) error {
	self := r.self()
	data, err := json.Marshal(build.Owner{Claim: self, Job: job})
	if err != nil {
		return fmt.Errorf("encode owner: %w", err)
	}
	if err := r.Blobs.Replace(ctx, build.OwnerKey(job.Side, o.Application, self.Who), data); err != nil {
		return fmt.Errorf("write owner: %w", err)
	}
	return nil
}
