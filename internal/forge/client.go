package forge

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/driftless-gitops/driftless/internal/guard"
)

const (
	// Patience is how long one call may take, so that a forge that hangs costs a part of a
	// function's time alone.
	Patience = 10 * time.Second
	// maxAnswer is what is read of an answer: a status or a token is a few kilobytes.
	maxAnswer = 1 << 20
	// maxRedirects: GitHub sends calls for a repository that was renamed elsewhere on the same host
	// (docs.github.com, "Best practices for using the REST API", "Follow redirects").
	maxRedirects = 3
)

// errMoved answers a redirect to another host: a token is not carried there.
var errMoved = errors.New("redirected to another host")

// NewClient returns the client that forges are called with. It reaches public addresses and
// the hosts in allow (package guard), stays on the host that it was sent to, gives up after
// ten seconds and reads a megabyte of an answer at most.
func NewClient(allow []string) *http.Client {
	return &http.Client{Transport: capped{guard.Transport(allow)}, Timeout: Patience, CheckRedirect: stay}
}

// stay refuses to follow a redirect to another host.
func stay(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != via[0].URL.Scheme || r.URL.Host != via[0].URL.Host {
		return fmt.Errorf("%w, %s: add the repository under that URL if it has moved", errMoved, r.URL.Host)
	}
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// capped bounds what is read of every answer.
type capped struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (c capped) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, maxAnswer), response.Body}
	return response, nil
}
