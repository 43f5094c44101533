package dynamodb_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// wire is the way to DynamoDB, where faults happen. Its functions see the operation's name;
// nil lets everything through.
type wire struct {
	client aws.HTTPClient
	before func(operation string) (*http.Response, error) // an answer, or an error, in place of DynamoDB's
	after  func(operation string) error                   // that DynamoDB's answer is lost with
	replay func(operation, request string, now *answer) *answer
}

func (w *wire) Do(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if w.before != nil {
		if answer, err := w.before(operation); answer != nil || err != nil {
			return answer, err
		}
	}
	var request []byte
	if w.replay != nil {
		var err error
		if request, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(request))
	}
	came, err := w.client.Do(r)
	if err != nil {
		return nil, err
	}
	if w.after != nil {
		if err := w.after(operation); err != nil {
			return nil, err
		}
	}
	if w.replay == nil {
		return came, nil
	}
	body, err := io.ReadAll(came.Body)
	return w.replay(operation, string(request), &answer{came.StatusCode, came.Header, body}).response(), err
}

// refusal is DynamoDB's answer of a code.
func refusal(code string) *http.Response {
	return &http.Response{StatusCode: http.StatusBadRequest, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(strings.NewReader(`{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"no"}`))}
}

func writes(operation string) bool {
	return operation == "UpdateItem" || operation == "PutItem" || operation == "TransactWriteItems"
}

// world is the real reconciler, behind its handler and on the real store, with every other port
// in memory.
type world struct {
	t      *testing.T
	wire   *wire
	store  *dynamodb.Store // over the wire
	direct *dynamodb.Store // past it
	queue  *fake.Queue
	git    *fake.Git
	engine *fake.Engine
	sweep  *reconcile.Sweeper
	handle func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)
	logged bytes.Buffer
	ids    int
	now    time.Time
	repo   gitops.Repository
	fence  int64 // that somebody else wrote
}

const configuration = "version: 1\napplications:\n" +
	"  - { name: jobs, path: ., target: { account: \"111122223333\", region: eu-west-1 }, cloudformation: { stack: prod-jobs } }\n"

// newWorld returns a world whose one application is deployed.
func newWorld(t *testing.T, cfg aws.Config) *world {
	t.Helper()
	w := &world{t: t, wire: &wire{client: cfg.HTTPClient}, queue: fake.NewQueue(), git: fake.NewGit(), engine: fake.NewEngine(),
		now:  time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC),
		repo: gitops.Repository{ID: "r1", URL: "https://git.example.com/infra", Branch: "main"}}
	clock := func() time.Time { return w.now }
	table, blobs, faulty := newTable(t, cfg), fake.NewBlobs(), cfg.Copy()
	faulty.HTTPClient = w.wire
	faulty.RetryMaxAttempts = 0
	faulty.Retryer = func() aws.Retryer { return retry.AddWithMaxBackoffDelay(retry.NewStandard(), time.Millisecond) }
	w.store, w.direct = dynamodb.New(faulty, table, blobs, clock), dynamodb.New(cfg, table, blobs, clock)
	r := &reconcile.Reconciler{Store: w.store, Queue: w.queue, Blobs: blobs, Git: w.git, Now: clock,
		Allowed: func(gitops.Target) error { return nil },
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: w.engine},
		NewID:   func() string { w.ids++; return fmt.Sprintf("01J%05d", w.ids) }}
	w.handle = handler.Reconcile(r, slog.New(slog.NewJSONHandler(&w.logged, nil)))
	r.Log = slog.New(slog.NewJSONHandler(&w.logged, nil))
	w.sweep = &reconcile.Sweeper{Store: w.store, Queue: w.queue, Now: clock}
	must(t, w.direct.PutRepository(t.Context(), &w.repo))
	w.push("5")
	w.settle()
	w.expect("5")
	return w
}

func (w *world) push(timeout string) {
	w.git.Push(w.repo.URL, "main", "a queue", map[string]string{"driftless.yaml": configuration,
		"template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: " + timeout + "\n"})
}

// round is a minute: the sweeps, whose failure is followed by the next, and what they wake. It
// returns how many messages were not taken.
func (w *world) round() (refused int) {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	_, _ = w.sweep.Repositories(w.t.Context())
	_, _ = w.sweep.Unfinished(w.t.Context())
	for m, ok := w.queue.Next(); ok; m, ok = w.queue.Next() {
		refused += w.deliver(m)
	}
	return refused
}

// deliver hands a message to the function, and returns how many it did not take.
func (w *world) deliver(m reconcile.Message) int {
	w.t.Helper()
	body, err := json.Marshal(m)
	must(w.t, err)
	out, err := w.handle(w.t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: string(body)}}})
	must(w.t, err)
	return len(out.BatchItemFailures)
}

// settle lets minutes pass until nothing is left to do.
func (w *world) settle() {
	w.t.Helper()
	for range 10 {
		w.round()
		waiting, err := w.direct.Unfinished(w.t.Context(), 0)
		must(w.t, err)
		if len(waiting.Applications)+len(waiting.Repositories) == 0 {
			return
		}
	}
	w.t.Fatal("it is never done")
}

func (w *world) app() gitops.Application {
	w.t.Helper()
	a, err := w.direct.Application(w.t.Context(), "jobs")
	must(w.t, err)
	return a
}

