package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// timeout is that of the reconciler's function.
const timeout = time.Minute

// What an invocation has to do takes long at each of its calls in turn: so long that hardly any
// time is left, or none. No call begins in the last five seconds, and whatever was left undone is
// done by later invocations.
func TestR14_NoCallBeginsInTheLastFiveSecondsAndTheRestIsDoneByTheNext(t *testing.T) {
	for _, slow := range []time.Duration{timeout - 9*time.Second, timeout - 6*time.Second, timeout - 4*time.Second, timeout} {
		t.Run(slow.String(), func(t *testing.T) {
			for n := 1; ; n++ {
				calls := 0
				synctest.Test(t, func(t *testing.T) { calls = rollOutSlowly(t, n, slow) })
				if t.Failed() {
					t.Fatalf("with call %d of %d taking %s", n, calls, slow)
				}
				if calls < n {
					if n < 20 {
						t.Fatalf("a rollout makes only %d calls", calls)
					}
					return
				}
			}
		})
	}
}

// rollOutSlowly rolls out a push with the n-th call taking long, and returns how many calls it took.
func rollOutSlowly(t *testing.T, n int, slow time.Duration) (calls int) {
	store, queue, git, engine, blobs := fake.NewStore(), fake.NewQueue(), fake.NewGit(), fake.NewEngine(), fake.NewBlobs()
	end, ids := time.Time{}, 0
	before := func(ctx context.Context) error {
		if err := ctx.Err(); err != nil {
			return err // no client begins a call for a context that ended
		}
		if left := time.Until(end); left < 5*time.Second {
			t.Errorf("call %d begins with %s left", calls+1, left)
		}
		if calls++; calls != n {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(slow):
			return nil
		}
	}
	r := &reconcile.Reconciler{Store: timedStore{store, before}, Queue: timedQueue{queue, before}, Blobs: timedBlobs{blobs, before},
		Git: timedGit{git, before}, Allowed: func(gitops.Target) error { return nil }, Now: time.Now, Sleep: reconcile.Pause,
		NewID:   func() string { ids++; return fmt.Sprintf("01J%05d", ids) },
		Engines: map[gitops.Engine]reconcile.Engine{gitops.EngineCloudFormation: timedEngine{engine, before}}}
	sweep := &reconcile.Sweeper{Store: store, Queue: queue, Now: time.Now}
	handle := handler.Reconcile(r, quiet)
	repo := gitops.Repository{ID: "r1", URL: "https://git.example.com/infra", Branch: "main"}
	if err := store.PutRepository(t.Context(), &repo); err != nil {
		t.Fatal(err)
	}
	git.Push(repo.URL, "main", "a queue", map[string]string{"template.yaml": "Queue.Type: AWS::SQS::Queue\n",
		"driftless.yaml": "version: 1\napplications:\n  - { name: jobs, path: ., target: { account: \"111122223333\", region: eu-west-1 }, cloudformation: {} }\n"})
	invoke := func(m reconcile.Message) {
		body, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		end = time.Now().Add(timeout)
		ctx, cancel := context.WithDeadline(t.Context(), end)
		defer cancel()
		response, err := handle(ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: string(body)}}})
		if err != nil || ctx.Err() != nil {
			t.Fatalf("the invocation was cut off: %v, %v", err, ctx.Err())
		}
		if len(response.BatchItemFailures) > 0 { // the queue hands it over again
			_ = queue.Send(t.Context(), m)
		}
	}
	for range 8 {
		_, _ = sweep.Repositories(t.Context())
		_, _ = sweep.Unfinished(t.Context())
		for m, ok := queue.Next(); ok; m, ok = queue.Next() {
			invoke(m)
		}
		time.Sleep(time.Minute) // of the bubble's clock
	}
	a, err := store.Application(t.Context(), "jobs")
	if err != nil || a.Ended.Phase != gitops.PhaseSucceeded || a.InFlight != "" || len(engine.Executed()) != 1 {
		t.Errorf("it ended %s %s with %q in flight, executed %d times; %v", a.Ended.Phase, a.Ended.Reason, a.InFlight, len(engine.Executed()), err)
	}
	return calls
}
