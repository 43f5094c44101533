package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// deliveries numbers the webhooks, so that none is a duplicate.
var deliveries atomic.Int64

// one is a repository's files with one application, a queue named after it.
func one(name string, visibility int) map[string]string {
	return map[string]string{"driftless.yaml": file(name), "stacks/" + name + "/template.yaml": queue(name, visibility)}
}

// wake lets the repository be looked at, as a push does.
func (h *hosted) wake() {
	h.t.Helper()
	body := fmt.Sprintf(`{"ref":"refs/heads/main","repository":{"clone_url":%q}}`, h.url()+".git")
	if status, text := deliver(h.t, h.address, h.secret, fmt.Sprintf("fault-%d", deliveries.Add(1)), body); status != http.StatusAccepted {
		h.t.Fatalf("the push was answered %d %s", status, text)
	}
}

// deploys pushes files and waits until an application is at them, with nothing left to say.
func (h *hosted) deploys(name string, files map[string]string) {
	h.t.Helper()
	commit := h.commit("good", files)
	h.wake()
	v := h.ends(name, commit, gitops.PhaseSucceeded)
	if v.Health != gitops.HealthHealthy || v.Repository.Trouble != "" {
		h.t.Errorf("%s is %s, and the repository's trouble is %q", name, v.Health, v.Repository.Trouble)
	}
}

// troubled waits until the repository says what is the matter.
func (r *repo) troubled(want string) {
	r.t.Helper()
	r.eventually("the trouble is "+want, func() bool { return strings.Contains(r.repository().Trouble, want) },
		func() string { return describe(gitops.View{}, r.repository()) })
	if said := r.cli("repository", "list"); !strings.Contains(strings.Join(strings.Fields(said), " "), want) {
		r.t.Errorf("the list does not say %q:\n%s", want, said)
	}
}

// stands fails where an application is not what it was before the fault.
func (r *repo) stands(name string, health gitops.Health) {
	r.t.Helper()
	v, ok := r.app(name)
	if a := v.Application; !ok || v.Health != health || a.Ended.Phase != gitops.PhaseSucceeded || a.Deployed.Digest != a.Wanted.Digest || v.Deployment != nil {
		r.t.Errorf("%s is %s, ended %s, %q; want %s and at its last good commit", name, v.Health, a.Ended.Phase, v.Message, health)
	}
	if _, err := r.stage.Sandbox.QueueAttribute(r.t.Context(), name, "VisibilityTimeout"); err != nil {
		r.t.Errorf("the stack of %s is gone: %v", name, err)
	}
}

func TestR45_WhateverGitAnswersTheLastGoodStateStands(t *testing.T) {
	const name = "answered"
	h := host(t, "acme/answers", one(name, 5), "--forge", "github", "--token-file", token(t))
	h.deploys(name, one(name, 6))
	var told sync.Map
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told.Store(r.URL.Path, r.Header.Get("Authorization")) }))
	defer elsewhere.Close()
	answer := func(status int, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<html>s3ntinel</html>")) // whoever is gone does not read it
		}
	}
	for what, c := range map[string]struct {
		answer http.HandlerFunc
		want   string
		health gitops.Health
	}{
		"credentials are refused":     {answer(401, "WWW-Authenticate", `Basic realm="x"`), "(401)", gitops.HealthHealthy},
		"the right is taken away":     {answer(403), "(403)", gitops.HealthHealthy},
		"the rate is used up":         {answer(429, "Retry-After", "60"), "(429)", gitops.HealthHealthy},
		"the server is broken":        {answer(500), "500", gitops.HealthHealthy},
		"the server is away":          {answer(503), "503", gitops.HealthHealthy},
		"the repository is not there": {answer(404), "does not exist", gitops.HealthSuspended},
		"R50: it moved to another host": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.String(), http.StatusTemporaryRedirect)
		}, "another host", gitops.HealthHealthy},
		"the answer ends in its middle": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("001e# service=git-upload-pack\n0000009b"))
		}, "", gitops.HealthHealthy},
		"a page of somebody's in between": {answer(200), "", gitops.HealthHealthy},
	} {
		t.Run(what, func(t *testing.T) {
			h := *h
			r := *h.repo
			r.t = t
			h.repo = &r
			forges.Break(h.path, c.answer)
			h.wake()
			h.troubled(c.want)
			if trouble := h.repository().Trouble; trouble == "" || strings.Contains(trouble, "s3ntinel") || strings.Contains(trouble, forgeToken) {
				t.Errorf("the trouble is %q", trouble)
			}
			if c.health == gitops.HealthSuspended {
				h.eventually("suspended", func() bool { v, _ := h.app(name); return v.Health == c.health }, func() string { return "" })
			}
			h.stands(name, c.health)
			forges.Break(h.path, nil)
			h.wake()
			h.eventually("it is over", func() bool { return h.repository().Trouble == "" }, func() string { return h.repository().Trouble })
		})
	}
	told.Range(func(path, authorization any) bool {
		t.Errorf("another host was asked for %s with %q", path, authorization)
		return true
	})
	h.deploys(name, one(name, 7))
}

