package sigv4_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/sigv4"
)

var now = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// signed is a request as the SDK signs it, as a server sees it.
func signed(t *testing.T, method, url, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, url, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(body))
	key := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret", SessionToken: "token"}
	if err := v4.NewSigner().SignHTTP(t.Context(), key, r, hex.EncodeToString(sum[:]), "lambda", "eu-west-1", now); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestVerify(t *testing.T) {
	const url = "http://127.0.0.1:4566/_lambda-url/abc/applications"
	for name, c := range map[string]struct {
		url    string
		body   string
		secret string
		later  time.Duration
		change func(*http.Request)
		want   error
	}{
		"a signed request passes":           {url: url, body: `{"a":1}`},
		"a query in any order passes":       {url: url + "?b=2&a=x%20y&a=1&empty"},
		"an encoded path passes":            {url: url + "/a%2Fb/c%20d"},
		"four minutes late passes":          {url: url, later: 4 * time.Minute},
		"another secret is refused":         {url: url, secret: "other", want: sigv4.ErrMismatch},
		"six minutes late is refused":       {url: url, later: 6 * time.Minute, want: sigv4.ErrExpired},
		"six minutes early is refused":      {url: url, later: -6 * time.Minute, want: sigv4.ErrExpired},
		"another method is refused":         {url: url, change: func(r *http.Request) { r.Method = http.MethodDelete }, want: sigv4.ErrMismatch},
		"another path is refused":           {url: url, change: func(r *http.Request) { r.URL.Path += "x" }, want: sigv4.ErrMismatch},
		"another query is refused":          {url: url, change: func(r *http.Request) { r.URL.RawQuery = "a=1" }, want: sigv4.ErrMismatch},
		"another host is refused":           {url: url, change: func(r *http.Request) { r.Host = "elsewhere" }, want: sigv4.ErrMismatch},
		"another token is refused":          {url: url, change: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, want: sigv4.ErrMismatch},
		"an unsigned payload is refused":    {url: url, change: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, want: sigv4.ErrMismatch},
		"a request without date is refused": {url: url, change: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, want: sigv4.ErrMismatch},
		"a request without header is known": {url: url, change: func(r *http.Request) { r.Header.Del("Authorization") }, want: sigv4.ErrUnsigned},
		"another scheme counts as unsigned": {url: url, change: func(r *http.Request) { r.Header.Set("Authorization", "Bearer x") }, want: sigv4.ErrUnsigned},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t, http.MethodPost, c.url, c.body)
			if c.change != nil {
				c.change(r)
			}
			if c.secret == "" {
				c.secret = "secret"
			}
			a, err := sigv4.Parse(r)
			if err == nil {
				err = a.Verify(r, []byte(c.body), c.secret, now.Add(c.later))
			}
			if !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestBodyIsSigned(t *testing.T) {
	r := signed(t, http.MethodPost, "http://127.0.0.1/", "sent")
	a, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Verify(r, []byte("received"), "secret", now); !errors.Is(err, sigv4.ErrMismatch) {
		t.Errorf("error %v, want a mismatch", err)
	}
	if a.AccessKey != "AKIDEXAMPLE" || a.Service != "lambda" || a.Region != "eu-west-1" {
		t.Errorf("authorization %+v", a)
	}
}
