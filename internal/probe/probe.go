// Package probe asks an application over HTTP whether it is well: one GET, whose status and
// body have to be what a check of verify says.
//
// A repository chooses the address, so that it is reached through package guard: public
// addresses by https, and what the installation allows beside. Nothing of an answer is told but
// its status and whether its body matches, and nothing of it is kept.
package probe

import (
	"context"
	"net/http"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/guard"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Prober makes attempts at HTTP checks. It is safe for concurrent use.
type Prober struct{ transport http.RoundTripper }

var _ reconcile.Checker = (*Prober)(nil)

// New returns a prober that reaches public addresses by https, and the hosts of allow, the
// installation's allowPrivateHosts, by http too.
func New(allow []string) *Prober {
	t := guard.Transport(allow)
	t.DisableKeepAlives = true // each attempt finds the address anew, and none a connection of an answer ago
	return &Prober{t}
}

// Check makes one request. It has an answer, a redirect that is not followed or a time limit of
// ctx that passes: none of that is an error. An address that may not be reached, and one that
// cannot be made of the outputs, is final.
func (p *Prober) Check(ctx context.Context, _ reconcile.Work, c gitops.Check, outputs map[string]string) (gitops.Verdict, error) {
	e, err := newExpectation(c.HTTP, outputs)
	if err != nil {
		return gitops.Verdict{Final: true, Reason: err.Error()}, nil
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url.String(), nil)
	if err != nil {
		return gitops.Verdict{Final: true, Reason: e.shown() + ": " + err.Error()}, nil
	}
	r.Header.Set("User-Agent", "driftless-verify")
	client := &http.Client{Transport: p.transport, CheckRedirect: e.follow}
	answer, err := client.Do(r)
	if err != nil {
		return e.unanswered(ctx, err), nil
	}
	defer answer.Body.Close()
	return e.judge(ctx, answer), nil
}
