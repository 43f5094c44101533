// Package forge knows what git hosts send: so far GitHub's webhook, its signature and
// its push. Nothing of a delivery is parsed before its signature holds, and what a push
// says is only ever compared with what is registered: the commit is read from git.
//
// The package imports the standard library only.
package forge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// ErrSignature says that a delivery is not signed with any of the secrets.
var ErrSignature = errors.New("signature does not hold")

// signatureHeader carries "sha256=<hex HMAC of the raw body>" (docs.github.com,
// "Validating webhook deliveries"). Its older sibling, X-Hub-Signature, is SHA-1 and is
// not looked at.
const signatureHeader = "X-Hub-Signature-256"

// maxSecrets is how many secrets are valid at a time: the old and the new one while a
// secret is being changed.
const maxSecrets = 2

// VerifyGitHub returns nil if the raw body is signed with one of the secrets, of which
// there are one or two, and an ErrSignature otherwise. An empty secret signs nothing.
func VerifyGitHub(secrets []string, header http.Header, body []byte) error {
	if len(secrets) > maxSecrets {
		return fmt.Errorf("%w: %d secrets, at most %d", ErrSignature, len(secrets), maxSecrets)
	}
	values := header.Values(signatureHeader)
	if len(values) != 1 {
		return fmt.Errorf("%w: %d headers %s, want one", ErrSignature, len(values), signatureHeader)
	}
	text, ok := strings.CutPrefix(values[0], "sha256=")
	signature, err := hex.DecodeString(text)
	if !ok || err != nil || len(signature) != sha256.Size {
		return fmt.Errorf("%w: %s is not sha256=<64 hexadecimal digits>", ErrSignature, signatureHeader)
	}
	holds := false
	for _, secret := range secrets { // all of them, so that time tells nothing of which
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		holds = hmac.Equal(mac.Sum(nil), signature) && secret != "" || holds
	}
	if !holds {
		return ErrSignature
	}
	return nil
}

// Push is what a push says of itself. It is compared, never followed.
type Push struct {
	URL     string // of the repository, to be compared by gitops.NormalURL
	Ref     string // "refs/heads/main"
	After   string // the commit; forty zeroes when the branch was deleted
	Deleted bool
}

// ParseGitHubPush reads the body of an event "push", once VerifyGitHub has held.
func ParseGitHubPush(body []byte) (Push, error) {
	var in struct {
		Ref        string `json:"ref"`
		After      string `json:"after"`
		Deleted    bool   `json:"deleted"`
		Repository struct {
			CloneURL string `json:"clone_url"`
			HTMLURL  string `json:"html_url"`
		} `json:"repository"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Push{}, fmt.Errorf("read push: %w (the webhook's content type must be application/json)", err)
	}
	push := Push{URL: in.Repository.CloneURL, Ref: in.Ref, After: in.After, Deleted: in.Deleted}
	if push.URL == "" {
		push.URL = in.Repository.HTMLURL
	}
	if push.URL == "" || !strings.HasPrefix(push.Ref, "refs/") {
		return Push{}, errors.New("read push: no repository or no ref")
	}
	return push, nil
}
