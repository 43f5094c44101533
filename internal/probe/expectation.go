package probe

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
)

const (
	// largest is how much of a body is read: to tell that all is well takes no more.
	largest = 1 << 20
	// redirects is how many of them are followed.
	redirects = 3
)

// errNotFollowed is in the chain of why a redirect is not followed.
var errNotFollowed = errors.New("not followed")

// expectation is what a request is made to, and what its answer has to be.
type expectation struct {
	url    *url.URL
	status int
	body   *regexp.Regexp // nil: any
}

// newExpectation puts the outputs into the address. What is wrong with it stays wrong.
func newExpectation(c *gitops.HTTPCheck, outputs map[string]string) (expectation, error) {
	address, err := expand(c.URL, outputs)
	if err != nil {
		return expectation{}, err
	}
	u, err := url.Parse(address)
	switch {
	case err != nil: // not with the address itself, which may hold an output that is nobody's business
		return expectation{}, fmt.Errorf("url %q, with the stack's outputs in it, is no URL", c.URL)
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "":
		return expectation{}, fmt.Errorf("url %q, with the stack's outputs in it, is no https://host/path", c.URL)
	case u.User != nil:
		return expectation{}, fmt.Errorf("url %q holds credentials, which would be sent and shown: none are allowed", c.URL)
	}
	e := expectation{url: u, status: cmp.Or(c.Status, http.StatusOK)}
	if c.Body != "" {
		if e.body, err = regexp.Compile(c.Body); err != nil {
			return expectation{}, fmt.Errorf("body %q is no regular expression (RE2): %w", c.Body, err)
		}
	}
	return e, nil
}

// expand puts values in the place of ${outputs.NAME}.
func expand(text string, outputs map[string]string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		inner, after, closed := strings.Cut(rest, "}")
		name, isOutput := strings.CutPrefix(inner, "outputs.")
		if !closed || !isOutput {
			return "", fmt.Errorf("url: ${%s is none of ${outputs.NAME}", gitops.Printable(rest))
		}
		value, ok := outputs[name]
		if !ok {
			return "", fmt.Errorf("url: the stack has no output %q; it has %s", name, listed(outputs))
		}
		b.WriteString(value)
		text = after
	}
}

func listed(outputs map[string]string) string {
	if len(outputs) == 0 {
		return "none"
	}
	return strings.Join(slices.Sorted(maps.Keys(outputs)), ", ")
}

// shown is the request as people are told of it: without a query, which may be a secret.
func (e expectation) shown() string { return "GET " + plain(e.url) }

func plain(u *url.URL) string { return u.Scheme + "://" + u.Host + u.EscapedPath() }

// follow stops at a redirect that is itself what is wanted, and refuses one that leads to
// another host: whoever may name an address has not named that one.
func (e expectation) follow(next *http.Request, via []*http.Request) error {
	switch {
	case e.status >= 300 && e.status < 400:
		return http.ErrUseLastResponse
	case !strings.EqualFold(next.URL.Hostname(), e.url.Hostname()):
		return fmt.Errorf("redirected to %s, which is another host: %w", next.URL.Host, errNotFollowed)
	case next.URL.User != nil:
		return fmt.Errorf("redirected to an address with credentials: %w", errNotFollowed)
	case len(via) > redirects:
		return fmt.Errorf("redirected more than %d times: %w", redirects, errNotFollowed)
	}
	return nil
}

// unanswered is the verdict where there was no answer to judge.
func (e expectation) unanswered(ctx context.Context, err error) gitops.Verdict {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return gitops.Verdict{Reason: e.shown() + " was not answered in time"}
	}
	return gitops.Verdict{Final: errors.Is(err, guard.ErrRefused), Reason: e.shown() + ": " + cause(err)}
}

// cause tells of an error what is none of the answer's own words, as those of an answer that is
// no HTTP would be, and nothing of the address that its text begins with.
func cause(err error) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	var alert tls.AlertError
	switch {
	case errors.Is(err, guard.ErrRefused), errors.Is(err, errNotFollowed), errors.As(err, &network),
		errors.As(err, &certificate), errors.As(err, &alert):
		return err.Error()
	case errors.Is(err, io.EOF):
		return "the connection was closed without an answer"
	}
	return "the answer is no HTTP"
}

// judge compares an answer with what is wanted.
func (e expectation) judge(ctx context.Context, answer *http.Response) gitops.Verdict {
	if answer.StatusCode != e.status {
		return gitops.Verdict{Reason: fmt.Sprintf("%s answered %d, want %d", e.shown(), answer.StatusCode, e.status)}
	}
	found := fmt.Sprintf("%s answered %d", e.shown(), answer.StatusCode)
	if e.body == nil {
		return gitops.Verdict{Passed: true, Reason: found}
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, largest+1))
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return gitops.Verdict{Reason: found + ", and its body did not end in time"}
	case err != nil:
		return gitops.Verdict{Reason: found + ", and its body broke off"}
	case e.body.Match(body[:min(len(body), largest)]):
		return gitops.Verdict{Passed: true, Reason: found + ", and its body matches"}
	case len(body) > largest:
		return gitops.Verdict{Reason: found + ", and the first megabyte of its body does not match " + e.body.String()}
	}
	return gitops.Verdict{Reason: found + ", and its body does not match " + e.body.String()}
}
