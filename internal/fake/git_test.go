package fake_test

import (
	"errors"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var repository = gitops.Repository{ID: "r1", URL: "https://example.com/infra.git", Branch: "main"}

const archive = `two applications
-- driftless.yaml --
version: 1
-- stacks/jobs/template.yaml --
Queue.VisibilityTimeout: 5
-- stacks/jobs-old/template.yaml --
Queue.VisibilityTimeout: 6
`

func snapshot(t *testing.T, g *fake.Git) reconcile.Snapshot {
	t.Helper()
	head, err := g.Head(t.Context(), repository)
	must(t, err)
	s, err := g.Snapshot(t.Context(), repository, head)
	must(t, err)
	return s
}

func TestObjectsHaveTheIdsThatGitGives(t *testing.T) {
	dir := t.TempDir()
	_, files := fake.Txtar(archive)
	g := fake.NewGit()
	g.Push(repository.URL, "main", "first", files)
	for name, content := range files {
		write(t, filepath.Join(dir, name), content)
	}
	git := func(args ...string) string {
		out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir}, args...)...).Output()
		if err != nil {
			t.Skipf("NOT TESTED against git: git %s: %v", args[0], err)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", ".")
	root := git("write-tree")
	s := snapshot(t, g)
	for name, want := range map[string]string{
		".":              root,
		"stacks":         git("rev-parse", root+":stacks"),
		"stacks/jobs":    git("rev-parse", root+":stacks/jobs"),
		"driftless.yaml": git("rev-parse", root+":driftless.yaml"),
	} {
		got, err := s.Object(name)
		must(t, err)
		if got != want {
			t.Errorf("%s is %s, git says %s", name, got, want)
		}
	}
	if _, err := s.Object("nowhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v, want %v", err, fs.ErrNotExist)
	}
}

func TestOnlyWhatWasAskedForIsFetched(t *testing.T) {
	message, files := fake.Txtar(archive)
	g := fake.NewGit()
	g.Push(repository.URL, "main", message, files)
	s := snapshot(t, g)
	if got := s.Revision().Message; got != "two applications" {
		t.Errorf("the subject is %q", got)
	}
	fetched, err := s.Fetch(t.Context(), "stacks/jobs")
	must(t, err)
	if err := fstest.TestFS(fetched, "stacks/jobs/template.yaml"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(fetched, "stacks/jobs-old/template.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a neighbour was fetched: %v", err)
	}
	if _, err := fs.Stat(s.Tree(), "stacks/jobs-old/template.yaml"); err != nil {
		t.Error(err)
	}
	if _, err := fs.ReadFile(s.Tree(), "driftless.yaml"); err == nil {
		t.Error("a file's content was read from the tree's shape")
	}
	if got := g.Counts(); got["Fetch"] != 1 || got["Head"] != 1 || got["Snapshot"] != 1 {
		t.Errorf("the requests are %v", got)
	}
}

func TestLinksAndSubmodulesAreRefusedWhereTheyAreUsed(t *testing.T) {
	g := fake.NewGit()
	g.Push(repository.URL, "main", "odd", map[string]string{
		"good/template.yaml": "a.b: c\n", "link/template.yaml": fake.Symlink + "../good/template.yaml", "sub": fake.Submodule + "abc"})
	s := snapshot(t, g)
	for _, name := range []string{"link", "sub", "."} {
		if _, err := s.Fetch(t.Context(), name); err == nil {
			t.Errorf("%s was fetched", name)
		}
	}
	_, err := s.Fetch(t.Context(), "good")
	must(t, err)
}

func TestABranchMovesAsItIsPushed(t *testing.T) {
	g := fake.NewGit()
	_, err := g.Head(t.Context(), repository)
	wantError(t, err, reconcile.ErrNotFound)
	first := g.Push(repository.URL, "main", "first", map[string]string{"a": "1", "b": "1"})
	second := g.Edit(repository.URL, "main", "second", map[string]string{"a": "2", "b": "", "c": "3"})
	s := snapshot(t, g)
	fetched, err := s.Fetch(t.Context(), ".")
	must(t, err)
	var got []string
	must(t, fs.WalkDir(fetched, ".", func(name string, d fs.DirEntry, err error) error {
		if !d.IsDir() {
			got = append(got, name)
		}
		return err
	}))
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Error(diff)
	}
	g.Reset(repository.URL, "main", first)
	if head, err := g.Head(t.Context(), repository); err != nil || head != first || head == second {
		t.Errorf("after a force push the head is %s, %v; want %s", head, err, first)
	}
	g.Refuse(repository.URL, reconcile.ErrDenied)
	_, err = g.Head(t.Context(), repository)
	wantError(t, err, reconcile.ErrDenied)
	g.Refuse(repository.URL, nil)
	g.Delete(repository.URL, "main")
	_, err = g.Head(t.Context(), repository)
	wantError(t, err, reconcile.ErrNotFound)
}

func TestAFaultLosesTheCallOrItsAnswer(t *testing.T) {
	s := fake.NewStore()
	a := gitops.Application{ID: "jobs"}
	broken := errors.New("503")
	s.Fail(func(string) error { return broken })
	wantError(t, s.Register(t.Context(), &a, nil), broken)
	s.Fail(func(string) error { return fake.ErrLost })
	wantError(t, s.Register(t.Context(), &a, nil), fake.ErrLost)
	s.Fail(nil)
	if a.Version != 0 {
		t.Errorf("the caller knows version %d of a lost answer", a.Version)
	}
	stored, err := s.Application(t.Context(), "jobs")
	must(t, err)
	if stored.Version != 1 || s.Count("Register") != 2 {
		t.Errorf("version %d is stored after %d calls, want 1 after 2", stored.Version, s.Count("Register"))
	}
}
