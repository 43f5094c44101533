package lambda_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
)

// maps makes a function consume a source.
func (w *world) maps(source, function string, change ...func(*awslambda.CreateEventSourceMappingInput)) string {
	w.t.Helper()
	in := &awslambda.CreateEventSourceMappingInput{EventSourceArn: &source, FunctionName: &function}
	for _, f := range change {
		f(in)
	}
	return *must(w.lambda.CreateEventSourceMapping(w.t.Context(), in))(w.t).UUID
}

func partial(in *awslambda.CreateEventSourceMappingInput) {
	in.FunctionResponseTypes = []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures}
}

// fast makes a visibility timeout of 30 s last half a second.
func fast(c *lambda.Config) { c.VisibilitySpeed = 60 }

func fifo(extra ...string) map[string]string {
	a := map[string]string{"FifoQueue": "true", "VisibilityTimeout": "30"}
	for i := 0; i < len(extra); i += 2 {
		a[extra[i]] = extra[i+1]
	}
	return a
}

func TestQueueMessagesReachTheFunctionInOrderAndAreDeleted(t *testing.T) {
	w := newWorld(t)
	url, arn := w.queue("work.fifo", fifo())
	w.maps(arn, w.function("f"))
	w.send(url, "a: a1", "b: b1", "a: a2", "a: a3")
	w.eventually("all four handled", func() bool { return len(w.handled()) == 4 })
	ofA := slices.DeleteFunc(w.handled(), func(s string) bool { return s[0] != 'a' })
	if got := strings.Join(ofA, " "); got != "a1 a2 a3" {
		t.Errorf("group a was handled as %s", got)
	}
	w.eventually("the queue is empty", func() bool {
		out := must(w.sqs.GetQueueAttributes(t.Context(), attributes(url)))(t).Attributes
		return out["ApproximateNumberOfMessages"] == "0" && out["ApproximateNumberOfMessagesNotVisible"] == "0"
	})
}

func TestMessageIsHandedOverAtOnce(t *testing.T) {
	w := newWorld(t)
	url, arn := w.queue("work.fifo", fifo())
	w.maps(arn, w.function("f"))
	w.send(url, "warm: up")
	w.eventually("the function is warm", func() bool { return len(w.handled()) == 1 })
	began := time.Now()
	w.send(url, "a: 1")
	w.eventually("handled", func() bool { return len(w.handled()) == 2 })
	if took := time.Since(began); took > time.Second {
		t.Errorf("took %s", took)
	} else {
		t.Logf("from send to handled: %s", took)
	}
}

func TestFailedMessagesComeBackAndEndInTheDeadLetterQueue(t *testing.T) {
	for name, c := range map[string]struct {
		change   []func(*awslambda.CreateEventSourceMappingInput)
		messages []string
		handled  string
		dead     int
	}{
		"reported one by one, the others are done":   {[]func(*awslambda.CreateEventSourceMappingInput){partial}, []string{"a: bad1", "b: good1", "c: good2"}, "good1 good2", 1},
		"a batch that throws fails as a whole":       {nil, []string{"a: poison"}, "", 1},
		"without reports a returned list means done": {nil, []string{"a: bad1"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, fast)
			w.name += strings.ReplaceAll(name[:12], " ", "")
			deadURL, dead := w.queue("dead.fifo", fifo())
			url, arn := w.queue("work.fifo", fifo("RedrivePolicy", `{"deadLetterTargetArn":"`+dead+`","maxReceiveCount":2}`))
			w.send(url, c.messages...)
			w.maps(arn, w.function("f"), c.change...)
			arrived := map[string]bool{}
			w.eventually("as many in the dead-letter queue as expected, and none left", func() bool {
				for _, m := range w.received(deadURL) {
					arrived[*m.Body] = true
				}
				out := must(w.sqs.GetQueueAttributes(t.Context(), attributes(url)))(t).Attributes
				return len(arrived) == c.dead && out["ApproximateNumberOfMessages"] == "0" && out["ApproximateNumberOfMessagesNotVisible"] == "0"
			})
			got := w.handled()
			slices.Sort(got)
			if strings.Join(got, " ") != c.handled {
				t.Errorf("handled %q, want %q", got, c.handled)
			}
		})
	}
}

func TestFailedMessageBlocksItsGroupAlone(t *testing.T) {
	w := newWorld(t) // at full length: the failed message does not come back meanwhile
	url, arn := w.queue("work.fifo", fifo())
	w.send(url, "a: bad1")
	w.maps(arn, w.function("f"), partial)
	w.eventually("the bad one is in flight", func() bool {
		return must(w.sqs.GetQueueAttributes(t.Context(), attributes(url)))(t).Attributes["ApproximateNumberOfMessagesNotVisible"] == "1"
	})
	w.send(url, "a: a2", "b: b1")
	w.eventually("the other group goes on", func() bool { return len(w.handled()) == 1 })
	if got := w.handled(); got[0] != "b1" {
		t.Errorf("handled %q, want b1 alone", got)
	}
}

