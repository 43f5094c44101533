package github_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// enterprise returns a GitHub Enterprise with one repository, and its one commit.
func enterprise(t *testing.T) (s *forgetest.Server, r gitops.Repository, commit string) {
	t.Helper()
	s = forgetest.New()
	t.Cleanup(s.Close)
	if _, err := s.Create("acme/infra"); err != nil {
		t.Fatal(err)
	}
	commit, err := s.Commit("acme/infra", "refs/heads/main", "first", map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	return s, gitops.Repository{URL: s.URL + "/acme/infra.git", Branch: "main", Forge: gitops.ForgeGitHub}, commit
}

// with returns GitHub as it is called with these tokens, at addresses of this machine.
func with(s *forgetest.Server, tokens ...string) github.Forge {
	return github.Forge{HTTP: forge.NewClient([]string{s.Host()}),
		Tokens: func(context.Context, gitops.Repository) ([]string, error) { return tokens, nil }}
}

func TestAStatusIsSetAndReplaced(t *testing.T) {
	s, r, commit := enterprise(t)
	status := forge.Status{Commit: commit, Context: "driftless/jobs", State: forge.StatePending,
		Description: "Applying", URL: "https://eu-west-1.console.aws.amazon.com/cloudformation"}
	var want []forgetest.Status
	words := map[forge.State]string{forge.StatePending: "pending", forge.StateRunning: "pending", forge.StateSuccess: "success",
		forge.StateSkipped: "success", forge.StateFailure: "failure", forge.StateError: "error"}
	for _, state := range append(forge.States(), forge.StatePending) {
		status.State = state
		want = append(want, forgetest.Status{Forge: gitops.ForgeGitHub, Repository: "acme/infra", Commit: commit, Context: status.Context,
			State: words[state], Description: status.Description, URL: status.URL})
		if err := with(s, "forge-token").Report(t.Context(), r, status); err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	if diff := cmp.Diff(want, s.Statuses()); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestALongReasonIsCutToOneLineThatGitHubTakes(t *testing.T) {
	s, r, commit := enterprise(t)
	for reason, want := range map[string]string{
		strings.Repeat("ä", 140):                    strings.Repeat("ä", 140),
		strings.Repeat("ä", 141):                    strings.Repeat("ä", 139) + "…",
		"stack is\nUPDATE_FAILED:\r\n\tno \x1b[31m": "stack is UPDATE_FAILED: no \ufffd[31m",
		"": "",
	} {
		if err := with(s, "forge-token").Report(t.Context(), r, forge.Status{Commit: commit, Context: "driftless/a", State: forge.StateFailure, Description: reason}); err != nil {
			t.Fatal(err)
		}
		if all := s.Statuses(); all[len(all)-1].Description != want {
			t.Errorf("%q became %q", reason, all[len(all)-1].Description)
		}
	}
}

func TestTheSecondTokenIsTriedWhereTheFirstIsRefused(t *testing.T) {
	s, r, commit := enterprise(t)
	status := forge.Status{Commit: commit, Context: "driftless/jobs", State: forge.StateSuccess}
	if err := with(s, "given-up", "forge-token").Report(t.Context(), r, status); err != nil || s.Requests() != 2 {
		t.Errorf("%v after %d requests", err, s.Requests())
	}
	if err := with(s, "forge-token", "new").Report(t.Context(), r, status); err != nil || s.Requests() != 3 {
		t.Errorf("%v after %d requests", err, s.Requests())
	}
}

func TestWhatGitHubRefusesIsTranslated(t *testing.T) {
	transient := errors.New("any other error")
	for name, c := range map[string]struct {
		spoil func(s *forgetest.Server, r *gitops.Repository, status *forge.Status, tokens *[]string)
		want  error
		says  string
	}{
		"a token that is refused": {func(_ *forgetest.Server, _ *gitops.Repository, _ *forge.Status, tokens *[]string) {
			*tokens = []string{"ghp_secret"}
		}, reconcile.ErrDenied, "GitHub answers 401 Bad credentials"},
		"no token": {func(_ *forgetest.Server, _ *gitops.Repository, _ *forge.Status, tokens *[]string) {
			*tokens = nil
		}, reconcile.ErrDenied, "has no credentials"},
		"a right that is missing": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 403)
		}, reconcile.ErrDenied, "GitHub answers 403 Forbidden"},
		"a repository that is not there": {func(_ *forgetest.Server, r *gitops.Repository, _ *forge.Status, _ *[]string) {
			r.URL = strings.Replace(r.URL, "infra", "other", 1)
		}, reconcile.ErrNotFound, "GitHub answers 404 Not Found"},
		"a commit that is not there": {func(_ *forgetest.Server, _ *gitops.Repository, status *forge.Status, _ *[]string) {
			status.Commit = strings.Repeat("0", 40)
		}, reconcile.ErrNotFound, "GitHub answers 422 No commit found"},
		"a URL that names no repository": {func(s *forgetest.Server, r *gitops.Repository, _ *forge.Status, _ *[]string) {
			r.URL = s.URL + "/acme"
		}, reconcile.ErrNotFound, "is no repository of GitHub"},
		"a URL that leads to another route": {func(s *forgetest.Server, r *gitops.Repository, _ *forge.Status, _ *[]string) {
			r.URL = s.URL + "/acme/infra%2F..%2F..%2Fuser"
		}, reconcile.ErrNotFound, "is no repository of GitHub"},
		"the rate limit": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 403, "X-RateLimit-Remaining", "0", "X-RateLimit-Limit", "5000")
		}, transient, ""},
		"the secondary rate limit": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 403, "Retry-After", "60")
		}, transient, "403"},
		"too many requests": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 429)
		}, transient, "429"},
		"a server that is down": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 502)
		}, transient, "502"},
		"a server that is gone": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Close()
		}, transient, ""},
		"a redirect to another host": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 307, "Location", "https://elsewhere.example/api/v3/repos/acme/infra/statuses/x")
		}, transient, "redirected to another host"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, commit := enterprise(t)
			status := forge.Status{Commit: commit, Context: "driftless/jobs", State: forge.StateSuccess}
			tokens := []string{"forge-token"}
			c.spoil(s, &r, &status, &tokens)
			err := with(s, tokens...).Report(t.Context(), r, status)
			kind := transient
			for _, k := range []error{reconcile.ErrDenied, reconcile.ErrNotFound} {
				if errors.Is(err, k) {
					kind = k
				}
			}
			if err == nil || kind != c.want || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v: %s", err, c.want, c.says)
			}
			if err != nil && (strings.Contains(err.Error(), "ghp_secret") || strings.Contains(err.Error(), "forge-token")) {
				t.Errorf("the error has the token: %v", err)
			}
			if len(s.Statuses()) != 0 {
				t.Errorf("set %v", s.Statuses())
			}
		})
	}
}

func TestAPrivateAddressIsNotCalledUnlessItIsAllowed(t *testing.T) {
	s, r, commit := enterprise(t)
	f := with(s, "forge-token")
	f.HTTP = forge.NewClient(nil)
	err := f.Report(t.Context(), r, forge.Status{Commit: commit, Context: "driftless/jobs", State: forge.StateSuccess})
	if err == nil || s.Requests() != 0 {
		t.Errorf("got %v after %d requests", err, s.Requests())
	}
}
