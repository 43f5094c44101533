package gitlab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// status is the body of the call (docs.gitlab.com, "Commits API", "Set commit pipeline
// status"). The ref tells GitLab which of several pipelines of a commit is meant.
type status struct {
	State       string `json:"state"`
	Ref         string `json:"ref,omitempty"`
	Name        string `json:"name"`
	URL         string `json:"target_url,omitempty"`
	Description string `json:"description,omitempty"`
}

// maxDescription: the same page, "description: must be 255 characters or fewer".
const maxDescription = 255

// states are GitLab's words.
var states = map[forge.State]string{
	forge.StatePending: "pending",
	forge.StateSuccess: "success",
	forge.StateFailure: "failed",
	forge.StateError:   "failed",
}

// place returns the address of a commit's statuses. A project is named by its whole path,
// escaped ("REST API", "Namespaced paths"). A path that names none is ErrNotFound.
func place(raw, commit string) (string, error) {
	u, err := url.Parse(gitops.NormalURL(raw))
	if err != nil || u.Host == "" || !strings.Contains(strings.Trim(u.Path, "/"), "/") {
		return "", fmt.Errorf("%q is no repository of GitLab, https://<host>/<group>/<name>: %w", raw, reconcile.ErrNotFound)
	}
	project := url.PathEscape(strings.Trim(u.Path, "/"))
	return u.Scheme + "://" + u.Host + "/api/v4/projects/" + project + "/statuses/" + url.PathEscape(commit), nil
}

// post makes the call.
func (f Forge) post(ctx context.Context, address, token string, payload []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("PRIVATE-TOKEN", token)
	response, err := f.HTTP.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode == http.StatusCreated || response.StatusCode == http.StatusOK {
		return nil
	}
	return judge(response.StatusCode, said(answer))
}

// judge says what an answer that is no success means (docs.gitlab.com, "REST API
// troubleshooting", "Status codes"; rate limits are 429).
func judge(code int, why string) error {
	text := strings.TrimSpace(fmt.Sprintf("GitLab answers %d %s", code, why))
	switch {
	case code == http.StatusBadRequest && strings.HasPrefix(why, "Cannot transition status via "):
		// The status is in that state already, which is what was to be brought about
		// (gitlab-org/gitlab, spec/requests/api/commit_statuses_spec.rb).
		return nil
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		return fmt.Errorf("%s: %w", text, reconcile.ErrDenied)
	case code >= 400 && code < 500 && code != http.StatusRequestTimeout && code != http.StatusTooManyRequests:
		return fmt.Errorf("%s: %w", text, reconcile.ErrNotFound)
	}
	return errors.New(text)
}

// said returns the message of an answer, which is text or lists of text by field.
func said(answer []byte) string {
	var in struct {
		Message json.RawMessage `json:"message"`
		Error   string          `json:"error"`
	}
	var text string
	switch {
	case json.Unmarshal(answer, &in) != nil:
		return ""
	case json.Unmarshal(in.Message, &text) != nil:
		text = in.Error + string(in.Message)
	}
	const enough = 300
	return forge.Cut(text, enough)
}
