package handler_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// expected is what stands beside a recorded delivery.
type expected struct {
	Repository gitops.Repository
	Secret     string
	Status     int
	Message    *reconcile.Message
}

// recorded reads a recorded delivery.
func recorded(t *testing.T, name string) (e events.LambdaFunctionURLRequest, want expected) {
	t.Helper()
	event(t, name, &e, &want)
	return e, want
}

// hook is a webhook whose ports are in memory and count their calls.
type hook struct {
	*handler.Webhook
	store   *fake.Store
	queue   *fake.Queue
	secrets int // how often they were asked for
}

// watching returns a webhook that watches a repository, with the secrets of its webhook.
func watching(t *testing.T, r gitops.Repository, secrets ...string) *hook {
	t.Helper()
	w := &hook{store: fake.NewStore(), queue: fake.NewQueue()}
	r.ID = gitops.RepositoryID(r.URL, r.Ref())
	if err := w.store.PutRepository(t.Context(), &r); err != nil {
		t.Fatal(err)
	}
	w.store.Forget()
	w.Webhook = &handler.Webhook{Repositories: w.store, Deliveries: w.store, Queue: w.queue, Log: quiet,
		Forges: map[gitops.Forge]forge.Receiver{"": github.Forge{}, gitops.ForgeGitHub: github.Forge{}, gitops.ForgeGitLab: gitlab.Forge{}},
		Secrets: func(_ context.Context, id string) ([]string, error) {
			w.secrets++
			if id != r.ID || len(secrets) == 0 {
				return nil, reconcile.ErrNotFound
			}
			return secrets, nil
		}}
	return w
}

