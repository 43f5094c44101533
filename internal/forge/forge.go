package forge

import (
	"context"
	"net/http"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Forge is a git host that is more than git: it says when somebody pushed, and shows what
// became of a commit. The adapters are GitHub, GitLab and CodeCommit.
type Forge interface {
	// Receive judges one delivery of a webhook. The raw body is parsed only once one of the
	// secrets, of which there are one or two, is proven; ErrSignature when none is.
	Receive(secrets []string, header http.Header, body []byte) (Delivery, error)
	// Report sets the status of a commit under its context, which replaces the one before: a
	// repeat is harmless. reconcile.ErrDenied: the credentials are refused, or there are none.
	// reconcile.ErrNotFound: the forge does not know the repository or the commit, or shows no
	// statuses. Any other error is transient.
	Report(ctx context.Context, r gitops.Repository, s Status) error
}

// Delivery is what a webhook delivered, once it is known who sent it.
type Delivery struct {
	ID   string // of the delivery: a redelivery has the same
	Push *Push  // nil: an event that is none of ours
}

// State is how a commit's status stands.
type State string

// The states.
const (
	StatePending State = "pending"
	StateSuccess State = "success"
	StateFailure State = "failure" // what git wants could not be brought about
	StateError   State = "error"   // a person has to act elsewhere first
)

// Status is what a forge shows of a commit.
type Status struct {
	Commit      string // forty hexadecimal digits
	Context     string // "driftless/<application>"
	State       State
	Description string // the reason, one line; adapters cut it to what their forge takes
	URL         string // where to read on
}
