package github_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// proposer returns GitHub as it is called with a token, and a proposal for its repository.
func proposer(s *forgetest.Server, commit, token string) (github.Proposer, forge.Proposal) {
	return github.Proposer{HTTP: forge.NewClient([]string{s.Host()}),
			Tokens: func(context.Context, gitops.Repository) ([]string, error) { return []string{token}, nil }},
		forge.Proposal{Base: "main", Commit: commit, Branch: "driftless/adopt-jobs-0123456789", Title: "Adopt", Body: "why\n", Message: "Adopt\n\nwhy\n",
			Files: []forge.File{{Path: "a", Content: []byte("é\n"), Executable: true}}}
}

func TestAPullRequestHoldsTheFilesInOneCommitOnItsBranch(t *testing.T) {
	s, r, commit := enterprise(t)
	p, wanted := proposer(s, commit, "forge-token")
	got, err := p.Propose(t.Context(), r, wanted)
	if err != nil || got.State != forge.PullRequestOpen || got.Found || !strings.HasSuffix(got.URL, "/acme/infra/pull/1") {
		t.Fatalf("%+v, %v", got, err)
	}
	content, err := s.Show("acme/infra", wanted.Branch, "a")
	log, _ := s.Log("acme/infra", wanted.Branch)
	if err != nil || content != "é" || strings.Join(log, ", ") != "Adopt, first" {
		t.Errorf("the branch holds %q after %v, %v", content, log, err)
	}
	all := s.PullRequests()
	if len(all) != 1 || all[0].Base != "main" || all[0].Source != wanted.Branch || all[0].Body != "why\n" || all[0].Title != "Adopt" {
		t.Errorf("pull requests: %+v", all)
	}
}

func TestARepeatFindsItsPullRequestAndChangesNothing(t *testing.T) {
	s, r, commit := enterprise(t)
	p, wanted := proposer(s, commit, "forge-token")
	first, err := p.Propose(t.Context(), r, wanted)
	if err != nil {
		t.Fatal(err)
	}
	for state, want := range map[string]string{"open": "open", "closed": "closed", "merged": "merged"} {
		s.End(1, state)
		again, err := p.Propose(t.Context(), r, wanted)
		log, _ := s.Log("acme/infra", wanted.Branch)
		if err != nil || again.URL != first.URL || !again.Found || again.State != want || len(s.PullRequests()) != 1 || len(log) != 2 {
			t.Errorf("%s: %+v, %v, %d pull requests", state, again, err, len(s.PullRequests()))
		}
	}
}

func TestAProposalThatFailedHalfwayIsCompleted(t *testing.T) {
	s, r, commit := enterprise(t)
	p, wanted := proposer(s, commit, "forge-token")
	for calls := 1; ; calls++ {
		s.FailAfter(calls-1, 502)
		_, err := p.Propose(t.Context(), r, wanted)
		if err == nil {
			break
		}
		if calls > 10 || errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) {
			t.Fatalf("with call %d lost: %v", calls, err)
		}
	}
	if log, _ := s.Log("acme/infra", wanted.Branch); len(s.PullRequests()) != 1 || len(log) != 2 {
		t.Errorf("%d pull requests of %v", len(s.PullRequests()), log)
	}
}

func TestATokenThatMayNotWriteIsDenied(t *testing.T) {
	s, r, commit := enterprise(t)
	s.Accept("reads")
	s.ReadOnly("reads")
	for token, want := range map[string]string{"reads": "Resource not accessible", "other": "Bad credentials"} {
		p, wanted := proposer(s, commit, token)
		if _, err := p.Propose(t.Context(), r, wanted); !errors.Is(err, reconcile.ErrDenied) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), token+"\"") {
			t.Errorf("%s: %v", token, err)
		}
	}
	if len(s.PullRequests()) != 0 {
		t.Errorf("%+v", s.PullRequests())
	}
}

func TestAProposalToNoRepositoryOfGitHubIsRefused(t *testing.T) {
	s, r, commit := enterprise(t)
	p, wanted := proposer(s, commit, "forge-token")
	for _, url := range []string{"https://github.com/acme", s.URL + "/acme/other"} {
		r.URL = url
		if _, err := p.Propose(t.Context(), r, wanted); !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("%s: %v", url, err)
		}
	}
}
