package git_test

import (
	"bytes"
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

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

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

// A connection costs more than a request does, where there is TLS on it.
func TestRequestsShareOneConnection(t *testing.T) {
	for name, protocol := range map[string]string{"by protocol v2": "", "by protocol v0": v0} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.protocol = protocol
			s.push("main", fourFiles)
			client := s.client()
			for range 3 {
				s.readAll(client)
			}
			if n := s.opened.Load(); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
		})
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
