package github_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

func FuzzR5_NoSignatureButTheSecretsHolds(f *testing.F) {
	f.Add("sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", body)
	f.Add("sha1=00", "")
	f.Add("", "{}")
	f.Fuzz(func(t *testing.T, signature, body string) {
		header := http.Header{"X-Hub-Signature-256": {signature}}
		_, err := github.Forge{}.Receive([]string{"secret"}, header, []byte(body)) // of no event: nothing is parsed
		if (err == nil) != (len(signature) == 71 && lower(signature) == signed("secret", body).Get("X-Hub-Signature-256")) {
			t.Errorf("Receive under %q: %v", signature, err)
		}
	})
}

// FuzzPush reads a body whose signature holds: what is read of it stands there, and reading
// that again gives the same.
func FuzzPush(f *testing.F) {
	f.Add(body)
	f.Add(`{"ref":"refs/tags/v1","deleted":true,"repository":{"html_url":"https://github.com/acme/infra"}}`)
	f.Add(`{"ref":["refs/heads/main"],"repository":{"clone_url":1}}`)
	for _, text := range hostile.Texts() {
		quoted, err := json.Marshal(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(`{"ref":"refs/heads/` + string(quoted[1:]) + `,"repository":{"clone_url":` + string(quoted) + `}}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		var d forge.Delivery
		var err error
		fuzzing.Bounded(t, len(body), func() { d, err = receive("push", body) })
		if err != nil {
			if errors.Is(err, forge.ErrSignature) || d != (forge.Delivery{}) {
				t.Errorf("signed, it is %+v, %v", d, err)
			}
			return
		}
		if !utf8.ValidString(body) || d.Push == nil || d.Push.URL == "" || !strings.HasPrefix(d.Push.Ref, "refs/") {
			t.Fatalf("%q was taken as %+v", body, d.Push)
		}
		written, err := json.Marshal(map[string]any{"ref": d.Push.Ref, "after": d.Push.After, "deleted": d.Push.Deleted,
			"repository": map[string]string{"clone_url": d.Push.URL}})
		if err != nil {
			t.Fatal(err)
		}
		if again, err := receive("push", string(written)); err != nil || *again.Push != *d.Push {
			t.Errorf("read again, %+v is %+v, %v", d.Push, again.Push, err)
		}
	})
}
