package forge_test

import (
	"crypto/hmac"
	"crypto/sha1" // what must be refused
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

const body = `{"ref":"refs/heads/main","after":"0cbd2a7","repository":{"clone_url":"https://github.com/Acme/infra.git"}}`

func signed(secret, body string) http.Header {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
}

// The example of docs.github.com, "Validating webhook deliveries".
func TestSignatureOfGitHubsDocumentationHolds(t *testing.T) {
	header := http.Header{"X-Hub-Signature-256": {"sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"}}
	if err := forge.VerifyGitHub([]string{"It's a Secret to Everybody"}, header, []byte("Hello, World!")); err != nil {
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
			err := forge.VerifyGitHub(c.secrets, c.header, []byte(c.body))
			if (err == nil) != c.holds || err != nil && !errors.Is(err, forge.ErrSignature) {
				t.Errorf("got %v, want it to hold: %v", err, c.holds)
			}
		})
	}
}

func FuzzNoSignatureButTheSecretsHolds(f *testing.F) {
	f.Add("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", body)
	f.Add("sha1=00", "")
	f.Add("", "{}")
	f.Fuzz(func(t *testing.T, signature, body string) {
		err := forge.VerifyGitHub([]string{"secret"}, http.Header{"X-Hub-Signature-256": {signature}}, []byte(body))
		if (err == nil) != (len(signature) == 71 && lower(signature) == signed("secret", body).Get("X-Hub-Signature-256")) {
			t.Errorf("VerifyGitHub(%q) = %v", signature, err)
		}
	})
}

// lower writes the hexadecimal digits as GitHub does; both cases are the same number.
func lower(signature string) string {
	number, err := hex.DecodeString(signature[len("sha256="):])
	if err != nil {
		return ""
	}
	return signature[:len("sha256=")] + hex.EncodeToString(number)
}

func TestPush(t *testing.T) {
	got, err := forge.ParseGitHubPush([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(forge.Push{URL: "https://github.com/Acme/infra.git", Ref: "refs/heads/main", After: "0cbd2a7"}, got); diff != "" {
		t.Errorf("push (-want +got):\n%s", diff)
	}
	if gitops.NormalURL(got.URL) != gitops.NormalURL("https://github.com/Acme/infra") {
		t.Errorf("%s is not the registered repository", got.URL)
	}
}

func TestPushWithoutACloneURLIsNamedByItsPage(t *testing.T) {
	got, err := forge.ParseGitHubPush([]byte(`{"ref":"refs/heads/main","deleted":true,"repository":{"html_url":"https://github.com/acme/infra"}}`))
	if err != nil || got.URL != "https://github.com/acme/infra" || !got.Deleted {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNoPush(t *testing.T) {
	for name, body := range map[string]string{
		"a form":            "payload=%7B%7D",
		"an empty body":     "",
		"no repository":     `{"ref":"refs/heads/main"}`,
		"no ref":            `{"repository":{"clone_url":"https://github.com/acme/infra.git"}}`,
		"a ref of any kind": `{"ref":"main","repository":{"clone_url":"https://github.com/acme/infra.git"}}`,
		"a number as a ref": `{"ref":1,"repository":{"clone_url":"https://github.com/acme/infra.git"}}`,
	} {
		if push, err := forge.ParseGitHubPush([]byte(body)); err == nil {
			t.Errorf("%s: got %+v, want an error", name, push)
		}
	}
}

// The recorded delivery is signed with the secret that stands beside it.
func TestRecordedDeliveryHolds(t *testing.T) {
	var event struct {
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	}
	var want struct {
		Secret string `json:"secret"`
	}
	for file, into := range map[string]any{"webhook-github-push.json": &event, "webhook-github-push.want.json": &want} {
		data, err := os.ReadFile("../../events/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, into); err != nil {
			t.Fatal(err)
		}
	}
	header := http.Header{}
	for name, value := range event.Headers {
		header.Set(name, value) // a function URL gives the names in lower case
	}
	if err := forge.VerifyGitHub([]string{want.Secret}, header, []byte(event.Body)); err != nil {
		t.Error(err)
	}
	if push, err := forge.ParseGitHubPush([]byte(event.Body)); err != nil || gitops.NormalURL(push.URL) != "https://github.com/acme/infra" {
		t.Errorf("push = %+v, %v", push, err)
	}
}
