package handler_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/github"
	"github.com/driftless-gitops/driftless/internal/forge/gitlab"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/hostile"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// seeds adds the recorded events of a function.
func seeds(f *testing.F, function string) {
	files, err := filepath.Glob(filepath.Join("..", "..", "events", function+"-*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no events of %s: %v", function, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if !strings.HasSuffix(file, ".want.json") {
			f.Add(data)
		}
	}
}

// FuzzR5_WebhookRequest hands the webhook whatever may come to an address that is open to
// everybody: nobody but who has the secret makes it write, and it answers one inert line.
func FuzzR5_WebhookRequest(f *testing.F) {
	seeds(f, "webhook")
	for _, text := range hostile.Texts() {
		e := events.LambdaFunctionURLRequest{RawPath: "/15a3d8fcde671aa9", Body: text, Headers: map[string]string{
			"content-type": "application/json; charset=" + text, "content-encoding": text, "x-hub-signature-256": text, "x-gitlab-token": text}}
		e.RequestContext.HTTP.Method = http.MethodPost
		data, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var e events.LambdaFunctionURLRequest
		if json.Unmarshal(raw, &e) != nil {
			return // Lambda hands over nothing else
		}
		store, queue := fake.NewStore(), fake.NewQueue()
		for name, kind := range map[string]gitops.Forge{"15a3d8fcde671aa9": gitops.ForgeGitHub, "0000000000000000": gitops.ForgeGitLab} {
			r := gitops.Repository{ID: name, URL: "https://github.com/acme/infra", Branch: "main", Forge: kind}
			if err := store.PutRepository(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
		}
		store.Forget()
		w := &handler.Webhook{Repositories: store, Deliveries: store, Queue: queue, Log: quiet,
			Forges: map[gitops.Forge]forge.Receiver{gitops.ForgeGitHub: github.Forge{}, gitops.ForgeGitLab: gitlab.Forge{}},
			Secrets: func(context.Context, string) ([]string, error) {
				return []string{"a secret that no input of a fuzz test signs with"}, nil
			}}
		fuzzing.Bounded(t, len(raw), func() {
			got, err := w.Handle(t.Context(), e)
			if err != nil || got.StatusCode < 400 || got.StatusCode >= 500 {
				t.Errorf("answered %d %s, %v", got.StatusCode, got.Body, err)
			}
			if why := hostile.Trouble(got.Body); why != "" || strings.Count(got.Body, "\n") != 1 || len(got.Body) > 1000 {
				t.Errorf("answered %q: %s", got.Body, why)
			}
		})
		if len(queue.Sent()) != 0 || store.Count("MarkDelivery") != 0 || store.Count("PutRepository") != 0 {
			t.Errorf("it wrote: sent %v, calls %v", queue.Sent(), store.Counts())
		}
	})
}

// FuzzR4_Event hands the trigger whatever may be put on a bus: one read at most, and a message
// for nothing but what is registered.
func FuzzR4_Event(f *testing.F) {
	seeds(f, "eventbridge")
	f.Fuzz(func(t *testing.T, raw []byte) {
		store, queue := fake.NewStore(), fake.NewQueue()
		id := gitops.RepositoryID("codecommit::eu-west-1://infra", "main")
		if err := store.PutRepository(t.Context(), &gitops.Repository{ID: id, URL: "codecommit::eu-west-1://infra", Branch: "main"}); err != nil {
			t.Fatal(err)
		}
		store.Forget()
		trigger := &handler.Trigger{Repositories: store, Claims: store, Queue: queue, Log: quiet, Allowed: func(gitops.Target) error { return nil }}
		fuzzing.Bounded(t, len(raw), func() {
			if err := trigger.Handle(t.Context(), raw); err != nil {
				t.Error(err)
			}
		})
		reads := 0
		for _, n := range store.Counts() {
			reads += n
		}
		hints := 0
		for _, m := range queue.Sent() {
			if m.Resource != nil { // whose it is costs a read of the reconciler's
				hints++
				if m.Repository != "" || m.Application != "" || hostile.Trouble(m.Reason+m.Resource.Physical+m.Resource.Touch.By) != "" {
					t.Errorf("sent %+v", m)
				}
			} else if m.Repository != id || m.Application != "" || hostile.Trouble(m.Reason) != "" {
				t.Errorf("sent %+v", m)
			}
		}
		if reads > 1 || len(queue.Sent()) > reads+hints || hints > 10 || hints > 0 && reads > 0 {
			t.Errorf("%d reads, sent %v", reads, queue.Sent())
		}
	})
}

// FuzzMessage puts anything on the queue: a body is handled once, as what it says, or reported
// with all that stand after it, and never both.
func FuzzMessage(f *testing.F) {
	f.Add(`{"application":"jobs","reason":"pushed"}`, `{"repository":"5f2c9a1b7d3e4f60"}`)
	f.Add(`{"application":["jobs"]}`, `{"application":"jobs","application":"other"}`)
	for _, text := range hostile.Texts() {
		f.Add(text, `{"reason":"`+text+`"}`)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		e := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: first}, {MessageId: "2", Body: second}}}
		var seen []reconcile.Message
		handle := handler.Reconcile(reconciler(func(m reconcile.Message) error { seen = append(seen, m); return nil }), quiet)
		fuzzing.Bounded(t, len(first)+len(second), func() {
			response, err := handle(t.Context(), e)
			if err != nil || len(seen)+len(response.BatchItemFailures) != 2 {
				t.Fatalf("handled %v, reported %v, %v", seen, response, err)
			}
			if n := len(response.BatchItemFailures); n == 1 && response.BatchItemFailures[0].ItemIdentifier != "2" {
				t.Errorf("handled %v, reported %v", seen, response)
			}
		})
		for i, m := range seen {
			data, err := json.Marshal(m)
			var again reconcile.Message
			if err != nil || json.Unmarshal(data, &again) != nil || again != m {
				t.Errorf("record %d: %+v is read again as %+v", i, m, again)
			}
		}
	})
}

