package handler_test

import (
	"context"
	"io"
	"io/fs"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// begin is asked before every call of a port, and fails it as a client of AWS does whose
// context ended.
type begin func(context.Context) error

// ask makes a call that begin allows.
func ask[T any](ctx context.Context, b begin, call func() (T, error)) (T, error) {
	if err := b(ctx); err != nil {
		var none T
		return none, err
	}
	return call()
}

// tell makes a call without an answer that begin allows.
func tell(ctx context.Context, b begin, call func() error) error {
	if err := b(ctx); err != nil {
		return err
	}
	return call()
}

// The ports that ask begin, as far as the reconciler uses them.
type (
	timedStore struct {
		reconcile.Store
		begin
	}
	timedQueue struct {
		reconcile.Queue
		begin
	}
	timedBlobs struct {
		reconcile.Blobs
		begin
	}
	timedGit struct {
		reconcile.Git
		begin
	}
	timedSnapshot struct {
		reconcile.Snapshot
		begin
	}
	timedEngine struct {
		reconcile.Engine
		begin
	}
)

func (s timedStore) Repository(ctx context.Context, id string) (gitops.Repository, error) {
	return ask(ctx, s.begin, func() (gitops.Repository, error) { return s.Store.Repository(ctx, id) })
}

func (s timedStore) PutRepository(ctx context.Context, r *gitops.Repository) error {
	return tell(ctx, s.begin, func() error { return s.Store.PutRepository(ctx, r) })
}

func (s timedStore) Application(ctx context.Context, id string) (gitops.Application, error) {
	return ask(ctx, s.begin, func() (gitops.Application, error) { return s.Store.Application(ctx, id) })
}

func (s timedStore) ApplicationsByID(ctx context.Context, ids []string) (map[string]gitops.Application, error) {
	return ask(ctx, s.begin, func() (map[string]gitops.Application, error) { return s.Store.ApplicationsByID(ctx, ids) })
}

func (s timedStore) ListApplications(ctx context.Context, repository string) ([]gitops.Application, error) {
	return ask(ctx, s.begin, func() ([]gitops.Application, error) { return s.Store.ListApplications(ctx, repository) })
}

func (s timedStore) Register(ctx context.Context, a *gitops.Application, claims []reconcile.Claim) error {
	return tell(ctx, s.begin, func() error { return s.Store.Register(ctx, a, claims) })
}

func (s timedStore) PutApplication(ctx context.Context, a *gitops.Application) error {
	return tell(ctx, s.begin, func() error { return s.Store.PutApplication(ctx, a) })
}

func (s timedStore) Deployment(ctx context.Context, application, id string) (gitops.Deployment, error) {
	return ask(ctx, s.begin, func() (gitops.Deployment, error) { return s.Store.Deployment(ctx, application, id) })
}

func (s timedStore) Open(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error {
	return tell(ctx, s.begin, func() error { return s.Store.Open(ctx, a, d) })
}

func (s timedStore) PutDeployment(ctx context.Context, d *gitops.Deployment) error {
	return tell(ctx, s.begin, func() error { return s.Store.PutDeployment(ctx, d) })
}

func (s timedStore) Close(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error {
	return tell(ctx, s.begin, func() error { return s.Store.Close(ctx, a, d) })
}

func (s timedStore) PutReport(ctx context.Context, r gitops.DriftReport) error {
	return tell(ctx, s.begin, func() error { return s.Store.PutReport(ctx, r) })
}

func (s timedStore) LatestReport(ctx context.Context, application string) (gitops.DriftReport, error) {
	return ask(ctx, s.begin, func() (gitops.DriftReport, error) { return s.Store.LatestReport(ctx, application) })
}

func (q timedQueue) Send(ctx context.Context, messages ...reconcile.Message) error {
	return tell(ctx, q.begin, func() error { return q.Queue.Send(ctx, messages...) })
}

func (b timedBlobs) Put(ctx context.Context, key string, data []byte) error {
	return tell(ctx, b.begin, func() error { return b.Blobs.Put(ctx, key, data) })
}

func (b timedBlobs) Get(ctx context.Context, key string) ([]byte, error) {
	return ask(ctx, b.begin, func() ([]byte, error) { return b.Blobs.Get(ctx, key) })
}

func (b timedBlobs) PutFile(ctx context.Context, key string, from io.ReadSeeker) error {
	return tell(ctx, b.begin, func() error { return b.Blobs.PutFile(ctx, key, from) })
}

func (b timedBlobs) GetFile(ctx context.Context, key string, into io.Writer) error {
	return tell(ctx, b.begin, func() error { return b.Blobs.GetFile(ctx, key, into) })
}

func (g timedGit) Head(ctx context.Context, r gitops.Repository) (string, error) {
	return ask(ctx, g.begin, func() (string, error) { return g.Git.Head(ctx, r) })
}

func (g timedGit) Snapshot(ctx context.Context, r gitops.Repository, commit string) (reconcile.Snapshot, error) {
	return ask(ctx, g.begin, func() (reconcile.Snapshot, error) {
		s, err := g.Git.Snapshot(ctx, r, commit)
		return timedSnapshot{s, g.begin}, err
	})
}

func (s timedSnapshot) Fetch(ctx context.Context, paths ...string) (fs.FS, error) {
	return ask(ctx, s.begin, func() (fs.FS, error) { return s.Snapshot.Fetch(ctx, paths...) })
}

func (e timedEngine) Start(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	return ask(ctx, e.begin, func() (gitops.Operation, error) { return e.Engine.Start(ctx, w) })
}

func (e timedEngine) Observe(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	return ask(ctx, e.begin, func() (gitops.Sighting, error) { return e.Engine.Observe(ctx, w) })
}
