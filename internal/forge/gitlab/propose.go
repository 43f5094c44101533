package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Proposer is GitLab as far as it takes merge requests. It is a type of its own, so that no
// function that shows statuses alone has this in it.
type Proposer struct {
	HTTP   *http.Client // of forge.NewClient
	Tokens forge.Tokens
}

var _ forge.Proposer = Proposer{}

// Propose implements forge.Proposer: one call makes the branch with its commit (docs.gitlab.com,
// "Commits API", "Create a commit with multiple files and actions").
func (p Proposer) Propose(ctx context.Context, r gitops.Repository, wanted forge.Proposal) (found forge.PullRequest, err error) {
	project, err := place(r.URL)
	if err != nil {
		return found, err
	}
	err = p.Tokens.Try(ctx, r, func(token string) error {
		found, err = api{p.HTTP, project, token}.propose(ctx, wanted)
		return err
	})
	if err != nil {
		return found, fmt.Errorf("propose %s: %w", wanted.Branch, err)
	}
	return found, nil
}

// mergeRequest is what GitLab says of one ("Merge requests API").
type mergeRequest struct {
	WebURL string `json:"web_url"`
	State  string `json:"state"` // opened, closed, locked or merged
}

func (m mergeRequest) found(before bool) forge.PullRequest {
	state := m.State
	if state == "opened" || state == "locked" { // the latter while it is being merged
		state = forge.PullRequestOpen
	}
	return forge.PullRequest{URL: m.WebURL, State: state, Found: before}
}

func (a api) propose(ctx context.Context, p forge.Proposal) (forge.PullRequest, error) {
	err := a.call(ctx, http.MethodGet, "/repository/branches/"+url.PathEscape(p.Branch), nil, nil)
	switch {
	case err == nil:
		var all []mergeRequest // the newest first
		query := url.Values{"state": {"all"}, "source_branch": {p.Branch}, "target_branch": {p.Base}}.Encode()
		if err := a.call(ctx, http.MethodGet, "/merge_requests?"+query, nil, &all); err != nil {
			return forge.PullRequest{}, err
		}
		if len(all) > 0 {
			return all[0].found(true), nil
		}
	case !errors.Is(err, reconcile.ErrNotFound):
		return forge.PullRequest{}, err
	default:
		if err := a.commit(ctx, p); err != nil {
			return forge.PullRequest{}, err
		}
	}
	var made mergeRequest
	err = a.call(ctx, http.MethodPost, "/merge_requests", map[string]any{"source_branch": p.Branch, "target_branch": p.Base,
		"title": p.Title, "description": p.Body, "remove_source_branch": true}, &made)
	return made.found(false), err
}

// commit makes the branch with its commit. An update leaves a file's mode as it is.
func (a api) commit(ctx context.Context, p forge.Proposal) error {
	type action struct {
		Action  string `json:"action"`
		Path    string `json:"file_path"`
		Content string `json:"content"`
	}
	var actions []action
	for _, f := range p.Files {
		actions = append(actions, action{"update", f.Path, string(f.Content)})
	}
	return a.call(ctx, http.MethodPost, "/repository/commits", map[string]any{"branch": p.Branch, "start_sha": p.Commit,
		"commit_message": p.Message, "actions": actions}, nil)
}