// details keeps what is published, as the bus would have it.
type details []string

func (d *details) Publish(_ context.Context, _ string, all []notify.Event) (int, error) {
	for i, e := range all {
		data, err := json.Marshal(e.Detail)
		if err != nil {
			return i, err
		}
		*d = append(*d, e.Type+string(data))
	}
	return len(all), nil
}

// FuzzStream hands the notifier any batch of the table's stream: one record at most is
// reported, one of the batch; an event is published for each before it at most once.
func FuzzStream(f *testing.F) {
	seeds(f, "notifier")
	f.Add([]byte(`{"Records":[{"dynamodb":{"SequenceNumber":"1","Keys":{"PK":{"S":"APP#a"},"SK":{"S":"DRIFT#latest"}},"NewImage":{"resources":{"L":[{"M":{"status":{"S":"Modified"}}}]},"summary":{"M":{"drifted":{"N":"1e3"}}}}}}]}`))
	f.Add([]byte(`{"Records":[{"dynamodb":{"SequenceNumber":"1","Keys":{"PK":{"N":"1"}},"NewImage":{"x":{"NULL":true}}}},{"dynamodb":{"SequenceNumber":"2","Keys":{"PK":{"S":"REPO#r"},"SK":{"S":"REPO"}},"NewImage":{"version":{"N":"x"}},"OldImage":{"head":{"S":"x"}}}}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var e events.DynamoDBEvent
		if json.Unmarshal(raw, &e) != nil {
			return // Lambda hands over nothing else
		}
		var published details
		fuzzing.Bounded(t, len(raw), func() {
			response, err := handler.Notify(&published, &teller{}, quiet)(t.Context(), e)
			if err != nil || len(response.BatchItemFailures) > 1 {
				t.Fatalf("%v, %v", response, err)
			}
			for _, failed := range response.BatchItemFailures {
				if !slices.ContainsFunc(e.Records, func(r events.DynamoDBEventRecord) bool { return r.Change.SequenceNumber == failed.ItemIdentifier }) {
					t.Errorf("reported %q, which is none of the batch", failed.ItemIdentifier)
				}
			}
		})
		if len(published) > len(e.Records) {
			t.Errorf("%d events of %d records", len(published), len(e.Records))
		}
	})
}

// reads are the store's methods that change nothing.
var reads = []string{"Repository", "ListRepositories", "LatestReport", "Application", "ApplicationsByID", "ListApplications", "Owner", "Deployment", "ListDeployments"}

// FuzzRequest calls every route of the API with anything: without an identity, or through the
// alias "read", nothing is written, and an answer is JSON of a status that is told.
func FuzzRequest(f *testing.F) {
	for i, r := range handler.Routes() {
		f.Add(i, r.Method, r.Path, "limit", "10", `{"digest":"d","reason":"r"}`, ann, true)
		f.Add(i, r.Method, r.Path, "deployment", "x", `{"url":"https://github.com/acme/infra","branch":"main"}`, ann, false)
	}
	for _, text := range hostile.Texts() {
		body, err := json.Marshal(map[string]string{"url": text, "branch": text, "reason": text})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(-1, text, "/v1/applications/"+text, "limit", text, string(body), text, true)
		f.Add(12, "POST", "/v1/repositories", text, "", string(body), ann, true)
	}
	f.Fuzz(func(t *testing.T, route int, method, path, key, value, body, by string, write bool) {
		if all := handler.Routes(); route >= 0 && route < len(all) { // so that the fuzzer need not find them
			method, path = all[route].Method, strings.Replace(all[route].Path, "{id}", strings.ReplaceAll(path, "/", ""), 1)
		}
		a, _ := api()
		store := a.Store.(*fake.Store)
		e := events.LambdaFunctionURLRequest{RawPath: path, Body: body, QueryStringParameters: map[string]string{key: value}}
		e.RequestContext.HTTP.Method = method
		if by != "" {
			e.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
				IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: by}}
		}
		arn := "arn:aws:lambda:eu-west-1:111122223333:function:driftless-api:read"
		if write {
			arn = strings.TrimSuffix(arn, "read") + "write"
		}
		ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{InvokedFunctionArn: arn})
		fuzzing.Bounded(t, len(path)+len(body)+len(by)+len(value), func() {
			got, err := a.Handle(ctx, e)
			if err != nil || !json.Valid([]byte(got.Body)) || !slices.Contains([]int{200, 400, 403, 404, 409}, got.StatusCode) {
				t.Errorf("%s %q answered %d %s, %v", method, path, got.StatusCode, got.Body, err)
			}
			if got.StatusCode == 200 && by == "" {
				t.Errorf("%s %q was answered to nobody", method, path)
			}
		})
		for call, n := range store.Counts() {
			if n > 0 && !slices.Contains(reads, call) && (!write || by == "") {
				t.Errorf("%s %q wrote by %s, through write: %v, as %q", method, path, call, write, by)
			}
		}
	})
}
