package handler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var quiet = slog.New(slog.DiscardHandler)

// event reads one recorded event, and what stands beside it.
func event(t *testing.T, name string, into, want any) {
	t.Helper()
	for file, v := range map[string]any{name + ".json": into, name + ".want.json": want} {
		data, err := os.ReadFile(filepath.Join("..", "..", "events", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, v); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
}

type reconciler func(reconcile.Message) error

func (f reconciler) Reconcile(_ context.Context, m reconcile.Message) error { return f(m) }

func TestRecordedMessagesReachTheReconciler(t *testing.T) {
	for _, name := range []string{"reconciler-application", "reconciler-repository"} {
		var e events.SQSEvent
		var want struct{ Message reconcile.Message }
		event(t, name, &e, &want)
		var got reconcile.Message
		response, err := handler.Reconcile(reconciler(func(m reconcile.Message) error { got = m; return nil }), quiet)(t.Context(), e)
		if err != nil || len(response.BatchItemFailures) != 0 {
			t.Errorf("%s: %v %v", name, response, err)
		}
		if diff := cmp.Diff(want.Message, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestR10_WhatFailsIsReportedWithAllThatStandsAfterIt(t *testing.T) {
	e := events.SQSEvent{Records: []events.SQSMessage{
		{MessageId: "1", Body: `{"application":"a"}`}, {MessageId: "2", Body: `{"application":"b"}`},
		{MessageId: "3", Body: `{"application":"c"}`}, {MessageId: "4", Body: `{"application":"d"}`},
	}}
	for name, fail := range map[string]func(m reconcile.Message) error{
		"an error": func(m reconcile.Message) error {
			if m.Application == "c" {
				return errors.New("broken record")
			}
			return nil
		},
		"R17: a panic": func(m reconcile.Message) error {
			if m.Application == "c" {
				panic("a bug")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			var seen []string
			response, err := handler.Reconcile(reconciler(func(m reconcile.Message) error {
				seen = append(seen, m.Application)
				return fail(m)
			}), quiet)(t.Context(), e)
			if err != nil {
				t.Fatal(err)
			}
			var failed []string
			for _, f := range response.BatchItemFailures {
				failed = append(failed, f.ItemIdentifier)
			}
			if strings.Join(failed, " ") != "3 4" || strings.Join(seen, " ") != "a b c" {
				t.Errorf("reported %v after handling %v, want 3 4 after a b c", failed, seen)
			}
		})
	}
}

func TestR17_APanicIsTheFailureOfItsMessageAloneWithItsStack(t *testing.T) {
	var log bytes.Buffer
	handle := handler.Reconcile(reconciler(func(m reconcile.Message) error {
		if m.Application == "poisoned" {
			panic("index out of range")
		}
		return nil
	}), slog.New(slog.NewJSONHandler(&log, nil)))
	for _, want := range []struct {
		application string
		failed      int
	}{{"poisoned", 1}, {"jobs", 0}, {"poisoned", 1}, {"books", 0}} {
		response, err := handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{
			{MessageId: "1", Body: `{"application":"` + want.application + `"}`}}})
		if err != nil || len(response.BatchItemFailures) != want.failed {
			t.Errorf("%s: %v, %v", want.application, response, err)
		}
	}
	for _, said := range []string{"index out of range", "handler_test.go"} {
		if !strings.Contains(log.String(), said) {
			t.Errorf("the log does not say %s:\n%s", said, log.String())
		}
	}
}

func TestAMessageThatIsNoJSONGoesToTheDeadLetterQueue(t *testing.T) {
	e := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: `not json`}}}
	response, err := handler.Reconcile(reconciler(func(reconcile.Message) error { return nil }), quiet)(t.Context(), e)
	if err != nil || len(response.BatchItemFailures) != 1 {
		t.Errorf("got %v, %v", response, err)
	}
}

type sweeps struct{ ran []string }

func (s *sweeps) Unfinished(context.Context) (int, error) {
	s.ran = append(s.ran, "unfinished")
	return 1, nil
}

func (s *sweeps) Repositories(context.Context) (int, error) {
	s.ran = append(s.ran, "repositories")
	return 1, nil
}

