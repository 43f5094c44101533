package git_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
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

// requests are how many a Head, a Snapshot, a Fetch and another Fetch take.
type requests struct{ head, snapshot, fetch, more int }

// Every kind of server gives the same; only the number of requests differs, and of those that
// show what the server can do, each is made once.
func TestServersOfEveryKindGiveTheSame(t *testing.T) {
	refusing := append(slices.Clone(partial), "uploadpackfilter.blob:none.allow=false")
	for name, c := range map[string]struct {
		config      []string
		protocol    string
		cold, known requests
	}{
		"one of protocol v2 that filters, as GitHub and GitLab": {partial, "", requests{1, 1, 1, 1}, requests{1, 1, 1, 1}},
		"one of protocol v2 that gives files by id unasked":     {[]string{"uploadpack.allowFilter=true"}, "", requests{1, 1, 1, 1}, requests{1, 1, 1, 1}},
		"one of protocol v2 that cannot filter":                 {nil, "", requests{1, 3, 0, 0}, requests{1, 1, 0, 0}},
		"one of protocol v2 that refuses this filter":           {refusing, "", requests{1, 4, 0, 0}, requests{1, 2, 0, 0}},
		"one of protocol v1 that filters":                       {partial, v1, requests{2, 1, 1, 1}, requests{1, 1, 1, 1}},
		"one of protocol v0 that filters":                       {partial, v0, requests{2, 1, 1, 1}, requests{1, 1, 1, 1}},
		"one of protocol v0 that cannot filter":                 {[]string{"uploadpack.allowAnySHA1InWant=true"}, v0, requests{2, 1, 0, 0}, requests{1, 1, 0, 0}},
		"one of protocol v0 that filters but gives no files by id": {[]string{"uploadpack.allowFilter=true"}, v0,
			requests{2, 1, 0, 0}, requests{1, 1, 0, 0}},
		"one of protocol v0 that can neither, as CodeCommit advertises it": {nil, v0, requests{2, 1, 0, 0}, requests{1, 1, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.config...)
			s.protocol = c.protocol
			s.push("main", fourFiles)
			client := s.client()
			for when, want := range []requests{c.cold, c.known} {
				if got := s.readAll(client); got != want {
					t.Errorf("look %d: %+v requests, want %+v", when+1, got, want)
				}
			}
		})
	}
}

// readAll reads all of fourFiles, step by step, and counts the requests.
func (s *server) readAll(client *git.Client) (n requests) {
	t, r := s.t, s.repository()
	var head string
	var snap reconcile.Snapshot
	var files fs.FS
	var err error
	n.head = s.counted(func() { head, err = client.Head(t.Context(), r) })
	if want := s.git("rev-parse", "main"); err != nil || head != want {
		t.Fatalf("Head = %s, %v; want %s", head, err, want)
	}
	n.snapshot = s.counted(func() { snap, err = client.Snapshot(t.Context(), r, head) })
	if err != nil {
		t.Fatalf("Snapshot: %v", err)
	}
	defer func() { _ = snap.Close() }()
	n.fetch = s.counted(func() { files, err = snap.Fetch(t.Context(), "driftless.yaml", "stacks/jobs") })
	if err != nil {
		t.Fatalf("Fetch: %v", err)
	}
	if diff := cmp.Diff([]string{"driftless.yaml", "stacks/jobs/prod.json", "stacks/jobs/queue.yaml"}, names(t, files)); diff != "" {
		t.Errorf("fetched files (-want +got):\n%s", diff)
	}
	if err := fstest.TestFS(files, "driftless.yaml", "stacks/jobs/queue.yaml"); err != nil {
		t.Error(err)
	}
	n.more = s.counted(func() { files, err = snap.Fetch(t.Context(), "stacks/jobs", "stacks/network") })
	if err != nil {
		t.Errorf("a second Fetch with one new path: %v", err)
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
	return n
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

func TestSnapshotNeedsNoHeadBefore(t *testing.T) {
	for name, c := range map[string]struct {
		protocol string
		want     int
	}{"from a server of protocol v2": {"", 1}, "from one of protocol v0": {v0, 3}} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.protocol = c.protocol
			commit := s.push("main", fourFiles)
			n := s.counted(func() {
				if _, err := s.client().Snapshot(t.Context(), s.repository(), commit); err != nil {
					t.Error(err)
				}
			})
			if n != c.want {
				t.Errorf("%d requests, want %d", n, c.want)
			}
		})
	}
}