func TestQueueFilterLetsThroughWhatFitsAndDeletesTheRest(t *testing.T) {
	w := newWorld(t)
	url, arn := w.queue("work.fifo", fifo())
	w.maps(arn, w.function("f"), func(in *awslambda.CreateEventSourceMappingInput) {
		in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":{"kind":["wanted"]}}`)}}}
	})
	w.send(url, `a: {"kind":"other"}`, `a: {"kind":"wanted"}`, `a: no JSON`)
	w.eventually("one handled, none left", func() bool {
		out := must(w.sqs.GetQueueAttributes(t.Context(), attributes(url)))(t).Attributes
		return len(w.handled()) == 1 && out["ApproximateNumberOfMessages"] == "0" && out["ApproximateNumberOfMessagesNotVisible"] == "0"
	})
	if got := w.handled()[0]; got != `{"kind":"wanted"}` {
		t.Errorf("handled %s", got)
	}
}

func TestMappingFollowsChanges(t *testing.T) {
	w := newWorld(t)
	url, arn := w.queue("work.fifo", fifo())
	id := w.maps(arn, w.function("f"))
	w.send(url, "a: 1")
	w.eventually("handled", func() bool { return len(w.handled()) == 1 })
	out := must(w.lambda.UpdateEventSourceMapping(t.Context(), &awslambda.UpdateEventSourceMappingInput{UUID: &id, Enabled: aws.Bool(false), BatchSize: aws.Int32(1)}))(t)
	if *out.State != "Disabled" || *out.BatchSize != 1 {
		t.Fatalf("mapping %s with batch size %d", *out.State, *out.BatchSize)
	}
	must(w.lambda.UpdateEventSourceMapping(t.Context(), &awslambda.UpdateEventSourceMappingInput{UUID: &id, Enabled: aws.Bool(true)}))(t)
	w.send(url, "a: 2")
	w.eventually("handled again", func() bool { return len(w.handled()) == 2 })
	must(w.lambda.DeleteEventSourceMapping(t.Context(), &awslambda.DeleteEventSourceMappingInput{UUID: &id}))(t)
	if _, err := w.lambda.GetEventSourceMapping(t.Context(), &awslambda.GetEventSourceMappingInput{UUID: &id}); code(err) != "ResourceNotFoundException" {
		t.Errorf("error %v, want ResourceNotFoundException", err)
	}
}

func TestMappingThatLambdaRefusesIsRefused(t *testing.T) {
	w := newWorld(t)
	_, short := w.queue("short.fifo", fifo("VisibilityTimeout", "5"))
	_, good := w.queue("good.fifo", fifo())
	f := w.function("f")
	stranger := w.function("stranger", func(in *awslambda.CreateFunctionInput) {
		in.Role = aws.String(w.role("stranger", `{"Effect":"Allow","Action":"sqs:ReceiveMessage","Resource":"*"}`))
	})
	w.maps(good, f)
	for name, c := range map[string]struct {
		source, function string
		change           func(*awslambda.CreateEventSourceMappingInput)
		want             string
	}{
		"visibility under the function's timeout": {short, f, nil, "Queue visibility timeout: 5 seconds is less than Function timeout: 10 seconds"},
		"a queue that is not there":               {good[:len(good)-5] + "x.fifo", f, nil, "NonExistentQueue"},
		"the same twice":                          {good, f, nil, "already exists"},
		"a role without the rights":               {good, stranger, nil, "permissions to call DeleteMessage on SQS"},
		"a function that is not there":            {good, f + "x", nil, "Function not found"},
		"a batch too large for FIFO":              {good, f, func(in *awslambda.CreateEventSourceMappingInput) { in.BatchSize = aws.Int32(11) }, "batchSize"},
		"a concurrency of one": {good, f, func(in *awslambda.CreateEventSourceMappingInput) {
			in.ScalingConfig = &types.ScalingConfig{MaximumConcurrency: aws.Int32(1)}
		}, "MaximumConcurrency"},
		"a filter that is no pattern": {good, f, func(in *awslambda.CreateEventSourceMappingInput) {
			in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"body":"x"}`)}}}
		}, "Invalid filter pattern"},
		"a source of another kind": {"arn:aws:kinesis:eu-west-1:123456789012:stream/s", f, nil, "Unrecognized event source"},
	} {
		t.Run(name, func(t *testing.T) {
			in := &awslambda.CreateEventSourceMappingInput{EventSourceArn: &c.source, FunctionName: &c.function}
			if c.change != nil {
				c.change(in)
			}
			if _, err := w.lambda.CreateEventSourceMapping(t.Context(), in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
