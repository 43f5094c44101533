package api_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/api"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// caller returns a client with test credentials whose AWS is at url.
func caller(t *testing.T, url string, o api.Options) *api.Client {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": url, "AWS_CA_BUNDLE": "", "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
	o.Now = func() time.Time { return time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC) }
	c, err := api.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve answers every request so.
func serve(t *testing.T, status int, header, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if header != "" {
			w.Header().Set("X-Amzn-Errortype", header)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

const stacks = `<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>Driftless</StackName><Outputs>
<member><OutputKey>ApiUrl</OutputKey><OutputValue>https://read/</OutputValue></member>
<member><OutputKey>ApiWriteUrl</OutputKey><OutputValue>https://write/</OutputValue></member>
</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>`

func TestTheAddressesAreOutputsOfTheStack(t *testing.T) {
	got, err := caller(t, serve(t, 200, "", stacks), api.Options{}).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(api.Addresses{Read: "https://read/", Write: "https://write/"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestAddressesThatAreKnownAreTaken(t *testing.T) {
	url := serve(t, 200, "", stacks)
	got, err := caller(t, url, api.Options{Read: "https://mine/"}).Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(api.Addresses{Read: "https://mine/", Write: "https://write/"}, got); diff != "" {
		t.Error(diff)
	}
	known := api.Options{Read: "https://a/", Write: "https://b/"}
	if got, err := caller(t, "http://127.0.0.1:1", known).Find(t.Context()); err != nil || got.Write != "https://b/" {
		t.Errorf("both are known, and yet: %v, %v", got, err)
	}
}

func TestWhatCannotBeFoundIsExplained(t *testing.T) {
	const refusal = `<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>`
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
	}{
		"no installation":        {400, fmt.Sprintf(refusal, "ValidationError", "Stack with id Driftless does not exist"), reconcile.ErrNotFound},
		"no right":               {403, fmt.Sprintf(refusal, "AccessDenied", "not authorized"), reconcile.ErrDenied},
		"old credentials":        {403, fmt.Sprintf(refusal, "ExpiredToken", "expired"), reconcile.ErrDenied},
		"a key that is gone":     {403, fmt.Sprintf(refusal, "InvalidClientTokenId", "no such key"), reconcile.ErrDenied},
		"credentials of nobody":  {403, fmt.Sprintf(refusal, "UnrecognizedClientException", "who are you"), reconcile.ErrDenied},
		"a secret that is wrong": {403, fmt.Sprintf(refusal, "SignatureDoesNotMatch", "wrong"), reconcile.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := caller(t, serve(t, c.status, "", c.body), api.Options{}).Find(t.Context())
			if !errors.Is(err, c.want) {
				t.Fatalf("the error is %v, want %v", err, c.want)
			}
			for _, said := range []string{"AKIDEXAMPLE", "eu-west-1"} {
				if !strings.Contains(err.Error(), said) {
					t.Errorf("%q does not say %s", err, said)
				}
			}
		})
	}
	t.Run("a stack without the outputs", func(t *testing.T) {
		body := strings.ReplaceAll(stacks, "ApiWriteUrl", "Other")
		_, err := caller(t, serve(t, 200, "", body), api.Options{}).Find(t.Context())
		if !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("the error is %v, want %v", err, reconcile.ErrNotFound)
		}
	})
}

func TestARequestIsSignedWithItsBody(t *testing.T) {
	var got *http.Request
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, body = r, nil
		body, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	client := &http.Client{Transport: caller(t, server.URL, api.Options{})}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/applications/jobs/sync?x=1", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if string(body) != `{"a":1}` || got.URL.RawQuery != "x=1" {
		t.Errorf("the server got %q at %s", body, got.URL)
	}
	if want := "Credential=AKIDEXAMPLE/20261121/eu-west-1/lambda/aws4_request"; !strings.Contains(got.Header.Get("Authorization"), want) {
		t.Errorf("the signature %q is not for %s", got.Header.Get("Authorization"), want)
	}
	// sha256 of {"a":1}
	if hash := got.Header.Get("X-Amz-Content-Sha256"); hash != "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862" {
		t.Errorf("the payload's hash is %s", hash)
	}
	if req.Header.Get("Authorization") != "" {
		t.Error("the caller's own request was changed")
	}
}

func TestAFunctionsAddressNamesItsOwnRegion(t *testing.T) {
	var authorization string
	c := caller(t, "http://127.0.0.1:1", api.Options{})
	defer func(before http.RoundTripper) { http.DefaultTransport = before }(http.DefaultTransport)
	http.DefaultTransport = transport(func(r *http.Request) (*http.Response, error) {
		authorization = r.Header.Get("Authorization")
		return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
	})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://abc.lambda-url.ap-south-1.on.aws/status", nil)
	resp, err := c.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if !strings.Contains(authorization, "/ap-south-1/lambda/") {
		t.Errorf("the signature is %q", authorization)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestARefusalByAWSSaysWhoWasRefused(t *testing.T) {
	url := serve(t, 403, "AccessDeniedException", `{"Message":"Forbidden"}`)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/status", nil)
	resp, err := caller(t, url, api.Options{}).RoundTrip(req)
	if resp != nil {
		resp.Body.Close()
	}
	if !errors.Is(err, reconcile.ErrDenied) {
		t.Fatalf("the error is %v, want %v", err, reconcile.ErrDenied)
	}
	for _, said := range []string{"AKIDEXAMPLE", "eu-west-1", "Forbidden", "lambda:InvokeFunctionUrl"} {
		if !strings.Contains(err.Error(), said) {
			t.Errorf("%q does not say %s", err, said)
		}
	}
}

func TestARefusalByTheAPIItselfIsPassedOn(t *testing.T) {
	url := serve(t, 403, "", `{"error":"sync goes to the write address"}`)
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/status", nil)
	resp, err := caller(t, url, api.Options{}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 403 || !strings.Contains(string(body), "write address") {
		t.Errorf("the answer is %d %s", resp.StatusCode, body)
	}
}