func (w *hook) call(t *testing.T, e events.LambdaFunctionURLRequest) (int, string) {
	t.Helper()
	got, err := w.Handle(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, strings.TrimSpace(got.Body)
}

// untouched fails where anything was written.
func (w *hook) untouched(t *testing.T) {
	t.Helper()
	if len(w.queue.Sent()) != 0 || w.store.Count("MarkDelivery") != 0 || w.store.Count("PutRepository") != 0 {
		t.Errorf("it wrote: sent %v, calls %v", w.queue.Sent(), w.store.Counts())
	}
}

func TestRecordedDeliveriesWakeTheirRepository(t *testing.T) {
	files, err := filepath.Glob("../../events/webhook-*.want.json")
	if err != nil || len(files) < 6 {
		t.Fatalf("%d deliveries, %v", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".want.json")
		t.Run(name, func(t *testing.T) {
			e, want := recorded(t, name)
			w := watching(t, want.Repository, want.Secret)
			if status, text := w.call(t, e); status != want.Status {
				t.Errorf("answered %d %s, want %d", status, text, want.Status)
			}
			var sent []reconcile.Message
			if want.Message != nil {
				sent = append(sent, *want.Message)
			}
			if diff := cmp.Diff(sent, w.queue.Sent()); diff != "" {
				t.Errorf("sent (-want +got):\n%s", diff)
			}
			if status, text := w.call(t, e); status != http.StatusOK || len(w.queue.Sent()) != len(sent) {
				t.Errorf("R6: a replay answered %d %s and sent %d messages in all", status, text, len(w.queue.Sent()))
			}
		})
	}
}

// Not time is measured but calls: each is a few milliseconds of AWS, so that 200 ms hold.
func TestR8_APushCostsFiveCallsOfAWS(t *testing.T) {
	for _, name := range []string{"webhook-github-push", "webhook-gitlab-push"} {
		e, want := recorded(t, name)
		w := watching(t, want.Repository, want.Secret)
		if status, text := w.call(t, e); status != http.StatusAccepted {
			t.Fatalf("answered %d %s", status, text)
		}
		if diff := cmp.Diff(map[string]int{"Repository": 1, "SeenDelivery": 1, "MarkDelivery": 1}, w.store.Counts()); diff != "" {
			t.Errorf("%s: calls of the table (-want +got):\n%s", name, diff)
		}
		if w.secrets != 1 || w.queue.Count("Send") != 1 {
			t.Errorf("%s: %d reads of the secret, %d sends; want one of each", name, w.secrets, w.queue.Count("Send"))
		}
	}
}

func TestR5_WhatIsNotSignedByTheRepositoryChangesNothing(t *testing.T) {
	const sha256, sha1 = "x-hub-signature-256", "x-hub-signature"
	for name, spoil := range map[string]func(e *events.LambdaFunctionURLRequest){
		"no signature": func(e *events.LambdaFunctionURLRequest) {
			delete(e.Headers, sha256)
			delete(e.Headers, sha1)
		},
		"a good SHA-1 alone":               func(e *events.LambdaFunctionURLRequest) { delete(e.Headers, sha256) },
		"a good SHA-1 in place of SHA-256": func(e *events.LambdaFunctionURLRequest) { e.Headers[sha256] = e.Headers[sha1] },
		"another body":                     func(e *events.LambdaFunctionURLRequest) { e.Body += " " },
		"a body that is no JSON":           func(e *events.LambdaFunctionURLRequest) { e.Body = "{{{" },
		"a body that is not UTF-8":         func(e *events.LambdaFunctionURLRequest) { e.Body, e.IsBase64Encoded = "//79/A==", true },
		"a body of the cap's size":         func(e *events.LambdaFunctionURLRequest) { e.Body = strings.Repeat("[", 1<<20) },
		"a repository that is not watched": func(e *events.LambdaFunctionURLRequest) { e.RawPath = "/ffffffffffffffff" },
		"an empty signature":               func(e *events.LambdaFunctionURLRequest) { e.Headers[sha256] = "sha256=" },
		"two signatures, joined by Lambda": func(e *events.LambdaFunctionURLRequest) { e.Headers[sha256] += "," + e.Headers[sha256] },
		"a token as GitLab sends it": func(e *events.LambdaFunctionURLRequest) {
			delete(e.Headers, sha256)
			e.Headers["x-gitlab-token"] = "a-secret-for-this-example-only"
		},
	} {
		t.Run(name, func(t *testing.T) {
			e, want := recorded(t, "webhook-github-push")
			spoil(&e)
			w := watching(t, want.Repository, want.Secret)
			if status, text := w.call(t, e); status != http.StatusUnauthorized || text != "unauthorized" {
				t.Errorf("answered %d %s", status, text)
			}
			w.untouched(t)
		})
	}
}

func TestR5_AnotherRepositorysSecretIsNone(t *testing.T) {
	for name, secrets := range map[string][]string{
		"another secret":                         {"of another repository"},
		"no secret at all":                       nil,
		"three secrets, the right one of them":   {"a", "b", "a-secret-for-this-example-only"},
		"an empty secret beside another one":     {"", "b"},
		"the right one with a space, as by hand": {"a-secret-for-this-example-only "},
	} {
		for _, event := range []string{"webhook-github-push", "webhook-gitlab-push"} {
			e, want := recorded(t, event)
			w := watching(t, want.Repository, secrets...)
			if status, text := w.call(t, e); status != http.StatusUnauthorized || text != "unauthorized" {
				t.Errorf("%s, %s: answered %d %s", name, event, status, text)
			}
			w.untouched(t)
		}
	}
}

// The signature holds, since two repositories share a secret, and still nothing happens.
func TestR5_APushOfAnotherRepositoryIsRefusedWithTheReason(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	want.Repository.URL = "https://github.com/acme/Infra"
	w := watching(t, want.Repository, want.Secret)
	e.RawPath = "/" + gitops.RepositoryID(want.Repository.URL, "main")
	status, text := w.call(t, e)
	if status != http.StatusUnauthorized || text != "the push is of https://github.com/acme/infra, and this address is for https://github.com/acme/Infra" {
		t.Errorf("answered %d %s", status, text)
	}
	w.untouched(t)
}

func TestWhileASecretIsChangedBothHold(t *testing.T) {
	for _, name := range []string{"webhook-github-push", "webhook-gitlab-push"} {
		for _, second := range []bool{false, true} {
			e, want := recorded(t, name)
			secrets := []string{want.Secret, "the other"}
			if second {
				slices.Reverse(secrets)
			}
			if status, text := watching(t, want.Repository, secrets...).call(t, e); status != http.StatusAccepted {
				t.Errorf("%s with %v: answered %d %s", name, secrets, status, text)
			}
		}
	}
}

// failing makes one call of the table fail.
func failing(name string) func(string) error {
	return func(call string) error {
		if call == name {
			return errors.New("throttled")
		}
		return nil
	}
}

func TestR6_ADeliveryIsTakenAgainWhereItsIDCouldNotBeKept(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	w := watching(t, want.Repository, want.Secret)
	w.store.Fail(failing("MarkDelivery"))
	for range 2 { // the second look that it leads to finds nothing new
		if status, text := w.call(t, e); status != http.StatusAccepted {
			t.Errorf("answered %d %s, want 202: the message was sent", status, text)
		}
	}
	w.store.Fail(nil)
	if status, _ := w.call(t, e); status != http.StatusAccepted {
		t.Errorf("answered %d, want 202 once more", status)
	}
	if status, text := w.call(t, e); status != http.StatusOK || text != "duplicate" || len(w.queue.Sent()) != 3 {
		t.Errorf("answered %d %s after %d messages", status, text, len(w.queue.Sent()))
	}
}

func TestR6_ADeliveryThatWasTakenForOneRepositoryIsNewToAnother(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	w := watching(t, want.Repository, want.Secret)
	if err := w.store.MarkDelivery(t.Context(), "0123456789abcdef", e.Headers["x-github-delivery"]); err != nil {
		t.Fatal(err)
	}
	if status, text := w.call(t, e); status != http.StatusAccepted {
		t.Errorf("answered %d %s", status, text)
	}
}

func TestADeliveryWithoutAnIDIsNeverADuplicate(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	delete(e.Headers, "x-github-delivery")
	w := watching(t, want.Repository, want.Secret)
	for range 2 {
		if status, text := w.call(t, e); status != http.StatusAccepted {
			t.Errorf("answered %d %s", status, text)
		}
	}
	e.Headers["x-github-delivery"] = strings.Repeat("x", 129)
	if status, text := w.call(t, e); status != http.StatusBadRequest || !strings.Contains(text, "at most 128") {
		t.Errorf("an id of 129 characters: answered %d %s", status, text)
	}
}

func TestR7_ABodyOverTheCapIsRefusedBeforeItIsLookedAt(t *testing.T) {
	r := gitops.Repository{URL: "https://github.com/acme/infra", Branch: "main", Forge: gitops.ForgeGitHub}
	at := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		body   string
		base64 bool
		status int
	}{
		"at the cap":                    {at, false, 401},
		"one above":                     {at + "x", false, 413},
		"at the cap, as base64":         {base64.StdEncoding.EncodeToString([]byte(at)), true, 401},
		"one above, as base64":          {base64.StdEncoding.EncodeToString([]byte(at + "x")), true, 413},
		"what Lambda takes at most":     {strings.Repeat("x", 6<<20), false, 413},
		"that as base64":                {base64.StdEncoding.EncodeToString(make([]byte, 6<<20*3/4)), true, 413},
		"what claims to be base64":      {"%%%", true, 400},
		"a body of characters of three": {strings.Repeat("€", 1<<20/3+1), false, 413},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t, r, "s")
			e := events.LambdaFunctionURLRequest{RawPath: "/" + gitops.RepositoryID(r.URL, r.Ref()), Body: c.body, IsBase64Encoded: c.base64,
				Headers: map[string]string{"content-type": "application/json"}}
			e.RequestContext.HTTP.Method = http.MethodPost
			status, text := w.call(t, e)
			if status != c.status || status == 413 && text != "at most 1048576 bytes; the resync finds the push without it" {
				t.Errorf("answered %d %s, want %d", status, text, c.status)
			}
			if status != 401 && len(w.store.Counts()) != 0 {
				t.Errorf("it was looked at: %v", w.store.Counts())
			}
			w.untouched(t)
		})
	}
}