func TestRecordedSchedulesSweep(t *testing.T) {
	for _, name := range []string{"unfinished", "repositories"} {
		var e handler.Schedule
		var want struct {
			Wakes string `json:"wakes"`
		}
		event(t, "sweeper-"+name, &e, &want)
		s := &sweeps{}
		if err := handler.Sweep(s, quiet)(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if len(s.ran) != 1 || s.ran[0] != want.Wakes {
			t.Errorf("%s ran %v", name, s.ran)
		}
	}
	if err := handler.Sweep(&sweeps{}, quiet)(t.Context(), handler.Schedule{Sweep: "everything"}); err == nil {
		t.Error("an unknown sweep was taken")
	}
}

func TestR4_AForgedEventCausesOneReadAndNothingElse(t *testing.T) {
	store, q := fake.NewStore(), fake.NewQueue()
	trigger := &handler.Trigger{Repositories: store, Claims: store, Queue: q, Log: quiet, Allowed: func(gitops.Target) error { return nil }}
	for _, raw := range []string{
		`{"source":"aws.codecommit","detail-type":"CodeCommit Repository State Change","account":"111122223333","region":"eu-west-1","resources":["arn:aws:codecommit:eu-west-1:111122223333:infra"],"detail":{"event":"referenceUpdated","repositoryName":"infra","referenceType":"branch","referenceName":"main","commitId":"rm -rf /","template":"evil"}}`,
		`{"source":"me.codecommit","detail-type":"CodeCommit Repository State Change"}`,
		`{"source":"aws.cloudformation"`,
		`[]`, `null`, `{}`,
	} {
		store.Forget()
		if err := trigger.Handle(t.Context(), json.RawMessage(raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		reads := 0
		for _, n := range store.Counts() {
			reads += n
		}
		if reads > 1 || len(q.Sent()) != 0 {
			t.Errorf("%s: %d reads, sent %v", raw, reads, q.Sent())
		}
	}
}

// What an event says of a branch or tag leads to the repository that tracks it, and to no
// other: the commit that it names is not looked at, so that R3's order does not matter.
func TestR3_AnEventOfCodeCommitWakesWhoTracksItsReference(t *testing.T) {
	const url = "codecommit::eu-west-1://infra"
	for name, wakes := range map[string]string{
		"push": "main", "branch-deleted": "main", "branch-created": "",
		"tag-created": "refs/tags/v1.0.0", "tag-moved": "refs/tags/v1.0.0", "tag-deleted": "refs/tags/v1.0.0",
	} {
		t.Run(name, func(t *testing.T) {
			store, q := fake.NewStore(), fake.NewQueue()
			for _, r := range []gitops.Repository{{URL: url, Branch: "main"}, {URL: url, Tag: "v1.0.0"}, {URL: url, Branch: "v1.0.0"}, {URL: url, Tag: "main"}} {
				r.ID = gitops.RepositoryID(r.URL, r.Ref())
				if err := store.PutRepository(t.Context(), &r); err != nil {
					t.Fatal(err)
				}
			}
			trigger := &handler.Trigger{Repositories: store, Claims: store, Queue: q, Log: quiet, Allowed: func(gitops.Target) error { return nil }}
			raw, err := os.ReadFile("../../events/eventbridge-codecommit-" + name + ".json")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := trigger.Handle(t.Context(), raw); err != nil {
					t.Fatal(err)
				}
			}
			var want []string
			if wakes != "" {
				want = []string{gitops.RepositoryID(url, wakes), gitops.RepositoryID(url, wakes)}
			}
			var got []string
			for _, m := range q.Sent() {
				got = append(got, m.Repository)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("woken (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnEventOfAStackWakesItsApplication(t *testing.T) {
	store, q := fake.NewStore(), fake.NewQueue()
	a := gitops.Application{ID: "jobs"}
	claims := []reconcile.Claim{reconcile.ClaimApplication("jobs"), reconcile.ClaimStack("111122223333", "eu-west-1", "prod-jobs")}
	if err := store.Register(t.Context(), &a, claims); err != nil {
		t.Fatal(err)
	}
	trigger := &handler.Trigger{Repositories: store, Claims: store, Queue: q, Log: quiet, Allowed: func(gitops.Target) error { return nil }}
	raw := `{"source":"aws.cloudformation","detail-type":"CloudFormation Stack Status Change","account":"111122223333","region":"eu-west-1",
"resources":["arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/9a8b"],"detail":{"stack-id":"arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/9a8b","status-details":{"status":"UPDATE_COMPLETE"}}}`
	if err := trigger.Handle(t.Context(), json.RawMessage(raw)); err != nil {
		t.Fatal(err)
	}
	if sent := q.Sent(); len(sent) != 1 || sent[0].Application != "jobs" {
		t.Errorf("sent %v", sent)
	}
	trigger.Allowed = func(gitops.Target) error { return reconcile.ErrDenied }
	if err := trigger.Handle(t.Context(), json.RawMessage(raw)); err != nil || len(q.Sent()) != 1 {
		t.Errorf("an event of an account that is no target was taken: %v %v", q.Sent(), err)
	}
}

func TestAnEventOfABuildWakesItsApplication(t *testing.T) {
	store, q := fake.NewStore(), fake.NewQueue()
	a := gitops.Application{ID: "data"}
	if err := store.Register(t.Context(), &a, []reconcile.Claim{reconcile.ClaimApplication("data")}); err != nil {
		t.Fatal(err)
	}
	trigger := &handler.Trigger{Repositories: store, Claims: store, Queue: q, Log: quiet, Allowed: func(gitops.Target) error { return nil }}
	raw, err := os.ReadFile("../../events/eventbridge-build-stopped.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range []string{string(raw), strings.ReplaceAll(string(raw), `"value": "data"`, `"value": "gone"`)} {
		if err := trigger.Handle(t.Context(), json.RawMessage(event)); err != nil {
			t.Fatal(err)
		}
	}
	if sent := q.Sent(); len(sent) != 1 || sent[0].Application != "data" || sent[0].Reason != "build is STOPPED" {
		t.Errorf("sent %v", sent)
	}
}

// api returns the API over an empty world, and a way to call it.
func api() (*handler.API, func(t *testing.T, alias, by, method, path, body string) events.LambdaFunctionURLResponse) {
	store := fake.NewStore()
	a := &handler.API{Store: store, Log: quiet, Operator: &reconcile.Operator{Store: store, Queue: fake.NewQueue(), Blobs: fake.NewBlobs(),
		Allowed: func(gitops.Target) error { return nil }, Now: clock}}
	return a, func(t *testing.T, alias, by, method, path, body string) events.LambdaFunctionURLResponse {
		t.Helper()
		e := events.LambdaFunctionURLRequest{RawPath: path, Body: body}
		e.RequestContext.HTTP.Method = method
		if by != "" {
			e.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
				IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: by}}
		}
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
			InvokedFunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:driftless-api:" + alias})
		response, err := a.Handle(ctx, e)
		if err != nil {
			t.Fatal(err)
		}
		return response
	}
}

// fakeFailure returns a way to make every call of the API's store fail.
func fakeFailure(a *handler.API) func(why string) {
	return func(why string) {
		a.Store.(*fake.Store).Fail(func(string) error { return errors.New(why) })
	}
}

// asked notes how many deployments are asked for.
type asked struct {
	*fake.Store
	limits []int
}

func (a *asked) ListDeployments(ctx context.Context, application string, limit int) ([]gitops.Deployment, error) {
	a.limits = append(a.limits, limit)
	return a.Store.ListDeployments(ctx, application, limit)
}

func TestR61_NobodyGetsMoreThanAHundredDeploymentsAtOnce(t *testing.T) {
	store := &asked{Store: fake.NewStore()}
	if err := store.Register(t.Context(), &gitops.Application{ID: "jobs"}, nil); err != nil {
		t.Fatal(err)
	}
	a := &handler.API{Store: store, Log: quiet}
	for _, limit := range []string{"", "0", "-1", "100", "101", "100000", "1e9", "99999999999999999999", "7"} {
		e := events.LambdaFunctionURLRequest{RawPath: "/v1/applications/jobs/deployments", QueryStringParameters: map[string]string{"limit": limit},
			RawQueryString: "limit=" + limit}
		e.RequestContext.HTTP.Method = "GET"
		e.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
			IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::111122223333:user/ann"}}
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{
			InvokedFunctionArn: "arn:aws:lambda:eu-west-1:111122223333:function:driftless-api:read"})
		if response, err := a.Handle(ctx, e); err != nil || response.StatusCode != 200 {
			t.Errorf("limit %q: %v, %v", limit, response, err)
		}
	}
	want := []int{100, 100, 100, 100, 100, 100, 100, 100, 7}
	if diff := cmp.Diff(want, store.limits); diff != "" {
		t.Errorf("asked for (-want +got):\n%s", diff)
	}
}
