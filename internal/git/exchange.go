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

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The two paths of git's HTTP protocol below a repository's URL (gitprotocol-http).
const (
	infoRefs   = "/info/refs"
	uploadPack = "/git-upload-pack"
)

// userAgent begins as git's does: GitHub answers 404 to anything else
// (github.com/jelmer/dulwich/issues/562), and some hosts to versions before 1.6.6
// (github.com/libgit2/libgit2/pull/4041).
const userAgent = "git/2.0 (driftless)"

// maxRedirects is how often one request is sent on.
const maxRedirects = 3

// errMoved answers a redirect to another host: credentials are not carried there.
var errMoved = errors.New("redirected to another host")

// errStatus is an HTTP status in place of an answer.
type errStatus struct {
	code    int
	limited bool // the server asks to come back later
}

func (e errStatus) Error() string {
	if e.limited {
		return fmt.Sprintf("the server asks to come back later (%d)", e.code)
	}
	return fmt.Sprintf("the server answers %d %s", e.code, http.StatusText(e.code))
}

// exchange is how one repository is spoken to, as somebody.
type exchange struct {
	transport      http.RoundTripper
	address        string // without a slash at its end
	moved          bool   // address is where a redirect on the same host led
	user, password string
}

// newExchange opens no connection yet.
func newExchange(transport http.RoundTripper, address, user, password string) (*exchange, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%w: a repository's URL begins with https://", reconcile.ErrDenied)
	}
	if u.User != nil {
		return nil, fmt.Errorf("%w: credentials do not belong into the URL", reconcile.ErrDenied)
	}
	return &exchange{transport: transport, address: strings.TrimSuffix(address, "/"), user: user, password: password}, nil
}

// advertisement asks what the server has and can do.
func (x *exchange) advertisement(ctx context.Context, limit int64) (io.ReadCloser, error) {
	header := http.Header{"Git-Protocol": {"version=2"}}
	return x.send(ctx, http.MethodGet, infoRefs, "?service=git-upload-pack", header, nil, limit)
}

// command sends a request to git-upload-pack, of protocol v2 or of v0.
func (x *exchange) command(ctx context.Context, request []byte, v2 bool, limit int64) (io.ReadCloser, error) {
	header := http.Header{
		"Content-Type": {"application/x-git-upload-pack-request"},
		"Accept":       {"application/x-git-upload-pack-result"},
	}
	if v2 {
		header.Set("Git-Protocol", "version=2")
	}
	return x.send(ctx, http.MethodPost, uploadPack, "", header, request, limit)
}

// send sends one request, and sends it on where the same host says so: the whole of it, with
// its method and body, which http.Client would not keep.
func (x *exchange) send(ctx context.Context, method, path, query string, header http.Header, body []byte, limit int64) (io.ReadCloser, error) {
	header.Set("User-Agent", userAgent)
	for range maxRedirects {
		r, err := http.NewRequestWithContext(ctx, method, x.address+path+query, bytes.NewReader(body))
		if err != nil {
			return nil, fmt.Errorf("make request: %w", err)
		}
		r.Header = header
		if x.user != "" || x.password != "" {
			r.SetBasicAuth(x.user, x.password)
		}
		response, err := x.transport.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		if response.StatusCode == http.StatusOK {
			return answer{capped(ctx, response.Body, limit), response.Body}, nil
		}
		_ = response.Body.Close() // what a server writes beside an error is for browsers
		if err := x.follow(response, path); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("redirected more than %d times", maxRedirects)
}

// answer is the body of a response, capped.
type answer struct {
	io.Reader
	body io.ReadCloser
}

// Close ends the answer. A connection is kept for the next request only once its answer was
// read to the end, and behind what matters little comes.
func (a answer) Close() error {
	_, _ = io.CopyN(io.Discard, a.Reader, 1<<10) // it may fail: then there is a connection less
	return a.body.Close()
}

// follow goes where a redirect leads that keeps to the host: GitLab, say, sends ".git" after
// the path. What is no redirect of git's is an errStatus.
func (x *exchange) follow(response *http.Response, path string) error {
	to, err := response.Location()
	if response.StatusCode/100 != 3 || err != nil {
		return newStatus(response)
	}
	if from := response.Request.URL; to.Scheme != from.Scheme || to.Host != from.Host {
		return fmt.Errorf("%w, %s: add the repository under that URL if it has moved", errMoved, gitops.Printable(to.Host))
	}
	to.RawQuery, to.Fragment = "", ""
	address, found := strings.CutSuffix(to.String(), path)
	if !found {
		return newStatus(response)
	}
	x.address, x.moved = address, true
	return nil
}

// newStatus tells a rate limit from a refusal: GitHub's come as 403 with Retry-After, or with
// nothing remaining (docs.github.com, "Rate limits for the REST API").
func newStatus(response *http.Response) errStatus {
	h := response.Header
	spent := h.Get("Retry-After") != "" || h.Get("X-Ratelimit-Remaining") == "0" || h.Get("Ratelimit-Remaining") == "0"
	code := response.StatusCode
	return errStatus{code, code == http.StatusTooManyRequests || code == http.StatusForbidden && spent}
}

// foreign reports whether a server answered something that one which speaks protocol v2 would
// not have, so that asking it what it can do may help. Who may read, and how often, it says
// whatever the protocol.
func foreign(err error) bool {
	var status errStatus
	if errors.As(err, &status) {
		return !status.limited && status.code != http.StatusUnauthorized && status.code != http.StatusForbidden
	}
	var said errRemote
	return errors.As(err, &said) || errors.Is(err, errSilent) || errors.Is(err, errMalformed)
}

// translate says what an error of an exchange means. What is neither certain nor a
// person's to mend stays as it is: it is transient, or unknown.
func translate(err error, r gitops.Repository) error {
	where := gitops.NormalURL(r.URL)
	var status errStatus
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errMoved), errors.Is(err, guard.ErrRefused):
		return fmt.Errorf("repository %s: %w: %w", where, err, reconcile.ErrDenied)
	case !errors.As(err, &status) || status.limited:
	case status.code == http.StatusNotFound, status.code == http.StatusGone:
		return fmt.Errorf("repository %s does not exist, or is not shown to these credentials (%d): %w", where, status.code, reconcile.ErrNotFound)
	case status.code == http.StatusUnauthorized:
		return fmt.Errorf("repository %s refuses the credentials (401): %w", where, reconcile.ErrDenied)
	case status.code == http.StatusForbidden:
		return fmt.Errorf("repository %s refuses to be read with these credentials (403): %w", where, reconcile.ErrDenied)
	}
	return fmt.Errorf("repository %s: %w", where, err)
}

// readerFunc is a function as an io.Reader. It holds a context only for the call that
// made it.
type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// capped ends with an error after limit bytes, or when the context ends: what is unpacked
// from few bytes can keep a processor busy for long.
func capped(ctx context.Context, r io.Reader, limit int64) io.Reader {
	left := limit
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		if left < 0 {
			return 0, &PathError{Path: ".", Why: "the answer to one request has more than " + size(limit) + ", the most that is read"}
		}
		n, err := r.Read(p[:min(int64(len(p)), left+1)])
		left -= int64(n)
		return n, err
	})
}
