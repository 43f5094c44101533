package git_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"
	"testing"
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
