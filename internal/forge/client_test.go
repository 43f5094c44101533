package forge_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func get(t *testing.T, c *http.Client, url string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(r)
}

func TestAMegabyteOfAnAnswerIsReadAtMost(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.Copy(w, io.LimitReader(endless{}, 3<<20))
	}))
	defer s.Close()
	response, err := get(t, forge.NewClient([]string{strings.TrimPrefix(s.URL, "http://")}), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if n, err := io.Copy(io.Discard, response.Body); n != 1<<20 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
}

// endless is text without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestRedirectsWithoutEndAreGivenUp(t *testing.T) {
	asked := 0
	var s *httptest.Server
	s = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, s.URL+"/again", http.StatusFound)
	}))
	defer s.Close()
	_, err := get(t, forge.NewClient([]string{strings.TrimPrefix(s.URL, "http://")}), s.URL)
	if err == nil || !strings.Contains(err.Error(), "more than 3 redirects") || asked != 4 {
		t.Errorf("%v after %d requests", err, asked)
	}
}

func TestOnlyPublicHostsAreCalled(t *testing.T) {
	for _, url := range []string{"http://127.0.0.1:1/", "https://169.254.169.254/", "https://[::1]/", "http://github.com/"} {
		if _, err := get(t, forge.NewClient(nil), url); !errors.Is(err, guard.ErrRefused) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// hanging never answers.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAForgeThatHangsIsGivenUpAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := forge.NewClient(nil)
		c.Transport = hanging{}
		began := time.Now()
		_, err := get(t, c, "https://github.com/")
		if took := time.Since(began); err == nil || took != 10*time.Second {
			t.Errorf("%v after %s", err, took)
		}
	})
}

func TestTokensAreTriedInTheirOrder(t *testing.T) {
	broken := errors.New("502")
	for name, c := range map[string]struct {
		tokens []string
		denied string // the tokens that are refused
		broken bool
		tried  string
		want   error
	}{
		"the first is taken":            {[]string{"a", "b"}, "", false, "a", nil},
		"the first is refused":          {[]string{"a", "b"}, "a", false, "a b", nil},
		"both are refused":              {[]string{"a", "b"}, "a b", false, "a b", reconcile.ErrDenied},
		"the only one is refused":       {[]string{"a"}, "a", false, "a", reconcile.ErrDenied},
		"there is none":                 {nil, "", false, "", reconcile.ErrDenied},
		"a failure is not tried on":     {[]string{"a", "b"}, "", true, "a", broken},
		"an error in place of a secret": {nil, "", true, "", broken},
	} {
		t.Run(name, func(t *testing.T) {
			var tried []string
			tokens := forge.Tokens(func(context.Context, gitops.Repository) ([]string, error) {
				if c.broken && c.tokens == nil {
					return nil, broken
				}
				return c.tokens, nil
			})
			err := tokens.Try(t.Context(), gitops.Repository{}, func(token string) error {
				tried = append(tried, token)
				switch {
				case c.broken:
					return broken
				case strings.Contains(c.denied, token):
					return reconcile.ErrDenied
				}
				return nil
			})
			if !errors.Is(err, c.want) || c.want == nil && err != nil || strings.Join(tried, " ") != c.tried {
				t.Errorf("%v after %v", err, tried)
			}
		})
	}
}
