package reconcile_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const repoURL = "https://git.example.com/team/infra"

var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

// world is the real reconciler with every port in memory, a clock that only the test moves,
// and one repository that is watched.
type world struct {
	t      *testing.T
	now    time.Time
	ids    int
	store  *fake.Store
	queue  *fake.Queue
	blobs  *fake.Blobs
	git    *fake.Git
	engine *fake.Engine
	r      *reconcile.Reconciler
	op     *reconcile.Operator
	sweep  *reconcile.Sweeper
	files  map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), store: fake.NewStore(), queue: fake.NewQueue(),
		blobs: fake.NewBlobs(), git: fake.NewGit(), engine: fake.NewEngine(), files: map[string]string{}}
	clock := func() time.Time { return w.now }
	w.engine.Now = clock
	allowed := func(at gitops.Target) error {
		if at.Account != target.Account {
			return fmt.Errorf("account %s is not among the installation's targets: %s", at.Account, target.Account)
		}
		return nil
	}
	w.r = &reconcile.Reconciler{Store: w.store, Queue: w.queue, Blobs: w.blobs, Git: w.git, Allowed: allowed, Now: clock,
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: w.engine},
		NewID:   func() string { w.ids++; return fmt.Sprintf("01J%05d", w.ids) },
		Sleep:   func(_ context.Context, d time.Duration) error { w.now = w.now.Add(d); return nil }}
	w.op = &reconcile.Operator{Store: w.store, Queue: w.queue, Blobs: w.blobs, Allowed: allowed, Now: clock}
	w.sweep = &reconcile.Sweeper{Store: w.store, Queue: w.queue, Now: clock}
	return w
}

// watching returns a world whose repository has two applications, jobs and books, deployed.
func watching(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.push("two applications", map[string]string{
		"driftless.yaml":               file("jobs", "books"),
		"stacks/jobs/template.yaml":    "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\n",
		"stacks/books/template.yaml":   "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PAY_PER_REQUEST\n",
		"README.md":                    "infrastructure\n",
		"stacks/shared/parameters.txt": "not used\n",
	})
	w.add()
	w.settle()
	for _, id := range []string{"jobs", "books"} {
		if a := w.app(id); a.Ended.Phase != gitops.PhaseSucceeded || a.Sync() != gitops.StatusSynced {
			t.Fatalf("%s did not come up: %+v", id, a.Ended)
		}
	}
	return w
}

// file is a driftless.yaml with these applications, with extra lines for each.
func file(names ...string) string {
	return fileWith("", names...)
}

func fileWith(extra string, names ...string) string {
	out := "version: 1\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\napplications:\n"
	for _, n := range names {
		out += fmt.Sprintf("  - name: %s\n    path: stacks/%s\n    cloudformation: { stack: prod-%s, template: template.yaml }\n%s", n, n, n, extra)
	}
	return out
}

// push commits changes to the tracked branch; an empty content deletes a file.
func (w *world) push(message string, changes map[string]string) string {
	w.t.Helper()
	for name, content := range changes {
		if content == "" {
			delete(w.files, name)
			continue
		}
		w.files[name] = content
	}
	return w.git.Push(repoURL, "main", message, maps.Clone(w.files))
}

// add watches the repository.
func (w *world) add() gitops.Repository {
	w.t.Helper()
	r, err := w.op.AddRepository(w.t.Context(), gitops.Repository{URL: repoURL, Branch: "main"}, "ann")
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// resync is what the five-minute schedule does.
func (w *world) resync() {
	w.t.Helper()
	if _, err := w.sweep.Repositories(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// drain handles messages until there is none.
func (w *world) drain() {
	w.t.Helper()
	for range 1000 {
		m, ok := w.queue.Next()
		if !ok {
			return
		}
		if err := w.r.Reconcile(w.t.Context(), m); err != nil {
			w.t.Fatalf("reconcile %+v: %v", m, err)
		}
	}
	w.t.Fatal("the queue never empties")
}

// settle handles messages and sweeps, a minute apart, until nothing is unfinished.
func (w *world) settle() {
	w.t.Helper()
	w.rounds(30)
	if waiting := w.unfinished(); len(waiting) > 0 {
		w.t.Fatalf("still unfinished after 30 sweeps: %v", waiting)
	}
}

// rounds sweeps at most n times.
func (w *world) rounds(n int) {
	w.t.Helper()
	w.drain()
	for range n {
		if len(w.unfinished()) == 0 {
			return
		}
		w.now = w.now.Add(time.Minute)
		_, _ = w.sweep.Unfinished(w.t.Context()) // a sweep that fails is followed by the next
		w.drain()
	}
}

func (w *world) unfinished() []string {
	var out []string
	apps, _ := w.store.ListApplications(w.t.Context(), "")
	for _, a := range apps {
		if a.Unfinished() {
			out = append(out, a.ID)
		}
	}
	repos, _ := w.store.ListRepositories(w.t.Context())
	for _, r := range repos {
		if r.Unfinished() {
			out = append(out, r.ID)
		}
	}
	return out
}

func (w *world) app(id string) gitops.Application {
	w.t.Helper()
	a, err := w.store.Application(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// last returns the application's newest deployment.
func (w *world) last(id string) gitops.Deployment {
	w.t.Helper()
	all, err := w.store.ListDeployments(w.t.Context(), id, 1)
	if err != nil || len(all) == 0 {
		w.t.Fatalf("%s has no deployment: %v", id, err)
	}
	return all[0]
}

func (w *world) repository() gitops.Repository {
	w.t.Helper()
	r, err := w.store.Repository(w.t.Context(), gitops.RepositoryID(repoURL, "main"))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// live returns one property of a live resource.
func (w *world) live(app, resource, property string) string {
	return w.engine.Live(target, "prod-"+app)[resource][property]
}

// expect fails unless the application's newest deployment ended in a phase.
func (w *world) expect(app string, phase gitops.Phase) gitops.Deployment {
	w.t.Helper()
	d := w.last(app)
	if d.Phase != phase {
		w.t.Fatalf("%s is %s (%s), want %s", app, d.Phase, d.Reason, phase)
	}
	return d
}
