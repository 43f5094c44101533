package e2e_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

var root = func() string {
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		return "."
	}
	return dir
}()

// shared is the installation that the tests share; why it could not be made, if so. forges is
// a GitHub Enterprise and a GitLab that it can reach, and probed what checks of HTTP ask.
var (
	shared   *stage
	sharedIs error
	forges   *forgetest.Server
	probed   = &service{}
)

func TestMain(m *testing.M) {
	os.Exit(func() int {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		for _, need := range []string{"node_modules/.bin/cdk", "bin/driftless"} {
			if _, err := os.Stat(filepath.Join(root, need)); err != nil {
				fmt.Fprintf(os.Stderr, "%s is missing: run these tests with \"make e2e\", which makes it\n", need)
				return 1
			}
		}
		forges = forgetest.New()
		defer forges.Close()
		forges.Accept(forgeToken, labToken)
		defer probed.start().Close()
		var opened *demo.Stage
		opened, sharedIs = demo.Open(ctx, demo.Options{Root: root, PrivateHosts: []string{forges.Host(), probed.host}, Sandbox: sandbox.Options{
			Addr: "127.0.0.1:0", ScheduleSpeed: 12, VisibilitySpeed: 10, Watch: seen.watch}})
		if sharedIs == nil {
			defer opened.Close()
			shared, sharedIs = &stage{*opened}, opened.Install(ctx)
		}
		return m.Run()
	}())
}

// repo is a watched repository of one test.
type repo struct {
	t     *testing.T
	name  string
	at    string // its URL, where it is not of CodeCommit
	stage *stage
}

// watch makes a CodeCommit repository named after the test, pushes the files and watches it.
func watch(t *testing.T, files fstest.MapFS) *repo {
	t.Helper()
	return watchBranch(t, "main", files)
}

// watchBranch is watch with another default branch beside main: CodeCommit, as git does,
// refuses to delete the default branch, which is the one that was pushed first.
func watchBranch(t *testing.T, first string, files fstest.MapFS) *repo {
	t.Helper()
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	stage := *shared
	stage.Dir = t.TempDir()
	r := &repo{t: t, name: strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), stage: &stage}
	r.must(stage.Sandbox.CreateRepository(t.Context(), r.name))
	r.must(stage.Write(t.Context(), files))
	commit, err := stage.Commit(t.Context(), "first")
	r.must(err)
	for _, branch := range []string{first, "main"} {
		r.git("push", "-q", stage.Sandbox.GitURL(r.name), commit+":refs/heads/"+branch)
	}
	r.cli("repository", "add", r.url(), "--branch", "main")
	return r
}

func (r *repo) url() string {
	if r.at != "" {
		return r.at
	}
	return "codecommit::" + sandbox.Region + "://" + r.name
}

func (r *repo) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// push commits and pushes what was written, and returns the commit.
func (r *repo) push(message string) string {
	r.t.Helper()
	commit, err := r.stage.Push(r.t.Context(), r.name, message)
	r.must(err)
	return commit
}

// git runs git in the work tree.
func (r *repo) git(args ...string) string {
	r.t.Helper()
	cmd := exec.CommandContext(r.t.Context(), "git", args...)
	cmd.Dir = r.stage.Dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// set writes a file.
func (r *repo) set(name, content string) {
	r.t.Helper()
	r.must(r.stage.Set(name, content))
}

// cli runs the command line, which has to succeed.
func (r *repo) cli(args ...string) string {
	r.t.Helper()
	out, err := r.stage.Run(r.t.Context(), args...)
	r.must(err)
	return out
}

// app reads one application; ok is false while it is not registered.
func (r *repo) app(name string) (v gitops.View, ok bool) {
	r.t.Helper()
	err := r.stage.JSON(r.t.Context(), &v, "status", name)
	return v, err == nil
}

// repository reads the repository's record.
func (r *repo) repository() gitops.Repository {
	r.t.Helper()
	var all []gitops.Repository
	r.must(r.stage.JSON(r.t.Context(), &all, "repository", "list"))
	id := gitops.RepositoryID(r.url(), "main")
	i := slices.IndexFunc(all, func(other gitops.Repository) bool { return other.ID == id })
	if i < 0 {
		r.t.Fatalf("%s is not listed", id)
	}
	return all[i]
}

// patience is how long a test waits for one thing: a build may download packages first.
const patience = 2 * time.Minute

// eventually waits until something holds; describe says where things stand if it never does.
func (r *repo) eventually(what string, holds func() bool, describe func() string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-ctx.Done():
			r.t.Fatalf("%s: did not happen within %s; %s\nlogs: %s", what, patience, describe(), r.stage.Sandbox.Dir())
		case <-tick.C:
		}
	}
}

// ends waits until an application has ended a deployment of a commit, and returns it.
func (r *repo) ends(name, commit string, phase gitops.Phase) gitops.View {
	r.t.Helper()
	var v gitops.View
	r.eventually(name+" ends "+string(phase), func() bool {
		var ok bool
		v, ok = r.app(name)
		a := v.Application
		return ok && v.Deployment == nil && a.Wanted.Revision.Commit == commit && a.Wanted.Seq == a.Ended.Seq && a.Ended.Phase != ""
	}, func() string { return describe(v, r.repository()) })
	if got := v.Application.Ended; got.Phase != phase {
		r.t.Fatalf("%s ended %s (%s), want %s", name, got.Phase, got.Reason, phase)
	}
	return v
}

// asks waits until a deployment of an application waits for a person.
func (r *repo) asks(name string) {
	r.t.Helper()
	var v gitops.View
	r.eventually(name+" waits for a person", func() bool {
		v, _ = r.app(name)
		return v.Deployment != nil && v.Deployment.Phase == gitops.PhaseAwaitingApproval
	}, func() string { return describe(v, r.repository()) })
}

func describe(v gitops.View, r gitops.Repository) string {
	d := "nothing in flight"
	if v.Deployment != nil {
		d = fmt.Sprintf("%s %s", v.Deployment.Phase, v.Deployment.Progress)
	}
	return fmt.Sprintf("%s, last ended %s %q, message %q; repository at %s, trouble %q, problems %v",
		d, v.Application.Ended.Phase, v.Application.Ended.Reason, v.Message, r.Head, r.Trouble, r.Problems)
}

// file is a driftless.yaml with an application for each name, all at stacks/<name>.
func file(names ...string) string { return fileWith("", names...) }

func fileWith(extra string, names ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n", demo.Account, sandbox.Region)
	for _, n := range names {
		fmt.Fprintf(&b, "  - name: %s\n    path: stacks/%s\n    cloudformation: { stack: %s }\n%s", n, n, n, extra)
	}
	return b.String()
}

// queue is a template of one queue.
func queue(name string, visibility int) string {
	return fmt.Sprintf("Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: %s\n      VisibilityTimeout: %d\n", name, visibility)
}

func mapFS(files map[string]string) fstest.MapFS {
	out := fstest.MapFS{}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		out[name] = &fstest.MapFile{Data: []byte(files[name])}
	}
	return out
}