func TestR7_AnInstallationSetsTheCap(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	for most, status := range map[int]int{len(e.Body): 202, len(e.Body) - 1: 413} {
		w := watching(t, want.Repository, want.Secret)
		w.Limits.WebhookBytes = most
		if got, text := w.call(t, e); got != status || status == 413 && !strings.HasPrefix(text, fmt.Sprintf("at most %d bytes", most)) {
			t.Errorf("with a cap of %d: answered %d %s, want %d", most, got, text, status)
		}
	}
}

func TestR7_ABodyOfAnotherKindIsRefusedWithTheReason(t *testing.T) {
	const kind, encoding = "content-type", "content-encoding"
	for name, c := range map[string]struct {
		header, value string
		status        int
		why           string
	}{
		"a form, which is GitHub's default": {kind, "application/x-www-form-urlencoded", 400, "choose application/json where the webhook is set up"},
		"no content type":                   {kind, "", 400, `content type "" is not taken`},
		"a content type that is none":       {kind, "application/json; charset", 400, "is not taken"},
		"text that holds JSON":              {kind, "text/plain", 400, `content type "text/plain" is not taken`},
		"JSON in capitals":                  {kind, "Application/JSON", 202, "accepted"},
		"UTF-8, said aloud":                 {kind, "application/json; charset=UTF-8", 202, "accepted"},
		"UTF-7":                             {kind, "application/json; charset=utf-7", 400, `charset "utf-7" is not taken`},
		"UTF-16":                            {kind, `application/json; charset="utf-16le"`, 400, `charset "utf-16le" is not taken`},
		"two charsets":                      {kind, "application/json; charset=utf-8; charset=utf-16", 400, "is not taken"},
		"gzip":                              {encoding, "gzip", 400, `content encoding "gzip" is not taken`},
		"gzip within identity":              {encoding, "identity, gzip", 400, "is not taken"},
		"identity":                          {encoding, "identity", 202, "accepted"},
		"an encoding without end":           {encoding, strings.Repeat("\xff", 5000), 400, "content encoding \"" + strings.Repeat("\ufffd", 50) + "\"… is not taken: send the body as it is"},
		"an encoding that rings the bell":   {encoding, "\a\x1b[31m", 400, "content encoding \"\ufffd\ufffd[31m\" is not taken"},
	} {
		t.Run(name, func(t *testing.T) {
			e, want := recorded(t, "webhook-github-push")
			e.Headers[c.header] = c.value
			w := watching(t, want.Repository, want.Secret)
			if status, text := w.call(t, e); status != c.status || !strings.Contains(text, c.why) {
				t.Errorf("answered %d %s, want %d %s", status, text, c.status, c.why)
			}
			if c.status != http.StatusAccepted {
				w.untouched(t)
			}
		})
	}
}