// A look that hangs holds up nothing but its own repository.
func TestR47_ARepositoryThatNeverEndsKeepsNobodyWaiting(t *testing.T) {
	const name, slow = "fair", "endless"
	h := host(t, "acme/fair", one(name, 5), "--forge", "github", "--token-file", token(t))
	stuck := host(t, "acme/endless", one(slow, 5), "--forge", "github", "--token-file", token(t))
	asked, release := make(chan struct{}, 100), make(chan struct{})
	end := sync.OnceFunc(func() { forges.Break(stuck.path, nil); close(release) })
	defer end()
	forges.Break(stuck.path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		select { // an answer that has begun and does not go on
		case <-release:
		case <-r.Context().Done():
		}
	}))
	commit := stuck.commit("unread", one(slow, 6))
	stuck.wake()
	select {
	case <-asked:
	case <-t.Context().Done():
		t.Fatal("nobody asked")
	}
	h.deploys(name, one(name, 6))
	select {
	case <-release:
		t.Error("the look had ended")
	default:
	}
	if r := stuck.repository(); r.Head.Commit == commit {
		t.Error("the repository that hangs was read")
	}
	end()
	stuck.ends(slow, commit, gitops.PhaseSucceeded)
}

func TestR44_ARepositoryOfAForgeMayBeEmptyRenamedAndDeleted(t *testing.T) {
	const name, path = "moving", "acme/moving"
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	if _, err := forges.Create(path); err != nil {
		t.Fatal(err)
	}
	stage := *shared
	stage.Dir = t.TempDir()
	h := &hosted{repo: &repo{t: t, stage: &stage, at: forges.URL + "/" + path}, path: path}
	flags := []string{"--forge", "github", "--token-file", token(t)}
	h.cli(append([]string{"repository", "add", h.url()}, flags...)...)
	h.troubled("it may be empty")
	first := h.commit("first", one(name, 5))
	h.cli("repository", "add", h.url()) // again: looks at it
	h.ends(name, first, gitops.PhaseSucceeded)

	h.must(forges.Rename(path, "main", "trunk"))
	h.cli("repository", "add", h.url())
	h.troubled(`its default branch is "trunk"`)
	h.eventually("suspended", func() bool { v, _ := h.app(name); return v.Health == gitops.HealthSuspended }, func() string { return "" })
	h.stands(name, gitops.HealthSuspended)
	h.cli("repository", "remove", h.url())
	h.cli(append([]string{"repository", "add", h.url(), "--branch", "trunk"}, flags...)...)
	second, err := forges.Commit(path, "refs/heads/trunk", "second", one(name, 6))
	h.must(err)
	h.cli("repository", "add", h.url(), "--branch", "trunk")
	h.eventually("deployed from trunk", func() bool {
		v, _ := h.app(name)
		return v.Application.Deployed.Revision.Commit == second && v.Health == gitops.HealthHealthy
	}, func() string { v, _ := h.app(name); return fmt.Sprintf("%s %s %q", v.Sync, v.Health, v.Message) })

	h.must(forges.Delete(path))
	h.cli("repository", "add", h.url(), "--branch", "trunk")
	h.eventually("suspended again", func() bool {
		v, _ := h.app(name)
		return v.Health == gitops.HealthSuspended && strings.Contains(v.Message, "does not exist")
	},
		func() string { v, _ := h.app(name); return fmt.Sprintf("%s %s %q", v.Sync, v.Health, v.Message) })
	h.stands(name, gitops.HealthSuspended)
}

func TestR44_ARepositoryOfCodeCommitMayBeEmptyAndDeleted(t *testing.T) {
	const name = "hollow"
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	stage := *shared
	stage.Dir = t.TempDir()
	r := &repo{t: t, name: name, stage: &stage}
	r.must(stage.Sandbox.CreateRepository(t.Context(), name))
	r.cli("repository", "add", r.url(), "--branch", "main")
	r.troubled("it may be empty")
	r.must(stage.Write(t.Context(), mapFS(one(name, 5))))
	r.ends(name, r.push("first"), gitops.PhaseSucceeded)
	if _, err := codecommit.NewFromConfig(config(t)).DeleteRepository(t.Context(), &codecommit.DeleteRepositoryInput{RepositoryName: aws.String(name)}); err != nil {
		t.Fatal(err)
	}
	r.cli("repository", "add", r.url(), "--branch", "main")
	r.eventually("suspended", func() bool { v, _ := r.app(name); return v.Health == gitops.HealthSuspended }, func() string { return describe(gitops.View{}, r.repository()) })
	r.stands(name, gitops.HealthSuspended)
	r.must(stage.Sandbox.CreateRepository(t.Context(), name))
	r.set("stacks/hollow/template.yaml", queue(name, 6))
	r.ends(name, r.push("made anew"), gitops.PhaseSucceeded)
}

