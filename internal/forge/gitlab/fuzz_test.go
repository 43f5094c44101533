package gitlab_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// FuzzR5_NoTokenButTheSecretIsTaken tries tokens and bodies: without the token nothing of the
// body is read, and with it a push has what can be compared.
func FuzzR5_NoTokenButTheSecretIsTaken(f *testing.F) {
	f.Add("secret", body)
	f.Add("secre", body)
	f.Add("", "{}")
	f.Add("secret", `{"ref":"refs/heads/main","after":"0000","project":{"web_url":["x"]}}`)
	for _, text := range hostile.Texts() {
		quoted, err := json.Marshal(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("secret", `{"ref":"refs/heads/`+string(quoted[1:])+`,"project":{"git_http_url":`+string(quoted)+`}}`)
		f.Add(text, "{}")
	}
	f.Fuzz(func(t *testing.T, token, body string) {
		var d forge.Delivery
		var err error
		header := http.Header{"X-Gitlab-Event": {"Push Hook"}, "X-Gitlab-Token": {token}}
		fuzzing.Bounded(t, len(body), func() { d, err = gitlab.Forge{}.Receive([]string{"secret"}, header, []byte(body)) })
		switch {
		case errors.Is(err, forge.ErrSignature) != (token != "secret"):
			t.Errorf("with the token %q: %v", token, err)
		case err != nil && d != (forge.Delivery{}):
			t.Errorf("%+v beside %v", d, err)
		case err == nil && (!utf8.ValidString(body) || d.Push.URL == "" || !strings.HasPrefix(d.Push.Ref, "refs/")):
			t.Errorf("%q was taken as %+v", body, d.Push)
		}
	})
}
