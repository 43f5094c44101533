package git_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

func TestR48_WhatCannotBeUsedIsNamed(t *testing.T) {
	const submodule = "0123456789012345678901234567890123456789"
	for name, c := range map[string]struct {
		entries func(s *server) []string // of the directory "app"
		fetch   string
		path    string
		why     string
	}{
		"a symbolic link below the path": {func(s *server) []string { return []string{"120000 blob " + s.blob("/etc/passwd") + "\tlink"} },
			"app", "app/link", "symbolic link"},
		"a symbolic link at the path": {func(s *server) []string { return []string{"120000 blob " + s.blob("/etc/passwd") + "\tlink"} },
			"app/link", "app/link", "symbolic link"},
		"a symbolic link on the way to the path": {func(s *server) []string { return []string{"120000 blob " + s.blob("../other") + "\tlink"} },
			"app/link/template.yaml", "app/link", "symbolic link"},
		"a submodule": {func(*server) []string { return []string{"160000 commit " + submodule + "\tmodule"} },
			"app", "app/module", "submodule"},
		"a path through a submodule": {func(*server) []string { return []string{"160000 commit " + submodule + "\tmodule"} },
			"app/module/x", "app/module", "submodule"},
		"a file that Git LFS keeps": {func(s *server) []string {
			return []string{"100644 blob " + s.blob("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n") + "\tmodel.bin"}
		}, "app", "app/model.bin", "Git LFS"},
		"names that differ in case alone": {func(s *server) []string {
			return []string{"100644 blob " + s.blob("a") + "\tREADME", "100644 blob " + s.blob("b") + "\treadme"}
		}, "app", "app/readme", `"README" in case alone`},
		"a name that differs in case from the path": {func(s *server) []string {
			return []string{"100644 blob " + s.blob("a") + "\tREADME", "100644 blob " + s.blob("b") + "\treadme"}
		}, "app/readme", "app/readme", `"README" in case alone`},
		"the parent directory": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\t.."} },
			"app", "app/..", "not a name"},
		"a directory of git's own": {func(s *server) []string { return []string{"040000 tree " + s.tree() + "\t.GIT"} },
			"app", "app/.GIT", "git's own"},
		"a backslash": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\ta\\b"} },
			"app", `app/a\b`, "backslash"},
		"a control character": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\ta\x1b[2Jb"} },
			"app", "app/a\x1b[2Jb", "control character"},
		"a name that is not UTF-8": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\ta\xff"} },
			"app", "app/a\xff", "not UTF-8"},
		"a path out of the repository": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\ta"} },
			"../app", "../app", "not a path inside"},
		"an absolute path": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\ta"} },
			"/app", "/app", "not a path inside"},
		"a path that asks for git's own": {func(s *server) []string { return []string{"100644 blob " + s.blob("a") + "\t.git"} },
			"app/.git", "app/.git", "git's own"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, partial...)
			s.head("main", "hostile", s.tree("100644 blob "+s.blob("fine\n")+"\tfine.txt", "040000 tree "+s.tree(c.entries(s)...)+"\tapp"))
			snap := snapshot(t, s.client(), s.repository())
			_, err := snap.Fetch(t.Context(), c.fetch)
			var problem *git.PathError
			if !errors.As(err, &problem) {
				t.Fatalf("got %v, want a PathError", err)
			}
			if problem.Path != c.path || !strings.Contains(problem.Why, c.why) {
				t.Errorf("got %q: %q, want %q: %q", problem.Path, problem.Why, c.path, c.why)
			}
			var refusal *gitops.Refusal
			if !errors.As(err, &refusal) || strings.Contains(refusal.Reason, "\x1b") || strings.Contains(refusal.Reason, "\xff") {
				t.Errorf("got %v, want a refusal that a terminal can show", err)
			}
			if _, err := snap.Fetch(t.Context(), "fine.txt"); err != nil {
				t.Errorf("a path beside it: %v, want no error", err)
			}
		})
	}
}

func TestR48_HostileNameAtTheRootIsNamed(t *testing.T) {
	s := newServer(t, partial...)
	s.head("main", "hostile", s.tree("100644 blob "+s.blob("a")+"\t.."))
	_, err := snapshot(t, s.client(), s.repository()).Fetch(t.Context(), ".")
	var problem *git.PathError
	if !errors.As(err, &problem) || problem.Path != ".." {
		t.Errorf("got %v, want a PathError of ..", err)
	}
}

// One push is fetched for all applications at once: what is wrong with one of them must
// not cost the others a request each.
func TestRefusedPathDoesNotKeepTheOthersFromBeingFetched(t *testing.T) {
	s := newServer(t, partial...)
	s.commit("main", "one link", "100644 blob "+s.blob("a")+"\ta/f", "120000 blob "+s.blob("/etc")+"\tb/link",
		"100644 blob "+s.blob("b")+"\tb/f", "100644 blob "+s.blob("c")+"\tc/f")
	snap := snapshot(t, s.client(), s.repository())
	var err error
	var problem *git.PathError
	if n := s.counted(func() { _, err = snap.Fetch(t.Context(), "a", "b", "gone", "c") }); n != 1 || !errors.As(err, &problem) || problem.Path != "b/link" {
		t.Errorf("got %v by %d requests, want a PathError of b/link by one", err, n)
	}
	for _, path := range []string{"a", "c"} {
		if n := s.counted(func() { _, err = snap.Fetch(t.Context(), path) }); n != 0 || err != nil {
			t.Errorf("Fetch(%s): %v by %d requests, want none", path, err, n)
		}
	}
	if n := s.counted(func() { _, err = snap.Fetch(t.Context(), "b") }); n != 0 || err == nil {
		t.Errorf("Fetch(b): %v by %d requests, want a refusal by none", err, n)
	}
}

