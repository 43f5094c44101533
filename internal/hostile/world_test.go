package hostile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/render"
)

// world is a forge with real git, read by the real client and rolled out by the real
// reconciler, with the other ports in memory.
type world struct {
	t      *testing.T
	now    time.Time
	ids    int
	forge  *forgetest.Server
	dir    string // of the bare repository
	store  *fake.Store
	queue  *fake.Queue
	r      *reconcile.Reconciler
	op     *reconcile.Operator
	notice *notify.Notifier
	log    bytes.Buffer
}

const of = "acme/infra"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), forge: forgetest.New(), store: fake.NewStore(), queue: fake.NewQueue()}
	t.Cleanup(w.forge.Close)
	var err error
	if w.dir, err = w.forge.Create(of); err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return w.now }
	id := func() string { w.ids++; return fmt.Sprintf("01J%05d", w.ids) }
	allowed := func(gitops.Target) error { return nil }
	engine, blobs, hosts := fake.NewEngine(), fake.NewBlobs(), []string{w.forge.Host()}
	engine.Now = clock
	log := slog.New(slog.NewTextHandler(&w.log, nil))
	w.r = &reconcile.Reconciler{Store: w.store, Queue: w.queue, Blobs: blobs, Allowed: allowed, Now: clock, NewID: id, Log: log,
		Git: &git.Client{AllowPrivateHosts: hosts, TempDir: t.TempDir(),
			Credentials: func(context.Context, gitops.Repository, string) (string, string, error) {
				return "git", "forge-token", nil
			}},
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: engine},
		Sleep:   func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil }}
	w.op = &reconcile.Operator{Store: w.store, Queue: w.queue, Blobs: blobs, Allowed: allowed, Now: clock}
	client := forge.NewClient(hosts)
	tokens := func(context.Context, gitops.Repository) ([]string, error) { return []string{"forge-token"}, nil }
	w.notice = &notify.Notifier{Records: w.store, Notices: fake.NewNotices(), NewID: id, Now: clock, Log: log, Forges: map[gitops.Forge]notify.Reporter{
		gitops.ForgeGitHub: github.Forge{HTTP: client, Tokens: tokens}, gitops.ForgeGitLab: gitlab.Forge{HTTP: client, Tokens: tokens}}}
	return w
}

// git runs git in the bare repository; what it says is an error is one, for the caller to judge.
func (w *world) git(in string, args ...string) (string, error) {
	cmd := exec.CommandContext(w.t.Context(), "git", append([]string{"--git-dir", w.dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1")
	cmd.Stdin = strings.NewReader(in)
	out, err := cmd.Output()
	return strings.TrimSpace(string(out)), err
}

// must is git where an error ends the test.
func (w *world) must(in string, args ...string) string {
	w.t.Helper()
	out, err := w.git(in, args...)
	if err != nil {
		w.t.Fatalf("git %v: %v", args, err)
	}
	return out
}

// commit makes a commit of one application, whose message and author nobody looked at, the
// newest of a reference. It says whether git takes the reference's name.
func (w *world) commit(ref, author, message string, size int) bool {
	w.t.Helper()
	file := w.must("version: 1\ndefaults: { target: { account: \"111122223333\", region: eu-west-1 } }\n"+
		"applications: [{ name: jobs, path: stacks, cloudformation: { template: template.yaml } }]\n", "hash-object", "-w", "--stdin")
	template := w.must(fmt.Sprintf("Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: %d\n", size), "hash-object", "-w", "--stdin")
	stacks := w.must("100644 blob "+template+"\ttemplate.yaml\n", "mktree")
	tree := w.must("100644 blob "+file+"\tdriftless.yaml\n040000 tree "+stacks+"\tstacks\n", "mktree")
	author = strings.NewReplacer("\n", " ", "<", "", ">", "").Replace(author) // which would end the line or the name
	text := fmt.Sprintf("tree %s\nauthor %s <a> 1700000000 +0000\ncommitter %s <a> 1700000000 +0000\n\n%s\n", tree, author, author, message)
	id := w.must(text, "hash-object", "--literally", "-w", "-t", "commit", "--stdin")
	_, err := w.git("", "update-ref", ref, id)
	return err == nil
}

// roll handles messages until there is none, and tells what became of it.
func (w *world) roll(id string) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.queue.Send(ctx, reconcile.Message{Repository: id, Reason: "pushed"}); err != nil {
		w.t.Fatal(err)
	}
	for range 200 {
		m, ok := w.queue.Next()
		if !ok {
			break
		}
		if err := w.r.Reconcile(ctx, m); err != nil {
			w.t.Fatalf("reconcile %+v: %v", m, err)
		}
	}
	subjects := []notify.Subject{{About: notify.About{Repo: id}}}
	if all, err := w.store.ListDeployments(ctx, "jobs", 1); err == nil && len(all) > 0 {
		subjects = append(subjects, notify.Subject{About: notify.About{Repo: all[0].Repository, App: "jobs", Deployment: all[0].ID}})
	}
	for _, err := range w.notice.Tell(ctx, subjects) {
		if err != nil {
			w.t.Errorf("tell: %v", err)
		}
	}
}

// shown is everything that people and programs are shown of the world, by what it is.
func (w *world) shown(id string) map[string]string {
	w.t.Helper()
	ctx := w.t.Context()
	r, err := w.store.Repository(ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string]string{"repositories": render.Repositories([]gitops.Repository{r}, w.now, false), "log": w.log.String()}
	if a, err := w.store.Application(ctx, "jobs"); err == nil {
		v := gitops.NewView(a, nil, r)
		out["status"], out["application"] = render.Status([]gitops.View{v}, w.now, false), render.Application(v, w.now, false)
	}
	if all, err := w.store.ListDeployments(ctx, "jobs", 1); err == nil && len(all) == 1 {
		out["history"] = render.History(all, w.now, false)
	}
	for i, s := range w.forge.Statuses() {
		out[fmt.Sprintf("status %d on the forge", i)] = s.Description
	}
	for i, m := range w.queue.Sent() {
		out[fmt.Sprintf("message %d", i)] = m.Reason
	}
	return out
}

// recorded is every string of the records, which is what events and the API give of them too.
func (w *world) recorded(id string) []string {
	w.t.Helper()
	ctx := w.t.Context()
	r, err := w.store.Repository(ctx, id)
	if err != nil {
		w.t.Fatal(err)
	}
	applications, err := w.store.ListApplications(ctx, "")
	if err != nil {
		w.t.Fatal(err)
	}
	deployments, err := w.store.ListDeployments(ctx, "jobs", 1)
	if err != nil {
		w.t.Fatal(err)
	}
	data, err := json.Marshal([]any{r, applications, deployments})
	if err != nil {
		w.t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(data, &tree); err != nil {
		w.t.Fatal(err)
	}
	return texts(tree)
}

// texts returns the strings of a JSON value.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			all = append(all, texts(e)...)
		}
	case map[string]any:
		for k, e := range v {
			all = append(append(all, k), texts(e)...)
		}
	}
	return all
}
