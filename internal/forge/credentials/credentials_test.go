package credentials_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge/credentials"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// store keeps secrets in memory.
type store map[string]string

// Read implements credentials.Store.
func (s store) Read(_ context.Context, reference string) (secret.Secret, error) {
	value, ok := s[reference]
	switch {
	case !ok:
		return secret.Secret{}, fmt.Errorf("get %s: %w", reference, reconcile.ErrNotFound)
	case value == "throttled":
		return secret.Secret{}, errors.New("get: throttled")
	}
	return secret.New(value), nil
}

// infra returns a repository of GitHub with credentials by a function of its id.
func infra(of func(id string) string) gitops.Repository {
	r := gitops.Repository{URL: "https://github.com/acme/infra", Branch: "main", Forge: gitops.ForgeGitHub}
	r.ID = gitops.RepositoryID(r.URL, r.Ref())
	r.Credentials = of(r.ID)
	return r
}

// as is a hook of another way to read.
func as(context.Context, gitops.Repository, string) (string, string, error) {
	return "role", "signature", nil
}

func TestARepositoryIsReadAsItsCredentialsSay(t *testing.T) {
	parameter, other := infra(gitops.CredentialsOf), infra(gitops.SecretOf)
	gitLab := parameter
	gitLab.Forge = gitops.ForgeGitLab
	for name, c := range map[string]struct {
		repository     gitops.Repository
		held           string
		user, password string
	}{
		"none named: as others say":    {infra(func(string) string { return "" }), "", "role", "signature"},
		"a token in a parameter":       {parameter, "token", "x-access-token", "token"},
		"a token in a secret":          {other, "token\n", "x-access-token", "token"},
		"a token of GitLab":            {gitLab, "token", "oauth2", "token"},
		"two tokens: the first of two": {parameter, "new\nold\n", "x-access-token", "new"},
	} {
		t.Run(name, func(t *testing.T) {
			read := credentials.New(store{c.repository.Credentials: c.held}, nil).Git(as)
			user, password, err := read(t.Context(), c.repository, "")
			if user != c.user || password != c.password || err != nil {
				t.Errorf("it is read as %q with %q, %v", user, password, err)
			}
		})
	}
}

func TestWhatCannotBeReadWithIsDenied(t *testing.T) {
	own := gitops.CredentialsOf(infra(gitops.CredentialsOf).ID)
	for name, c := range map[string]struct {
		credentials, held       string
		denied, refused, absent bool
	}{
		"a secret that is not there":              {own, "", true, false, true},
		"a parameter of a webhook":                {"ssm:/driftless/webhook/x", "hunter2", false, true, false},
		"another repository's":                    {gitops.CredentialsOf("0123456789abcdef"), "hunter2", false, true, false},
		"another repository's in Secrets Manager": {gitops.SecretOf("0123456789abcdef"), "hunter2", false, true, false},
		"another kind of reference":               {"env:TOKEN", "hunter2", false, true, false},
		"three tokens":                            {own, "hunter2\nb\nc", true, false, false},
		"JSON that is none":                       {own, `{"appId": hunter2`, true, false, false},
		"JSON of something else":                  {own, `{"token": "hunter2"}`, true, false, false},
		"an App without a key":                    {own, `{"appId": 1, "installationId": 2}`, true, false, false},
		"an App whose id is a name":               {own, `{"appId": "hunter2", "installationId": 2, "privateKey": "x"}`, true, false, false},
		"an App whose key is none":                {own, `{"appId": 1, "installationId": 2, "privateKey": "hunter2"}`, true, false, false},
		"a store that is throttled":               {own, "throttled", false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := infra(func(string) string { return c.credentials })
			s := store{c.credentials: c.held}
			if c.absent {
				delete(s, c.credentials)
			}
			_, _, err := credentials.New(s, nil).Git(as)(t.Context(), r, "")
			refusal := (*gitops.Refusal)(nil)
			if err == nil || errors.Is(err, reconcile.ErrDenied) != c.denied || errors.As(err, &refusal) != c.refused {
				t.Errorf("got %v, want denied %v, refused %v", err, c.denied, c.refused)
			}
			if errors.Is(err, reconcile.ErrNotFound) {
				t.Errorf("it would be taken for a branch that is gone: %v", err)
			}
			if strings.Contains(err.Error(), r.URL) {
				t.Errorf("whoever calls says which repository it is; the error does too: %v", err)
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has the secret: %v", err)
			}
		})
	}
}

// reader is git that takes one token alone, and remembers those that it was given.
type reader struct {
	reconcile.Git
	hook  credentials.Hook
	takes string
	given []string
}

// Head implements reconcile.Git.
func (g *reader) Head(ctx context.Context, r gitops.Repository) (string, error) {
	_, password, err := g.hook(ctx, r, "")
	if err != nil {
		return "", err
	}
	if g.given = append(g.given, password); password != g.takes {
		return "", fmt.Errorf("401: %w", reconcile.ErrDenied)
	}
	return "0cbd2a7", nil
}

func TestGitIsReadWithTheOtherTokenWhereTheFirstIsRefused(t *testing.T) {
	r := infra(gitops.CredentialsOf)
	s := store{r.Credentials: "new\nold"}
	c := credentials.New(s, nil)
	inner := &reader{hook: c.Git(as), takes: "old"}
	git := c.Rotating(inner)
	look := func(want error, tokens ...string) {
		t.Helper()
		inner.given = nil
		if _, err := git.Head(t.Context(), r); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if diff := cmp.Diff(tokens, inner.given); diff != "" {
			t.Errorf("tokens (-want +got):\n%s", diff)
		}
	}
	look(nil, "new", "old")
	look(nil, "old") // and so are the trees and files after it
	inner.takes = "new"
	look(nil, "old", "new")
	inner.takes = "none"
	look(reconcile.ErrDenied, "new", "old")
	s[r.Credentials] = "only"
	look(reconcile.ErrDenied, "only")
	inner.takes = "only"
	look(nil, "only")
}

func TestAGitHubAppsKeyIsExchangedOnceForGitAndStatuses(t *testing.T) {
	s := forgetest.New()
	defer s.Close()
	if _, err := s.Create("acme/infra"); err != nil {
		t.Fatal(err)
	}
	held, err := s.Install(12, 34, "acme/infra")
	if err != nil {
		t.Fatal(err)
	}
	r := gitops.Repository{URL: s.URL + "/acme/infra", Branch: "main", Forge: gitops.ForgeGitHub}
	r.ID = gitops.RepositoryID(r.URL, r.Ref())
	r.Credentials = gitops.SecretOf(r.ID)
	kept := store{r.Credentials: held}
	c := credentials.New(kept, []string{s.Host()})
	tokens, err := c.Tokens(t.Context(), r)
	user, password, failed := c.Git(as)(t.Context(), r, "")
	if err != nil || failed != nil || user != "x-access-token" || len(tokens) != 1 || tokens[0] != password || s.Exchanged() != 1 {
		t.Errorf("tokens %d, user %s, %v, %v after %d exchanges", len(tokens), user, err, failed, s.Exchanged())
	}
	if kept[r.Credentials], err = s.Install(12, 35, "acme/infra"); err != nil {
		t.Fatal(err)
	}
	if again, err := c.Tokens(t.Context(), r); err != nil || again[0] == password || s.Exchanged() != 2 {
		t.Errorf("a key that was changed is not taken: %v after %d exchanges", err, s.Exchanged())
	}
}
