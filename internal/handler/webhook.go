package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Deliveries remembers the webhook deliveries that were taken.
type Deliveries interface {
	SeenDelivery(ctx context.Context, host, id string) (bool, error)
	MarkDelivery(ctx context.Context, host, id string) error
}

// Webhook takes the pushes of GitHub: the one address that is open to everybody. Nothing
// of a request is parsed, and nothing is written, before its signature holds.
type Webhook struct {
	Repositories interface {
		Repository(ctx context.Context, id string) (gitops.Repository, error)
	}
	// Secrets returns the secrets that a repository's webhook may be signed with, two
	// while they are being changed; reconcile.ErrNotFound when there is none.
	Secrets    func(ctx context.Context, repository string) ([]string, error)
	Deliveries Deliveries
	Queue      reconcile.Queue
	Log        *slog.Logger
}

// maxBody caps a webhook's body. A push that is larger is found by the resync.
const maxBody = 1 << 20

// repositoryID is the only shape of path that is looked at.
var repositoryID = regexp.MustCompile(`^/[0-9a-f]{16}$`)

// Handle answers one delivery: 202 taken, 200 nothing to do, 401 not from whom it says.
// The message is sent before the delivery id is kept, so that a send that failed is not
// later taken for a duplicate.
func (w *Webhook) Handle(ctx context.Context, r events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	status, text := w.take(ctx, r)
	w.Log.Info("webhook", "status", status, "why", text, "path", gitops.Printable(r.RawPath),
		"delivery", gitops.Printable(header(r).Get("X-GitHub-Delivery")))
	return events.LambdaFunctionURLResponse{StatusCode: status, Body: text + "\n",
		Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}}, nil
}

func (w *Webhook) take(ctx context.Context, r events.LambdaFunctionURLRequest) (int, string) {
	if r.RequestContext.HTTP.Method != http.MethodPost || !repositoryID.MatchString(r.RawPath) {
		return http.StatusNotFound, "POST /<repository id>"
	}
	body, status, why := rawBody(r)
	if status != 0 {
		return status, why
	}
	id := strings.TrimPrefix(r.RawPath, "/")
	repo, err := w.Repositories.Repository(ctx, id) // first, so that strangers cannot use up the rate of SSM
	if err == nil {
		return w.verify(ctx, repo, header(r), body)
	}
	if errors.Is(err, reconcile.ErrNotFound) {
		return w.unauthorized("no such repository is watched")
	}
	w.Log.Error("read repository", "repo", id, "error", err.Error())
	return http.StatusServiceUnavailable, "try again later"
}

// verify holds a delivery against the repository's secrets.
func (w *Webhook) verify(ctx context.Context, repo gitops.Repository, h http.Header, body []byte) (int, string) {
	secrets, err := w.Secrets(ctx, repo.ID)
	if errors.Is(err, reconcile.ErrNotFound) {
		return w.unauthorized("the repository has no webhook secret")
	}
	if err != nil {
		w.Log.Error("read webhook secret", "repo", repo.ID, "error", err.Error())
		return http.StatusServiceUnavailable, "try again later"
	}
	if err := forge.VerifyGitHub(secrets, h, body); err != nil {
		return w.unauthorized(err.Error())
	}
	if event := h.Get("X-GitHub-Event"); event != "push" {
		return http.StatusOK, "nothing to do: only pushes are looked at"
	}
	return w.push(ctx, repo, h.Get("X-GitHub-Delivery"), body)
}

// push takes a push whose signature holds.
func (w *Webhook) push(ctx context.Context, repo gitops.Repository, delivery string, body []byte) (int, string) {
	push, err := forge.ParseGitHubPush(body)
	if err != nil {
		return http.StatusBadRequest, "the body is not a push"
	}
	if gitops.NormalURL(push.URL) != gitops.NormalURL(repo.URL) {
		return w.unauthorized("the push is of another repository: " + gitops.Printable(push.URL))
	}
	if push.Ref != "refs/heads/"+repo.Branch {
		return http.StatusOK, "nothing to do: not the tracked branch"
	}
	seen, err := w.Deliveries.SeenDelivery(ctx, "github", delivery)
	if err == nil && seen {
		return http.StatusOK, "duplicate"
	}
	if err := w.Queue.Send(ctx, reconcile.Message{Repository: repo.ID, Reason: "pushed to GitHub"}); err != nil {
		w.Log.Error("send", "repo", repo.ID, "error", err.Error())
		return http.StatusServiceUnavailable, "try again later; the resync finds the push without it"
	}
	if err := w.Deliveries.MarkDelivery(ctx, "github", delivery); err != nil {
		w.Log.Warn("keep delivery id", "repo", repo.ID, "error", err.Error()) // a redelivery then costs one look, and changes nothing
	}
	return http.StatusAccepted, "accepted"
}

// unauthorized tells the log why, and the caller nothing.
func (w *Webhook) unauthorized(why string) (int, string) {
	w.Log.Warn("webhook", "step", "refuse", "why", why)
	return http.StatusUnauthorized, "unauthorized"
}

// rawBody returns the bytes that were signed, or the status that refuses them.
func rawBody(r events.LambdaFunctionURLRequest) ([]byte, int, string) {
	if len(r.Body) > maxBody*4/3+4 {
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	}
	raw, err := body(r)
	if err != nil {
		return nil, http.StatusBadRequest, err.Error()
	}
	if len(raw) > maxBody {
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	}
	return raw, 0, ""
}

var tooLarge = fmt.Sprintf("at most %d bytes; the resync finds the push without it", maxBody)

// header returns the request's headers. A function URL's event has them in lower case.
func header(r events.LambdaFunctionURLRequest) http.Header {
	h := http.Header{}
	for k, v := range r.Headers {
		h.Set(k, v)
	}
	return h
}
