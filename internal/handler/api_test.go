package handler_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/handler"
)

const ann = "arn:aws:iam::111122223333:user/ann"

func clock() time.Time { return time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC) }

func TestRecordedRequestIsAnswered(t *testing.T) {
	var e events.LambdaFunctionURLRequest
	var want struct {
		Status int
	}
	event(t, "api-applications", &e, &want)
	a, _ := api()
	got, err := a.Handle(t.Context(), e)
	if err != nil || got.StatusCode != want.Status || got.Body != "[]" {
		t.Errorf("answered %d %s, %v", got.StatusCode, got.Body, err)
	}
}

func TestEveryRouteNeedsAnIdentity(t *testing.T) {
	_, do := api()
	for _, r := range handler.Routes() {
		path := strings.Replace(r.Path, "{id}", "jobs", 1)
		if got := do(t, "write", "", r.Method, path, "{}"); got.StatusCode != 403 {
			t.Errorf("%s %s without an identity answered %d %s", r.Method, r.Path, got.StatusCode, got.Body)
		}
	}
}

func TestWhatWritesIsRefusedThroughRead(t *testing.T) {
	_, do := api()
	writes := 0
	for _, r := range handler.Routes() {
		path := strings.Replace(r.Path, "{id}", "jobs", 1)
		got := do(t, "read", ann, r.Method, path, "{}")
		if r.Writes {
			writes++
		}
		if refused := got.StatusCode == 403 && strings.Contains(got.Body, "ApiWriteUrl"); refused != r.Writes {
			t.Errorf("%s %s through read answered %d %s", r.Method, r.Path, got.StatusCode, got.Body)
		}
		if r.Method != "GET" && !r.Writes {
			t.Errorf("%s %s is not said to write", r.Method, r.Path)
		}
	}
	if writes < 8 {
		t.Errorf("only %d routes write", writes)
	}
}

func TestARepositoryIsAddedListedAndRemoved(t *testing.T) {
	_, do := api()
	got := do(t, "write", ann, "POST", "/v1/repositories", `{"url":"https://github.com/acme/infra","branch":"main"}`)
	var r gitops.Repository
	if err := json.Unmarshal([]byte(got.Body), &r); err != nil || r.AddedBy != ann {
		t.Fatalf("answered %d %s", got.StatusCode, got.Body)
	}
	if got := do(t, "read", ann, "GET", "/v1/repositories", ""); !strings.Contains(got.Body, r.ID) {
		t.Errorf("not listed: %s", got.Body)
	}
	got = do(t, "write", ann, "POST", "/v1/repositories", `{"url":"https://ghe.example.com/acme/infra","tag":"v1","forge":"github"}`)
	var tag gitops.Repository
	if err := json.Unmarshal([]byte(got.Body), &tag); err != nil || tag.Tag != "v1" || tag.Branch != "" || tag.Forge != gitops.ForgeGitHub {
		t.Errorf("a tag of a GitHub Enterprise answered %d %s", got.StatusCode, got.Body)
	}
	for body, why := range map[string]string{
		`{"url":"https://github.com/acme/infra"}`:                                      "exactly one of the two",
		`{"url":"https://github.com/acme/infra","branch":"refs/heads/main"}`:           "not begin with refs/",
		`{"url":"https://github.com/acme/infra","branch":"main","forge":"codecommit"}`: "is not of it",
		`{"branch":"main"}`: "must be codecommit",
	} {
		if got := do(t, "write", ann, "POST", "/v1/repositories", body); got.StatusCode != 409 || !strings.Contains(got.Body, why) {
			t.Errorf("%s answered %d %s, want 409 %s", body, got.StatusCode, got.Body, why)
		}
	}
	if got := do(t, "write", ann, "DELETE", "/v1/repositories/"+r.ID, ""); got.StatusCode != 200 {
		t.Errorf("removing answered %d %s", got.StatusCode, got.Body)
	}
	if got := do(t, "write", ann, "DELETE", "/v1/repositories/"+r.ID, ""); got.StatusCode != 404 {
		t.Errorf("removing it again answered %d %s", got.StatusCode, got.Body)
	}
}

func TestMistakesAreToldAndBugsAreNot(t *testing.T) {
	a, do := api()
	for path, want := range map[string]int{"/v1/applications/none": 404, "/v1/none": 404, "/v1/applications/../../etc": 404} {
		if got := do(t, "read", ann, "GET", path, ""); got.StatusCode != want {
			t.Errorf("%s answered %d %s, want %d", path, got.StatusCode, got.Body, want)
		}
	}
	if got := do(t, "write", ann, "POST", "/v1/repositories", `{"url":"x","branch":"main","admin":true}`); got.StatusCode != 409 || !strings.Contains(got.Body, "admin") {
		t.Errorf("an unknown field answered %d %s", got.StatusCode, got.Body)
	}
	broken := fakeFailure(a)
	broken("secret detail")
	if got := do(t, "read", ann, "GET", "/v1/applications", ""); got.StatusCode != 500 || strings.Contains(got.Body, "secret detail") {
		t.Errorf("a bug answered %d %s", got.StatusCode, got.Body)
	}
}
