package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// CodeCommit (and Azure DevOps) answer only clients that offer multi_ack, which go-git
// drops from what it offers unless this variable of its own says otherwise
// (fluxcd/pkg#576). It is set here, once, before anything could read it.
func init() {
	transport.UnsupportedCapabilities = []capability.Capability{capability.ThinPack}
}

// errMoved answers a redirect to another host: credentials are not carried there.
var errMoved = errors.New("redirected to another host")

// errRemote is what a server said instead of an answer.
type errRemote string

func (e errRemote) Error() string { return "the server says: " + string(e) }

// exchange is one conversation with one repository: a session of go-git's over a client
// that this package watches. It ends with its one or two requests.
type exchange struct {
	transport.UploadPackSession
	next  http.RoundTripper
	moved string // where a redirect on the same host led
	limit int64
	head  headBuffer // of the last answer
}

// newExchange opens no connection yet.
func newExchange(next http.RoundTripper, address, user, password string, limit int64) (*exchange, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: a repository's URL begins with https://", reconcile.ErrDenied)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%w: credentials do not belong into the URL", reconcile.ErrDenied)
	}
	endpoint, err := transport.NewEndpoint(address)
	if err != nil {
		return nil, fmt.Errorf("read URL: %w", err)
	}
	var auth transport.AuthMethod
	if user != "" || password != "" {
		auth = &githttp.BasicAuth{Username: user, Password: password}
	}
	x := &exchange{next: next, limit: limit}
	client := githttp.NewClient(&http.Client{Transport: x, CheckRedirect: x.redirect})
	x.UploadPackSession, err = client.NewUploadPackSession(endpoint, auth)
	return x, err
}

// redirect keeps to the host: GitLab, say, sends ".git" after the path.
func (x *exchange) redirect(r *http.Request, via []*http.Request) error {
	if r.URL.Scheme != via[0].URL.Scheme || r.URL.Host != via[0].URL.Host {
		return fmt.Errorf("%w, %s: add the repository under that URL if it has moved", errMoved, r.URL.Host)
	}
	to := *r.URL
	to.RawQuery = ""
	x.moved = strings.TrimSuffix(to.String(), "/info/refs")
	return nil
}

// RoundTrip caps every answer and remembers how it began, which go-git does not show
// where a server answers with an error instead of a pack.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := x.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusForbidden && response.Header.Get("Retry-After") != "" {
		// GitHub's secondary rate limits come as 403 with Retry-After (docs.github.com,
		// "Rate limits for the REST API"): not a refusal, it passes by itself.
		response.StatusCode = http.StatusTooManyRequests
	}
	x.head = headBuffer{max: 256}
	body := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(capped(r.Context(), body, x.limit), &x.head), body}
	return response, nil
}

// fetch asks for objects by id and returns the pack that comes. An errRemote is what the
// server said instead.
func (x *exchange) fetch(ctx context.Context, request *packp.UploadPackRequest) (io.ReadCloser, error) {
	response, err := x.UploadPack(ctx, request)
	if said := x.said(); said != nil {
		return nil, said
	}
	if err != nil {
		return nil, err
	}
	var r io.Reader = response
	switch {
	case request.Capabilities.Supports(capability.Sideband64k):
		r = sideband.NewDemuxer(sideband.Sideband64k, response)
	case request.Capabilities.Supports(capability.Sideband):
		r = sideband.NewDemuxer(sideband.Sideband, response)
	}
	return struct {
		io.Reader
		io.Closer
	}{r, response}, nil
}

// said returns the error that a server's answer consists of: a pkt-line "ERR <text>"
// (gitprotocol-pack, "pkt-line Format"), which go-git reads over in a shallow answer.
func (x *exchange) said() error {
	const length = 4 // of a pkt-line, in hexadecimal
	if len(x.head.head) < length {
		return nil
	}
	text, found := bytes.CutPrefix(x.head.head[length:], []byte("ERR "))
	if !found {
		return nil
	}
	line, _, _ := strings.Cut(string(text), "\n")
	return errRemote(strings.ToValidUTF8(line, "?"))
}

// translate says what an error of an exchange means. What is neither certain nor a
// person's to mend stays as it is: it is transient, or unknown.
func translate(err error, r gitops.Repository) error {
	var unexpected *plumbing.UnexpectedError // has no Unwrap
	if errors.As(err, &unexpected) {
		err = unexpected.Err
	}
	where := gitops.NormalURL(r.URL)
	switch {
	case errors.Is(err, transport.ErrEmptyRemoteRepository):
		return fmt.Errorf("repository %s is empty: %w", where, reconcile.ErrNotFound)
	case errors.Is(err, transport.ErrRepositoryNotFound):
		return fmt.Errorf("repository %s does not exist, or is not shown to these credentials: %w", where, reconcile.ErrNotFound)
	case errors.Is(err, transport.ErrAuthenticationRequired):
		return fmt.Errorf("repository %s refuses the credentials (401): %w", where, reconcile.ErrDenied)
	case errors.Is(err, transport.ErrAuthorizationFailed):
		return fmt.Errorf("repository %s refuses to be read with these credentials (403): %w", where, reconcile.ErrDenied)
	case errors.Is(err, errMoved), errors.Is(err, guard.ErrRefused):
		return fmt.Errorf("repository %s: %w: %w", where, err, reconcile.ErrDenied)
	}
	return fmt.Errorf("repository %s: %w", where, err)
}