// expect fails unless live is what was pushed, executed once for each push, with nothing left.
func (w *world) expect(timeout string) {
	w.t.Helper()
	target := gitops.Target{Account: "111122223333", Region: "eu-west-1"}
	a := w.app()
	live := w.engine.Live(target, "prod-jobs")["Queue"]["VisibilityTimeout"]
	if live != timeout || a.Ended.Phase != gitops.PhaseSucceeded || a.InFlight != "" || len(w.engine.Leftovers()) > 0 {
		w.t.Errorf("live is %q, want %q; it ended %s %s with %q in flight, change sets left: %v",
			live, timeout, a.Ended.Phase, a.Ended.Reason, a.InFlight, w.engine.Leftovers())
	}
	executed := map[string]int{}
	for _, e := range w.engine.Executed() {
		if executed[e.Revision.Commit]++; executed[e.Revision.Commit] > 1 {
			w.t.Errorf("%s was executed twice", e.Revision)
		}
	}
}

// each rolls out a push again and again, with a fault at the next of its writes each time. Its
// first push's first deployment aside, a rollout is a look, three steps and a detection.
func each(t *testing.T, arm func(w *world, hit func(operation string) bool)) {
	t.Helper()
	w := newWorld(t, moto(t))
	for n := 1; ; n++ {
		count, timeout := 0, fmt.Sprint(100+n)
		arm(w, func(operation string) bool {
			if !writes(operation) {
				return false
			}
			count++
			return count == n
		})
		w.push(timeout)
		w.settle()
		w.wire.before, w.wire.after = nil, nil
		w.settle()
		w.expect(timeout)
		if t.Failed() {
			t.Fatalf("after a fault at write %d", n)
		}
		if count < n {
			if n < 6 {
				t.Fatalf("a rollout makes only %d writes", count)
			}
			return
		}
	}
}

func TestR20_AWriteThatSomebodyElseWasBeforeIsDecidedAnew(t *testing.T) {
	each(t, func(w *world, hit func(string) bool) {
		w.wire.before = func(operation string) (*http.Response, error) {
			if hit(operation) {
				w.somebodyElse()
			}
			if fence := w.app().Fence; fence < w.fence {
				w.t.Errorf("what somebody else wrote is gone: the fence is %d, and was %d", fence, w.fence)
			}
			return nil, nil
		}
	})
}

// somebodyElse writes every record, so that whoever read one before has an old version. Of the
// application it writes what must not be lost.
func (w *world) somebodyElse() {
	w.t.Helper()
	repo, err := w.direct.Repository(w.t.Context(), w.repo.ID)
	must(w.t, err)
	must(w.t, w.direct.PutRepository(w.t.Context(), &repo))
	a := w.app()
	a.Fence += 1000
	w.fence = a.Fence
	must(w.t, w.direct.PutApplication(w.t.Context(), &a))
	if a.InFlight == "" {
		return
	}
	d, err := w.direct.Deployment(w.t.Context(), a.ID, a.InFlight)
	must(w.t, err)
	must(w.t, w.direct.PutDeployment(w.t.Context(), &d))
}

func TestR21_AWriteWhoseAnswerIsLostIsFoundAsItsOwn(t *testing.T) {
	each(t, func(w *world, hit func(string) bool) {
		w.wire.after = func(operation string) error {
			if hit(operation) {
				return errors.New("connection reset by peer")
			}
			return nil
		}
	})
}

func TestR22_TenMinutesOfThrottlingAreWaitedOut(t *testing.T) {
	cfg := moto(t)
	for _, code := range []string{"ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded"} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t, cfg)
			w.push("9")
			must(t, w.queue.Send(t.Context(), reconcile.Message{Repository: w.repo.ID}))
			before := w.app()
			w.wire.before = func(string) (*http.Response, error) { return refusal(code), nil }
			for range 10 {
				must(t, w.queue.Send(t.Context(), reconcile.Message{Application: "jobs"}, reconcile.Message{Repository: w.repo.ID}))
				if refused := w.round(); refused > 0 {
					t.Fatalf("%d messages were not taken: they would end in the dead-letter queue", refused)
				}
			}
			w.wire.before = nil
			wantEqual(t, w.app(), before)
			w.settle()
			w.expect("9")
		})
	}
}

func TestR25_WithoutItsTableDriftlessDoesNothingAndTheSweepSaysSo(t *testing.T) {
	cfg := moto(t)
	for _, code := range []string{"ResourceNotFoundException", "AccessDeniedException"} {
		t.Run(code, func(t *testing.T) {
			w := newWorld(t, cfg)
			w.push("9")
			w.engine.Forget()
			w.logged.Reset()
			w.wire.before = func(string) (*http.Response, error) { return refusal(code), nil }
			if refused := w.deliver(reconcile.Message{Application: "jobs"}) + w.deliver(reconcile.Message{Repository: w.repo.ID}); refused > 0 {
				t.Errorf("%d messages were not taken", refused)
			}
			if calls := w.engine.Counts(); len(calls) > 0 {
				t.Errorf("CloudFormation was called: %v", calls)
			}
			if !strings.Contains(w.logged.String(), code) {
				t.Errorf("the log does not tell of %s:\n%s", code, w.logged.String())
			}
			// A schedule's event that fails three times ends in the dead-letter queue, whose alarm it is.
			for _, which := range []string{"unfinished", "repositories"} {
				err := handler.Sweep(w.sweep, slog.New(slog.DiscardHandler))(t.Context(), handler.Schedule{Sweep: which})
				porttest.WantKind(t, err, reconcile.ErrDenied)
			}
		})
	}
}