func TestR7_ASignedBodyThatIsNoPushIsRefusedWithTheReason(t *testing.T) {
	for name, c := range map[string]struct{ body, why string }{
		"no UTF-8": {"{\"ref\":\"refs/heads/m\xe4in\"}", "the body is not UTF-8"},
		"no JSON":  {"ref=refs/heads/main", "the body is not the JSON of a push"},
		"no push":  {"{}", "the body names no repository or no ref"},
	} {
		e, want := recorded(t, "webhook-gitlab-push") // whose token comes with any body
		e.Body = c.body
		w := watching(t, want.Repository, want.Secret)
		if status, text := w.call(t, e); status != http.StatusBadRequest || !strings.Contains(text, c.why) {
			t.Errorf("%s: answered %d %s, want 400 %s", name, status, text, c.why)
		}
		w.untouched(t)
	}
}

func TestR8_WhatAWSCannotTellIsToBeSentAgain(t *testing.T) {
	broken := errors.New("503")
	for name, c := range map[string]struct {
		fails  func(w *hook)
		status int
	}{
		"the repository cannot be read": {func(w *hook) { w.store.Fail(failing("Repository")) }, 503},
		"the secret cannot be read":     {func(w *hook) { w.Secrets = func(context.Context, string) ([]string, error) { return nil, broken } }, 503},
		"the message cannot be sent":    {func(w *hook) { w.queue.Fail(func(string) error { return broken }) }, 503},
		"the delivery cannot be read":   {func(w *hook) { w.store.Fail(failing("SeenDelivery")) }, 202},
	} {
		t.Run(name, func(t *testing.T) {
			e, want := recorded(t, "webhook-github-push")
			w := watching(t, want.Repository, want.Secret)
			secrets := w.Secrets
			c.fails(w)
			status, text := w.call(t, e)
			if status != c.status || status == 503 && !strings.HasPrefix(text, "try again later") {
				t.Errorf("answered %d %s, want %d", status, text, c.status)
			}
			if status == 503 && w.store.Count("MarkDelivery") != 0 {
				t.Error("the delivery was kept, and would be a duplicate later")
			}
			w.store.Fail(nil)
			w.queue.Fail(nil)
			w.Secrets = secrets
			if again, text := w.call(t, e); c.status == 503 && again != http.StatusAccepted {
				t.Errorf("the redelivery answered %d %s, want 202", again, text)
			}
		})
	}
}

