package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// GitHub itself is out of reach here: a push is signed and sent as GitHub does, to the very
// address that "repository add --webhook" prints.
func TestAPushOfGitHubIsTakenOnceAndOnlySigned(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	const url = "https://git.invalid/acme/infra"
	stage := *shared
	stage.Dir = t.TempDir()
	said, err := stage.Both(t.Context(), "repository", "add", url, "--webhook")
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`Payload URL +(\S+)`).FindStringSubmatch(said)
	secret := regexp.MustCompile(`Secret +(\S+)`).FindStringSubmatch(said)
	if address == nil || secret == nil {
		t.Fatalf("no address and secret in what was said:\n%s", said)
	}
	saidOnce(said, secret[1])
	if !strings.HasSuffix(address[1], "/"+gitops.RepositoryID(url, "main")) {
		t.Errorf("the address is %s", address[1])
	}
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":"%040d","repository":{"clone_url":%q,"html_url":%q}}`, 1, url+".git", url)
	for _, c := range []struct {
		name, address, secret, delivery string
		status                          int
	}{
		{"without a secret", address[1], "", "d1", 401},
		{"with another secret", address[1], "guessed", "d1", 401},
		{"to a repository that is not watched", address[1][:strings.LastIndex(address[1], "/")] + "/0123456789abcdef", secret[1], "d1", 401},
		{"as GitHub sends it", address[1], secret[1], "d1", 202},
		{"the same again", address[1], secret[1], "d1", 200},
		{"another push", address[1], secret[1], "d2", 202},
	} {
		if got, text := deliver(t, c.address, c.secret, c.delivery, body); got != c.status {
			t.Errorf("%s: answered %d %s, want %d", c.name, got, text, c.status)
		}
	}
}

// deliver posts a push of GitHub's, signed where there is a secret.
func deliver(t *testing.T, address, secret, delivery, body string) (int, string) {
	t.Helper()
	header := map[string]string{"X-GitHub-Event": "push", "X-GitHub-Delivery": delivery}
	if secret != "" {
		header["X-Hub-Signature-256"] = signature(sha256.New, "sha256=", secret, body)
	}
	return post(t, address, body, header)
}

// signature is how GitHub signs a body.
func signature(algorithm func() hash.Hash, prefix, secret, body string) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write([]byte(body))
	return prefix + hex.EncodeToString(mac.Sum(nil))
}

// post sends a webhook.
func post(t *testing.T, address, body string, header map[string]string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}
