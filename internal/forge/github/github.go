// Package github is the forge adapter of GitHub: github.com, GitHub Enterprise Server and
// GitHub Enterprise Cloud with data residency, told apart by the repository's own URL. It
// judges webhooks, sets commit statuses, opens pull requests, and exchanges the key of a GitHub
// App for tokens.
//
// It goes through the client of package forge alone, and imports go-github and
// ghinstallation. No token is part of any error.
package github

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	api "github.com/google/go-github/v88/github"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Forge is GitHub. Its zero value receives; to report it needs both fields.
type Forge struct {
	HTTP   *http.Client // of forge.NewClient
	Tokens forge.Tokens
}

var _ forge.Forge = Forge{}

// The headers of a delivery (docs.github.com, "Webhook events and payloads", "Delivery
// headers"). The signature is "sha256=<hex HMAC of the raw body>" ("Validating webhook
// deliveries"); its older sibling, X-Hub-Signature, is SHA-1 and is not looked at.
const (
	signatureHeader = "X-Hub-Signature-256"
	eventHeader     = "X-GitHub-Event"
	deliveryHeader  = "X-GitHub-Delivery"
)

// Receive implements forge.Receiver.
func (Forge) Receive(secrets []string, header http.Header, body []byte) (forge.Delivery, error) {
	if err := verify(secrets, header, body); err != nil {
		return forge.Delivery{}, err
	}
	d := forge.Delivery{ID: header.Get(deliveryHeader)}
	if header.Get(eventHeader) != "push" {
		return d, nil
	}
	push, err := parse(body)
	if err != nil {
		return forge.Delivery{}, err
	}
	d.Push = &push
	return d, nil
}

// verify returns nil if the raw body is signed with one of the secrets, and an ErrSignature
// otherwise. An empty secret signs nothing.
func verify(secrets []string, header http.Header, body []byte) error {
	if len(secrets) > forge.MaxSecrets {
		return fmt.Errorf("%w: %d secrets, at most %d", forge.ErrSignature, len(secrets), forge.MaxSecrets)
	}
	values := header.Values(signatureHeader)
	if len(values) != 1 {
		return fmt.Errorf("%w: %d headers %s, want one", forge.ErrSignature, len(values), signatureHeader)
	}
	text, ok := strings.CutPrefix(values[0], "sha256=")
	signature, err := hex.DecodeString(text)
	if !ok || err != nil || len(signature) != sha256.Size {
		return fmt.Errorf("%w: %s is not sha256=<64 hexadecimal digits>", forge.ErrSignature, signatureHeader)
	}
	holds := false
	for _, secret := range secrets { // all of them, so that time tells nothing of which
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		holds = hmac.Equal(mac.Sum(nil), signature) && secret != "" || holds
	}
	if !holds {
		return forge.ErrSignature
	}
	return nil
}

// parse reads the body of an event "push", once verify has held.
func parse(body []byte) (forge.Push, error) {
	var in struct {
		Ref        string `json:"ref"`
		After      string `json:"after"`
		Deleted    bool   `json:"deleted"`
		Repository struct {
			CloneURL string `json:"clone_url"`
			HTMLURL  string `json:"html_url"`
		} `json:"repository"`
	}
	if err := forge.Decode(body, &in); err != nil {
		return forge.Push{}, err
	}
	push := forge.Push{URL: in.Repository.CloneURL, Ref: in.Ref, After: in.After, Deleted: in.Deleted}
	if push.URL == "" {
		push.URL = in.Repository.HTMLURL
	}
	return push, push.Check()
}

// maxDescription: docs.github.com calls a status's description short, and the API answers
// 422 "description is too long (maximum is 140 characters)" to a longer one.
const maxDescription = 140

// states are GitHub's words: it has error, failure, pending and success (docs.github.com,
// "REST API endpoints for commit statuses"). What was skipped is a success, as Read the Docs
// decided likewise (readthedocs.org pull request 12990): red would say of a sound commit that
// it failed, so that the description has to say what became of it.
var states = map[forge.State]string{
	forge.StatePending: "pending",
	forge.StateRunning: "pending",
	forge.StateSuccess: "success",
	forge.StateSkipped: "success",
	forge.StateFailure: "failure",
	forge.StateError:   "error",
}

// Report implements forge.Reporter: POST /repos/{owner}/{repo}/statuses/{sha}.
func (f Forge) Report(ctx context.Context, r gitops.Repository, s forge.Status) error {
	base, owner, name, err := place(r.URL)
	if err != nil {
		return err
	}
	err = f.Tokens.Try(ctx, r, func(token string) error {
		client := *f.HTTP // go-github puts a transport of its own into the client that it is given
		github, err := api.NewClient(api.WithHTTPClient(&client), api.WithURLs(&base, nil), api.WithAuthToken(token))
		if err != nil {
			return fmt.Errorf("make client: %w", err)
		}
		status := api.RepoStatus{State: api.Ptr(states[s.State]), Context: &s.Context}
		if s.Description != "" {
			status.Description = api.Ptr(forge.Cut(s.Description, maxDescription))
		}
		if s.URL != "" {
			status.TargetURL = &s.URL
		}
		_, _, err = github.Repositories.CreateStatus(ctx, owner, name, s.Commit, status)
		return translate(err)
	})
	if err != nil {
		return fmt.Errorf("set status %s of %s: %w", s.Context, gitops.Short(s.Commit), err)
	}
	return nil
}

// isName reports whether a text can be the name of an owner or a repository: nothing that
// would lead to another route of the API.
var isName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]*$`).MatchString

// place returns where the API of a repository's GitHub is, and how the repository is called
// there. github.com and the subdomains of ghe.com have an API host of their own, a GitHub
// Enterprise Server has its API below /api/v3 (docs.github.com, "Getting started with the
// REST API" in its three editions). A path that names no repository is ErrNotFound.
func place(raw string) (base, owner, name string, err error) {
	u, err := url.Parse(gitops.NormalURL(raw))
	if err == nil {
		owner, name, _ = strings.Cut(strings.Trim(u.Path, "/"), "/")
	}
	if err != nil || u.Host == "" || !isName(owner) || !isName(name) {
		return "", "", "", fmt.Errorf("%q is no repository of GitHub, https://<host>/<owner>/<name>: %w", raw, reconcile.ErrNotFound)
	}
	switch {
	case u.Host == "github.com":
		base = "https://api.github.com/"
	case strings.HasSuffix(u.Host, ".ghe.com"):
		base = "https://api." + u.Host + "/"
	default:
		base = u.Scheme + "://" + u.Host + "/api/v3/"
	}
	return base, owner, name, nil
}
