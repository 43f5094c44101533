package forge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Forge is a git host that is more than git: it says when somebody pushed, and shows what
// became of a commit. The adapters are github, gitlab and codecommit.
type Forge interface {
	Receiver
	Reporter
}

// Receiver judges the deliveries of a forge's webhook.
type Receiver interface {
	// Receive judges one delivery. The raw body is parsed only once one of the secrets, of
	// which there are one or two, is proven; ErrSignature when none is, and any other error
	// when what is proven cannot be read: it says why, for whoever set the webhook up.
	Receive(secrets []string, header http.Header, body []byte) (Delivery, error)
}

// Reporter shows what became of a commit.
type Reporter interface {
	// Report sets the status of a commit under its context, which replaces the one before: a
	// repeat is harmless. reconcile.ErrDenied: the credentials are refused, or there are none.
	// reconcile.ErrNotFound: the forge does not know the repository or the commit, or shows no
	// such status. Any other error is transient.
	Report(ctx context.Context, r gitops.Repository, s Status) error
}

// ErrSignature says that a delivery is not signed with any of the secrets.
var ErrSignature = errors.New("signature does not hold")

// MaxSecrets is how many secrets are valid at a time: the old and the new one while a
// secret is being changed.
const MaxSecrets = 2

// Delivery is what a webhook delivered, once it is known who sent it.
type Delivery struct {
	ID   string // of the delivery: a redelivery has the same; empty: it has none
	Push *Push  // nil: an event that is none of ours
}

// Push is what a push says of itself. It is compared, never followed.
type Push struct {
	URL     string // of the repository, to be compared by gitops.NormalURL
	Ref     string // "refs/heads/main", "refs/tags/v1"
	After   string // the commit; forty zeroes when the branch or tag was deleted
	Deleted bool
}

// Check returns why a push cannot be compared.
func (p Push) Check() error {
	if p.URL == "" || !strings.HasPrefix(p.Ref, "refs/") {
		return errors.New("read push: the body names no repository or no ref")
	}
	return nil
}

// Decode reads the JSON of a delivery whose signature has held. What is not UTF-8 is an
// error: encoding/json would put other characters in its place, and so another name.
func Decode(body []byte, into any) error {
	if !utf8.Valid(body) {
		return errors.New("read push: the body is not UTF-8")
	}
	err := json.Unmarshal(body, into)
	var other *json.UnmarshalTypeError
	if errors.As(err, &other) {
		return fmt.Errorf("read push: the body is not the JSON of a push: %s", mismatch(other))
	}
	if err != nil {
		return fmt.Errorf("read push: the body is not the JSON of a push: %w", err)
	}
	return nil
}

// articles are the kinds of JSON values as a sentence names them.
var articles = map[string]string{"object": "an object", "array": "an array", "string": "a string", "number": "a number", "bool": "true or false"}

// mismatch says in words of JSON, and none of Go, what is needed where something else was found.
func mismatch(e *json.UnmarshalTypeError) string {
	needed, where := articles["object"], ""
	switch e.Type.Kind() {
	case reflect.String:
		needed = articles["string"]
	case reflect.Bool:
		needed = articles["bool"]
	}
	if e.Field != "" {
		where = e.Field + ": "
	}
	found, _, _ := strings.Cut(e.Value, " ") // "number 1.5"
	return fmt.Sprintf("%s%s is needed, found %s", where, needed, articles[found])
}

// State is how a commit's status stands.
type State string

// The states. A forge that has not all of them shows the nearest that it has.
const (
	StatePending State = "pending" // it waits for something or somebody
	StateRunning State = "running" // it is being worked on
	StateSuccess State = "success"
	StateSkipped State = "skipped" // nothing was done, and nothing is wrong
	StateFailure State = "failure" // what git wants could not be brought about
	StateError   State = "error"   // a person has to act elsewhere first
)

// States returns every state.
func States() []State {
	return []State{StatePending, StateRunning, StateSuccess, StateSkipped, StateFailure, StateError}
}

// Status is what a forge shows of a commit.
type Status struct {
	Commit      string // forty hexadecimal digits
	Context     string // "driftless/<application>"
	State       State
	Description string // the reason, one line; adapters cut it to what their forge takes
	URL         string // where to read on; empty: nowhere
}

// Cut returns a text as one printable line of at most max characters.
func Cut(text string, max int) string {
	runes := []rune(gitops.Printable(strings.Join(strings.Fields(text), " ")))
	if len(runes) > max {
		return string(runes[:max-1]) + "…"
	}
	return string(runes)
}

// Tokens returns what the forge of a repository is called with: one token, or two while one
// is being changed for the other; none where the repository has no credentials.
// reconcile.ErrDenied: there should be some, and there are none.
type Tokens func(ctx context.Context, r gitops.Repository) ([]string, error)

// Try calls call with the first token, and with the second where the first is denied.
func (t Tokens) Try(ctx context.Context, r gitops.Repository, call func(token string) error) error {
	tokens, err := t(ctx, r)
	if err != nil {
		return err
	}
	err = fmt.Errorf("%s has no credentials: %w", r.URL, reconcile.ErrDenied)
	for _, token := range tokens {
		if err = call(token); !errors.Is(err, reconcile.ErrDenied) {
			return err
		}
	}
	return err
}

// Title returns a forge's name as people write it.
func Title(f gitops.Forge) string {
	switch f {
	case gitops.ForgeGitHub:
		return "GitHub"
	case gitops.ForgeGitLab:
		return "GitLab"
	case gitops.ForgeCodeCommit:
		return "CodeCommit"
	}
	return "the git server"
}