func TestR48_WhatCannotBeUsedStopsItsApplicationAlone(t *testing.T) {
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
	names := []string{"clean", "looped", "stored", "twins", "module", "odd"}
	files := map[string]string{"driftless.yaml": file(names...)}
	for _, n := range names {
		files["stacks/"+n+"/template.yaml"] = queue("r48-"+n, 5)
	}
	r := watch(t, mapFS(files))
	first := r.git("rev-parse", "HEAD")
	for _, n := range names {
		r.ends(n, first, gitops.PhaseSucceeded)
	}
	at := func(n string) string { return filepath.Join(r.stage.Dir, "stacks", n) }
	r.set("stacks/clean/template.yaml", "\ufeff"+strings.ReplaceAll(queue("r48-clean", 9), "\n", "\r\n"))
	r.must(os.Symlink("b", filepath.Join(at("looped"), "a")))
	r.must(os.Symlink("a", filepath.Join(at("looped"), "b")))
	r.set("stacks/stored/template.yaml", pointer)
	r.set("stacks/twins/Template.yaml", queue("r48-twins", 9))
	r.set("stacks/odd/a\\b\x1b[2J", "x")
	r.git("add", "-A")
	r.git("update-index", "--add", "--cacheinfo", "160000,"+first+",stacks/module/sub")
	r.git("-c", "user.name=Ann", "-c", "user.email=a@example.com", "commit", "-q", "-m", "hostile")
	r.git("push", "-q", r.stage.Sandbox.GitURL(r.name), "HEAD:main")
	r.ends("clean", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	want := map[string]string{"looped": "symbolic link", "stored": "Git LFS", "twins": "in case alone", "module": "submodule", "odd": "backslash"}
	r.eventually("every problem is told", func() bool { return len(r.repository().Problems) == len(want) }, func() string { return describe(gitops.View{}, r.repository()) })
	for _, p := range r.repository().Problems {
		if !strings.Contains(p.Message, want[p.Application]) || !strings.Contains(p.Message, "stacks/"+p.Application+"/") || strings.Contains(p.Message, "\x1b") {
			t.Errorf("%s: %q, want %q and the path", p.Application, p.Message, want[p.Application])
		}
	}
	if got, err := r.stage.Sandbox.QueueAttribute(t.Context(), "r48-clean", "VisibilityTimeout"); err != nil || got != "9" {
		t.Errorf("the template of CRLF and BOM: live VisibilityTimeout is %q, %v; want 9", got, err)
	}
	for _, n := range []string{"looped/a", "looped/b", "twins/Template.yaml", "odd/a\\b\x1b[2J"} {
		r.must(os.Remove(filepath.Join(r.stage.Dir, "stacks", n)))
	}
	r.git("rm", "-q", "--cached", "stacks/module/sub")
	for _, n := range names[1:] {
		r.set("stacks/"+n+"/template.yaml", queue("r48-"+n, 7))
	}
	mended := r.push("mended")
	for _, n := range names[1:] {
		r.ends(n, mended, gitops.PhaseSucceeded)
	}
}

// Sixty pushes while one deployment is under way: what came between is recorded, not made.
// While one deployment runs, whatever is pushed becomes one more: how many there are is a matter
// of how long the pushes took, not of how many they were. A busy machine takes its time.
func TestR49_SixtyQuickPushesAreAtMostTwoDeployments(t *testing.T) {
	const name = "busy"
	h := host(t, "acme/busy", one(name, 5), "--forge", "github", "--token-file", token(t))
	h.deploys(name, one(name, 6))
	before := h.history(name)
	timing := slow(t)
	defer timing()
	var last string
	began := time.Now()
	for i := range 60 {
		last = h.commit(fmt.Sprintf("push %d", i), one(name, 100+i))
		h.wake()
	}
	most := 2 + int(time.Since(began)/slowStack)
	timing()
	h.ends(name, last, gitops.PhaseSucceeded)
	applied := 0
	var skipped []string
	for _, d := range h.history(name) {
		switch {
		case slices.ContainsFunc(before, func(b gitops.Deployment) bool { return b.ID == d.ID }):
		case d.Phase == gitops.PhaseSucceeded:
			applied++
		case d.Phase == gitops.PhaseSuperseded:
			skipped = append(skipped, d.Revision.Commit)
		default:
			t.Errorf("%s ended %s: %s", d.Revision, d.Phase, d.Reason)
		}
	}
	if applied > most || len(skipped) == 0 {
		t.Errorf("%d deployments were applied, %d revisions recorded as superseded; want at most %d and the rest", applied, len(skipped), most)
	}
	if got, err := h.stage.Sandbox.QueueAttribute(t.Context(), name, "VisibilityTimeout"); err != nil || got != "159" {
		t.Errorf("live VisibilityTimeout is %q, %v; want that of the last push, 159", got, err)
	}
}

func (r *repo) history(name string) []gitops.Deployment {
	r.t.Helper()
	var all []gitops.Deployment
	r.must(r.stage.JSON(r.t.Context(), &all, "history", name, "--limit", "100"))
	return all
}
