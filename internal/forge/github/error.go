package github

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	api "github.com/google/go-github/v88/github"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// translate says what an error of go-github means; what is left is transient.
func translate(err error) error {
	var refused *api.ErrorResponse
	if !errors.As(err, &refused) || refused.Response == nil { // rate limits have types of their own
		return err
	}
	why := gitops.Printable(refused.Message)
	for _, e := range refused.Errors {
		why += ": " + gitops.Printable(e.Field+" "+e.Code+" "+e.Message)
	}
	return judge(refused.Response, why)
}

// judge says what an answer that is no success means (docs.github.com, "Troubleshooting the
// REST API" and "Rate limits for the REST API"): 403 is a refusal unless it passes by itself,
// and 404 is also what credentials see that have no right to a private repository.
func judge(r *http.Response, why string) error {
	said := says(r, why)
	limited := r.Header.Get("Retry-After") != "" || r.Header.Get("X-Ratelimit-Remaining") == "0"
	switch {
	case r.StatusCode == http.StatusUnauthorized, r.StatusCode == http.StatusForbidden && !limited:
		return fmt.Errorf("%s: %w", said, reconcile.ErrDenied)
	case r.StatusCode == http.StatusNotFound, r.StatusCode == http.StatusUnprocessableEntity, r.StatusCode == http.StatusGone:
		return fmt.Errorf("%s: %w", said, reconcile.ErrNotFound)
	}
	return errors.New(said)
}

// says tells an answer in words.
func says(r *http.Response, why string) string {
	return strings.TrimSpace(fmt.Sprintf("GitHub answers %d %s", r.StatusCode, why))
}
