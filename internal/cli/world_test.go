package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/secret"
)

const (
	repoURL = "https://git.example.com/team/infra"
	ann     = "arn:aws:iam::111122223333:user/ann"
)

var target = gitops.Target{Account: "111122223333", Region: "eu-west-1"}

// world is an installation: the real API and the real reconciler with every port in memory.
// Its time goes on while a command pauses, and then its reconciler works.
type world struct {
	mu     sync.Mutex
	now    time.Time
	ids    int
	status int // what every request is answered with, unless it is zero

	store   *fake.Store
	queue   *fake.Queue
	git     *fake.Git
	engine  *fake.Engine
	r       *reconcile.Reconciler
	sweep   *reconcile.Sweeper
	api     *handler.API
	secrets map[string]string

	read, write *httptest.Server
	pauses      int
	limit       int    // interrupt after as many pauses, unless it is zero
	typed       string // what the person at the terminal answers, unless it is empty
	live        bool   // the outputs are terminals
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC), store: fake.NewStore(), queue: fake.NewQueue(),
		git: fake.NewGit(), engine: fake.NewEngine(), secrets: map[string]string{}}
	blobs := fake.NewBlobs()
	w.engine.Now = w.clock
	allowed := func(at gitops.Target) error {
		if at.Account != target.Account {
			return fmt.Errorf("account %s is not among the installation's targets: %s", at.Account, target.Account)
		}
		return nil
	}
	w.r = &reconcile.Reconciler{Store: w.store, Queue: w.queue, Blobs: blobs, Git: w.git, Allowed: allowed, Now: w.clock,
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: w.engine},
		NewID:   func() string { w.ids++; return fmt.Sprintf("01J%05d", w.ids) },
		Sleep:   func(context.Context, time.Duration) error { return errors.New("leave it to the sweep") }}
	w.sweep = &reconcile.Sweeper{Store: w.store, Queue: w.queue, Now: w.clock}
	w.api = &handler.API{Store: w.store, Log: slog.New(slog.DiscardHandler),
		Operator: &reconcile.Operator{Store: w.store, Queue: w.queue, Blobs: blobs, Allowed: allowed, Now: w.clock}}
	w.read, w.write = httptest.NewServer(w.alias("read")), httptest.NewServer(w.alias("write"))
	return w
}

func (w *world) close() {
	w.read.Close()
	w.write.Close()
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) breakWith(status int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = status
}

// alias serves the API as its function URL of an alias does.
func (w *world) alias(name string) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		status := w.status
		w.mu.Unlock()
		if status != 0 {
			out.WriteHeader(status)
			_, _ = io.WriteString(out, `{"Message":"said by Lambda"}`)
			return
		}
		body, _ := io.ReadAll(r.Body)
		e := events.LambdaFunctionURLRequest{RawPath: r.URL.Path, RawQueryString: r.URL.RawQuery, Body: string(body),
			QueryStringParameters: map[string]string{}}
		for k := range r.URL.Query() {
			e.QueryStringParameters[k] = r.URL.Query().Get(k)
		}
		e.RequestContext.HTTP.Method = r.Method
		e.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
			IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: ann}}
		ctx := lambdacontext.NewContext(r.Context(), &lambdacontext.LambdaContext{
			InvokedFunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:driftless-api:" + name})
		answer, err := w.api.Handle(ctx, e)
		if err != nil {
			answer.StatusCode = http.StatusBadGateway
		}
		out.WriteHeader(answer.StatusCode)
		_, _ = io.WriteString(out, answer.Body)
	}
}

// step handles the message that has waited longest, else does what the sweep does.
func (w *world) step(ctx context.Context) error {
	m, ok := w.queue.Next()
	if !ok {
		_, err := w.sweep.Unfinished(ctx)
		return err
	}
	return w.r.Reconcile(ctx, m)
}

// settle steps until nothing is unfinished any more, or waits for a person.
func (w *world) settle(ctx context.Context) error {
	for range 100 {
		waiting, err := w.store.Unfinished(ctx, w.clock().Unix())
		if err != nil {
			return err
		}
		if w.queue.Len() == 0 && len(waiting.Applications)+len(waiting.Repositories) == 0 {
			return nil
		}
		if err := w.step(ctx); err != nil {
			return err
		}
		w.pass(time.Second)
	}
	return nil
}

// Read implements secrets.
func (w *world) Read(_ context.Context, reference string) (secret.Secret, error) {
	value, ok := w.secrets[reference]
	if !ok {
		return secret.Secret{}, fmt.Errorf("%s: %w", reference, reconcile.ErrNotFound)
	}
	return secret.New(value), nil
}

// Put implements secrets.
func (w *world) Put(_ context.Context, reference string, value secret.Secret) error {
	w.secrets[reference] = value.Reveal()
	return nil
}

// push commits the files of a directory.
func (w *world) push(message, dir string) (string, error) {
	files := map[string]string{}
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(os.DirFS(dir), name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		return "", err
	}
	return w.git.Push(repoURL, "main", message, files), nil
}

// config is what main gives the commands, here.
func (w *world) config(ctx context.Context, interrupt func(), stdout, stderr io.Writer, env func(string) string) Config {
	w.pauses = 0
	c := Config{Stdin: errReader{}, Stdout: stdout, Stderr: stderr, Now: w.clock, Env: env, TtyOut: w.live, TtyErr: w.live,
		Connect: func(context.Context, *flags) (*client, error) {
			return &client{http: w.read.Client(), secrets: w,
				at: api.Addresses{Read: w.read.URL, Write: w.write.URL + "/", Webhook: "https://hooks.example.com/"}}, nil
		},
		Pause: func(_ context.Context, d time.Duration) error {
			w.pauses++
			if w.pauses == w.limit {
				interrupt()
			}
			if w.pauses > 5000 {
				return errors.New("it waits without end")
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			w.pass(d)
			return w.step(ctx)
		}}
	if w.typed != "" {
		c.Stdin, c.TtyIn = reader(w.typed), true
	}
	return c
}

// errReader is a standard input that nobody may read.
type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("standard input is not to be read") }
