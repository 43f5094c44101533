package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Reconciler takes the steps that a message asks for.
type Reconciler interface {
	Reconcile(ctx context.Context, m reconcile.Message) error
}

// margin is what is left of an invocation's time when its calls are cut off, so that no call
// begins that Lambda would cut off with the whole process, and the answer, which acknowledges the
// message, and its log line still come. What a call had begun is found by the next invocation.
const margin = 5 * time.Second

// Reconcile handles the messages of work.fifo. The first one that fails is reported with
// all that stand after it, as a FIFO queue's mapping needs it: what comes later in a group
// must not overtake (Lambda developer guide, "Handling errors for an SQS event source").
// A panic is a failure of that message alone, so that a poisoned record reaches the
// dead-letter queue instead of ending the process again and again.
func Reconcile(r Reconciler, log *slog.Logger) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		var response events.SQSEventResponse
		for i, record := range e.Records {
			err := reconcileRecord(ctx, r, record)
			if err == nil {
				continue
			}
			log.Error("reconcile", "message", record.MessageId, "error", err.Error())
			for _, left := range e.Records[i:] {
				response.BatchItemFailures = append(response.BatchItemFailures,
					events.SQSBatchItemFailure{ItemIdentifier: left.MessageId})
			}
			break
		}
		return response, nil
	}
}

func reconcileRecord(ctx context.Context, r Reconciler, record events.SQSMessage) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	var m reconcile.Message
	if err := json.Unmarshal([]byte(record.Body), &m); err != nil {
		return fmt.Errorf("decode message: %w", err)
	}
	return r.Reconcile(ctx, m)
}