// What a look costs does not depend on how many applications a push touches.
func TestLookTakesFourRequestsWhateverTheNumberOfApplications(t *testing.T) {
	s := newServer(t, partial...)
	s.generate(500, 2, 20)
	client, r := s.client(), s.repository()
	n := s.counted(func() {
		snap := snapshot(t, client, r)
		if _, err := snap.Fetch(t.Context(), "services/svc-0000/infra/f0.yaml"); err != nil {
			t.Error(err)
		}
		var paths []string
		for i := range 500 {
			paths = append(paths, fmt.Sprintf("services/svc-%04d/infra", i))
		}
		files, err := snap.Fetch(t.Context(), paths...)
		if err != nil || len(names(t, files)) != 1000 {
			t.Errorf("Fetch: %v, %v; want 1000 files", files, err)
		}
	})
	if n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
	if n := s.counted(func() { _, _ = client.Head(t.Context(), r) }); n != 1 {
		t.Errorf("a look that finds nothing new made %d requests, want 1", n)
	}
}

// A server learns a newer protocol, or is replaced by one that knows only an older one.
func TestProtocolMayChangeBetweenLooks(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	client := s.client()
	for _, protocol := range []string{"", v0, "", v1, ""} {
		s.protocol = protocol
		s.readAll(client)
	}
}

func TestTagsAreFollowed(t *testing.T) {
	for name, protocol := range map[string]string{"by protocol v2": "", "by protocol v0": v0} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.protocol = protocol
			tagged := s.push("main", fourFiles)
			s.git("tag", "light")
			s.git("tag", "-a", "-m", "annotated", "v1")
			s.git("tag", "-a", "-m", "of a tag", "v1.0", "v1")
			s.push("main", "-- other.yaml --\nx\n")
			s.git("branch", "v1", "main") // a branch of the tag's name
			client := s.client()
			for _, tag := range []string{"light", "v1", "v1.0"} {
				r := gitops.Repository{URL: s.repository().URL, Tag: tag}
				got := snapshot(t, client, r).Revision()
				if got.Commit != tagged || got.Branch != tag {
					t.Errorf("tag %s is %s at %s, want %s", tag, got.Branch, got.Commit, tagged)
				}
			}
			s.git("tag", "tree", "main^{tree}")
			commit, err := client.Head(t.Context(), gitops.Repository{URL: s.repository().URL, Tag: "tree"})
			if err != nil {
				t.Fatal(err)
			}
			var problem *git.PathError
			if _, err := client.Snapshot(t.Context(), s.repository(), commit); !errors.As(err, &problem) {
				t.Errorf("a tag of a tree: %v, want a PathError", err)
			}
		})
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
		}, `has no branch "main"`},
		"the default branch was renamed": {func(s *server, _ *gitops.Repository) {
			s.git("branch", "-m", "main", "trunk")
			s.git("symbolic-ref", "HEAD", "refs/heads/trunk")
		}, `has no branch "main"; its default branch is "trunk"`},
		"the branch never was":            {func(_ *server, r *gitops.Repository) { r.Branch = "mian" }, `has no branch "mian"; its default branch is "main"`},
		"a longer name begins so":         {func(s *server, r *gitops.Repository) { s.git("branch", "release-2"); r.Branch = "release" }, `has no branch "release"`},
		"a tag has the name":              {func(s *server, r *gitops.Repository) { s.git("tag", "v1", "main"); r.Branch = "v1" }, `has no branch "v1"`},
		"a branch has the tag's name":     {func(_ *server, r *gitops.Repository) { r.Branch, r.Tag = "", "main" }, `has no tag "main"`},
		"the name is none":                {func(_ *server, r *gitops.Repository) { r.Branch = "main\n0000" }, "no name of a branch"},
		"the name drives a terminal":      {func(_ *server, r *gitops.Repository) { r.Branch = "a\x1b[2J" }, "a�[2J"},
		"the repository is empty":         {func(s *server, _ *gitops.Repository) { s.git("update-ref", "-d", "refs/heads/main") }, "it may be empty"},
		"the repository is gone":          {func(s *server, r *gitops.Repository) { r.URL = s.URL + "/gone.git" }, "/gone does not exist"},
		"the repository never had a head": {func(s *server, _ *gitops.Repository) { s.git("symbolic-ref", "HEAD", "refs/heads/none") }, ""},
	} {
		for of, protocol := range map[string]string{"protocol v2": "", "protocol v0": v0} {
			t.Run(name+", "+of, func(t *testing.T) {
				s := newServer(t, partial...)
				s.protocol = protocol
				s.push("main", fourFiles)
				r := s.repository()
				c.do(s, &r)
				_, err := s.client().Head(t.Context(), r)
				if c.want == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				if !errors.Is(err, reconcile.ErrNotFound) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\x1b") {
					t.Errorf("got %v, want ErrNotFound with %q", err, c.want)
				}
			})
		}
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

