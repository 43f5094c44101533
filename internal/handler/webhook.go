package handler

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

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

// Webhook takes the pushes of forges: the one address that is open to everybody. Nothing
// of a request is parsed, and nothing is written, before its signature holds.
type Webhook struct {
	Repositories interface {
		Repository(ctx context.Context, id string) (gitops.Repository, error)
	}
	// Secrets returns the secrets that a repository's webhook may be signed with, two
	// while they are being changed; reconcile.ErrNotFound when there is none.
	Secrets func(ctx context.Context, repository string) ([]string, error)
	// Forges judge the deliveries, each those of its repositories. That of the empty forge
	// takes what is sent for plain git, from a server's own hook.
	Forges     map[gitops.Forge]forge.Receiver
	Deliveries Deliveries
	Queue      reconcile.Queue
	Limits     Limits
	Log        *slog.Logger
}

// Limits are the caps on a request. A zero field is its default.
type Limits struct {
	WebhookBytes int // of a webhook's body; 1 MiB. A push that is larger is found by the resync.
}

// body returns the cap on a webhook's body.
func (l Limits) body() int { return cmp.Or(l.WebhookBytes, 1<<20) }

const (
	// maxDelivery caps a delivery's id, which becomes a key; forges send UUIDs.
	maxDelivery = 128
	// webhookPatience ends an answer that hangs on AWS before the forge does, which waits ten
	// seconds (docs.github.com, "Handling webhook deliveries"; docs.gitlab.com, "GitLab.com
	// settings") and then shows no reason.
	webhookPatience = 8 * time.Second
)

// repositoryID is the only shape of path that is looked at.
var repositoryID = regexp.MustCompile(`^/[0-9a-f]{16}$`)

// Handle answers one delivery: 202 taken, 200 nothing to do, 401 not from whom it says.
// The message is sent before the delivery id is kept, so that a send that failed is not
// later taken for a duplicate.
func (w *Webhook) Handle(ctx context.Context, r events.LambdaFunctionURLRequest) (events.LambdaFunctionURLResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, webhookPatience)
	defer cancel()
	status, text := w.take(ctx, r)
	w.Log.Info("webhook", "status", status, "why", text, "path", gitops.Printable(r.RawPath))
	return events.LambdaFunctionURLResponse{StatusCode: status, Body: text + "\n",
		Headers: map[string]string{"Content-Type": "text/plain; charset=utf-8", "X-Content-Type-Options": "nosniff"}}, nil
}

func (w *Webhook) take(ctx context.Context, r events.LambdaFunctionURLRequest) (int, string) {
	if r.RequestContext.HTTP.Method != http.MethodPost || !repositoryID.MatchString(r.RawPath) {
		return http.StatusNotFound, "POST /<repository id>"
	}
	h := header(r)
	if why := unreadable(h); why != "" {
		return http.StatusBadRequest, why
	}
	body, status, why := rawBody(r, w.Limits.body())
	if status != 0 {
		return status, why
	}
	id := strings.TrimPrefix(r.RawPath, "/")
	repo, err := w.Repositories.Repository(ctx, id) // first, so that strangers cannot use up the rate of SSM
	if err == nil {
		return w.verify(ctx, repo, h, body)
	}
	if errors.Is(err, reconcile.ErrNotFound) {
		return w.unauthorized("no such repository is watched")
	}
	w.Log.Error("read repository", "repo", id, "error", err.Error())
	return http.StatusServiceUnavailable, later
}

// verify holds a delivery against the repository's secrets.
func (w *Webhook) verify(ctx context.Context, repo gitops.Repository, h http.Header, body []byte) (int, string) {
	receiver, ok := w.Forges[repo.Forge]
	if !ok {
		return w.unauthorized(fmt.Sprintf("a repository of %q has no webhook", repo.Forge))
	}
	secrets, err := w.Secrets(ctx, repo.ID)
	if errors.Is(err, reconcile.ErrNotFound) {
		return w.unauthorized("the repository has no webhook secret")
	}
	if err != nil {
		w.Log.Error("read webhook secret", "repo", repo.ID, "error", err.Error())
		return http.StatusServiceUnavailable, later
	}
	d, err := receiver.Receive(secrets, h, body)
	switch {
	case errors.Is(err, forge.ErrSignature):
		return w.unauthorized(err.Error())
	case err != nil:
		return http.StatusBadRequest, gitops.Printable(err.Error())
	case len(d.ID) > maxDelivery:
		return http.StatusBadRequest, fmt.Sprintf("the delivery's id has %d characters, at most %d are taken", len(d.ID), maxDelivery)
	case d.Push == nil:
		return http.StatusOK, "nothing to do: only pushes are looked at"
	}
	return w.push(ctx, repo, d)
}