func TestPathsThatAreNotThere(t *testing.T) {
	s := newServer(t, partial...)
	s.push("main", fourFiles)
	snap := snapshot(t, s.client(), s.repository())
	for _, name := range []string{"gone.yaml", "stacks/gone", "driftless.yaml/below"} {
		if _, err := snap.Fetch(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Fetch(%s): %v, want fs.ErrNotExist", name, err)
		}
		if _, err := snap.Object(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Object(%s): %v, want fs.ErrNotExist", name, err)
		}
	}
}

func TestTreeShowsWhatIsThere(t *testing.T) {
	s := newServer(t, partial...)
	s.commit("main", "all kinds", "100644 blob "+s.blob("x")+"\tb.txt", "100755 blob "+s.blob("y")+"\tb/run.sh",
		"120000 blob "+s.blob("b")+"\ta", "160000 commit 0123456789012345678901234567890123456789\tc")
	tree := snapshot(t, s.client(), s.repository()).Tree()
	entries, err := fs.ReadDir(tree, ".")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name()+" "+e.Type().String())
	}
	want := []string{"a L---------", "b d---------", "b.txt ----------", "c ?---------"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the root (-want +got):\n%s", diff)
	}
	if info, err := fs.Stat(tree, "b/run.sh"); err != nil || info.Mode() != 0o755 {
		t.Errorf("Stat(b/run.sh) = %v, %v", info, err)
	}
	if _, err := fs.Stat(tree, "b/gone"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(b/gone): %v, want fs.ErrNotExist", err)
	}
	if _, err := fs.ReadFile(tree, "b.txt"); err == nil {
		t.Error("a file's content was read from a tree without contents")
	}
}

func TestNothingIsLeftOnDisk(t *testing.T) {
	s := newServer(t)
	s.push("main", fourFiles)
	client := s.client()
	snap := snapshot(t, client, s.repository())
	if left, err := os.ReadDir(client.TempDir); err != nil || len(left) != 0 {
		t.Errorf("the temporary directory holds %v, %v; want nothing with a name", left, err)
	}
	if err := snap.Close(); err != nil {
		t.Error(err)
	}
}

// Files are read when they are read, from what the snapshot keeps.
func TestNothingIsReadOnceTheSnapshotIsClosed(t *testing.T) {
	for name, config := range map[string][]string{"of partial answers": partial, "of a whole commit": nil} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, config...)
			s.push("main", fourFiles)
			snap := snapshot(t, s.client(), s.repository())
			files, err := snap.Fetch(t.Context(), ".")
			if err != nil {
				t.Fatal(err)
			}
			opened, err := files.Open("driftless.yaml")
			if err != nil {
				t.Fatal(err)
			}
			tree := snap.Tree()
			for range 2 {
				if err := snap.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			}
			if data, err := io.ReadAll(opened); err != nil || string(data) != "version: 1\n" {
				t.Errorf("a file that was open before = %q, %v", data, err)
			}
			_, fetched := snap.Fetch(t.Context(), "stacks")
			_, object := snap.Object("stacks")
			_, read := fs.ReadFile(files, "stacks/jobs/queue.yaml")
			_, open := files.Open("stacks/jobs/queue.yaml")
			_, listed := fs.ReadDir(tree, ".")
			for what, err := range map[string]error{"Fetch": fetched, "Object": object, "ReadFile": read, "Open": open, "ReadDir": listed} {
				if !errors.Is(err, fs.ErrClosed) || !strings.Contains(err.Error(), "the snapshot was closed") {
					t.Errorf("%s: %v, want fs.ErrClosed that says what is closed", what, err)
				}
			}
		})
	}
}

func TestSnapshotIsReadByManyAtOnce(t *testing.T) {
	for name, config := range map[string][]string{"in memory": partial, "on disk": nil} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, config...)
			s.push("main", fourFiles)
			snap := snapshot(t, s.client(), s.repository())
			var readers sync.WaitGroup
			for _, path := range []string{"stacks/jobs", "stacks/network", "driftless.yaml", "."} {
				readers.Go(func() {
					files, err := snap.Fetch(t.Context(), path)
					if err != nil {
						t.Error(err)
						return
					}
					if err := fs.WalkDir(snap.Tree(), ".", func(_ string, _ fs.DirEntry, err error) error { return err }); err != nil {
						t.Error(err)
					}
					if _, err := fs.Stat(files, path); err != nil {
						t.Error(err)
					}
				})
			}
			readers.Wait()
		})
	}
}
