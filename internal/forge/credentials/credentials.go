// Package credentials finds what a repository is read with and its forge is called with:
// the token, or the key of a GitHub App, in the one secret that the repository names. Both
// the reconciler, which reads git, and the notifier, which reports, ask it.
//
// A repository's secret is its own: whoever adds a repository cannot have another one's
// token sent to it. The package does not know where secrets are kept, and writes none.
package credentials

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

// Store keeps secrets by reference.
type Store interface {
	// Read returns a secret; reconcile.ErrNotFound, reconcile.ErrDenied.
	Read(ctx context.Context, reference string) (secret.Secret, error)
}

// Credentials finds credentials. It is safe for concurrent use.
type Credentials struct {
	store Store
	http  *http.Client

	mu     sync.Mutex
	apps   map[string]installation // by repository
	choice map[string]choice       // by repository
}

// installation is a GitHub App's, as the secret had it that it was made from.
type installation struct {
	from string
	app  *github.App
}

// choice is which of a repository's tokens git is read with.
type choice struct{ token, of int }

// New returns the credentials that the store keeps. A GitHub App's tokens are fetched from
// public hosts, and from those in allow (package guard).
func New(store Store, allow []string) *Credentials {
	return &Credentials{store: store, http: forge.NewClient(allow), apps: map[string]installation{}, choice: map[string]choice{}}
}

// Tokens is a forge.Tokens: the token of a repository, two while one is being changed for
// the other, or one of its GitHub App; none where the repository names no credentials.
// ErrDenied: the secret is not there, may not be read, or holds neither. A *gitops.Refusal:
// the credentials that it names are not its own.
func (c *Credentials) Tokens(ctx context.Context, r gitops.Repository) ([]string, error) {
	if r.Credentials == "" {
		return nil, nil
	}
	held, err := c.read(ctx, r)
	if errors.Is(err, reconcile.ErrNotFound) { // else it would be taken for a branch that is gone
		return nil, fmt.Errorf("there is no %s: %w", r.Credentials, reconcile.ErrDenied)
	}
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(strings.TrimSpace(held.Reveal()), "{") {
		token, err := c.exchange(ctx, r, held)
		if err != nil {
			return nil, err
		}
		return []string{token}, nil
	}
	var tokens []string
	for _, token := range held.Lines() {
		tokens = append(tokens, token.Reveal())
	}
	if len(tokens) == 0 || len(tokens) > 2 {
		return nil, fmt.Errorf("%s holds %d lines; allowed are one token, two while it is being changed, "+
			"or the JSON of a GitHub App: %w", r.Credentials, len(tokens), reconcile.ErrDenied)
	}
	return tokens, nil
}

// read reads the secret that a repository names, if it is its own.
func (c *Credentials) read(ctx context.Context, r gitops.Repository) (secret.Secret, error) {
	if r.Credentials != gitops.CredentialsOf(r.ID) && r.Credentials != gitops.SecretOf(r.ID) {
		return secret.Secret{}, &gitops.Refusal{Reason: fmt.Sprintf("credentials %q: a repository is read with its own alone, %s or %s",
			r.Credentials, gitops.CredentialsOf(r.ID), gitops.SecretOf(r.ID))}
	}
	return c.store.Read(ctx, r.Credentials)
}

// exchange returns a token of the GitHub App that the secret describes.
func (c *Credentials) exchange(ctx context.Context, r gitops.Repository, held secret.Secret) (string, error) {
	c.mu.Lock()
	known, ok := c.apps[r.ID]
	c.mu.Unlock()
	if !ok || known.from != held.Reveal() {
		app, err := c.open(r, held)
		if err != nil {
			return "", err
		}
		known = installation{held.Reveal(), app}
		c.mu.Lock()
		c.apps[r.ID] = known
		c.mu.Unlock()
	}
	return known.app.Token(ctx)
}

// open reads the JSON of a GitHub App. Nothing of it is shown.
func (c *Credentials) open(r gitops.Repository, held secret.Secret) (*github.App, error) {
	var in forge.App
	decoder := json.NewDecoder(strings.NewReader(held.Reveal()))
	decoder.DisallowUnknownFields()
	decodes := decoder.Decode(&in)
	app, noApp := in.AppID.Int64()
	installed, notInstalled := in.InstallationID.Int64()
	if errors.Join(decodes, noApp, notInstalled) != nil || in.PrivateKey == "" {
		return nil, fmt.Errorf(`%s is not the JSON of a GitHub App, {"appId": 1, "installationId": 2, "privateKey": "-----BEGIN…"}: %w`,
			r.Credentials, reconcile.ErrDenied)
	}
	return github.NewApp(c.http, r.URL, app, installed, []byte(in.PrivateKey))
}
