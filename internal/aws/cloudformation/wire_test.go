package cloudformation

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// overHTTP returns the engine as it is deployed, its client pointed at a server that
// answers every call alike.
func overHTTP(t *testing.T, status int, body string) *Engine {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(srv.Close)
	config := func(context.Context, reconcile.Work) (aws.Config, error) {
		return aws.Config{
			Region: "eu-west-1", BaseEndpoint: aws.String(srv.URL),
			Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
			Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
			APIOptions:  moto.KeepAnswers(),
		}, nil
	}
	return New(Config{Deploy: config, Drift: config})
}

func answer(code, message string) string {
	return `<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>` +
		code + `</Code><Message>` + message + `</Message></Error><RequestId>r</RequestId></ErrorResponse>`
}

// TestR29h_AnAnswerThatIsNoXMLSaysNothing: neither a page of a proxy's nor a cut answer is
// ever taken for a state of the stack.
func TestR29h_AnAnswerThatIsNoXMLSaysNothing(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		body   string
	}{
		"a page of HTML":        {500, "<!doctype html><title>500 Internal Server Error</title>"},
		"a refusal in HTML":     {400, "<html>Bad Request</html>"},
		"nothing":               {503, ""},
		"an answer cut short":   {200, "<DescribeChangeSetResponse><DescribeChangeSetResult><Status>FAIL"},
		"throttling":            {400, answer("Throttling", "Rate exceeded")},
		"an error of AWS's own": {500, answer("InternalFailure", "try again")},
	} {
		t.Run(name, func(t *testing.T) {
			e := overHTTP(t, test.status, test.body)
			for _, kind := range []gitops.OperationKind{gitops.OperationPlan, gitops.OperationApply} {
				_, err := e.Start(t.Context(), work(kind))
				var r *gitops.Refusal
				if test.status != 200 && (err == nil || errors.As(err, &r) || errors.Is(err, reconcile.ErrDenied)) {
					t.Errorf("start %s: %v", kind, err)
				}
				if s, err := e.Observe(t.Context(), work(kind)); err == nil {
					t.Errorf("observe %s: %s %s", kind, s.State, s.Reason)
				}
			}
		})
	}
}

func TestACodeIsReadFromTheWire(t *testing.T) {
	e := overHTTP(t, 403, answer("AccessDenied", "User: x is not authorized to perform: cloudformation:DescribeChangeSet"))
	if _, err := e.Observe(t.Context(), work(gitops.OperationPlan)); !errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("got %v", err)
	}
	e = overHTTP(t, 400, answer("ValidationError", "Stack [prod-jobs] does not exist"))
	if s := mustObserve(t, e, work(gitops.OperationApply)); s.State != gitops.OperationFailed {
		t.Errorf("got %s", s.State)
	}
	e = overHTTP(t, 404, answer("ChangeSetNotFound", "ChangeSet [x] does not exist"))
	mustStart(t, e, work(gitops.OperationApply)) // concluded from what is observed, not from this
}

func TestAnOperationThatIsNoneOfCloudFormationsIsAnError(t *testing.T) {
	e := newAccount().engine()
	if _, err := e.Start(t.Context(), work("dance")); err == nil {
		t.Error("started")
	}
	for _, kind := range []gitops.OperationKind{"dance", gitops.OperationCancel} {
		if _, err := e.Observe(t.Context(), work(kind)); err == nil {
			t.Errorf("observed %s", kind)
		}
	}
}
