package github

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/bradleyfalzon/ghinstallation/v2"
	api "github.com/google/go-github/v88/github"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// App is the installation of a GitHub App, for one repository. It exchanges its key for
// tokens of an hour, good for that repository alone, and keeps one until a minute before it
// expires. It is safe for concurrent use.
type App struct {
	transport *ghinstallation.Transport
}

// NewApp returns the installation of an App that a repository at a URL is read through. The
// key is PEM, as GitHub generates it. ErrDenied: the key is none, or the URL is not GitHub's.
func NewApp(client *http.Client, url string, app, installation int64, key []byte) (*App, error) {
	base, _, name, err := place(url)
	if err != nil {
		return nil, fmt.Errorf("%q is no repository of GitHub, which alone has Apps: %w", url, reconcile.ErrDenied)
	}
	t, err := ghinstallation.New(client.Transport, app, installation, key)
	if err != nil { // of which nothing is shown: it may quote the key
		return nil, fmt.Errorf("the private key of GitHub App %d is no RSA key in PEM: %w", app, reconcile.ErrDenied)
	}
	t.BaseURL = base
	t.InstallationTokenOptions = &api.InstallationTokenOptions{Repositories: []string{name}}
	return &App{transport: t}, nil
}

// Token returns a token that is good for another minute at least: POST
// /app/installations/{id}/access_tokens. ErrDenied: GitHub does not know the App or its
// installation, the key is not the App's, or the repository is not among the installation's.
func (a *App) Token(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, forge.Patience) // the transport has no time limit of its own
	defer cancel()
	token, err := a.transport.Token(ctx)
	var refused *ghinstallation.HTTPError
	switch {
	case err == nil:
		return token, nil
	case errors.As(err, &refused) && refused.Response != nil:
		var said struct{ Message string }
		_ = json.NewDecoder(refused.Response.Body).Decode(&said) // what says nothing is told by its status alone
		_ = refused.Response.Body.Close()
		why := gitops.Printable(said.Message)
		if err = judge(refused.Response, why); errors.Is(err, reconcile.ErrNotFound) { // which would be taken for a branch that is gone
			err = fmt.Errorf("%s; is the App installed there, with this repository?: %w", says(refused.Response, why), reconcile.ErrDenied)
		}
	}
	return "", fmt.Errorf("get a token of GitHub App %d, installation %d: %w",
		a.transport.AppID(), a.transport.InstallationID(), err)
}
