package git_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const fourFiles = `
-- driftless.yaml --
version: 1
-- stacks/network/template.yaml --
Resources: {}
-- stacks/jobs/queue.yaml --
Resources: {Q: {}}
-- stacks/jobs/prod.json --
[]
`

// snapshot reads the head and its trees, and fails the test where that fails.
func snapshot(t *testing.T, c *git.Client, r gitops.Repository) reconcile.Snapshot {
	t.Helper()
	commit, err := c.Head(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	s, err := c.Snapshot(t.Context(), r, commit)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func names(t *testing.T, fsys fs.FS) []string {
	t.Helper()
	var all []string
	err := fs.WalkDir(fsys, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			all = append(all, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// Every kind of server gives the same; only the number of requests differs.
func TestServersOfEveryKindGiveTheSame(t *testing.T) {
	for name, c := range map[string]struct {
		config                []string
		snapshot, fetch, more int // requests
	}{
		"one that filters and gives files by id":            {partial, 1, 1, 1},
		"one that cannot filter":                            {[]string{"uploadpack.allowAnySHA1InWant=true"}, 1, 0, 0},
		"one that filters but advertises no files by id":    {[]string{"uploadpack.allowFilter=true"}, 1, 0, 0},
		"one that can neither, as CodeCommit advertises it": {nil, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.config...)
			commit := s.push("main", fourFiles)
			client, r := s.client(), s.repository()

			var head string
			if n := s.counted(func() { head, _ = client.Head(t.Context(), r) }); n != 1 || head != commit {
				t.Errorf("Head = %s by %d requests, want %s by 1", head, n, commit)
			}
			var snap reconcile.Snapshot
			var err error
			if n := s.counted(func() { snap, err = client.Snapshot(t.Context(), r, head) }); err != nil || n != c.snapshot {
				t.Fatalf("Snapshot: %v by %d requests, want %d", err, n, c.snapshot)
			}
			var files fs.FS
			n := s.counted(func() { files, err = snap.Fetch(t.Context(), "driftless.yaml", "stacks/jobs") })
			if err != nil || n != c.fetch {
				t.Fatalf("Fetch: %v by %d requests, want %d", err, n, c.fetch)
			}
			if diff := cmp.Diff([]string{"driftless.yaml", "stacks/jobs/prod.json", "stacks/jobs/queue.yaml"}, names(t, files)); diff != "" {
				t.Errorf("fetched files (-want +got):\n%s", diff)
			}
			if err := fstest.TestFS(files, "driftless.yaml", "stacks/jobs/queue.yaml"); err != nil {
				t.Error(err)
			}
			if n := s.counted(func() { files, err = snap.Fetch(t.Context(), "stacks/jobs", "stacks/network") }); err != nil || n != c.more {
				t.Errorf("a second Fetch with one new path: %v by %d requests, want %d", err, n, c.more)
			}
			if n := s.counted(func() { _, err = snap.Fetch(t.Context(), ".") }); err != nil || n != 0 {
				t.Errorf("a Fetch of what is there: %v by %d requests, want none", err, n)
			}
			if data, err := fs.ReadFile(files, "stacks/jobs/queue.yaml"); err != nil || string(data) != "Resources: {Q: {}}\n" {
				t.Errorf("queue.yaml = %q, %v", data, err)
			}
			for path, object := range map[string]string{".": "main^{tree}", "stacks/jobs": "main:stacks/jobs", "driftless.yaml": "main:driftless.yaml"} {
				if got, err := snap.Object(path); err != nil || got != s.git("rev-parse", object) {
					t.Errorf("Object(%s) = %s, %v", path, got, err)
				}
			}
		})
	}
}

// A server may advertise that it gives objects by id, and yet refuse files.
func TestServerThatRefusesFilesByIDGivesTheWholeCommit(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	client, r := s.client(), s.repository()
	snap := snapshot(t, client, r)
	s.git("config", "uploadpack.allowAnySHA1InWant", "false")
	refused := false
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		if refused || r.Method != http.MethodPost {
			return false
		}
		refused = true
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		_, _ = w.Write([]byte("0029ERR upload-pack: not our ref 0123abc\n"))
		return true
	}
	var files fs.FS
	var err error
	n := s.counted(func() { files, err = snap.Fetch(t.Context(), "stacks") })
	if err != nil || n != 2 || len(names(t, files)) != 3 {
		t.Errorf("Fetch = %v by %d requests, %v; want three files by 2", files, n, err)
	}
}

func TestSnapshotWithoutHeadFirstReadsWhatTheServerCanDo(t *testing.T) {
	s := newServer(t, partial...)
	commit := s.push("main", fourFiles)
	n := s.counted(func() {
		if _, err := s.client().Snapshot(t.Context(), s.repository(), commit); err != nil {
			t.Error(err)
		}
	})
	if n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}

func TestRevisionSaysWhoAndWhat(t *testing.T) {
	s := newServer(t, partial...)
	commit := s.commit("main", "four applications\n\nand why", "100644 blob "+s.blob("x")+"\tx")
	want := gitops.Revision{Branch: "main", Commit: commit, Author: "Ada", Message: "four applications", At: time.Date(2026, 11, 20, 9, 41, 7, 0, time.UTC)}
	if diff := cmp.Diff(want, snapshot(t, s.client(), s.repository()).Revision()); diff != "" {
		t.Errorf("revision (-want +got):\n%s", diff)
	}
}

func TestR48_HostileCommitTextIsMadeFitForARecord(t *testing.T) {
	s := newServer(t, partial...)
	text := "tree " + s.tree() + "\nauthor A\xff\x00 <a> 99999999999999 +0000\ncommitter A <a> 99999999999999 +0000\n\n" + strings.Repeat("é", 900) + "\nmore"
	id := s.in(s.dir, text, "hash-object", "--literally", "-w", "-t", "commit", "--stdin")
	s.git("update-ref", "refs/heads/main", id)
	got := snapshot(t, s.client(), s.repository()).Revision()
	if !got.At.IsZero() || len([]rune(got.Message)) != 200 || strings.Contains(got.Message, "more") {
		t.Errorf("revision = %+v", got)
	}
}

func TestR43_ForcePushToAnOlderCommitIsReadAsTheHead(t *testing.T) {
	s := newServer(t, partial...)
	older := s.push("main", fourFiles)
	s.push("main", "-- other.yaml --\nx\n")
	s.git("update-ref", "refs/heads/main", older)
	if got := snapshot(t, s.client(), s.repository()).Revision().Commit; got != older {
		t.Errorf("head = %s, want %s", got, older)
	}
}

func TestR46_ReadsArePinnedToTheCommitOfTheSnapshot(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	snap := snapshot(t, s.client(), s.repository())
	s.push("main", "-- driftless.yaml --\nversion: 2\n")
	files, err := snap.Fetch(t.Context(), "driftless.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if data, _ := fs.ReadFile(files, "driftless.yaml"); string(data) != "version: 1\n" {
		t.Errorf("driftless.yaml = %q, want that of the snapshot", data)
	}
}

func TestCommitThatIsGoneIsNoCertainAnswer(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	client, r := s.client(), s.repository()
	if _, err := client.Head(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	_, err := client.Snapshot(t.Context(), r, strings.Repeat("ab", 20))
	if err == nil || errors.Is(err, reconcile.ErrNotFound) || errors.Is(err, reconcile.ErrDenied) || !strings.Contains(err.Error(), "not our ref") {
		t.Errorf("got %v, want what the server says, as a plain error", err)
	}
}

func TestR44_WhatIsGoneIsNotFound(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(s *server, r *gitops.Repository)
		want string
	}{
		"the branch was deleted": {func(s *server, _ *gitops.Repository) {
			s.git("update-ref", "-d", "refs/heads/main")
			s.push("other", fourFiles)
		}, `no branch "main"`},
		"the branch never was":      {func(s *server, r *gitops.Repository) { r.Branch = "mian" }, `no branch "mian"`},
		"a tag has the name":        {func(s *server, r *gitops.Repository) { s.git("tag", "v1", "main"); r.Branch = "v1" }, `no branch "v1"`},
		"the repository is empty":   {func(s *server, _ *gitops.Repository) { s.git("update-ref", "-d", "refs/heads/main") }, "is empty"},
		"the repository is another": {func(s *server, r *gitops.Repository) { r.URL = s.URL + "/gone.git" }, "/gone does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.push("main", fourFiles)
			r := s.repository()
			c.do(s, &r)
			_, err := s.client().Head(t.Context(), r)
			if !errors.Is(err, reconcile.ErrNotFound) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want ErrNotFound with %q", err, c.want)
			}
		})
	}
}

