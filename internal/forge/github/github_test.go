package github_test

import (
	"crypto/hmac"
	"crypto/sha1" // what must be refused
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/github"
)

const body = `{"ref":"refs/heads/main","after":"0cbd2a7","repository":{"clone_url":"https://github.com/Acme/infra.git"}}`

// signed returns the headers of a push, signed with a secret.
func signed(secret, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return http.Header{"X-Github-Event": {"push"}, "X-Github-Delivery": {"72d3162e"},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// The example of docs.github.com, "Validating webhook deliveries".
func TestSignatureOfGitHubsDocumentationHolds(t *testing.T) {
	header := http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}
	if _, err := (github.Forge{}).Receive([]string{"It's a Secret to Everybody"}, header, []byte("Hello, World!")); err != nil {
		t.Error(err)
	}
}

func TestR5_OnlySignedDeliveriesHold(t *testing.T) {
	legacy := hmac.New(sha1.New, []byte("new"))
	legacy.Write([]byte(body))
	for name, c := range map[string]struct {
		secrets []string
		header  http.Header
		body    string
		holds   bool
	}{
		"the only secret":                  {[]string{"new"}, signed("new", body), body, true},
		"the old of two secrets":           {[]string{"new", "old"}, signed("old", body), body, true},
		"the new of two secrets":           {[]string{"new", "old"}, signed("new", body), body, true},
		"a secret that was given up":       {[]string{"new"}, signed("old", body), body, false},
		"no secret":                        {nil, signed("", body), body, false},
		"an empty secret":                  {[]string{""}, signed("", body), body, false},
		"three secrets":                    {[]string{"new", "old", "older"}, signed("new", body), body, false},
		"a body that was changed":          {[]string{"new"}, signed("new", body), body + " ", false},
		"no signature":                     {[]string{"new"}, http.Header{}, body, false},
		"SHA-1 alone":                      {[]string{"new"}, http.Header{"X-Hub-Signature": {"sha1=" + hex.EncodeToString(legacy.Sum(nil))}}, body, false},
		"SHA-1 in the header of SHA-256":   {[]string{"new"}, http.Header{"X-Hub-Signature-256": {"sha1=" + hex.EncodeToString(legacy.Sum(nil))}}, body, false},
		"two signatures, one of them good": {[]string{"new"}, http.Header{"X-Hub-Signature-256": {signed("new", body).Get("X-Hub-Signature-256"), "sha256=00"}}, body, false},
		"half a signature":                 {[]string{"new"}, http.Header{"X-Hub-Signature-256": {signed("new", body).Get("X-Hub-Signature-256")[:39]}}, body, false},
		"an empty signature":               {[]string{"new"}, http.Header{"X-Hub-Signature-256": {"sha256="}}, body, false},
		"a signature that is no number":    {[]string{"new"}, http.Header{"X-Hub-Signature-256": {"sha256=zz"}}, body, false},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := github.Forge{}.Receive(c.secrets, c.header, []byte(c.body))
			if (err == nil) != c.holds || err != nil && (!errors.Is(err, forge.ErrSignature) || d != forge.Delivery{}) {
				t.Errorf("got %+v, %v, want it to hold: %v", d, err, c.holds)
			}
		})
	}
}

// lower writes the hexadecimal digits as GitHub does; both cases are the same number.
func lower(signature string) string {
	number, err := hex.DecodeString(signature[len("sha256="):])
	if err != nil {
		return ""
	}
	return signature[:len("sha256=")] + hex.EncodeToString(number)
}

// receive delivers a body as an event, signed.
func receive(event, body string) (forge.Delivery, error) {
	header := signed("s", body)
	header.Set("X-GitHub-Event", event)
	return github.Forge{}.Receive([]string{"s"}, header, []byte(body))
}

func TestAPushIsReadOnceItsSignatureHolds(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want forge.Push
	}{
		"of a branch":         {body, forge.Push{URL: "https://github.com/Acme/infra.git", Ref: "refs/heads/main", After: "0cbd2a7"}},
		"without a clone URL": {`{"ref":"refs/tags/v1","deleted":true,"repository":{"html_url":"https://github.com/acme/infra"}}`, forge.Push{URL: "https://github.com/acme/infra", Ref: "refs/tags/v1", Deleted: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := receive("push", c.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(forge.Delivery{ID: "72d3162e", Push: &c.want}, got); diff != "" {
				t.Errorf("delivery (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatIsNoPushIsNotParsed(t *testing.T) {
	for _, event := range []string{"ping", "pull_request", ""} {
		if got, err := receive(event, "not JSON"); err != nil || got.Push != nil || got.ID != "72d3162e" {
			t.Errorf("%q: got %+v, %v", event, got, err)
		}
	}
}

func TestR7_APushThatCannotBeReadSaysWhy(t *testing.T) {
	for name, c := range map[string]struct{ body, why string }{
		"a form":             {"payload=%7B%7D", "not the JSON of a push"},
		"an empty body":      {"", "not the JSON of a push"},
		"half a body":        {body[:40], "not the JSON of a push"},
		"no repository":      {`{"ref":"refs/heads/main"}`, "names no repository or no ref"},
		"no ref":             {`{"repository":{"clone_url":"https://github.com/acme/infra.git"}}`, "names no repository or no ref"},
		"a ref of any kind":  {`{"ref":"main","repository":{"clone_url":"https://github.com/acme/infra.git"}}`, "names no repository or no ref"},
		"a number as a ref":  {`{"ref":1.5,"repository":{"clone_url":"https://github.com/acme/infra.git"}}`, "not the JSON of a push: ref: a string is needed, found a number"},
		"an object as a URL": {`{"ref":"refs/heads/main","repository":{"clone_url":{}}}`, "repository.clone_url: a string is needed, found an object"},
		"a text as a flag":   {`{"ref":"refs/heads/main","deleted":"no"}`, "deleted: true or false is needed, found a string"},
		"what is not UTF-8":  {"{\"ref\":\"refs/heads/ma\xefn\"}", "not UTF-8"},
		"UTF-16":             {"\xff\xfe{\x00}\x00", "not UTF-8"},
		"a byte order mark":  {"\ufeff" + body, "not the JSON of a push"},
		"what was zipped":    {"\x1f\x8b\x08\x00\x00", "not UTF-8"},
		"two bodies in one":  {body + body, "not the JSON of a push"},
		"a list":             {"[" + body + "]", "not the JSON of a push: an object is needed, found an array"},
		"deep nesting":       {strings.Repeat("[", 20000), "not the JSON of a push"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := receive("push", c.body)
			if err == nil || errors.Is(err, forge.ErrSignature) || !strings.Contains(err.Error(), c.why) {
				t.Errorf("got %+v, %v, want %q", got, err, c.why)
			}
		})
	}
}
