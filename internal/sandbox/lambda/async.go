package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// InvokeAsync invokes a function and does not wait. A function that fails is tried again
// after one and two minutes (divided by VisibilitySpeed); then the event goes to the
// function's dead-letter target and failure destination. What waits is lost with Close.
func (s *Service) InvokeAsync(ctx context.Context, functionARN string, payload []byte) {
	e := event{ref: parseReference(functionARN), id: wire.NewUUID(), payload: payload, since: s.config.Now()}
	s.mu.Lock()
	s.pending[e.id] = payload
	s.mu.Unlock()
	s.background(ctx, func(ctx context.Context) {
		s.handle(ctx, e)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.pending, e.id)
	})
}

// Pending reports whether an asynchronous invocation runs, or waits to be tried again, whose
// event is one that matches.
func (s *Service) Pending(matches func(payload []byte) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, payload := range s.pending {
		if matches(payload) {
			return true
		}
	}
	return false
}

// event is an asynchronous invocation.
type event struct {
	ref     reference
	id      string
	payload []byte
	since   time.Time
	tries   int
}

// handle tries an event until it succeeds, is tried often enough or is too old (Lambda
// developer guide, "How Lambda handles errors and retries with asynchronous invocation").
func (s *Service) handle(ctx context.Context, e event) {
	settings, _ := s.invokesOf(e.ref)
	retries, age := 2, 6*time.Hour
	if n := settings.MaximumRetryAttempts; n != nil {
		retries = int(*n)
	}
	if n := settings.MaximumEventAgeInSeconds; n != nil {
		age = time.Duration(*n) * time.Second
	}
	var result bootstrap.Result
	var err error
	for {
		result, err = s.run(ctx, call{ref: e.ref, id: e.id, payload: e.payload, wait: true})
		pause := time.Duration(e.tries+1) * time.Minute
		switch {
		case err == nil && !result.Failed:
			s.report(ctx, e, settings.DestinationConfig.OnSuccess, "Success", result)
			return
		case err == nil:
			e.tries++
		case !temporary(err):
			s.config.Log.Warn("asynchronous invocation refused", "function", e.ref.name, "reason", err)
			return
		default:
			pause = time.Second
		}
		if e.tries > retries {
			s.give(ctx, e, settings, "RetriesExhausted", result)
			return
		}
		if s.config.Now().Sub(e.since) > age {
			s.give(ctx, e, settings, "EventAgeExceeded", result)
			return
		}
		if !s.pause(ctx, pause) {
			return
		}
	}
}

// temporary errors do not count as tries: a throttle, or a process that did not start.
func temporary(err error) bool {
	var refused *wire.Error
	return !errors.As(err, &refused) || refused.Status == http.StatusTooManyRequests
}

// pause waits, shortened by VisibilitySpeed, and reports false when the service closes.
func (s *Service) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(time.Duration(float64(d) / s.config.VisibilitySpeed))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// give hands a failed event to where failed events go.
func (s *Service) give(ctx context.Context, e event, settings eventInvokeConfig, condition string, result bootstrap.Result) {
	s.config.Log.Warn("asynchronous invocation failed", "function", e.ref.name, "request", e.id, "condition", condition, "error", string(result.Payload))
	s.report(ctx, e, settings.DestinationConfig.OnFailure, condition, result)
	_, c, err := s.find(e.ref)
	if err != nil || c.DeadLetterConfig == nil || c.DeadLetterConfig.TargetArn == "" {
		return
	}
	failure := &FunctionError{}
	errors.As(s.functionError(e.ref, result), &failure)
	// The attributes as the developer guide names them, "Adding a dead-letter queue".
	if err := s.send(ctx, c.DeadLetterConfig.TargetArn, string(e.payload), map[string]string{
		"RequestID": e.id, "ErrorCode": "200", "ErrorMessage": orDash(failure.Message),
	}); err != nil {
		s.config.Log.Error("dead letter lost", "function", e.ref.name, "reason", err)
	}
}

// report sends an invocation record to a destination, if there is one.
func (s *Service) report(ctx context.Context, e event, to destination, condition string, result bootstrap.Result) {
	if to.Destination == "" {
		return
	}
	response := map[string]any{"statusCode": 200, "executedVersion": "$LATEST"}
	if result.Failed {
		response["functionError"] = "Unhandled"
	}
	record, err := json.Marshal(map[string]any{
		"version":   "1.0",
		"timestamp": s.config.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		"requestContext": map[string]any{
			"requestId": e.id, "functionArn": s.arn(e.ref.name, e.ref.or("$LATEST").qualifier),
			"condition": condition, "approximateInvokeCount": e.tries,
		},
		"requestPayload": raw(e.payload), "responseContext": response, "responsePayload": raw(result.Payload),
	})
	if err == nil {
		err = s.send(ctx, to.Destination, string(record), nil)
	}
	if err != nil {
		s.config.Log.Error("invocation record lost", "function", e.ref.name, "reason", err)
	}
}

// raw is a payload inside a larger document: as it is where it is JSON, else as text.
func raw(b []byte) any {
	if json.Valid(b) {
		return json.RawMessage(b)
	}
	return string(b)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
