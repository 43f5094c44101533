package ssm

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// GitUser is whom a token is sent for. GitHub and GitLab look at the token alone, but want
// some name beside it (GitHub docs, "Authenticating to the REST API"; GitLab docs,
// "Personal access tokens").
const GitUser = "x-access-token"

// Git returns whom to read a repository as: where it names its own parameter
// (gitops.CredentialsOf), the token in it; otherwise what other says.
func (s *Secrets) Git(other func(ctx context.Context, r gitops.Repository, address string) (user, password string, err error),
) func(ctx context.Context, r gitops.Repository, address string) (user, password string, err error) {
	return func(ctx context.Context, r gitops.Repository, address string) (string, string, error) {
		if r.Credentials == "" {
			return other(ctx, r, address)
		}
		own := gitops.CredentialsOf(r.ID)
		if r.Credentials != own {
			return "", "", &gitops.Refusal{Reason: fmt.Sprintf("credentials %q: a repository is read with its own alone, %s", r.Credentials, own)}
		}
		name := strings.TrimPrefix(own, "ssm:")
		tokens, err := s.Secret(ctx, name)
		if errors.Is(err, reconcile.ErrNotFound) { // else it would be taken for a branch that is gone
			return "", "", fmt.Errorf("the credentials of %s: there is no parameter %s: %w", r.URL, name, reconcile.ErrDenied)
		}
		if err != nil {
			return "", "", fmt.Errorf("read the credentials of %s: %w", r.URL, err)
		}
		return GitUser, tokens[0].Reveal(), nil
	}
}
