package lambda_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/lambda"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const function = "driftless-verify-shop"

var work = reconcile.Work{
	Application: "shop",
	Settings:    gitops.Settings{Target: gitops.Target{Account: "111122223333", Region: awstest.Region}},
	Operation:   gitops.Operation{N: 3, Token: gitops.Token("01J0-X", 3)},
	Revision:    gitops.Revision{Branch: "main", Commit: "a1b2c3d4"},
}

func given(cfg aws.Config) func(context.Context, reconcile.Work) (aws.Config, error) {
	return func(context.Context, reconcile.Work) (aws.Config, error) { return cfg, nil }
}

// ask invokes the function of a Lambda that answers as it is told.
func ask(t *testing.T, answer http.HandlerFunc) (gitops.Verdict, error) {
	t.Helper()
	server := httptest.NewServer(answer)
	defer server.Close()
	return lambda.New(given(awstest.At(server.URL)), time.Now).Check(t.Context(), work, gitops.Check{Name: "self-test", Lambda: function}, map[string]string{"Url": "u"})
}

func TestAFunctionIsToldWhatWasDeployed(t *testing.T) {
	v, err := ask(t, func(w http.ResponseWriter, r *http.Request) {
		var said map[string]any
		if err := json.NewDecoder(r.Body).Decode(&said); err != nil {
			t.Error(err)
		}
		want := map[string]any{"application": "shop", "deployment": "01J0-X",
			"revision": map[string]any{"branch": "main", "commit": "a1b2c3d4"}, "outputs": map[string]any{"Url": "u"}}
		if diff := cmp.Diff(want, said); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		if r.URL.Path != "/2015-03-31/functions/"+function+"/invocations" || r.Header.Get("X-Amz-Invocation-Type") != "RequestResponse" ||
			!strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/lambda/aws4_request") {
			t.Errorf("called %s with %v", r.URL, r.Header)
		}
		_, _ = io.WriteString(w, `{"pass":true}`)
	})
	if err != nil || v != (gitops.Verdict{Passed: true, Reason: "function driftless-verify-shop answered pass"}) {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestAnAnswerIsPassOrFailOrNoneAtAll(t *testing.T) {
	const other = `function driftless-verify-shop answered something else than {"pass": true or false, "reason": "…"}`
	for name, c := range map[string]struct {
		answer string
		failed bool // the function itself
		want   gitops.Verdict
	}{
		"pass":                       {`{"pass":true,"reason":"9 of 9 tests"}`, false, gitops.Verdict{Passed: true, Reason: "function driftless-verify-shop answered pass: 9 of 9 tests"}},
		"fail":                       {`{"pass":false,"reason":"no orders"}`, false, gitops.Verdict{Reason: "function driftless-verify-shop answered fail: no orders"}},
		"fail without a word":        {`{"pass":false,"more":1}`, false, gitops.Verdict{Reason: "function driftless-verify-shop answered fail"}},
		"text":                       {`"fine"`, false, gitops.Verdict{Final: true, Reason: other}},
		"nothing":                    {`null`, false, gitops.Verdict{Final: true, Reason: other}},
		"no pass":                    {`{"ok":true}`, false, gitops.Verdict{Final: true, Reason: other}},
		"a pass that is no yes":      {`{"pass":"true"}`, false, gitops.Verdict{Final: true, Reason: other}},
		"too much":                   {`{"pass":true,"reason":"` + strings.Repeat("x", 64<<10) + `"}`, false, gitops.Verdict{Final: true, Reason: other}},
		"an error":                   {`{"errorMessage":"Task timed out after 3.00 seconds"}`, true, gitops.Verdict{Reason: "function driftless-verify-shop failed: Task timed out after 3.00 seconds"}},
		"an error that has a type":   {`{"errorType":"Runtime.ExitError"}`, true, gitops.Verdict{Reason: "function driftless-verify-shop failed: Runtime.ExitError"}},
		"an error that says nothing": {`secret`, true, gitops.Verdict{Reason: "function driftless-verify-shop failed: it says not why"}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := ask(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.failed {
					w.Header().Set("X-Amz-Function-Error", "Unhandled")
				}
				_, _ = io.WriteString(w, c.answer)
			})
			if diff := cmp.Diff(c.want, v); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestWhatLambdaCouldNotSayIsNoVerdict(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		code   string
		denied bool
	}{
		"throttling":               {429, "TooManyRequestsException", false},
		"a function being changed": {409, "ResourceConflictException", false},
		"an error of its own":      {500, "ServiceException", false},
		"a proxy":                  {502, "", false},
		"a right that is missing":  {403, "AccessDeniedException", true},
		"a key that is not known":  {403, "UnrecognizedClientException", true},
		"a token that is not":      {403, "InvalidClientTokenId:http://internal/", true},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			v, err := ask(t, func(w http.ResponseWriter, _ *http.Request) {
				calls++
				w.Header().Set("X-Amzn-Errortype", c.code)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, `{"Message":"no"}`)
			})
			if err == nil || v != (gitops.Verdict{}) || errors.Is(err, reconcile.ErrDenied) != c.denied || calls != 1 {
				t.Errorf("got %+v, %v after %d calls", v, err, calls)
			}
		})
	}
	if _, err := ask(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); err == nil {
		t.Error("a connection that was cut is a verdict")
	}
	refuse := func(context.Context, reconcile.Work) (aws.Config, error) { return aws.Config{}, reconcile.ErrDenied }
	if _, err := lambda.New(refuse, time.Now).Check(t.Context(), work, gitops.Check{Lambda: function}, nil); !errors.Is(err, reconcile.ErrDenied) {
		t.Errorf("where the account cannot be entered: %v", err)
	}
}

func TestAFunctionThatIsNotThereIsFinal(t *testing.T) {
	v, err := ask(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amzn-Errortype", "ResourceNotFoundException")
		w.WriteHeader(404)
	})
	if err != nil || v != (gitops.Verdict{Final: true, Reason: "function driftless-verify-shop is not there in 111122223333 eu-west-1"}) {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestAFunctionOfAnotherNameIsNotInvoked(t *testing.T) {
	enter := func(context.Context, reconcile.Work) (aws.Config, error) {
		t.Error("the account was entered")
		return aws.Config{}, reconcile.ErrDenied
	}
	for _, name := range []string{"shop", "driftless-reconciler", "arn:aws:lambda:eu-west-1:444455556666:function:driftless-verify-shop"} {
		if v, err := lambda.New(enter, time.Now).Check(t.Context(), work, gitops.Check{Lambda: name}, nil); err != nil || !v.Final || !strings.Contains(v.Reason, "driftless-verify-") {
			t.Errorf("%s: got %+v, %v", name, v, err)
		}
	}
}

func TestR62_AFunctionThatHangsEndsByTheLimit(t *testing.T) {
	left := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else nobody notices that the caller has left
		<-r.Context().Done()
		left <- struct{}{}
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	v, err := lambda.New(given(awstest.At(server.URL)), time.Now).Check(ctx, work, gitops.Check{Lambda: function}, nil)
	if err != nil || v != (gitops.Verdict{Reason: "function driftless-verify-shop did not answer in time"}) {
		t.Errorf("got %+v, %v", v, err)
	}
	<-left
}
