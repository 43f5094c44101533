package forgetest

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// services are the only paths of a repository that are served: for reading, over smart HTTP.
var services = []string{"/info/refs", "/git-upload-pack"}

// git serves the repositories, whose URLs may end in ".git" or not, to whoever has a token.
func (s *Server) git(w http.ResponseWriter, r *http.Request) {
	at := slices.IndexFunc(services, func(end string) bool { return strings.HasSuffix(r.URL.Path, end) })
	if at < 0 || r.URL.Query().Get("service") == "git-receive-pack" {
		http.NotFound(w, r)
		return
	}
	name := strings.TrimSuffix(strings.Trim(strings.TrimSuffix(r.URL.Path, services[at]), "/"), ".git")
	if answer := s.breakage(name); answer != nil {
		answer.ServeHTTP(w, r)
		return
	}
	_, password, ok := r.BasicAuth()
	if !ok || !s.known(password) {
		w.Header().Set("WWW-Authenticate", `Basic realm="forgetest"`)
		http.Error(w, "Bad credentials", http.StatusUnauthorized)
		return
	}
	if !s.has(name) || !s.admits(password, name) {
		http.NotFound(w, r) // as forges answer who may not know that it is there
		return
	}
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	in := r.Clone(r.Context())
	in.URL.Path = "/" + name + ".git" + services[at]
	backend := cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:    append(environment(), "GIT_PROJECT_ROOT="+s.directory(), "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: io.Discard, // git's own complaints about what a test provokes
	}
	backend.ServeHTTP(w, in)
}

func (s *Server) breakage(name string) http.Handler {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken[name]
}

// bare is the directory of a repository.
func (s *Server) bare(name string) string {
	return filepath.Join(s.directory(), filepath.FromSlash(name)+".git")
}

func (s *Server) directory() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.root
}

// has reports whether there is a repository of the name.
func (s *Server) has(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.names, name)
}

// holds reports whether a repository has a commit.
func (s *Server) holds(name, commit string) bool {
	return run("git", "-C", s.bare(name), "cat-file", "-e", commit+"^{commit}") == nil
}

// environment is that of this process without anybody's configuration of git.
func environment() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
}

func run(name string, args ...string) error {
	_, err := output(nil, "", name, args...)
	return err
}

// output runs a command with more of an environment, and an input.
func output(more []string, in, name string, args ...string) (string, error) {
	c := exec.Command(name, args...)
	c.Env, c.Stdin = append(environment(), more...), strings.NewReader(in)
	out, err := c.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return strings.TrimSpace(string(out)), nil
}
