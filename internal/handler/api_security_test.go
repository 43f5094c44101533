package handler_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
)

// Names are compared whole: a filter that is a regular expression without its ends takes every
// name that another one is part of, which is how CodeBreach came about.
func TestA1_APartOfAnAllowedNameIsRefused(t *testing.T) {
	const url, secret = "https://git.example.com/acme/infra", "0123456789abcdef0123456789abcdef"
	w := watching(t, gitops.Repository{URL: url, Branch: "main"}, secret)
	push := func(cloneURL, ref string) int {
		body := fmt.Sprintf(`{"ref":%q,"repository":{"clone_url":%q}}`, ref, cloneURL)
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body))
		e := events.LambdaFunctionURLRequest{RawPath: "/" + gitops.RepositoryID(url, "refs/heads/main"), Body: body, Headers: map[string]string{
			"content-type": "application/json", "x-github-event": "push", "x-hub-signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))}}
		e.RequestContext.HTTP.Method = http.MethodPost
		status, _ := w.call(t, e)
		return status
	}
	names := []string{url + "2", url + "/x", url + ".gitx", "x" + url, "https://evil.example/?" + url, strings.ToUpper(url)}
	for i := range len(url) - 1 {
		names = append(names, url[:i+1], url[i+1:])
	}
	for _, name := range names {
		if got := push(name, "refs/heads/main"); got == http.StatusAccepted {
			t.Errorf("a push of %q was taken for one of %s", name, url)
		}
	}
	for _, ref := range []string{"refs/heads/mai", "refs/heads/main2", "refs/heads/x/main", "refs/heads/main\n", "refs/tags/main", "main", ".*", "refs/heads/.*"} {
		if got := push(url, ref); got == http.StatusAccepted {
			t.Errorf("a push to %q was taken for one to main", ref)
		}
	}
	w.untouched(t)
	if got := push(url, "refs/heads/main"); got != http.StatusAccepted {
		t.Errorf("the push itself was answered %d", got)
	}
}

// There is no page to show in a browser: an answer that names a script is text to it.
func TestA14_NoAnswerIsAPage(t *testing.T) {
	const script = `"><script>alert(1)</script>`
	a, do := api()
	check := func(what string, got events.LambdaFunctionURLResponse, kind string) {
		t.Helper()
		if got.Headers["Content-Type"] != kind || got.Headers["X-Content-Type-Options"] != "nosniff" || strings.Contains(got.Body, "<script>") && kind == "application/json" {
			t.Errorf("%s: answered %d %v %s", what, got.StatusCode, got.Headers, got.Body)
		}
	}
	for _, by := range []string{"", ann} {
		for _, r := range handler.Routes() {
			path := strings.Replace(r.Path, "{id}", script, 1)
			check(r.Method+" "+r.Path, do(t, "write", by, r.Method, path, `{"reason":"`+script[2:]+`"}`), "application/json")
		}
	}
	check("no route", do(t, "write", ann, "GET", "/"+script, ""), "application/json")
	fakeFailure(a)(script)
	check("a bug", do(t, "write", ann, "GET", "/v1/applications", ""), "application/json")

	w := watching(t, gitops.Repository{URL: "https://git.example.com/acme/infra", Branch: "main"})
	for _, path := range []string{"/" + script, "/0123456789abcdef"} {
		e := events.LambdaFunctionURLRequest{RawPath: path, Headers: map[string]string{"content-type": "text/" + script}}
		e.RequestContext.HTTP.Method = http.MethodPost
		got, err := w.Handle(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		check("the webhook at "+path, got, "text/plain; charset=utf-8")
	}
}
