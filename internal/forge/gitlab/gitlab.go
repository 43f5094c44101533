// Package gitlab is the forge adapter of GitLab: gitlab.com and any GitLab of one's own, by
// the repository's URL. It judges webhooks, sets commit statuses and opens merge requests.
//
// It makes its calls with net/http, over the client of package forge: GitLab's own
// library would add 2 MB to every function that reports. No token is part of any error.
package gitlab

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net/http"
	"strings"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Forge is GitLab. Its zero value receives; to report it needs both fields.
type Forge struct {
	HTTP   *http.Client // of forge.NewClient
	Tokens forge.Tokens
}

var _ forge.Forge = Forge{}

// The headers of a delivery (docs.gitlab.com, "Webhooks", "Delivery headers"). The
// idempotency key is the one that is "consistent across webhook retries", since GitLab 17.4;
// the event's UUID, which older ones send, is shared only by hooks that set each other off.
const (
	tokenHeader    = "X-Gitlab-Token"
	eventHeader    = "X-Gitlab-Event"
	deliveryHeader = "Idempotency-Key"
	uuidHeader     = "X-Gitlab-Event-Uuid"
)

// Receive implements forge.Receiver. GitLab sends the secret itself, not a signature: it
// says who sends, and TLS that nobody changed the body.
func (Forge) Receive(secrets []string, header http.Header, body []byte) (forge.Delivery, error) {
	if err := verify(secrets, header); err != nil {
		return forge.Delivery{}, err
	}
	d := forge.Delivery{ID: header.Get(deliveryHeader)}
	if d.ID == "" {
		d.ID = header.Get(uuidHeader)
	}
	if event := header.Get(eventHeader); event != "Push Hook" && event != "Tag Push Hook" {
		return d, nil
	}
	push, err := parse(body)
	if err != nil {
		return forge.Delivery{}, err
	}
	d.Push = &push
	return d, nil
}

// verify returns nil if the token is one of the secrets, and an ErrSignature otherwise.
// What is compared are digests, so that time tells nothing of a secret's length either.
func verify(secrets []string, header http.Header) error {
	if len(secrets) > forge.MaxSecrets {
		return fmt.Errorf("%w: %d secrets, at most %d", forge.ErrSignature, len(secrets), forge.MaxSecrets)
	}
	values := header.Values(tokenHeader)
	if len(values) != 1 {
		return fmt.Errorf("%w: %d headers %s, want one", forge.ErrSignature, len(values), tokenHeader)
	}
	given, holds := sha256.Sum256([]byte(values[0])), false
	for _, secret := range secrets {
		want := sha256.Sum256([]byte(secret))
		holds = subtle.ConstantTimeCompare(want[:], given[:]) == 1 && secret != "" || holds
	}
	if !holds {
		return forge.ErrSignature
	}
	return nil
}

// parse reads the body of a push of branches or tags (docs.gitlab.com, "Webhook events"),
// once verify has held.
func parse(body []byte) (forge.Push, error) {
	var in struct {
		Ref     string `json:"ref"`
		After   string `json:"after"`
		Project struct {
			GitHTTPURL string `json:"git_http_url"`
			WebURL     string `json:"web_url"`
		} `json:"project"`
	}
	if err := forge.Decode(body, &in); err != nil {
		return forge.Push{}, err
	}
	push := forge.Push{URL: in.Project.GitHTTPURL, Ref: in.Ref, After: in.After,
		Deleted: in.After != "" && strings.Trim(in.After, "0") == ""}
	if push.URL == "" {
		push.URL = in.Project.WebURL
	}
	return push, push.Check()
}

// Report implements forge.Reporter: POST /projects/:id/statuses/:sha. A status that is
// refused because of the one before it is ended first, which costs two more calls.
func (f Forge) Report(ctx context.Context, r gitops.Repository, s forge.Status) error {
	project, err := place(r.URL)
	if err != nil {
		return err
	}
	want := status{State: states[s.State], Ref: r.Tracked(), Name: s.Context,
		URL: s.URL, Description: forge.Cut(s.Description, maxDescription)}
	err = f.Tokens.Try(ctx, r, func(token string) error { return api{f.HTTP, project, token}.set(ctx, s.Commit, want) })
	if err != nil {
		return fmt.Errorf("set status %s of %s: %w", s.Context, gitops.Short(s.Commit), err)
	}
	return nil
}
