package codecommit

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Caller calls CodeCommit's API. What AWS refuses is an error with the methods ErrorCode and
// ErrorMessage, as the SDK's have.
type Caller interface {
	// Call makes an operation in a region, and decodes its answer into out.
	Call(ctx context.Context, region, operation string, in, out any) error
}

// Proposer is CodeCommit as far as it takes pull requests, with the caller's rights.
type Proposer struct{ API Caller }

var _ forge.Proposer = Proposer{}

// address is what people write for git-remote-codecommit: codecommit::<region>://<name>.
var address = regexp.MustCompile(`^codecommit::([a-z]{2,4}(?:-[a-z]+)+-[0-9]{1,2})://([\w.-]{1,100})$`)

// Propose implements forge.Proposer, by CreateBranch, CreateCommit and CreatePullRequest
// (CodeCommit API reference). A branch that still stands at the base is ours, made by a try
// that got no further: CreateCommit wants a branch that is there.
func (p Proposer) Propose(ctx context.Context, r gitops.Repository, wanted forge.Proposal) (forge.PullRequest, error) {
	parts := address.FindStringSubmatch(gitops.NormalURL(r.URL))
	if parts == nil {
		return forge.PullRequest{}, fmt.Errorf("%q is not codecommit::<region>://<name>: %w", r.URL, reconcile.ErrNotFound)
	}
	c := repository{p.API, parts[1], parts[2]}
	found, err := c.propose(ctx, wanted)
	if err != nil {
		return found, fmt.Errorf("propose %s: %w", wanted.Branch, err)
	}
	return found, nil
}

// repository is one of CodeCommit's.
type repository struct {
	api          Caller
	region, name string
}

func (r repository) propose(ctx context.Context, p forge.Proposal) (forge.PullRequest, error) {
	tip, err := r.tip(ctx, p.Branch)
	if errors.Is(err, reconcile.ErrNotFound) {
		tip, err = p.Commit, r.call(ctx, "CreateBranch", map[string]any{"repositoryName": r.name, "branchName": p.Branch, "commitId": p.Commit}, nil)
	}
	if err == nil && tip == p.Commit {
		err = r.commit(ctx, p)
	}
	if err != nil {
		return forge.PullRequest{}, err
	}
	if found, ok, err := r.open(ctx, p); ok || err != nil {
		return found, err
	}
	var out struct {
		PullRequest pullRequest `json:"pullRequest"`
	}
	err = r.call(ctx, "CreatePullRequest", map[string]any{"title": p.Title, "description": p.Body, "clientRequestToken": p.Branch,
		"targets": []map[string]string{{"repositoryName": r.name, "sourceReference": p.Branch, "destinationReference": p.Base}}}, &out)
	return r.shown(out.PullRequest, false), err
}

// tip returns the commit of a branch. ErrNotFound: there is no such branch.
func (r repository) tip(ctx context.Context, branch string) (string, error) {
	var out struct {
		Branch struct {
			Commit string `json:"commitId"`
		} `json:"branch"`
	}
	err := r.call(ctx, "GetBranch", map[string]any{"repositoryName": r.name, "branchName": branch}, &out)
	return out.Branch.Commit, err
}

// commit makes the commit, as the caller: CodeCommit takes the name from the credentials.
func (r repository) commit(ctx context.Context, p forge.Proposal) error {
	type put struct {
		Path    string `json:"filePath"`
		Mode    string `json:"fileMode"`
		Content []byte `json:"fileContent"` // as base64
	}
	var files []put
	for _, f := range p.Files {
		mode := "NORMAL"
		if f.Executable {
			mode = "EXECUTABLE"
		}
		files = append(files, put{f.Path, mode, f.Content})
	}
	return r.call(ctx, "CreateCommit", map[string]any{"repositoryName": r.name, "branchName": p.Branch,
		"parentCommitId": p.Commit, "commitMessage": p.Message, "putFiles": files}, nil)
}

// pullRequest is what CodeCommit says of one (PullRequest, API reference).
type pullRequest struct {
	ID      string `json:"pullRequestId"`
	Status  string `json:"pullRequestStatus"` // OPEN or CLOSED
	Targets []struct {
		Source      string `json:"sourceReference"` // with refs/heads/
		Destination string `json:"destinationReference"`
		Merge       struct {
			Merged bool `json:"isMerged"`
		} `json:"mergeMetadata"`
	} `json:"pullRequestTargets"`
}

// open finds the open pull request of the branch: CodeCommit lists their ids alone.
func (r repository) open(ctx context.Context, p forge.Proposal) (found forge.PullRequest, ok bool, err error) {
	for token := ""; ; {
		in := map[string]any{"repositoryName": r.name, "pullRequestStatus": "OPEN"}
		if token != "" {
			in["nextToken"] = token
		}
		var page struct {
			IDs  []string `json:"pullRequestIds"`
			Next string   `json:"nextToken"`
		}
		if err := r.call(ctx, "ListPullRequests", in, &page); err != nil {
			return found, false, err
		}
		for _, id := range page.IDs {
			var out struct {
				PullRequest pullRequest `json:"pullRequest"`
			}
			if err := r.call(ctx, "GetPullRequest", map[string]any{"pullRequestId": id}, &out); err != nil {
				return found, false, err
			}
			for _, t := range out.PullRequest.Targets {
				if t.Source == "refs/heads/"+p.Branch && t.Destination == "refs/heads/"+p.Base {
					return r.shown(out.PullRequest, true), true, nil
				}
			}
		}
		if token = page.Next; token == "" {
			return found, false, nil
		}
	}
}

// shown returns a pull request as people find it: in the console, where it has its only page.
func (r repository) shown(p pullRequest, found bool) forge.PullRequest {
	out := forge.PullRequest{State: forge.PullRequestOpen, Found: found,
		URL: fmt.Sprintf("https://%s.console.aws.amazon.com/codesuite/codecommit/repositories/%s/pull-requests/%s?region=%[1]s", r.region, url.PathEscape(r.name), url.PathEscape(p.ID))}
	if p.Status == "CLOSED" {
		out.State = forge.PullRequestClosed
		for _, t := range p.Targets {
			if t.Merge.Merged {
				out.State = forge.PullRequestMerged
			}
		}
	}
	return out
}

// What answers mean that stay the same until a person acts (API reference, the errors of each call).
var (
	missing = []string{"RepositoryDoesNotExistException", "BranchDoesNotExistException", "CommitDoesNotExistException",
		"ParentCommitDoesNotExistException", "InvalidRepositoryNameException", "ReferenceDoesNotExistException"}
	denials = []string{"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired",
		"EncryptionKeyAccessDeniedException", "EncryptionKeyDisabledException"}
	moved = []string{"ParentCommitIdOutdatedException", "TipOfSourceReferenceIsDifferentException", "BranchNameExistsException"}
)

// call makes one call, and says what an error means.
func (r repository) call(ctx context.Context, operation string, in, out any) error {
	if out == nil {
		out = &struct{}{}
	}
	err := r.api.Call(ctx, r.region, operation, in, out)
	var answer interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if err == nil || !errors.As(err, &answer) {
		return err
	}
	for sentinel, codes := range map[error][]string{reconcile.ErrNotFound: missing, reconcile.ErrDenied: denials, reconcile.ErrConflict: moved} {
		if slices.Contains(codes, answer.ErrorCode()) {
			return fmt.Errorf("%s: %w: %s %s", operation, sentinel, answer.ErrorCode(), gitops.Printable(answer.ErrorMessage()))
		}
	}
	return err
}
