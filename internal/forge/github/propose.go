package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	api "github.com/google/go-github/v88/github"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Proposer is GitHub as far as it takes pull requests. It is a type of its own, so that no
// function that shows statuses alone has this in it.
type Proposer struct {
	HTTP   *http.Client // of forge.NewClient
	Tokens forge.Tokens
}

var _ forge.Proposer = Proposer{}

// Propose implements forge.Proposer, by the Git database's calls: the branch is made last, when
// its commit is whole (docs.github.com, "Using the REST API to interact with your Git database").
func (p Proposer) Propose(ctx context.Context, r gitops.Repository, wanted forge.Proposal) (found forge.PullRequest, err error) {
	base, owner, name, err := place(r.URL)
	if err != nil {
		return found, err
	}
	err = p.Tokens.Try(ctx, r, func(token string) error {
		client := *p.HTTP // go-github puts a transport of its own into the client that it is given
		github, err := api.NewClient(api.WithHTTPClient(&client), api.WithURLs(&base, nil), api.WithAuthToken(token))
		if err != nil {
			return fmt.Errorf("make client: %w", err)
		}
		found, err = repository{github, owner, name}.propose(ctx, wanted)
		return translate(err)
	})
	if err != nil {
		return found, fmt.Errorf("propose %s: %w", wanted.Branch, err)
	}
	return found, nil
}

// repository is one of GitHub's, called with one token.
type repository struct {
	api         *api.Client
	owner, name string
}

func (r repository) propose(ctx context.Context, p forge.Proposal) (forge.PullRequest, error) {
	_, _, err := r.api.Git.GetRef(ctx, r.owner, r.name, "heads/"+p.Branch)
	there := err == nil
	if err != nil && !absent(err) {
		return forge.PullRequest{}, err
	}
	if there {
		all, _, err := r.api.PullRequests.List(ctx, r.owner, r.name, &api.PullRequestListOptions{
			State: "all", Head: r.owner + ":" + p.Branch, Base: p.Base})
		if err != nil {
			return forge.PullRequest{}, err
		}
		if len(all) > 0 { // the newest comes first
			return pullRequest(all[0], true), nil
		}
	} else if err := r.push(ctx, p); err != nil {
		return forge.PullRequest{}, err
	}
	made, _, err := r.api.PullRequests.Create(ctx, r.owner, r.name, &api.NewPullRequest{Title: &p.Title, Body: &p.Body, Head: &p.Branch, Base: &p.Base})
	if err != nil {
		return forge.PullRequest{}, err
	}
	return pullRequest(made, false), nil
}

// push makes the branch with its commit.
func (r repository) push(ctx context.Context, p forge.Proposal) error {
	parent, _, err := r.api.Git.GetCommit(ctx, r.owner, r.name, p.Commit)
	if err != nil {
		return err
	}
	var entries []*api.TreeEntry
	for _, f := range p.Files {
		mode := "100644"
		if f.Executable {
			mode = "100755"
		}
		entries = append(entries, &api.TreeEntry{Path: api.Ptr(f.Path), Mode: &mode, Type: api.Ptr("blob"), Content: api.Ptr(string(f.Content))})
	}
	tree, _, err := r.api.Git.CreateTree(ctx, r.owner, r.name, parent.GetTree().GetSHA(), entries)
	if err != nil {
		return err
	}
	commit, _, err := r.api.Git.CreateCommit(ctx, r.owner, r.name,
		api.Commit{Message: &p.Message, Tree: tree, Parents: []*api.Commit{{SHA: &p.Commit}}}, nil)
	if err != nil {
		return err
	}
	_, _, err = r.api.Git.CreateRef(ctx, r.owner, r.name, api.CreateRef{Ref: "refs/heads/" + p.Branch, SHA: commit.GetSHA()})
	return err
}

// absent reports whether GitHub says that something is not there; translate takes more for it.
func absent(err error) bool {
	var refused *api.ErrorResponse
	return errors.As(err, &refused) && refused.Response != nil && refused.Response.StatusCode == http.StatusNotFound &&
		errors.Is(translate(err), reconcile.ErrNotFound)
}

func pullRequest(p *api.PullRequest, found bool) forge.PullRequest {
	out := forge.PullRequest{URL: p.GetHTMLURL(), State: p.GetState(), Found: found}
	if p.MergedAt != nil || p.GetMerged() {
		out.State = forge.PullRequestMerged
	}
	return out
}