func TestHooksSayWhereAndAsWhom(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		user, password, ok := r.BasicAuth()
		if ok && user == "AKIDEXAMPLE%token/+=" && password == "20261121T030405Zsigned" {
			return false
		}
		w.WriteHeader(http.StatusUnauthorized)
		return true
	}
	client := s.client()
	r := gitops.Repository{URL: "codecommit::eu-west-1://infra", Branch: "main"}
	client.Resolve = func(_ context.Context, r gitops.Repository) (string, error) {
		return s.URL + "/" + strings.TrimPrefix(r.URL, "codecommit::eu-west-1://") + ".git", nil
	}
	client.Credentials = func(_ context.Context, _ gitops.Repository, address string) (string, string, error) {
		if address != s.URL+"/infra.git" {
			t.Errorf("credentials were asked for %s", address)
		}
		return "AKIDEXAMPLE%token/+=", "20261121T030405Zsigned", nil
	}
	if _, err := snapshot(t, client, r).Fetch(t.Context(), "."); err != nil {
		t.Error(err)
	}
	client.Credentials = nil
	if _, err := client.Head(t.Context(), r); !errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("without credentials: %v, want ErrDenied", err)
	}
	missing := errors.New("no such parameter")
	client.Credentials = func(context.Context, gitops.Repository, string) (string, string, error) { return "", "", missing }
	if _, err := client.Head(t.Context(), r); !errors.Is(err, missing) {
		t.Errorf("got %v, want the hook's own error", err)
	}
}

// CodeCommit answers only clients that offer multi_ack.
func TestMultiAckIsOffered(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	var offers []bool
	s.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPost {
			body := make([]byte, 512)
			n, _ := r.Body.Read(body)
			offers = append(offers, strings.Contains(string(body[:n]), "multi_ack_detailed") && !strings.Contains(string(body[:n]), "thin-pack"))
		}
		return false
	}
	commit, err := s.client().Head(t.Context(), s.repository())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = s.client().Snapshot(t.Context(), s.repository(), commit) // git cannot read the rest of the body
	if !slices.Equal(offers, []bool{true}) {
		t.Errorf("offers of multi_ack without thin packs: %v, want one", offers)
	}
}
