package forgetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Server is both forges at one address. Its fields are set before the first request.
type Server struct {
	URL string // http://127.0.0.1:<port>; a repository is at URL/<owner>/<name>
	// Now is the clock that Apps' tokens expire by; TokenLife is how long one lives.
	Now       func() time.Time
	TokenLife time.Duration

	http *httptest.Server

	mu        sync.Mutex
	root      string // of the repositories; empty before the first
	names     []string
	tokens    []string
	apps      []*app
	exchanged int
	statuses  []Status
	proposals []PullRequest
	readOnly  []string // tokens
	failures  []failure
	broken    map[string]http.Handler // by repository: who answers git's requests
	requests  int
}

// Status is one commit status as it was set.
type Status struct {
	Forge       gitops.Forge
	Repository  string // "<owner>/<name>"
	Commit      string
	Context     string
	State       string // in the forge's words
	Description string
	URL         string
}

// failure is what a call of an API is answered with in place of its answer.
type failure struct {
	status int
	header http.Header
}

// New returns a server without repositories, whose one token is "forge-token".
func New() *Server {
	s := &Server{Now: time.Now, TokenLife: time.Hour, tokens: []string{"forge-token"}}
	s.http = httptest.NewServer(s)
	s.URL = s.http.URL
	return s
}

// Close ends the server, and removes its repositories.
func (s *Server) Close() {
	s.http.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root != "" {
		_ = os.RemoveAll(s.root) // below the temporary directory, which is cleaned anyway
	}
}

// Host returns the server's host and port, as allowPrivateHosts has to name it.
func (s *Server) Host() string { return strings.TrimPrefix(s.URL, "http://") }

// Accept makes these the tokens that are taken, for everything: of people, not of Apps.
func (s *Server) Accept(tokens ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = slices.Clone(tokens)
}

// Create makes an empty bare repository "<owner>/<name>", whose name may have more parts at
// GitLab, and returns the directory that it can be pushed to.
func (s *Server) Create(name string) (dir string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == "" {
		if s.root, err = os.MkdirTemp("", "forgetest"); err != nil {
			return "", fmt.Errorf("make a place for repositories: %w", err)
		}
	}
	dir = filepath.Join(s.root, filepath.FromSlash(name)+".git")
	for _, args := range [][]string{
		{"init", "--quiet", "--bare", "-b", "main", dir},
		// What GitHub and GitLab can do.
		{"-C", dir, "config", "uploadpack.allowFilter", "true"},
		{"-C", dir, "config", "uploadpack.allowAnySHA1InWant", "true"},
	} {
		if err := run("git", args...); err != nil {
			return "", fmt.Errorf("make repository %s: %w", name, err)
		}
	}
	s.names = append(s.names, name)
	return dir, nil
}

// Statuses returns all statuses that were set, in their order.
func (s *Server) Statuses() []Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.statuses)
}

// Exchanged returns how many tokens were given to Apps.
func (s *Server) Exchanged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exchanged
}

// Requests returns how many calls of an API there were, those that failed among them.
func (s *Server) Requests() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// Fail answers the next n calls of an API with a status, and with headers, given as names
// and values in turn. Git is not touched.
func (s *Server) Fail(n, status int, headers ...string) {
	header := http.Header{}
	for i := 0; i+1 < len(headers); i += 2 {
		header.Add(headers[i], headers[i+1])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for range n {
		s.failures = append(s.failures, failure{status, header})
	}
}

// FailAfter lets the next n calls of an API pass, and answers the one after them with a status.
func (s *Server) FailAfter(n, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = append(make([]failure, n), failure{status: status})
}

// Mend forgets what was left of Fail.
func (s *Server) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failures = nil
}

// Break lets another handler answer git's requests of a repository, before anything else is
// looked at; nil mends it.
func (s *Server) Break(name string, answer http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == nil {
		s.broken = map[string]http.Handler{}
	}
	s.broken[name] = answer
}

// Rename gives a branch of a repository another name, its default branch with it.
func (s *Server) Rename(name, before, after string) error {
	if err := run("git", "-C", s.bare(name), "branch", "--move", before, after); err != nil {
		return fmt.Errorf("rename a branch of %s: %w", name, err)
	}
	return nil
}

// Delete removes a repository.
func (s *Server) Delete(name string) error {
	dir := s.bare(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete repository %s: %w", name, err)
	}
	return nil
}

// failing takes the next failure, if there is one.
func (s *Server) failing() (failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if len(s.failures) == 0 {
		return failure{}, false
	}
	next := s.failures[0]
	s.failures = s.failures[1:]
	return next, next.status != 0
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	api := strings.HasPrefix(path, gitHubBase) || strings.HasPrefix(path, gitLabBase)
	if !api {
		s.git(w, r)
		return
	}
	if f, ok := s.failing(); ok {
		for name, values := range f.header {
			w.Header()[name] = values
		}
		refuse(w, f.status, http.StatusText(f.status))
		return
	}
	if strings.HasPrefix(path, gitHubBase) {
		s.gitHub(w, r, strings.TrimPrefix(path, gitHubBase))
		return
	}
	s.gitLab(w, r, strings.TrimPrefix(path, gitLabBase))
}

// refuse answers as both forges do: a status and a message.
func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"message": message})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // whoever is gone does not read it
}
