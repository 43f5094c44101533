package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// pushes measures G4, and how many applications a second are seen to be untouched: the
// reconciler's look at a repository of 500 applications, with its ports in memory and its
// git against a real server.
func (b *bench) pushes(ctx context.Context) error {
	origin, err := b.repository(ctx, large)
	if err != nil {
		return err
	}
	dir, err := b.referring(ctx, origin, 0)
	if err != nil {
		return err
	}
	s, err := b.serve(ctx, dir)
	if err != nil {
		return err
	}
	if _, _, err := runGit(ctx, dir, "update-ref", "refs/heads/tip", "main"); err != nil {
		return err
	}
	p := &pushing{dir: dir, server: s, scratch: b.scratch}
	all := &contender{name: "driftless, a first look at 500 applications", run: p.first}
	three := &contender{name: "driftless, a push that touches 3 of 500", run: p.three}
	rest := &contender{name: "driftless, nothing new", run: p.rest}
	none := &contender{name: "driftless, a push that touches none of 500", run: p.none}
	peer := &contender{name: "git, sparse fetch of all 500", run: p.cli}
	if err := b.interleave(ctx, b.n(), all, three, rest, none, peer); err != nil {
		return err
	}
	b.add(
		Row{Goal: "G4", What: "a push that touches 3 of 500 applications: select and fetch; git CLI, sparse fetch of all", Ours: three.millis(), Peer: peer.millis(), Limit: Ratio(0.7), Runs: runs(three, peer)},
		Row{Goal: "G4", What: "- git requests; the git CLI's", Ours: three.requests(), Peer: peer.requests(), Limit: AtMost(4), Runs: runs(three, peer)},
		Row{Goal: "G4", What: "- application messages", Ours: Quantity{float64(large.touched), "messages"}, Limit: Exactly(3), Runs: runs(three, three)},
		Row{Goal: "G4", What: "a first look that brings all 500 forward; git CLI, sparse fetch of all", Ours: all.millis(), Peer: peer.millis(), Limit: Ratio(0.7), Runs: runs(all, peer)},
		Row{Goal: "G4", What: "- git requests; the git CLI's", Ours: all.requests(), Peer: peer.requests(), Limit: AtMost(4), Runs: runs(all, peer)},
		Row{Goal: "G4", What: "a resync without changes: git requests", Ours: rest.requests(), Limit: Exactly(1), Runs: runs(rest, rest)},
		Row{Goal: "G4", What: "- calls to CloudFormation", Ours: Quantity{float64(p.engines), "calls"}, Limit: Exactly(0), Runs: runs(rest, rest)},
		Row{Goal: "G4", What: "applications that a push does not touch, by the second", Ours: Quantity{float64(large.services) / (none.millis().Value / 1e3), "/s"}, Limit: AtLeast(40), Runs: runs(none, none)},
	)
	return nil
}

// pushing is a reconciler in memory that watches the large repository.
type pushing struct {
	dir     string // of the repository
	server  *server
	scratch string
	world   *world
	engines int // calls to an engine that resyncs led to
}

// world is a reconciler whose ports are in memory, but for git.
type world struct {
	store  *fake.Store
	queue  *fake.Queue
	engine *fake.Engine
	r      *reconcile.Reconciler
	id     string // of the repository
}

func newWorld(ctx context.Context, url string) (*world, error) {
	w := &world{store: fake.NewStore(), queue: fake.NewQueue(), engine: fake.NewEngine()}
	everywhere := func(gitops.Target) error { return nil }
	w.r = &reconcile.Reconciler{Store: w.store, Queue: w.queue, Blobs: fake.NewBlobs(), Allowed: everywhere, Now: time.Now,
		Git:     &git.Client{AllowPrivateHosts: []string{"127.0.0.1"}},
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: w.engine},
		NewID:   func() string { return ulid.Make().String() }}
	r := gitops.Repository{ID: gitops.RepositoryID(url, "main"), URL: url, Branch: "main"}
	w.id = r.ID
	return w, w.store.PutRepository(ctx, &r)
}

