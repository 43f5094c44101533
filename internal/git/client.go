package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"sync"
	"time"

	billy "github.com/go-git/go-billy/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Client reads repositories. Its zero value reads public ones; its fields are set before
// the first use and not changed afterwards. It is safe for concurrent use.
type Client struct {
	// Resolve returns the https URL that a repository is read at, for addresses such as
	// codecommit::eu-west-1://infra. Nil: Repository.URL.
	Resolve func(ctx context.Context, r gitops.Repository) (address string, err error)
	// Credentials returns whom to read as at the resolved URL. Empty: as nobody. Nil: the same.
	Credentials func(ctx context.Context, r gitops.Repository, address string) (user, password string, err error)
	// AllowPrivateHosts are the hosts that may be private and without TLS (package guard).
	AllowPrivateHosts []string
	// Limits are the caps on what is read.
	Limits Limits
	// Timeout ends one call, beside the context's own deadline; zero: 45 s.
	Timeout time.Duration
	// TempDir is where a tree is kept that the server could not filter; empty: os.TempDir.
	TempDir string

	once      sync.Once
	transport *http.Transport
	mu        sync.Mutex
	remotes   map[string]remote // by Repository.URL
}

var _ reconcile.Git = (*Client)(nil)

// remote is what was learned of a repository's server when its head was read.
type remote struct {
	capabilities *capability.List
	moved        string // the URL that the server redirects to, on the same host
}

// partial reports whether the server sends trees without files, and files by their ids.
func (r remote) partial() bool {
	return r.capabilities.Supports(capability.Filter) && r.capabilities.Supports(capability.AllowReachableSHA1InWant)
}

// Head returns the commit that the tracked branch stands at, by one request.
// ErrNotFound: the branch or the repository is gone, or has no commit.
// ErrDenied: the credentials, or the address, are refused.
func (c *Client) Head(ctx context.Context, r gitops.Repository) (string, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	references, err := c.advertised(ctx, r)
	if err != nil {
		return "", fmt.Errorf("read head of %s: %w", r.Branch, err)
	}
	head, ok := references.References["refs/heads/"+r.Branch]
	if !ok {
		return "", fmt.Errorf("repository %s has no branch %q: %w", gitops.NormalURL(r.URL), r.Branch, reconcile.ErrNotFound)
	}
	return head.String(), nil
}

// Snapshot reads the trees of one commit, without its files, by one request once Head has
// read the same repository, else by two. From a server that cannot filter it reads the
// files as well and keeps them on disk until the snapshot is closed or collected: the
// Snapshot is an io.Closer. A commit that is no longer there is a plain error, since the
// branch has moved.
func (c *Client) Snapshot(ctx context.Context, r gitops.Repository, commit string) (reconcile.Snapshot, error) {
	if !isCommit(commit) {
		return nil, fmt.Errorf("read commit %q: not the id of a commit", commit)
	}
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	s, err := c.snapshot(ctx, r, plumbing.NewHash(commit))
	if err != nil {
		return nil, fmt.Errorf("read commit %s: %w", gitops.Short(commit), err)
	}
	return s, nil
}

func (c *Client) snapshot(ctx context.Context, r gitops.Repository, commit plumbing.Hash) (*Snapshot, error) {
	at, known := c.remote(r)
	if !known {
		if _, err := c.advertised(ctx, r); err != nil {
			return nil, err
		}
		at, _ = c.remote(r)
	}
	s := &Snapshot{client: c, repository: r, id: commit, limits: c.Limits.or(), partial: at.partial()}
	var err error
	if s.partial {
		err = s.receive(ctx, trees(commit))
	} else {
		err = s.receiveAll(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := s.open(); err != nil {
		_ = s.Close()
		return nil, translate(err, r)
	}
	return s, nil
}

// isCommit reports whether a text is the id of a commit, 40 hexadecimal digits.
var isCommit = regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString

// deadline bounds one call.
func (c *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Timeout > 0 {
		return context.WithTimeout(ctx, c.Timeout)
	}
	return context.WithTimeout(ctx, 45*time.Second)
}

// advertised reads what the server offers, by one request, and remembers what it can do.
func (c *Client) advertised(ctx context.Context, r gitops.Repository) (*packp.AdvRefs, error) {
	x, err := c.exchange(ctx, r, "", c.Limits.or().RequestBytes)
	if err != nil {
		return nil, err
	}
	references, err := x.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, translate(err, r)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.remotes == nil {
		c.remotes = make(map[string]remote)
	}
	c.remotes[r.URL] = remote{references.Capabilities, x.moved}
	return references, nil
}

func (c *Client) remote(r gitops.Repository) (remote, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.remotes[r.URL]
	return at, ok
}

// exchange asks the hooks where and as whom to read. The errors of hooks pass as they
// are: they say by themselves what is missing or denied.
func (c *Client) exchange(ctx context.Context, r gitops.Repository, moved string, limit int64) (*exchange, error) {
	c.once.Do(func() { c.transport = guard.Transport(c.AllowPrivateHosts) })
	address := r.URL
	if c.Resolve != nil {
		var err error
		if address, err = c.Resolve(ctx, r); err != nil {
			return nil, fmt.Errorf("resolve %s: %w", gitops.NormalURL(r.URL), err)
		}
	}
	var user, password string
	if c.Credentials != nil {
		var err error
		if user, password, err = c.Credentials(ctx, r, address); err != nil {
			return nil, fmt.Errorf("read credentials of %s: %w", gitops.NormalURL(r.URL), err)
		}
	}
	if moved != "" {
		address = moved
	}
	return newExchange(c.transport, address, user, password, limit)
}

// fetch sends one request for objects and receives its pack into a file.
func (c *Client) fetch(ctx context.Context, r gitops.Repository, ask ask, file billy.File, limit int64) (_ *pack, err error) {
	at, _ := c.remote(r)
	x, err := c.exchange(ctx, r, at.moved, limit)
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	received, err := x.fetch(ctx, ask.request(at.capabilities))
	if err != nil {
		_ = file.Close()
		return nil, translate(err, r)
	}
	defer func() { _ = received.Close() }() // all that matters was read by then
	p, err := readPack(ctx, received, file, limit)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the answer ends early: %w", err)
	}
	if err != nil {
		return nil, translate(err, r)
	}
	return p, nil
}

// ask is what is wanted of a server.
type ask struct {
	wants   []plumbing.Hash
	shallow bool // commits without their history
	filter  packp.Filter
}

// trees asks for a commit and its trees, without files.
func trees(commit plumbing.Hash) ask {
	return ask{wants: []plumbing.Hash{commit}, shallow: true, filter: packp.FilterBlobNone()}
}

// request offers what both sides can do.
func (a ask) request(server *capability.List) *packp.UploadPackRequest {
	request := packp.NewUploadPackRequestFromCapabilities(server)
	request.Wants = a.wants
	if server.Supports(capability.NoProgress) {
		_ = request.Capabilities.Set(capability.NoProgress) // fails for unknown names only, as below
	}
	if a.shallow {
		_ = request.Capabilities.Set(capability.Shallow)
		request.Depth = packp.DepthCommits(1)
	}
	if a.filter != "" {
		_ = request.Capabilities.Set(capability.Filter)
		request.Filter = a.filter
	}
	return request
}
