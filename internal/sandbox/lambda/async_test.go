package lambda_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
)

// quick makes the minutes before a retry tens of milliseconds.
func quick(c *lambda.Config) { c.VisibilitySpeed = 2000 }

// event invokes a function asynchronously.
func (w *world) event(arn, payload string) {
	w.t.Helper()
	out := must(w.lambda.Invoke(w.t.Context(), &awslambda.InvokeInput{FunctionName: &arn, InvocationType: types.InvocationTypeEvent, Payload: []byte(payload)}))(w.t)
	if out.StatusCode != 202 {
		w.t.Fatalf("status %d, want 202", out.StatusCode)
	}
}

// arrives waits for one message.
func (w *world) arrives(url string) sqstypes.Message {
	w.t.Helper()
	var got []sqstypes.Message
	w.eventually("a message in the queue", func() bool {
		got = w.received(url)
		return len(got) > 0
	})
	return got[0]
}

func TestFailedEventIsTriedThreeTimesAndEndsInTheDeadLetterQueue(t *testing.T) {
	w := newWorld(t, quick)
	url, arn := w.queue("dead", nil)
	f := w.function("f", func(in *awslambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: &arn}
	})
	w.event(f, `{"do":"fail"}`)
	m := w.arrives(url)
	if *m.Body != `{"do":"fail"}` || aws.ToString(m.MessageAttributes["ErrorMessage"].StringValue) != "failed as asked" {
		t.Errorf("dead letter %s with %v", *m.Body, m.MessageAttributes)
	}
	log := w.invoke(f, `{"do":"echo"}`) // waits until the log is written
	if log.FunctionError != nil {
		t.Fatal(string(log.Payload))
	}
	if got := strings.Count(w.functionLog("f"), `handling {"do":"fail"}`); got != 3 {
		t.Errorf("tried %d times, want 3", got)
	}
}

func TestEventInvokeConfigSetsRetriesAndDestinations(t *testing.T) {
	w := newWorld(t, quick)
	failedURL, failed := w.queue("failed", nil)
	doneURL, done := w.queue("done", nil)
	f := w.function("f")
	must(w.lambda.PutFunctionEventInvokeConfig(t.Context(), &awslambda.PutFunctionEventInvokeConfigInput{
		FunctionName: &f, MaximumRetryAttempts: aws.Int32(0),
		DestinationConfig: &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &failed}, OnSuccess: &types.OnSuccess{Destination: &done}},
	}))(t)
	type record struct {
		RequestContext struct {
			Condition              string
			ApproximateInvokeCount int
		}
		RequestPayload  struct{ Do string }
		ResponsePayload struct{ ErrorMessage string }
	}
	w.event(f, `{"do":"fail"}`)
	if got := decode[record](t, []byte(*w.arrives(failedURL).Body)); got.RequestContext.Condition != "RetriesExhausted" ||
		got.RequestContext.ApproximateInvokeCount != 1 || got.RequestPayload.Do != "fail" || got.ResponsePayload.ErrorMessage != "failed as asked" {
		t.Errorf("record %+v", got)
	}
	w.event(f, `{"do":"echo"}`)
	if got := decode[record](t, []byte(*w.arrives(doneURL).Body)); got.RequestContext.Condition != "Success" || got.RequestPayload.Do != "echo" {
		t.Errorf("record %+v", got)
	}
}

func TestAnEventIsPendingUntilItsLastTryEnded(t *testing.T) {
	w := newWorld(t, quick)
	url, arn := w.queue("dead", nil)
	f := w.function("f", func(in *awslambda.CreateFunctionInput) {
		in.DeadLetterConfig = &types.DeadLetterConfig{TargetArn: &arn}
	})
	of := func(mark string) func([]byte) bool {
		return func(payload []byte) bool { return strings.Contains(string(payload), mark) }
	}
	w.event(f, `{"do":"fail"}`)
	if !w.service.Pending(of("fail")) || w.service.Pending(of("echo")) {
		t.Error("want the event that failed once pending, and no other")
	}
	w.arrives(url)
	w.eventually("nothing is pending", func() bool { return !w.service.Pending(of("fail")) })
}

func TestEventThatIsTooLargeIsRefused(t *testing.T) {
	w := newWorld(t)
	f := w.function("f")
	_, err := w.lambda.Invoke(t.Context(), &awslambda.InvokeInput{FunctionName: &f, InvocationType: types.InvocationTypeEvent, Payload: slices.Concat([]byte(`"`), make256KB(), []byte(`"`))})
	if code(err) != "RequestTooLargeException" {
		t.Errorf("error %v, want RequestTooLargeException", err)
	}
}

func make256KB() []byte { return []byte(strings.Repeat("x", 256<<10)) }

func TestDeadLetterTargetNeedsTheRolesRight(t *testing.T) {
	w := newWorld(t)
	_, arn := w.queue("dead", nil)
	f := w.function("f", func(in *awslambda.CreateFunctionInput) {
		in.Role = aws.String(w.role("nothing", `{"Effect":"Allow","Action":"logs:*","Resource":"*"}`))
	})
	_, err := w.lambda.UpdateFunctionConfiguration(t.Context(), &awslambda.UpdateFunctionConfigurationInput{FunctionName: &f, DeadLetterConfig: &types.DeadLetterConfig{TargetArn: &arn}})
	if err == nil || !strings.Contains(err.Error(), "permissions to call SendMessage on SQS") {
		t.Errorf("error %v", err)
	}
}
