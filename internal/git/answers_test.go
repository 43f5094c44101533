package git_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR45_OnlyCertainAnswersAreNotFoundOrDenied(t *testing.T) {
	answer := func(status int, header ...string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>secret-of-the-server</html>"))
		}
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request)
		want   error  // nil: neither
		text   string // in the error
	}{
		"401 is denied":                   {answer(401), reconcile.ErrDenied, "401"},
		"403 is denied":                   {answer(403), reconcile.ErrDenied, "403"},
		"403 with a time to wait passes":  {answer(403, "Retry-After", "60"), nil, "come back later (403)"},
		"403 with nothing left passes":    {answer(403, "X-RateLimit-Remaining", "0"), nil, "come back later (403)"},
		"403 with much left is denied":    {answer(403, "X-RateLimit-Remaining", "17"), reconcile.ErrDenied, "403"},
		"410 is not found":                {answer(410), reconcile.ErrNotFound, "does not exist"},
		"502 passes":                      {answer(502), nil, "502"},
		"an answer of nothing":            {answer(200), nil, ""},
		"a redirect to nowhere":           {answer(302), nil, "302"},
		"a redirect to a login page":      {answer(302, "Location", "/login"), nil, "302"},
		"a redirect in circles":           {answer(307, "Location", "/infra.git/git-upload-pack"), nil, ""},
		"404 is not found":                {answer(404), reconcile.ErrNotFound, "does not exist"},
		"429 passes":                      {answer(429), nil, "429"},
		"500 passes":                      {answer(500), nil, "500"},
		"503 passes":                      {answer(503), nil, "503"},
		"a page in place of git's answer": {answer(200), nil, ""},
		"a list of branches that ends early": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000009b" + strings.Repeat("a", 40) + " HEAD\x00filter"))
		}, nil, ""},
		"a list of branches that ends between two": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n00000033" + strings.Repeat("a", 40) + " HEAD\x00\n"))
		}, nil, ""},
		"an answer without end is cut off": {func(w http.ResponseWriter, _ *http.Request) {
			line := []byte("003f" + strings.Repeat("a", 40) + " refs/heads/endless-\n")
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000"))
			for {
				if _, err := w.Write(line); err != nil {
					return
				}
			}
		}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.push("main", fourFiles)
			s.intercept = func(w http.ResponseWriter, r *http.Request) bool { c.answer(w, r); return true }
			client := s.client()
			client.Limits.RequestBytes = 1 << 20
			client.Credentials = func(context.Context, gitops.Repository, string) (string, string, error) {
				return "user", "password", nil
			}
			_, err := client.Head(t.Context(), s.repository())
			for _, sentinel := range []error{reconcile.ErrNotFound, reconcile.ErrDenied, reconcile.ErrConflict} {
				if errors.Is(err, sentinel) != (sentinel == c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.text) || strings.Contains(err.Error(), "secret-of-the-server") || strings.Contains(err.Error(), "password") {
				t.Errorf("got %v, want an error with %q and without what the server wrote", err, c.text)
			}
		})
	}
}

func TestR50_RedirectToAnotherHostIsRefusedAndGetsNoCredentials(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked, with Authorization %q", r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, elsewhere.URL+r.URL.String(), http.StatusFound)
		return true
	}
	client := s.client()
	client.Credentials = func(context.Context, gitops.Repository, string) (string, string, error) {
		return "user", "password", nil
	}
	_, err := client.Head(t.Context(), s.repository())
	if !errors.Is(err, reconcile.ErrDenied) || !strings.Contains(err.Error(), "another host, "+strings.TrimPrefix(elsewhere.URL, "http://")) {
		t.Errorf("got %v, want ErrDenied that names the host", err)
	}
}

