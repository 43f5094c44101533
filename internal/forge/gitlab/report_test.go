package gitlab_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// own returns a GitLab with one repository in a subgroup, and its one commit.
func own(t *testing.T) (s *forgetest.Server, r gitops.Repository, commit string) {
	t.Helper()
	s = forgetest.New()
	t.Cleanup(s.Close)
	if _, err := s.Create("acme/platform/infra"); err != nil {
		t.Fatal(err)
	}
	commit, err := s.Commit("acme/platform/infra", "refs/heads/main", "first", map[string]string{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	return s, gitops.Repository{URL: s.URL + "/acme/platform/infra.git", Branch: "main", Forge: gitops.ForgeGitLab}, commit
}

// with returns GitLab as it is called with these tokens, at addresses of this machine.
func with(s *forgetest.Server, tokens ...string) gitlab.Forge {
	return gitlab.Forge{HTTP: forge.NewClient([]string{s.Host()}),
		Tokens: func(context.Context, gitops.Repository) ([]string, error) { return tokens, nil }}
}

func TestEveryStateIsShownInGitLabsWords(t *testing.T) {
	s, r, commit := own(t)
	words := map[forge.State]string{forge.StatePending: "pending", forge.StateRunning: "running", forge.StateSuccess: "success",
		forge.StateSkipped: "canceled", forge.StateFailure: "failed", forge.StateError: "failed"}
	for _, state := range forge.States() {
		context := "driftless/" + string(state)
		err := with(s, "forge-token").Report(t.Context(), r, forge.Status{Commit: commit, Context: context, State: state,
			Description: strings.Repeat("ä", 300), URL: "https://eu-west-1.console.aws.amazon.com/cloudformation"})
		if err != nil {
			t.Errorf("%s: %v", state, err)
			continue
		}
		all := s.Statuses()
		want := forgetest.Status{Forge: gitops.ForgeGitLab, Repository: "acme/platform/infra", Commit: commit, Context: context, State: words[state],
			Description: strings.Repeat("ä", 254) + "…", URL: "https://eu-west-1.console.aws.amazon.com/cloudformation"}
		if diff := cmp.Diff(want, all[len(all)-1]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
	}
}

// GitLab refuses a state that a status is in already; the caller wanted nothing else.
func TestARepeatIsHarmless(t *testing.T) {
	s, r, commit := own(t)
	for _, state := range []forge.State{forge.StatePending, forge.StatePending, forge.StateRunning, forge.StateRunning, forge.StateSuccess, forge.StateSuccess} {
		err := with(s, "forge-token").Report(t.Context(), r, forge.Status{Commit: commit, Context: "driftless/jobs", State: state, Description: "planning", URL: "https://example.com/x"})
		if err != nil {
			t.Errorf("%s: %v", state, err)
		}
	}
	var states []string
	for _, status := range s.Statuses() {
		states = append(states, status.State)
	}
	if diff := cmp.Diff([]string{"pending", "running", "success", "success"}, states); diff != "" {
		t.Errorf("set (-want +got):\n%s", diff)
	}
}

// GitLab takes a new description with a new state alone, and no state that goes back.
func TestEveryNewDescriptionReachesGitLab(t *testing.T) {
	s, r, commit := own(t)
	for _, step := range []struct {
		state    forge.State
		says     string
		requests int // that it takes
	}{
		{forge.StatePending, "waiting to begin", 1},
		{forge.StateRunning, "planning", 1},
		{forge.StatePending, "waiting for approval", 4}, // refused, looked at, ended, begun again
		{forge.StatePending, "suspended by ann", 4},
		{forge.StateRunning, "applying", 1},
		{forge.StateRunning, "verifying", 4},
		{forge.StateSkipped, "not deployed", 1},
		{forge.StateRunning, "planning", 1},
		{forge.StateSuccess, "in sync", 1},
	} {
		before := s.Requests()
		err := with(s, "forge-token").Report(t.Context(), r, forge.Status{Commit: commit, Context: "driftless/jobs", State: step.state, Description: step.says})
		all := s.Statuses()
		if err != nil || all[len(all)-1].Description != step.says || s.Requests()-before != step.requests {
			t.Errorf("%s: %v after %d requests, it shows %+v", step.says, err, s.Requests()-before, all[len(all)-1])
		}
	}
}

// A state that never takes is no success.
func TestAStatusThatGoesNowhereIsTransient(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = w.Write([]byte("[]"))
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"message":"Cannot transition status via :run from :canceling (Reason(s): Status cannot transition via \"run\")"}`))
	}))
	defer s.Close()
	f := gitlab.Forge{HTTP: forge.NewClient([]string{strings.TrimPrefix(s.URL, "http://")}),
		Tokens: func(context.Context, gitops.Repository) ([]string, error) { return []string{"t"}, nil }}
	err := f.Report(t.Context(), gitops.Repository{URL: s.URL + "/acme/infra", Branch: "main"}, forge.Status{Commit: "c", State: forge.StateRunning})
	if err == nil || errors.Is(err, reconcile.ErrNotFound) || errors.Is(err, reconcile.ErrDenied) || !strings.Contains(err.Error(), "from :canceling") {
		t.Errorf("got %v", err)
	}
}

func TestTheSecondTokenIsTriedWhereTheFirstIsRefused(t *testing.T) {
	s, r, commit := own(t)
	err := with(s, "given-up", "forge-token").Report(t.Context(), r, forge.Status{Commit: commit, Context: "driftless/jobs", State: forge.StateSuccess})
	if err != nil || s.Requests() != 2 {
		t.Errorf("%v after %d requests", err, s.Requests())
	}
}

func TestWhatGitLabRefusesIsTranslated(t *testing.T) {
	transient := errors.New("any other error")
	for name, c := range map[string]struct {
		spoil func(s *forgetest.Server, r *gitops.Repository, status *forge.Status, tokens *[]string)
		want  error
		says  string
	}{
		"a token that is refused": {func(_ *forgetest.Server, _ *gitops.Repository, _ *forge.Status, tokens *[]string) {
			*tokens = []string{"glpat-secret"}
		}, reconcile.ErrDenied, "GitLab answers 401 401 Unauthorized"},
		"no token": {func(_ *forgetest.Server, _ *gitops.Repository, _ *forge.Status, tokens *[]string) {
			*tokens = nil
		}, reconcile.ErrDenied, "has no credentials"},
		"a right that is missing": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) { s.Fail(1, 403) },
			reconcile.ErrDenied, "GitLab answers 403 Forbidden"},
		"a repository that is not there": {func(_ *forgetest.Server, r *gitops.Repository, _ *forge.Status, _ *[]string) {
			r.URL = strings.Replace(r.URL, "infra", "other", 1)
		}, reconcile.ErrNotFound, "GitLab answers 404 404 Project Not Found"},
		"a commit that is not there": {func(_ *forgetest.Server, _ *gitops.Repository, status *forge.Status, _ *[]string) {
			status.Commit = strings.Repeat("0", 40)
		}, reconcile.ErrNotFound, "GitLab answers 404 404 Commit Not Found"},
		"a name that is too long": {func(_ *forgetest.Server, _ *gitops.Repository, status *forge.Status, _ *[]string) {
			status.Context = strings.Repeat("x", 256)
		}, reconcile.ErrNotFound, "too long"},
		"a URL that names no project": {func(s *forgetest.Server, r *gitops.Repository, _ *forge.Status, _ *[]string) {
			r.URL = s.URL + "/infra"
		},
			reconcile.ErrNotFound, "is no repository of GitLab"},
		"a URL that leads to another route": {func(s *forgetest.Server, r *gitops.Repository, _ *forge.Status, _ *[]string) {
			r.URL = s.URL + "/acme/..%2F..%2Fuser?x"
		}, reconcile.ErrNotFound, "GitLab answers 404"},
		"too many requests": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 429, "Retry-After", "60")
		},
			transient, "429"},
		"a server that is down": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) { s.Fail(1, 502) }, transient, "502"},
		"a server that is gone": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) { s.Close() }, transient, ""},
		"a redirect to another host": {func(s *forgetest.Server, _ *gitops.Repository, _ *forge.Status, _ *[]string) {
			s.Fail(1, 307, "Location", "https://elsewhere.example/api/v4/projects/1/statuses/x")
		}, transient, "redirected to another host"},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, commit := own(t)
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
			if err != nil && (strings.Contains(err.Error(), "glpat-secret") || strings.Contains(err.Error(), "forge-token")) {
				t.Errorf("the error has the token: %v", err)
			}
			if len(s.Statuses()) != 0 {
				t.Errorf("set %v", s.Statuses())
			}
		})
	}
}

// A redirect within the host is followed: a project that was renamed has one.
func TestATokenStaysOnItsHost(t *testing.T) {
	var elsewhere, here int
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	moved := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch here++; r.URL.Path {
		case "/moved":
			w.WriteHeader(http.StatusCreated)
		case "/api/v4/projects/acme/away/statuses/c":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		default:
			http.Redirect(w, r, "/moved", http.StatusPermanentRedirect)
		}
	}))
	defer moved.Close()
	host := func(s *httptest.Server) string { return strings.TrimPrefix(s.URL, "http://") }
	f := gitlab.Forge{HTTP: forge.NewClient([]string{host(other), host(moved)}),
		Tokens: func(context.Context, gitops.Repository) ([]string, error) { return []string{"t"}, nil }}
	if err := f.Report(t.Context(), gitops.Repository{URL: moved.URL + "/acme/infra", Branch: "main"}, forge.Status{Commit: "c", State: forge.StateSuccess}); err != nil || here != 2 {
		t.Errorf("within the host: %v after %d requests", err, here)
	}
	if err := f.Report(t.Context(), gitops.Repository{URL: moved.URL + "/acme/away", Branch: "main"}, forge.Status{Commit: "c", State: forge.StateSuccess}); err == nil || elsewhere != 0 {
		t.Errorf("to another host: %v, which was asked %d times", err, elsewhere)
	}
}
