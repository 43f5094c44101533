package handler_test

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// logging returns an API whose application data has a deployment, and what its builds printed.
func logging(t *testing.T, phase gitops.Phase, printed map[string]string) func(query map[string]string) (int, gitops.Log, string) {
	t.Helper()
	store, blobs := fake.NewStore(), fake.NewBlobs()
	for key, text := range printed {
		if err := blobs.Put(t.Context(), key, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	a := gitops.Application{ID: "data"}
	if err := store.Register(t.Context(), &a, []reconcile.Claim{reconcile.ClaimApplication("data")}); err != nil {
		t.Fatal(err)
	}
	d := gitops.Deployment{ID: "01JD", Application: "data", Phase: phase, Settings: gitops.Settings{Engine: gitops.EngineTerraform},
		Operation: gitops.Operation{N: 2}}
	a.InFlight = d.ID
	if err := store.Open(t.Context(), &a, &d); err != nil {
		t.Fatal(err)
	}
	api := &handler.API{Store: store, Log: slog.New(slog.DiscardHandler), Operator: &reconcile.Operator{Store: store, Blobs: blobs}}
	return func(query map[string]string) (int, gitops.Log, string) {
		e := events.LambdaFunctionURLRequest{RawPath: "/v1/applications/data/log", QueryStringParameters: query}
		e.RequestContext.HTTP.Method = http.MethodGet
		e.RequestContext.Authorizer = &events.LambdaFunctionURLRequestContextAuthorizerDescription{
			IAM: &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{UserARN: "arn:aws:iam::111122223333:user/ann"}}
		got, err := api.Handle(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		var l gitops.Log
		if got.StatusCode == http.StatusOK {
			if err := json.Unmarshal([]byte(got.Body), &l); err != nil {
				t.Fatal(err)
			}
		}
		return got.StatusCode, l, got.Body
	}
}

var printed = map[string]string{
	"builds/apply/driftless-01JD-1/plan/log.txt":  "planned once\n",
	"builds/apply/driftless-01JD-2/plan/log.txt":  "planned again\n",
	"builds/apply/driftless-01JD-2/apply/log.txt": "applied é\n",
}

func TestALogIsThatOfAllBuildsInOrder(t *testing.T) {
	call := logging(t, gitops.PhaseApplying, printed)
	const all = "planned once\nplanned again\napplied é\n"
	if status, l, body := call(nil); status != 200 || l.Text != all || l.Next != len(all) || l.Done || l.Deployment != "01JD" {
		t.Errorf("answered %d %s", status, body)
	}
	if status, l, body := call(map[string]string{"from": "13", "deployment": "01JD"}); status != 200 || l.Text != all[13:] {
		t.Errorf("answered %d %s", status, body)
	}
	if status, l, body := call(map[string]string{"from": "9999"}); status != 200 || l.Text != "" || l.Next != 9999 {
		t.Errorf("answered %d %s", status, body)
	}
}

func TestALogIsDoneWithItsDeployment(t *testing.T) {
	call := logging(t, gitops.PhaseSucceeded, printed)
	if _, l, body := call(nil); !l.Done {
		t.Errorf("answered %s", body)
	}
}

func TestALogComesInPartsOfWholeCharacters(t *testing.T) {
	call := logging(t, gitops.PhaseSucceeded, map[string]string{"builds/apply/driftless-01JD-1/plan/log.txt": "x" + strings.Repeat("é", 500_000)})
	text, from := "", 0
	for range 3 {
		_, l, _ := call(map[string]string{"from": jsonNumber(from)})
		if strings.ContainsRune(l.Text, '\ufffd') || l.Done != (l.Next == 1_000_001) {
			t.Errorf("from %d: %d bytes, next %d, done %v", from, len(l.Text), l.Next, l.Done)
		}
		text, from = text+l.Text, l.Next
	}
	if len(text) != 1_000_001 {
		t.Errorf("%d bytes in all", len(text))
	}
}

func jsonNumber(n int) string {
	data, _ := json.Marshal(n)
	return string(data)
}

func TestALogThatThereIsNotIsRefused(t *testing.T) {
	call := logging(t, gitops.PhaseApplying, nil)
	for name, c := range map[string]struct {
		query  map[string]string
		status int
		words  string
	}{
		"a deployment that is none":     {map[string]string{"deployment": "01XX"}, 404, "01XX"},
		"a part that begins before all": {map[string]string{"from": "-1"}, 409, "a number of bytes"},
		"a part that begins nowhere":    {map[string]string{"from": "\x1b[2J"}, 409, "a number of bytes"},
	} {
		if status, _, body := call(c.query); status != c.status || !strings.Contains(body, c.words) || strings.Contains(body, "\x1b") {
			t.Errorf("%s: answered %d %s", name, status, body)
		}
	}
}
