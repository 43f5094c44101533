package sandbox_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestPutEventsRefusesEntryByEntry(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := eventbridge.NewFromConfig(admin(s))
	entry := func(source, detailType, detail string) types.PutEventsRequestEntry {
		return types.PutEventsRequestEntry{Source: &source, DetailType: &detailType, Detail: &detail}
	}
	out, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		entry("app", "t", "{}"),
		entry("aws.cloudformation", "CloudFormation Stack Status Change", "{}"),
		entry("", "t", "{}"),
		entry("app", "", "{}"),
		entry("app", "t", "no JSON"),
		entry("app", "t", `["no object"]`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, e := range out.Entries {
		codes = append(codes, aws.ToString(e.ErrorCode))
	}
	want := []string{"", "NotAuthorizedForSourceException", "InvalidArgument", "InvalidArgument", "MalformedDetail", "MalformedDetail"}
	if diff := cmp.Diff(want, codes); diff != "" {
		t.Error(diff)
	}
	if out.FailedEntryCount != 5 {
		t.Errorf("%d entries failed, want 5", out.FailedEntryCount)
	}
	if out.Entries[0].EventId == nil {
		t.Error("the accepted entry has no id")
	}
	var sources []string
	for _, e := range recent(t, s) {
		sources = append(sources, e.Source)
	}
	if diff := cmp.Diff([]string{"app"}, sources); diff != "" {
		t.Error(diff)
	}
}

func TestPutEventsRefusesTooMuch(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := eventbridge.NewFromConfig(admin(s))
	one := types.PutEventsRequestEntry{Source: aws.String("app"), DetailType: aws.String("t"), Detail: aws.String("{}")}
	large := one
	large.Detail = aws.String(`{"a":"` + strings.Repeat("x", 256<<10) + `"}`)
	for sentence, entries := range map[string][]types.PutEventsRequestEntry{
		"eleven entries": slices.Repeat([]types.PutEventsRequestEntry{one}, 11),
		"a large entry":  {large},
	} {
		if _, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries}); errorCode(err) != "ValidationException" {
			t.Errorf("%s: %v, want ValidationException", sentence, err)
		}
	}
}

