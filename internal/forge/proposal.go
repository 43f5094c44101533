package forge

import (
	"context"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Proposer opens pull requests. The adapters are github, gitlab and codecommit.
type Proposer interface {
	// Propose makes a branch with one commit and a pull request of it. The branch is the
	// proposal's name: where it is there already it is left as it is, and where it has a pull
	// request, that one is returned, so that a repeat changes nothing. A proposal that failed
	// halfway is completed by a repeat. reconcile.ErrDenied: the credentials are refused, or may
	// not write. reconcile.ErrNotFound: the forge does not know the repository, or not to whom it
	// answers. reconcile.ErrConflict: the base has moved. Any other error is transient.
	Propose(ctx context.Context, r gitops.Repository, p Proposal) (PullRequest, error)
}

// Proposal is a change that somebody else is to merge.
type Proposal struct {
	Base    string // the branch that it is to be merged into
	Commit  string // of the base, that the files were read at
	Branch  string // of the proposal, named after what it holds
	Title   string // one line, at most 150 characters
	Body    string // in Markdown, at most 10,240 bytes
	Message string // of the commit
	Files   []File
}

// File is a file that is there already, with its new content.
type File struct {
	Path       string
	Content    []byte // UTF-8
	Executable bool
}

// PullRequest is one that a forge has.
type PullRequest struct {
	URL   string `json:"url"`
	State string `json:"state"`           // open, closed or merged
	Found bool   `json:"found,omitempty"` // it was there already
}

// The states of a pull request.
const (
	PullRequestOpen   = "open"
	PullRequestClosed = "closed"
	PullRequestMerged = "merged"
)
