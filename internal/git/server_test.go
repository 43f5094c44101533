package git_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// server is a real git server over HTTP, with one bare repository "infra.git".
type server struct {
	*httptest.Server
	t        *testing.T
	dir      string // of the repository
	backend  http.Handler
	requests atomic.Int64
	opened   atomic.Int64 // connections
	// protocol is what the server speaks: empty for whatever it is asked for, else the value
	// of Git-Protocol that it hears instead.
	protocol string
	// intercept may answer in git's place; it returns false to let git answer.
	intercept func(w http.ResponseWriter, r *http.Request) bool
}

// newServer serves an empty repository; config are lines of git's configuration.
func newServer(t *testing.T, config ...string) *server {
	t.Helper()
	root := t.TempDir()
	s := &server{t: t, dir: filepath.Join(root, "infra.git")}
	s.in(root, "", "init", "--quiet", "--bare", "-b", "main", s.dir)
	for _, line := range config {
		key, value, _ := strings.Cut(line, "=")
		s.git("config", key, value)
	}
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("find git: %v", err)
	}
	s.backend = &cgi.Handler{
		Path:   filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env:    append(environment(), "GIT_PROJECT_ROOT="+root, "GIT_HTTP_EXPORT_ALL=1"),
		Stderr: io.Discard, // git's own complaints about what a test provokes
	}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if s.intercept != nil && s.intercept(w, r) {
			return
		}
		if s.protocol != "" {
			r.Header.Set("Git-Protocol", s.protocol)
		}
		s.backend.ServeHTTP(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.opened.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// What a server hears that speaks an older protocol.
const (
	v0 = "version=0"
	v1 = "version=1"
)

// partial is the configuration of a server that can do what GitHub and GitLab can.
var partial = []string{"uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true"}

func environment() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_AUTHOR_DATE=2026-11-20T09:41:07Z",
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com", "GIT_COMMITTER_DATE=2026-11-20T09:41:07Z")
}

// in runs git in a directory with an input, and returns its output.
func (s *server) in(dir, input string, args ...string) string {
	s.t.Helper()
	command := exec.CommandContext(s.t.Context(), "git", args...)
	command.Dir, command.Env, command.Stdin = dir, environment(), strings.NewReader(input)
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, &problems)
	}
	return strings.TrimSpace(string(out))
}

// git runs git in the bare repository.
func (s *server) git(args ...string) string {
	s.t.Helper()
	return s.in(s.dir, "", args...)
}

// push makes a commit of exactly these files, a txtar archive, the branch's head.
func (s *server) push(branch, files string) string {
	s.t.Helper()
	var lines []string
	for _, file := range txtar.Parse([]byte(files)).Files {
		lines = append(lines, fmt.Sprintf("100644 blob %s\t%s", s.blob(string(file.Data)), file.Name))
	}
	return s.commit(branch, "a commit", lines...)
}

// blob stores a file's content.
func (s *server) blob(data string) string {
	s.t.Helper()
	return s.in(s.dir, data, "hash-object", "-w", "--stdin")
}

// commit makes a commit of entries as "git ls-tree" writes them, with paths, the branch's head.
func (s *server) commit(branch, message string, entries ...string) string {
	s.t.Helper()
	index := filepath.Join(s.t.TempDir(), "index")
	run := func(input string, args ...string) string {
		command := exec.CommandContext(s.t.Context(), "git", args...)
		command.Dir, command.Env, command.Stdin = s.dir, append(environment(), "GIT_INDEX_FILE="+index), strings.NewReader(input)
		out, err := command.CombinedOutput()
		if err != nil {
			s.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return strings.TrimSpace(string(out))
	}
	run(strings.Join(entries, "\n")+"\n", "update-index", "--index-info")
	return s.head(branch, message, run("", "write-tree", "--missing-ok"))
}

// tree stores one directory of entries as "git ls-tree" writes them, whatever their names.
func (s *server) tree(entries ...string) string {
	s.t.Helper()
	var list strings.Builder
	for _, entry := range entries {
		list.WriteString(entry + "\x00")
	}
	return s.in(s.dir, list.String(), "mktree", "-z", "--missing")
}

// head makes a commit of a tree the branch's head, whatever it was before.
func (s *server) head(branch, message, tree string) string {
	s.t.Helper()
	commit := s.git("commit-tree", "-m", message, tree)
	s.git("update-ref", "refs/heads/"+branch, commit)
	return commit
}

// repository is the one that the server has.
func (s *server) repository() gitops.Repository {
	return gitops.Repository{URL: s.URL + "/infra.git", Branch: "main"}
}

// client may read from the server.
func (s *server) client() *git.Client {
	return &git.Client{AllowPrivateHosts: []string{"127.0.0.1"}, TempDir: s.t.TempDir()}
}

// counted returns how many requests do made.
func (s *server) counted(do func()) int {
	before := s.requests.Load()
	do()
	return int(s.requests.Load() - before)
}
