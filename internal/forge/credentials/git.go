package credentials

import (
	"context"
	"errors"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Whom a token is sent for. Forges look at the token alone, but want a name beside it:
// GitHub documents "x-access-token" for an App's ("Authenticating as a GitHub App
// installation", "HTTP-based Git access"), GitLab "oauth2" for OAuth's and any for others
// ("Personal access tokens", "Clone repository using personal access token").
const (
	gitHubUser = "x-access-token"
	gitLabUser = "oauth2"
)

// Hook is git.Client's: whom to read a repository as, at an address.
type Hook func(ctx context.Context, r gitops.Repository, address string) (user, password string, err error)

// Git returns the hook that reads a repository that names credentials by its token, and
// others as other says.
func (c *Credentials) Git(other Hook) Hook {
	return func(ctx context.Context, r gitops.Repository, address string) (string, string, error) {
		if r.Credentials == "" {
			return other(ctx, r, address)
		}
		tokens, err := c.Tokens(ctx, r)
		if err != nil {
			return "", "", err
		}
		user := gitHubUser
		if r.Forge == gitops.ForgeGitLab {
			user = gitLabUser
		}
		return user, tokens[c.chosen(r.ID, len(tokens))], nil
	}
}

// chosen returns which of so many tokens a repository is read with.
func (c *Credentials) chosen(repository string, of int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := choice{c.choice[repository].token % of, of}
	c.choice[repository] = at
	return at.token
}

// turn chooses the repository's other token; false where it has but one.
func (c *Credentials) turn(repository string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.choice[repository]
	if at.of < 2 {
		return false
	}
	c.choice[repository] = choice{(at.token + 1) % at.of, at.of}
	return true
}

// Rotating returns git, which reads by the hook, with a second try of a head that was
// denied: with the repository's other token, where it has two. What is read after the head
// is read with the token that was taken.
func (c *Credentials) Rotating(git reconcile.Git) reconcile.Git { return rotating{git, c} }

type rotating struct {
	reconcile.Git
	credentials *Credentials
}

// Head implements reconcile.Git.
func (g rotating) Head(ctx context.Context, r gitops.Repository) (string, error) {
	commit, err := g.Git.Head(ctx, r)
	if errors.Is(err, reconcile.ErrDenied) && g.credentials.turn(r.ID) {
		return g.Git.Head(ctx, r)
	}
	return commit, err
}