func TestR50_RedirectOnTheSameHostIsFollowedOnceAndRemembered(t *testing.T) {
	for name, c := range map[string]struct {
		status   int
		protocol string
		posts    bool // the old path redirects POSTs as well
	}{
		"for good":                            {http.StatusMovedPermanently, "", true},
		"for now":                             {http.StatusFound, "", true},
		"with its method":                     {http.StatusPermanentRedirect, "", true},
		"only what asks for references first": {http.StatusMovedPermanently, "", false},
		"from a server of protocol v0":        {http.StatusMovedPermanently, v0, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.protocol = c.protocol
			s.push("main", fourFiles)
			old := 0
			s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
				rest, found := strings.CutPrefix(r.URL.Path, "/infra/")
				if !found {
					return false
				}
				old++
				if r.Method == http.MethodPost && !c.posts {
					w.WriteHeader(http.StatusNotFound)
					return true
				}
				http.Redirect(w, r, "/infra.git/"+rest+"?"+r.URL.RawQuery, c.status)
				return true
			}
			client, r := s.client(), gitops.Repository{URL: s.URL + "/infra", Branch: "main"}
			if _, err := client.Head(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			old = 0
			if _, err := snapshot(t, client, r).Fetch(t.Context(), "stacks"); err != nil {
				t.Error(err)
			}
			if old > 0 {
				t.Errorf("the old path was asked %d times again", old)
			}
		})
	}
}

// What a redirect led to may be gone when the repository's own address is not.
func TestR50_RedirectThatEndsIsForgotten(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	moved := true
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		rest, elsewhere := strings.CutPrefix(r.URL.Path, "/moved.git/")
		switch {
		case elsewhere && !moved:
			w.WriteHeader(http.StatusNotFound)
		case elsewhere:
			r.URL.Path = "/infra.git/" + rest
			return false
		case moved:
			http.Redirect(w, r, "/moved.git/"+strings.TrimPrefix(r.URL.Path, "/infra.git/"), http.StatusMovedPermanently)
		default:
			return false
		}
		return true
	}
	client := s.client()
	s.readAll(client)
	moved = false
	s.readAll(client)
}

func TestR45_AnswersThatEndEarlyAreNoAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		config   []string
		protocol string
	}{
		"trees, by protocol v2":          {partial, ""},
		"trees, by protocol v0":          {partial, v0},
		"a whole commit, by protocol v0": {nil, v0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.config...)
			s.protocol = c.protocol
			s.push("main", fourFiles)
			client, r := s.client(), s.repository()
			commit, err := client.Head(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			for what, do := range map[string]func() error{
				"Head":     func() error { _, err := client.Head(t.Context(), r); return err },
				"Snapshot": func() error { _, err := client.Snapshot(t.Context(), r, commit); return err },
			} {
				whole := s.recorded(do)
				cut := 0
				s.intercept = func(w http.ResponseWriter, _ *http.Request) bool {
					_, _ = w.Write(whole[:cut])
					return true
				}
				for ; cut < len(whole)-4; cut += 7 { // the last four bytes are the message's end
					if err := do(); err == nil || errors.Is(err, reconcile.ErrNotFound) || errors.Is(err, reconcile.ErrDenied) {
						t.Fatalf("%s of an answer cut at %d of %d bytes gave %v", what, cut, len(whole), err)
					}
				}
				s.intercept = nil
			}
		})
	}
}

// recorded returns git's answer to what do asks, which is one request.
func (s *server) recorded(do func() error) (answer []byte) {
	s.t.Helper()
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		recorder := httptest.NewRecorder()
		s.backend.ServeHTTP(recorder, r)
		answer = recorder.Body.Bytes()
		_, _ = w.Write(answer)
		return true
	}
	if err := do(); err != nil {
		s.t.Fatal(err)
	}
	s.intercept = nil
	return answer
}

