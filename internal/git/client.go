package git

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

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
	// TempDir is where packs are kept, in files without names; empty: os.TempDir.
	TempDir string

	once      sync.Once
	transport *http.Transport
	mu        sync.Mutex
	remotes   map[string]remote // by Repository.URL
}

var _ reconcile.Git = (*Client)(nil)

// Head returns the commit that the tracked branch or tag stands at, by one request; it may
// take up to three until it is known what the repository's server can do.
// ErrNotFound: the reference or the repository is gone, or has no commit.
// ErrDenied: the credentials, or the address, are refused.
func (c *Client) Head(ctx context.Context, r gitops.Repository) (string, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	found, err := c.references(ctx, r)
	if err == nil && found.commit == "" {
		err = missing(r, found.trunk)
	}
	if err != nil {
		return "", fmt.Errorf("read head of %s: %w", gitops.Printable(r.Tracked()), err)
	}
	return found.commit, nil
}

// missing says that the tracked reference is not there, and what is.
func missing(r gitops.Repository, trunk string) error {
	what, hint := "branch", ""
	if r.Tag != "" {
		what = "tag"
	}
	switch {
	case trunk == "":
		hint = "; it may be empty"
	case r.Tag == "" && trunk != r.Branch:
		hint = fmt.Sprintf("; its default branch is %q", gitops.Printable(trunk))
	}
	return fmt.Errorf("repository %s has no %s %q%s: %w", gitops.NormalURL(r.URL), what, gitops.Printable(r.Tracked()), hint, reconcile.ErrNotFound)
}

// Snapshot reads the trees of one commit, without its files, by one request. From a server
// that cannot filter it reads the files as well. What it has is kept on disk until the
// snapshot is closed or collected. A commit that is no longer there is a plain error, since
// the branch has moved.
func (c *Client) Snapshot(ctx context.Context, r gitops.Repository, commit string) (reconcile.Snapshot, error) {
	if !isCommit(commit) {
		return nil, fmt.Errorf("read commit %q: not the id of a commit", commit)
	}
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	s := &Snapshot{client: c, repository: r, id: plumbing.NewHash(commit), limits: c.Limits.or()}
	if err := s.open(ctx); err != nil {
		_ = s.Close() // nothing was promised of it yet
		return nil, fmt.Errorf("read commit %s: %w", gitops.Short(commit), err)
	}
	return s, nil
}

// isCommit reports whether a text is the id of a commit, 40 hexadecimal digits.
func isCommit(s string) bool { return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == "" }

// deadline bounds one call.
func (c *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Timeout > 0 {
		return context.WithTimeout(ctx, c.Timeout)
	}
	return context.WithTimeout(ctx, 45*time.Second)
}

// exchange asks the hooks where and as whom to read. The errors of hooks pass as they
// are: they say by themselves what is missing or denied.
func (c *Client) exchange(ctx context.Context, r gitops.Repository) (*exchange, error) {
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
	x, err := newExchange(c.transport, address, user, password)
	if err != nil {
		return nil, err
	}
	if moved := c.remote(r).moved; moved != "" {
		x.address, x.moved = moved, true
	}
	return x, nil
}