// hanging is a queue that does not answer.
type hanging struct{ reconcile.Queue }

func (hanging) Send(ctx context.Context, _ ...reconcile.Message) error {
	<-ctx.Done()
	return fmt.Errorf("send: %w", ctx.Err())
}

func TestR8_AQueueThatHangsIsAnsweredForBeforeTheForgeGivesUp(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	synctest.Test(t, func(t *testing.T) {
		w := watching(t, want.Repository, want.Secret)
		w.Queue = hanging{}
		began := time.Now()
		status, text := w.call(t, e)
		if took := time.Since(began); took >= 10*time.Second || status != http.StatusServiceUnavailable {
			t.Errorf("answered %d %s after %s", status, text, took)
		}
		w.untouched(t)
	})
}

func TestOnlyTheTrackedReferenceIsTaken(t *testing.T) {
	for name, c := range map[string]struct {
		tracks gitops.Repository
		status int
	}{
		"the branch":                 {gitops.Repository{Branch: "main"}, 202},
		"another branch":             {gitops.Repository{Branch: "release"}, 200},
		"a tag of the branch's name": {gitops.Repository{Tag: "main"}, 200},
		"a branch that ends like it": {gitops.Repository{Branch: "team/main"}, 200},
		"a branch that begins alike": {gitops.Repository{Branch: "mai"}, 200},
	} {
		e, want := recorded(t, "webhook-github-push")
		c.tracks.URL, c.tracks.Forge = want.Repository.URL, want.Repository.Forge
		w := watching(t, c.tracks, want.Secret)
		e.RawPath = "/" + gitops.RepositoryID(c.tracks.URL, c.tracks.Ref())
		if status, text := w.call(t, e); status != c.status {
			t.Errorf("%s: answered %d %s, want %d", name, status, text, c.status)
		}
	}
}

func TestPlainGitPushesAsGitHubDoes(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	want.Repository.Forge = ""
	w := watching(t, want.Repository, want.Secret)
	if status, text := w.call(t, e); status != http.StatusAccepted || w.queue.Sent()[0].Reason != "main pushed to the git server" {
		t.Errorf("answered %d %s, sent %v", status, text, w.queue.Sent())
	}
}

func TestCodeCommitHasNoWebhook(t *testing.T) {
	e, want := recorded(t, "webhook-github-push")
	r := gitops.Repository{URL: "codecommit::eu-west-1://infra", Branch: "main", Forge: gitops.ForgeCodeCommit}
	e.RawPath = "/" + gitops.RepositoryID(r.URL, r.Ref())
	w := watching(t, r, want.Secret)
	if status, _ := w.call(t, e); status != http.StatusUnauthorized || w.secrets != 0 {
		t.Errorf("answered %d after %d reads of a secret", status, w.secrets)
	}
}

func TestOnlyARepositorysAddressIsTaken(t *testing.T) {
	good, want := recorded(t, "webhook-github-push")
	for name, c := range map[string]struct{ method, path string }{
		"a look":                     {"GET", good.RawPath},
		"the root":                   {"POST", "/"},
		"below a repository":         {"POST", good.RawPath + "/x"},
		"capitals":                   {"POST", strings.ToUpper(good.RawPath)},
		"a path that leads upwards":  {"POST", "/.." + good.RawPath},
		"a path that ends in a line": {"POST", good.RawPath + "\n"},
	} {
		e := good
		e.RawPath, e.RequestContext.HTTP.Method = c.path, c.method
		w := watching(t, want.Repository, want.Secret)
		if status, _ := w.call(t, e); status != http.StatusNotFound || len(w.store.Counts()) != 0 {
			t.Errorf("%s: answered %d after %v", name, status, w.store.Counts())
		}
	}
}