func TestR45_ServerThatHangsEndsWithTheContext(t *testing.T) {
	s := newServer(t, partial...)
	commit := s.push("main", fourFiles)
	client, r := s.client(), s.repository()
	calls := map[string]func(ctx context.Context, client *git.Client) error{
		"Head": func(ctx context.Context, client *git.Client) error { _, err := client.Head(ctx, r); return err },
		"Snapshot": func(ctx context.Context, client *git.Client) error {
			_, err := client.Snapshot(ctx, r, commit)
			return err
		},
	}
	whole := map[string][]byte{}
	for what, do := range calls {
		whole[what] = s.recorded(func() error { return do(t.Context(), client) })
	}
	var sent atomic.Pointer[[]byte] // nil: nothing, not even that an answer begins
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client gave up
		if begun := sent.Load(); begun != nil {
			_, _ = w.Write(*begun)
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
		return true
	}
	for what, do := range calls {
		half := whole[what][:len(whole[what])/2]
		for when, begun := range map[string]*[]byte{"before the answer": nil, "before its first line": {}, "within it": &half} {
			sent.Store(begun)
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			if err := do(ctx, client); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, reconcile.ErrNotFound) || errors.Is(err, reconcile.ErrDenied) {
				t.Errorf("%s of a server that hangs %s: %v, want the deadline", what, when, err)
			}
			cancel()
			impatient := s.client()
			impatient.Timeout = 50 * time.Millisecond
			if err := do(t.Context(), impatient); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, without a deadline, of a server that hangs %s: %v, want the client's own", what, when, err)
			}
		}
	}
}

// However much a server sends, and of whatever, there is an end to what is read of it.
func TestR47_AnswersWithoutEndAreCutOff(t *testing.T) {
	forever := func(head, more string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			_, err := io.WriteString(w, head)
			for block := []byte(strings.Repeat(more, 1+32<<10/len(more))); err == nil; {
				_, err = w.Write(block)
			}
		}
	}
	const packfile = "000dpackfile\n"
	for name, send := range map[string]func(w http.ResponseWriter){
		"progress":              forever(packfile, "000d\x02Counting"),
		"empty data":            forever(packfile, "0005\x01"),
		"what the packs follow": forever("", "0035shallow 0123456789abcdef0123456789abcdef01234567\n"),
		"one object":            forever(packfile+"0014\x01PACK\x00\x00\x00\x02\x00\x00\x00\x01\xbf\x80\x800009\x01\x80\x80\x80\x010007\x01\x78\x01", "000b\x01\x00\x01\x00\xfe\xffx"),
		"HTTP alone":            forever("", "\n"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			commit := s.push("main", fourFiles)
			s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method == http.MethodPost {
					send(w)
				}
				return r.Method == http.MethodPost
			}
			client := s.client()
			client.Limits.DiskBytes = 1 << 20
			_, err := client.Snapshot(t.Context(), s.repository(), commit)
			if err == nil || name != "HTTP alone" && !strings.Contains(err.Error(), "more than 1 MiB, the most that is read") {
				t.Errorf("got %v, want the cap", err)
			}
		})
	}
}

// One repository whose server hangs keeps no other one waiting.
func TestR47_HangingServerTakesNobodysTime(t *testing.T) {
	hanging, fine := newServer(t, partial...), newServer(t, partial...)
	asked := make(chan struct{}, 10)
	hanging.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		_, _ = io.Copy(io.Discard, r.Body)
		_ = http.NewResponseController(w).Flush()
		asked <- struct{}{}
		<-r.Context().Done()
		return true
	}
	fine.push("main", fourFiles)
	client := fine.client()
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	for range cap(asked) {
		waiting.Go(func() { _, _ = client.Head(ctx, hanging.repository()) })
	}
	for range cap(asked) {
		<-asked
	}
	fine.readAll(client)
	cancel()
	waiting.Wait()
}

func TestAddressesThatAreNotReached(t *testing.T) {
	for name, address := range map[string]string{
		"the loopback interface":     "https://127.0.0.1/infra.git",
		"the metadata service":       "https://169.254.169.254/latest/",
		"no TLS":                     "http://example.com/infra.git",
		"a file":                     "file:///etc",
		"a path":                     "/etc",
		"ssh":                        "git@github.com:acme/infra.git",
		"credentials within the URL": "https://user:hunter2@github.com/acme/infra.git",
	} {
		_, err := new(git.Client).Head(t.Context(), gitops.Repository{URL: address, Branch: "main"})
		if !errors.Is(err, reconcile.ErrDenied) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v, want ErrDenied without the password", name, err)
		}
	}
	_, err := new(git.Client).Head(t.Context(), gitops.Repository{URL: "https://127.0.0.1/infra.git", Branch: "main"})
	if !errors.Is(err, guard.ErrRefused) {
		t.Errorf("got %v, want the guard's refusal", err)
	}
}
