package github_test

import (
	"encoding/json"
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// key returns the private key of a secret.
func key(t *testing.T, secret string) []byte {
	t.Helper()
	var in forge.App
	if err := json.Unmarshal([]byte(secret), &in); err != nil {
		t.Fatal(err)
	}
	return []byte(in.PrivateKey)
}

func installed(t *testing.T, s *forgetest.Server, repositories ...string) []byte {
	t.Helper()
	secret, err := s.Install(12, 34, repositories...)
	if err != nil {
		t.Fatal(err)
	}
	return key(t, secret)
}

func TestAnAppsTokenReadsGitAndSetsStatuses(t *testing.T) {
	s, r, commit := enterprise(t)
	app, err := github.NewApp(forge.NewClient([]string{s.Host()}), r.URL, 12, 34, installed(t, s, "acme/infra", "acme/other"))
	if err != nil {
		t.Fatal(err)
	}
	token, err := app.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := with(s, token).Report(t.Context(), r, forge.Status{Commit: commit, Context: "driftless/jobs", State: forge.StateSuccess}); err != nil {
		t.Error(err)
	}
	address := strings.Replace(s.URL, "http://", "http://x-access-token:"+token+"@", 1) + "/acme/infra"
	out, err := exec.Command("git", "ls-remote", address, "main").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), commit) {
		t.Errorf("git ls-remote: %v\n%s", err, out)
	}
	if _, err := s.Create("acme/other"); err != nil {
		t.Fatal(err)
	}
	r.URL = s.URL + "/acme/other"
	if err := with(s, token).Report(t.Context(), r, forge.Status{Commit: commit, Context: "x", State: forge.StateSuccess}); !errors.Is(err, reconcile.ErrNotFound) {
		t.Errorf("the token is good for another repository of the installation too: %v", err)
	}
}

func TestAnAppsTokenIsKeptUntilShortlyBeforeItExpires(t *testing.T) {
	for life, want := range map[time.Duration]int{time.Hour: 1, 50 * time.Second: 3} {
		s, r, _ := enterprise(t)
		s.TokenLife = life
		app, err := github.NewApp(forge.NewClient([]string{s.Host()}), r.URL, 12, 34, installed(t, s, "acme/infra"))
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if _, err := app.Token(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if s.Exchanged() != want {
			t.Errorf("tokens that live for %s were asked for %d times, want %d", life, s.Exchanged(), want)
		}
	}
}

func TestAnAppThatGetsNoTokenIsDenied(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(s *forgetest.Server, installation *int64, url *string)
		denied bool
		says   string
	}{
		"an installation that is not there": {func(_ *forgetest.Server, i *int64, _ *string) { *i = 35 }, true, "installation 35: GitHub answers 404 Not Found; is the App installed there, with this repository?"},
		"another repository":                {func(_ *forgetest.Server, _ *int64, url *string) { *url = strings.Replace(*url, "infra", "other", 1) }, true, "GitHub answers 422"},
		"another App's key":                 {func(s *forgetest.Server, i *int64, _ *string) { *i = 36 }, true, "GitHub answers 401 A JSON web token could not be decoded"},
		"a rate limit":                      {func(s *forgetest.Server, _ *int64, _ *string) { s.Fail(1, 403, "Retry-After", "60") }, false, "403"},
		"a server that is down":             {func(s *forgetest.Server, _ *int64, _ *string) { s.Fail(1, 503) }, false, "503"},
		"a server that is gone":             {func(s *forgetest.Server, _ *int64, _ *string) { s.Close() }, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, r, _ := enterprise(t)
			pem := installed(t, s, "acme/infra")
			if _, err := s.Install(12, 36, "acme/infra"); err != nil {
				t.Fatal(err)
			}
			installation, url := int64(34), r.URL
			c.spoil(s, &installation, &url)
			app, err := github.NewApp(forge.NewClient([]string{s.Host()}), url, 12, installation, pem)
			if err != nil {
				t.Fatal(err)
			}
			token, err := app.Token(t.Context())
			if err == nil || token != "" || errors.Is(err, reconcile.ErrDenied) != c.denied || errors.Is(err, reconcile.ErrNotFound) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, %v; want denied %v: %s", token, err, c.denied, c.says)
			}
			if strings.Contains(err.Error(), "eyJ") || strings.Contains(err.Error(), "PRIVATE") {
				t.Errorf("the error has what proves the App: %v", err)
			}
		})
	}
}

func TestAKeyThatIsNoneIsDeniedAndNotShown(t *testing.T) {
	for name, c := range map[string]struct{ url, key string }{
		"no PEM":              {"https://github.com/acme/infra", "hunter2"},
		"PEM of nothing":      {"https://github.com/acme/infra", "-----BEGIN RSA PRIVATE KEY-----\naHVudGVyMg==\n-----END RSA PRIVATE KEY-----\n"},
		"no URL of GitHub's":  {"codecommit::eu-west-1://infra", "hunter2"},
		"a URL with no owner": {"https://github.com/infra", "hunter2"},
	} {
		_, err := github.NewApp(forge.NewClient(nil), c.url, 12, 34, []byte(c.key))
		if !errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVu") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheAPIIsWhereTheRepositorysGitHubHasIt(t *testing.T) {
	for url, want := range map[string]string{
		"https://github.com/acme/infra":              "https://api.github.com/",
		"https://GitHub.com/acme/infra.git/":         "https://api.github.com/",
		"https://acme.ghe.com/acme/infra":            "https://api.acme.ghe.com/",
		"https://github.example.com:8443/acme/infra": "https://github.example.com:8443/api/v3/",
	} {
		base, owner, name, err := github.Place(url)
		if err != nil || base != want || owner != "acme" || name != "infra" {
			t.Errorf("%s: %s %s %s %v, want %s", url, base, owner, name, err, want)
		}
	}
}