// look has the reconciler look at the repository, and returns how many applications it woke.
func (w *world) look(ctx context.Context) (woken int, u usage, err error) {
	w.queue.Forget()
	began := time.Now()
	if err := w.r.Reconcile(ctx, reconcile.Message{Repository: w.id, Reason: "bench"}); err != nil {
		return 0, u, err
	}
	u.wall = time.Since(began)
	r, err := w.store.Repository(ctx, w.id)
	switch {
	case err != nil:
		return 0, u, err
	case r.Trouble != "" || len(r.Problems) > 0 || r.Unfinished():
		return 0, u, fmt.Errorf("look at the repository: %s %v", r.Trouble, r.Problems)
	}
	return len(w.queue.Drain()), u, nil
}

// counted looks, and counts what the server saw.
func (p *pushing) counted(ctx context.Context, want int) (usage, error) {
	return p.server.counted(func() (usage, error) {
		woken, u, err := p.world.look(ctx)
		if err == nil && woken != want {
			err = fmt.Errorf("%d applications were woken, want %d", woken, want)
		}
		return u, err
	})
}

// first looks at the repository for the first time, with a reconciler that knows nothing.
func (p *pushing) first(ctx context.Context) (u usage, err error) {
	if p.world, err = newWorld(ctx, p.server.url); err != nil {
		return u, err
	}
	if err := p.move(ctx, "tip~2"); err != nil {
		return u, err
	}
	return p.counted(ctx, large.services)
}

// three moves the branch on by a commit that touches three applications.
func (p *pushing) three(ctx context.Context) (usage, error) {
	if err := p.seen(ctx, "tip~1"); err != nil {
		return usage{}, err
	}
	if err := p.move(ctx, "tip"); err != nil {
		return usage{}, err
	}
	return p.counted(ctx, large.touched)
}

// rest looks where nothing is new.
func (p *pushing) rest(ctx context.Context) (usage, error) {
	p.world.engine.Forget()
	u, err := p.counted(ctx, 0)
	for _, n := range p.world.engine.Counts() {
		p.engines += n
	}
	return u, err
}

// none moves the branch on by a commit that touches no application.
func (p *pushing) none(ctx context.Context) (usage, error) {
	if err := p.seen(ctx, "tip"); err != nil {
		return usage{}, err
	}
	commit, _, err := runGit(ctx, p.dir, "-c", "user.name=Ada", "-c", "user.email=ada@example.com",
		"commit-tree", "-p", "tip", "-m", "nothing", "tip^{tree}")
	if err != nil {
		return usage{}, err
	}
	if err := p.move(ctx, commit); err != nil {
		return usage{}, err
	}
	return p.counted(ctx, 0)
}

// seen moves the branch and has the reconciler look at it.
func (p *pushing) seen(ctx context.Context, to string) error {
	if err := p.move(ctx, to); err != nil {
		return err
	}
	_, _, err := p.world.look(ctx)
	return err
}

// move sets the tracked branch.
func (p *pushing) move(ctx context.Context, to string) error {
	_, _, err := runGit(ctx, p.dir, "update-ref", "refs/heads/main", to)
	return err
}

// cli fetches the applications of all services with the git command line.
func (p *pushing) cli(ctx context.Context) (usage, error) {
	dir := filepath.Join(p.scratch, "all")
	defer os.RemoveAll(dir)
	return p.server.counted(func() (usage, error) {
		return chain(ctx,
			program{args: []string{"git", "clone", "-q", "--depth", "1", "--filter=blob:none", "--no-checkout", p.server.url, dir}},
			program{dir: dir, args: []string{"git", "sparse-checkout", "set", "--no-cone", "/driftless.yaml", "/services/*/infra/"}},
			program{dir: dir, args: []string{"git", "checkout", "-q", "main"}})
	})
}