// push takes a push whose signature holds.
func (w *Webhook) push(ctx context.Context, repo gitops.Repository, d forge.Delivery) (int, string) {
	if pushed, watched := gitops.NormalURL(d.Push.URL), gitops.NormalURL(repo.URL); pushed != watched {
		w.unauthorizedLog("the push is of another repository: " + gitops.Printable(pushed))
		// Whoever signs for this repository may know how it was added: letters differ in case, say.
		return http.StatusUnauthorized, fmt.Sprintf("the push is of %s, and this address is for %s", gitops.Printable(pushed), watched)
	}
	if d.Push.Ref != repo.Ref() {
		return http.StatusOK, "nothing to do: " + gitops.Printable(d.Push.Ref) + " is not tracked, " + repo.Ref() + " is"
	}
	if w.seen(ctx, repo, d) {
		return http.StatusOK, "duplicate"
	}
	if err := w.Queue.Send(ctx, reconcile.Message{Repository: repo.ID, Reason: reason(repo, *d.Push)}); err != nil {
		w.Log.Error("send", "repo", repo.ID, "error", err.Error())
		return http.StatusServiceUnavailable, later + "; the resync finds the push without it"
	}
	w.mark(ctx, repo, d)
	return http.StatusAccepted, "accepted"
}

// seen reports whether the delivery was taken before. Ids are kept for each repository, so
// that none can be used up for another one. If it cannot be told, the push is taken: once
// more is one look, and changes nothing.
func (w *Webhook) seen(ctx context.Context, repo gitops.Repository, d forge.Delivery) bool {
	if d.ID == "" {
		return false
	}
	seen, err := w.Deliveries.SeenDelivery(ctx, repo.ID, d.ID)
	if err != nil {
		w.Log.Warn("read delivery id", "repo", repo.ID, "error", err.Error())
	}
	return err == nil && seen
}

// mark keeps the delivery's id. If that fails, a redelivery costs one look.
func (w *Webhook) mark(ctx context.Context, repo gitops.Repository, d forge.Delivery) {
	if d.ID == "" {
		return
	}
	if err := w.Deliveries.MarkDelivery(ctx, repo.ID, d.ID); err != nil {
		w.Log.Warn("keep delivery id", "repo", repo.ID, "error", err.Error())
	}
}

// reason says for people what the message is sent for.
func reason(repo gitops.Repository, p forge.Push) string {
	what := "pushed to "
	if p.Deleted {
		what = "deleted at "
	}
	return repo.Tracked() + " " + what + forge.Title(repo.Forge)
}

// unauthorized tells the log why, and the caller nothing.
func (w *Webhook) unauthorized(why string) (int, string) {
	w.unauthorizedLog(why)
	return http.StatusUnauthorized, "unauthorized"
}

func (w *Webhook) unauthorizedLog(why string) { w.Log.Warn("webhook", "step", "refuse", "why", why) }

// unreadable says why a body of such headers is not taken: it is read as it is signed, in
// UTF-8, and nothing is unpacked. GitHub's own default is a form, hence the hint.
func unreadable(h http.Header) string {
	if encoding := h.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return "content encoding " + quoted(encoding) + " is not taken: send the body as it is"
	}
	kind, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return "content type " + quoted(h.Get("Content-Type")) + " is not taken: choose application/json where the webhook is set up"
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "charset " + quoted(charset) + " is not taken: JSON is UTF-8"
	}
	return ""
}

// quoted returns what a stranger sent as an answer repeats it: no more of it than tells which
// it was, so that a request never buys an answer longer than itself.
func quoted(header string) string {
	const most = 50
	text, cut := []rune(gitops.Printable(header)), ""
	if len(text) > most {
		text, cut = text[:most], "…"
	}
	return fmt.Sprintf("%q%s", string(text), cut)
}

// rawBody returns the bytes that were signed, or the status that refuses them.
func rawBody(r events.LambdaFunctionURLRequest, most int) ([]byte, int, string) {
	tooLarge := fmt.Sprintf("at most %d bytes; the resync finds the push without it", most)
	if len(r.Body) > most*4/3+4 {
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	}
	raw, err := body(r)
	if err != nil {
		return nil, http.StatusBadRequest, err.Error()
	}
	if len(raw) > most {
		return nil, http.StatusRequestEntityTooLarge, tooLarge
	}
	return raw, 0, ""
}

const later = "try again later"

// header returns the request's headers. A function URL's event has them in lower case.
func header(r events.LambdaFunctionURLRequest) http.Header {
	h := http.Header{}
	for k, v := range r.Headers {
		h.Set(k, v)
	}
	return h
}