func TestRuleDeliversWhatItsPatternNames(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := eventbridge.NewFromConfig(admin(s))
	queue := makeRule(t, s, "orders", `{"source":["shop"],"detail":{"total":[{"numeric":[">",10]}]}}`)
	for _, detail := range []string{`{"total":5}`, `{"total":50}`} {
		_, err := client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
			{Source: aws.String("shop"), DetailType: aws.String("order"), Detail: aws.String(detail), Resources: []string{"arn:x"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var got event
	if err := json.Unmarshal([]byte(receiveAll(t, s, queue, 1)[0]), &got); err != nil {
		t.Fatal(err)
	}
	if got.ID == "" || got.Time == "" {
		t.Errorf("event without id or time: %+v", got)
	}
	want := event{Version: "0", ID: got.ID, Time: got.Time, Source: "shop", DetailType: "order", Account: sandbox.Account,
		Region: sandbox.Region, Resources: []string{"arn:x"}, Detail: json.RawMessage(`{"total":50}`)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEventIsForwardedToAnotherBus(t *testing.T) {
	s := start(t, sandbox.Options{})
	client := eventbridge.NewFromConfig(admin(s))
	bus, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: aws.String("inbound")})
	if err != nil {
		t.Fatal(err)
	}
	queue := makeQueue(t, s, "inbound")
	makeRuleOn(t, s, "inbound", "all", `{"source":["shop"]}`, types.Target{Id: aws.String("q"), Arn: aws.String(queueARN("inbound"))})
	makeRuleOn(t, s, "default", "forward", `{"source":["shop"]}`, types.Target{Id: aws.String("b"), Arn: bus.EventBusArn})
	_, err = client.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("shop"), DetailType: aws.String("order"), Detail: aws.String("{}")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := receiveAll(t, s, queue, 1); !strings.Contains(got[0], `"source":"shop"`) {
		t.Errorf("the other bus's rule delivered %s", got[0])
	}
}

func TestUndeliverableEventGoesToTheDeadLetterQueue(t *testing.T) {
	s := start(t, sandbox.Options{})
	dead := makeQueue(t, s, "dead")
	makeRuleOn(t, s, "default", "lost", `{"source":["shop"]}`, types.Target{
		Id: aws.String("q"), Arn: aws.String(queueARN("missing")),
		RetryPolicy:      &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(0)},
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(queueARN("dead"))},
	})
	_, err := eventbridge.NewFromConfig(admin(s)).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("shop"), DetailType: aws.String("order"), Detail: aws.String("{}")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := receiveAll(t, s, dead, 1); !strings.Contains(got[0], `"source":"shop"`) {
		t.Errorf("the dead-letter queue holds %s", got[0])
	}
}

func TestQueueWithoutAPolicyGetsNothing(t *testing.T) {
	s := start(t, sandbox.Options{})
	dead := makeQueue(t, s, "dead")
	_, err := sqs.NewFromConfig(admin(s)).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("closed")})
	if err != nil {
		t.Fatal(err)
	}
	makeRuleOn(t, s, "default", "lost", `{"source":["shop"]}`, types.Target{
		Id: aws.String("q"), Arn: aws.String(queueARN("closed")),
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String(queueARN("dead"))},
	})
	_, err = eventbridge.NewFromConfig(admin(s)).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{
		{Source: aws.String("shop"), DetailType: aws.String("order"), Detail: aws.String("{}")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := receiveAll(t, s, dead, 1); !strings.Contains(got[0], `"source":"shop"`) {
		t.Errorf("the dead-letter queue holds %s", got[0])
	}
}

func TestScheduleFiresFaster(t *testing.T) {
	s := start(t, sandbox.Options{ScheduleSpeed: 600}) // a minute in 0.1 s
	queue := makeQueue(t, s, "ticks")
	makeSchedule(t, s, "sweep", "rate(1 minute)", types.Target{Id: aws.String("q"), Arn: aws.String(queueARN("ticks"))})
	var got event
	if err := json.Unmarshal([]byte(receiveAll(t, s, queue, 3)[0]), &got); err != nil {
		t.Fatal(err)
	}
	want := event{Version: "0", ID: got.ID, Time: got.Time, Source: "aws.events", DetailType: "Scheduled Event",
		Account: sandbox.Account, Region: sandbox.Region, Detail: json.RawMessage(`{}`),
		Resources: []string{"arn:aws:events:eu-west-1:123456789012:rule/sweep"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestScheduleIsFiredByHand(t *testing.T) {
	s := start(t, sandbox.Options{})
	queue := makeQueue(t, s, "ticks")
	makeSchedule(t, s, "Driftless-EveryMinute1A2B", "rate(1 minute)",
		types.Target{Id: aws.String("q"), Arn: aws.String(queueARN("ticks")), Input: aws.String(`{"sweep":"work"}`)})
	resp, err := http.Post(s.URL()+"/_sandbox/fire?rule=EveryMinute", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d, want 200", resp.StatusCode)
	}
	if diff := cmp.Diff([]string{`{"sweep":"work"}`}, receiveAll(t, s, queue, 1)); diff != "" {
		t.Error(diff)
	}
	if _, err := s.Fire(t.Context(), "nothing"); err == nil {
		t.Error("a rule that is not there was fired")
	}
}

func TestDroppedEventsReachNoRule(t *testing.T) {
	s := start(t, sandbox.Options{DropEvents: true})
	makeRepository(t, s, "infra")
	queue := makeRule(t, s, "pushes", `{"source":["aws.codecommit"]}`)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=main", ".")
	commit(t, dir, "one.txt", []byte("one"))
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "main")
	if n := len(recent(t, s)); n != 0 {
		t.Errorf("%d events on the bus while they are dropped, want none", n)
	}
	s.DropEvents(false)
	want := commit(t, dir, "two.txt", []byte("two"))
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "main")
	if got := receiveAll(t, s, queue, 1); !strings.Contains(got[0], want) {
		t.Errorf("the first event delivered is not the second push's: %s", got[0])
	}
}

// event is an event as rules see it.
type event struct {
	Version    string          `json:"version"`
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Account    string          `json:"account"`
	Time       string          `json:"time"`
	Region     string          `json:"region"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// recent is what the bus has seen, what the trail tells of the tests' own calls aside.
func recent(t *testing.T, s *sandbox.Sandbox) []event {
	t.Helper()
	_, body := get(t, s.URL()+"/_sandbox/events")
	var seen struct{ Recent []event }
	if err := json.Unmarshal([]byte(body), &seen); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(seen.Recent, func(e event) bool { return e.DetailType == "AWS API Call via CloudTrail" })
}

// makeRule makes a rule of the default bus with a queue of the same name as its target.
func makeRule(t *testing.T, s *sandbox.Sandbox, name, pattern string) (queueURL string) {
	t.Helper()
	queueURL = makeQueue(t, s, name)
	makeRuleOn(t, s, "default", name, pattern, types.Target{Id: aws.String("q"), Arn: aws.String(queueARN(name))})
	return queueURL
}

func makeRuleOn(t *testing.T, s *sandbox.Sandbox, bus, name, pattern string, target types.Target) {
	t.Helper()
	putRule(t, s, &eventbridge.PutRuleInput{Name: &name, EventBusName: &bus, EventPattern: &pattern}, target)
}

func makeSchedule(t *testing.T, s *sandbox.Sandbox, name, expression string, target types.Target) {
	t.Helper()
	putRule(t, s, &eventbridge.PutRuleInput{Name: &name, ScheduleExpression: &expression}, target)
}

func putRule(t *testing.T, s *sandbox.Sandbox, in *eventbridge.PutRuleInput, target types.Target) {
	t.Helper()
	client := eventbridge.NewFromConfig(admin(s))
	if _, err := client.PutRule(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	out, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: in.Name, EventBusName: in.EventBusName, Targets: []types.Target{target},
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.FailedEntryCount != 0 {
		t.Fatalf("target refused: %s", aws.ToString(out.FailedEntries[0].ErrorMessage))
	}
}

func makeQueue(t *testing.T, s *sandbox.Sandbox, name string) (url string) {
	t.Helper()
	out, err := sqs.NewFromConfig(admin(s)).CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String(name), Attributes: map[string]string{"Policy": queuePolicy(name)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.QueueUrl
}

// queuePolicy lets EventBridge send to the queue, as CDK writes it.
func queuePolicy(name string) string {
	return `{"Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage",
		"Resource":"` + queueARN(name) + `","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:events:eu-west-1:123456789012:rule/*"}}},
		{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`
}

func queueARN(name string) string { return "arn:aws:sqs:eu-west-1:123456789012:" + name }

// receiveAll waits until n messages have come and returns their bodies.
func receiveAll(t *testing.T, s *sandbox.Sandbox, queueURL string, n int) []string {
	t.Helper()
	client := sqs.NewFromConfig(admin(s))
	var bodies []string
	for deadline := time.Now().Add(20 * time.Second); len(bodies) < n; {
		if time.Now().After(deadline) {
			t.Fatalf("%d messages came, want %d", len(bodies), n)
		}
		bodies = append(bodies, receive(t, client, queueURL)...)
	}
	return bodies
}
