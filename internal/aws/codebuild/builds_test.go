package codebuild_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// answering returns a client of a CodeBuild that answers with status and body, and what it was asked.
func answering(t *testing.T, status int, body string) (*codebuild.Client, *string) {
	t.Helper()
	asked := new(string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		*asked = r.Header.Get("X-Amz-Target") + " " + string(data)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return codebuild.NewClient(jsonrpc.New(awstest.At(server.URL), jsonrpc.CodeBuild, time.Now), "eu-west-1"), asked
}

func TestABuildIsStartedWithVariablesAndNothingElse(t *testing.T) {
	client, asked := answering(t, 200, `{"build":{"id":"driftless-plan:6b1f","buildStatus":"IN_PROGRESS","startTime":1.7e9}}`)
	id, err := client.Start(t.Context(), "driftless-plan", "token-plan", map[string]string{"B": "2", "A": "1"})
	const want = `CodeBuild_20161006.StartBuild {"projectName":"driftless-plan","idempotencyToken":"token-plan","environmentVariablesOverride":` +
		`[{"name":"A","value":"1","type":"PLAINTEXT"},{"name":"B","value":"2","type":"PLAINTEXT"}]}`
	if err != nil || id != "driftless-plan:6b1f" || *asked != want {
		t.Errorf("got %s, %v, asked %s", id, err, *asked)
	}
}

func TestABuildThatIsNotThereIsItsIDAlone(t *testing.T) {
	for _, answer := range []string{`{"builds":[],"buildsNotFound":["p:1"]}`, `{"builds":[]}`} {
		client, _ := answering(t, 200, answer)
		if b, err := client.Build(t.Context(), "p:1"); err != nil || b.ID != "p:1" || b.Status != codebuild.StatusUnknown {
			t.Errorf("got %+v, %v", b, err)
		}
	}
	client, asked := answering(t, 200, `{"builds":[{"id":"p:1","buildStatus":"FAILED","currentPhase":"COMPLETED"}]}`)
	if b, err := client.Build(t.Context(), "p:1"); err != nil || b.Status != codebuild.StatusFailed || *asked != `CodeBuild_20161006.BatchGetBuilds {"ids":["p:1"]}` {
		t.Errorf("got %+v, %v, asked %s", b, err, *asked)
	}
}

func TestABuildIsStopped(t *testing.T) {
	client, asked := answering(t, 200, `{"build":{"id":"p:1"}}`)
	if err := client.Stop(t.Context(), "p:1"); err != nil || *asked != `CodeBuild_20161006.StopBuild {"id":"p:1"}` {
		t.Errorf("%v, asked %s", err, *asked)
	}
}

func denied(err error) bool { return errors.Is(err, reconcile.ErrDenied) }

func TestErrorsOfCodeBuild(t *testing.T) {
	for code, want := range map[string]func(error) bool{
		"AccountLimitExceededException": func(err error) bool { var busy *gitops.Busy; return errors.As(err, &busy) },
		"AccessDenied":                  denied,
		"AccessDeniedException":         denied,
		"InvalidClientTokenId":          denied,
		"OptInRequired":                 denied,
		"ResourceNotFoundException":     denied,
		"UnrecognizedClientException":   denied,
		"InvalidInputException":         func(err error) bool { return !errors.Is(err, reconcile.ErrDenied) },
	} {
		client, _ := answering(t, 400, `{"__type":"`+code+`","message":"no"}`)
		if _, err := client.Start(t.Context(), "p", "t", nil); err == nil || !want(err) {
			t.Errorf("%s: %v", code, err)
		}
	}
}