func TestFilesThatGitKeepsAsDifferencesComeWhole(t *testing.T) {
	for name, c := range map[string]struct {
		config   []string
		protocol string
	}{
		"by their ids":                    {partial, ""},
		"within a commit":                 {nil, ""},
		"by their ids, by protocol v0":    {partial, v0},
		"within a commit, by protocol v0": {nil, v0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, c.config...)
			s.protocol = c.protocol
			want := map[string]string{}
			var archive strings.Builder
			for i := range 30 {
				file := fmt.Sprintf("app/%d.yaml", i)
				want[file] = strings.Repeat("a line that all of them have\n", 100) + strings.Repeat(file+"\n", i)
				fmt.Fprintf(&archive, "-- %s --\n%s", file, want[file])
			}
			s.push("main", archive.String())
			s.git("repack", "-adfq", "--window=50")
			if packed := s.git("verify-pack", "-v", s.pack()); !strings.Contains(packed, "chain length = 2") {
				t.Fatalf("git keeps no differences:\n%s", packed)
			}
			files, err := snapshot(t, s.client(), s.repository()).Fetch(t.Context(), "app")
			if err != nil {
				t.Fatal(err)
			}
			for file, data := range want {
				if got, err := fs.ReadFile(files, file); err != nil || string(got) != data {
					t.Errorf("%s has %d bytes, %v; want %d", file, len(got), err, len(data))
				}
			}
		})
	}
}

// pack returns the file of the repository's only pack.
func (s *server) pack() string {
	s.t.Helper()
	packs, err := filepath.Glob(filepath.Join(s.dir, "objects", "pack", "*.pack"))
	if err != nil || len(packs) != 1 {
		s.t.Fatalf("packs: %v, %v; want one", packs, err)
	}
	return packs[0]
}

// What was pushed between two looks is one look's work, and a shallow one.
func TestR49_TenThousandCommitsAreOneLook(t *testing.T) {
	s := newServer(t, partial...)
	var history strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&history, "commit refs/heads/main\ncommitter Ada <ada@example.com> %d +0000\ndata 1\nx\nM 100644 inline f\ndata 5\n%05d\n", 1763631667+i, i)
	}
	s.in(s.dir, history.String(), "fast-import", "--quiet")
	var received atomic.Int64
	s.intercept = func(w http.ResponseWriter, r *http.Request) bool {
		recorder := httptest.NewRecorder()
		s.backend.ServeHTTP(recorder, r)
		received.Add(int64(recorder.Body.Len()))
		_, _ = w.Write(recorder.Body.Bytes())
		return true
	}
	n := s.counted(func() {
		files, err := snapshot(t, s.client(), s.repository()).Fetch(t.Context(), "f")
		if err != nil {
			t.Fatal(err)
		}
		if data, err := fs.ReadFile(files, "f"); err != nil || string(data) != "09999" {
			t.Errorf("f = %q, %v", data, err)
		}
	})
	if n != 3 || received.Load() > 2000 {
		t.Errorf("%d requests, %d bytes; want 3, and no history", n, received.Load())
	}
}

func TestObjectsOfAnotherKindOfIDAreRefused(t *testing.T) {
	for name, protocol := range map[string]string{"protocol v2": "", "protocol v0": v0} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			if err := os.RemoveAll(s.dir); err != nil {
				t.Fatal(err)
			}
			s.in("/", "", "init", "--quiet", "--bare", "-b", "main", "--object-format=sha256", s.dir)
			s.protocol = protocol
			s.push("main", fourFiles)
			_, err := s.client().Head(t.Context(), s.repository())
			var problem *git.PathError
			if !errors.As(err, &problem) || !strings.Contains(err.Error(), `"sha256"; only sha1 is read`) {
				t.Errorf("got %v, want a PathError with the kind", err)
			}
		})
	}
}

// CodeCommit answers only clients that offer multi_ack.
func TestMultiAckIsOffered(t *testing.T) {
	s := newServer(t)
	s.protocol = v0
	s.push("main", fourFiles)
	client := s.client()
	head, err := client.Head(t.Context(), s.repository())
	if err != nil {
		t.Fatal(err)
	}
	var sent string
	s.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
		body, _ := io.ReadAll(r.Body)
		sent, r.Body = string(body), io.NopCloser(bytes.NewReader(body))
		return false
	}
	if _, err := client.Snapshot(t.Context(), s.repository(), head); err != nil {
		t.Error(err)
	}
	if !strings.Contains(sent, "multi_ack_detailed") || strings.Contains(sent, "thin-pack") {
		t.Errorf("sent %q, want an offer of multi_ack without thin packs", sent)
	}
}

// GitHub answers 404 to whoever does not call himself git.
func TestEveryRequestIsGits(t *testing.T) {
	for name, protocol := range map[string]string{"protocol v2": "", "protocol v0": v0} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.protocol = protocol
			s.push("main", fourFiles)
			s.intercept = func(_ http.ResponseWriter, r *http.Request) bool {
				if agent := r.UserAgent(); !strings.HasPrefix(agent, "git/") {
					t.Errorf("%s %s as %q", r.Method, r.URL.Path, agent)
				}
				return false
			}
			s.readAll(s.client())
		})
	}
}
