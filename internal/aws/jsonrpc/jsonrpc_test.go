package jsonrpc_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
)

type names struct {
	Names []string `json:"names"`
}

// at returns a client of a server, which waits for nothing between two tries.
func at(url string) *jsonrpc.Client {
	cfg := awstest.At(url)
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.Backoff = retry.BackoffDelayerFunc(noDelay) })
	}
	return jsonrpc.New(cfg, jsonrpc.CodeBuild, time.Now)
}

func noDelay(int, error) (time.Duration, error) { return 0, nil }

func TestACallIsSignedAndDecoded(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for header, want := range map[string]string{"X-Amz-Target": "CodeBuild_20161006.ListProjects", "Content-Type": "application/x-amz-json-1.1"} {
			if got := r.Header.Get(header); got != want {
				t.Errorf("%s is %q, want %q", header, got, want)
			}
		}
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-north-1/codebuild/aws4_request") || string(body) != `{"names":["a"]}` {
			t.Errorf("called with %s, %s", r.Header.Get("Authorization"), body)
		}
		_, _ = io.WriteString(w, `{"names":["b","c"]}`)
	}))
	defer server.Close()
	var got names
	if err := at(server.URL).Call(t.Context(), "eu-north-1", "ListProjects", names{[]string{"a"}}, &got); err != nil || len(got.Names) != 2 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestAnErrorHasItsCodeWhereverItStands(t *testing.T) {
	for name, c := range map[string]struct {
		header, body, code, message string
		status                      int
	}{
		"in __type with a namespace":   {"", `{"__type":"com.amazonaws.codebuild#AccountLimitExceededException","message":"queue full"}`, "AccountLimitExceededException", "queue full", 400},
		"in __type alone":              {"", `{"__type":"InvalidInputException","Message":"no"}`, "InvalidInputException", "no", 400},
		"in a header, with a colon":    {"ResourceNotFoundException:http://internal/", `{"message":"gone"}`, "ResourceNotFoundException", "gone", 400},
		"in code":                      {"", `{"code":"AccessDeniedException","message":"x"}`, "AccessDeniedException", "x", 403},
		"nowhere, since a proxy spoke": {"", `<html>`, "UnknownError", "", 418},
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls++
				if c.header != "" {
					w.Header().Set("X-Amzn-ErrorType", c.header)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			err := at(server.URL).Call(t.Context(), "eu-west-1", "StartBuild", struct{}{}, &struct{}{})
			var api smithy.APIError
			if !errors.As(err, &api) || api.ErrorCode() != c.code || api.ErrorMessage() != c.message || calls != 1 {
				t.Errorf("got %v after %d calls, want %s %q after one", err, calls, c.code, c.message)
			}
		})
	}
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	for name, fail := range map[string]func(http.ResponseWriter){
		"an error of the server": func(w http.ResponseWriter) { w.WriteHeader(500) },
		"throttling": func(w http.ResponseWriter) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"__type":"ThrottlingException"}`)
		},
		"a connection that is cut": func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			calls := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); string(body) != `{}` {
					t.Errorf("try %d says %q", calls, body)
				}
				if calls++; calls < 3 {
					fail(w)
					return
				}
				_, _ = io.WriteString(w, `{}`)
			}))
			defer server.Close()
			if err := at(server.URL).Call(t.Context(), "eu-west-1", "BatchGetBuilds", struct{}{}, &struct{}{}); err != nil || calls != 3 {
				t.Errorf("%v after %d calls, want none after 3", err, calls)
			}
		})
	}
}

func TestTryingAgainEnds(t *testing.T) {
	calls := 0
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.WriteHeader(503)
	}))
	defer server.Close()
	client := at(server.URL)
	if err := client.Call(ctx, "eu-west-1", "BatchGetBuilds", struct{}{}, &struct{}{}); err == nil || calls != retry.DefaultMaxAttempts {
		t.Errorf("%v after %d calls, want an error after %d", err, calls, retry.DefaultMaxAttempts)
	}
	cancel()
	if err := client.Call(ctx, "eu-west-1", "BatchGetBuilds", struct{}{}, &struct{}{}); !errors.Is(err, context.Canceled) || calls != retry.DefaultMaxAttempts {
		t.Errorf("%v after %d calls, want the context's end and no further call", err, calls)
	}
}

func TestTheEndpointIsTheRegionsOwn(t *testing.T) {
	for region, want := range map[string]string{
		"eu-west-1": "codecommit.eu-west-1.amazonaws.com", "cn-north-1": "codecommit.cn-north-1.amazonaws.com.cn",
		"us-gov-west-1": "codecommit.us-gov-west-1.amazonaws.com", "us-isob-east-1": "codecommit.us-isob-east-1.sc2s.sgov.gov",
	} {
		cfg, got := awstest.At("http://unused"), ""
		cfg.BaseEndpoint = nil
		cfg.HTTPClient = doer(func(r *http.Request) { got = r.URL.Scheme + "://" + r.URL.Host })
		_ = jsonrpc.New(cfg, jsonrpc.CodeCommit, time.Now).Call(t.Context(), region, "GetRepository", struct{}{}, &struct{}{})
		if got != "https://"+want {
			t.Errorf("%s: called %s, want https://%s", region, got, want)
		}
	}
}

// doer notes a request, and answers with nothing.
type doer func(*http.Request)

func (d doer) Do(r *http.Request) (*http.Response, error) {
	d(r)
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}
