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

// states are GitLab's words. There, what was skipped is canceled: "skipped" is known since
// GitLab 17.6 alone, and refused of what is running.
var states = map[forge.State]string{
	forge.StatePending: "pending",
	forge.StateRunning: "running",
	forge.StateSuccess: "success",
	forge.StateSkipped: canceled,
	forge.StateFailure: "failed",
	forge.StateError:   "failed",
}

const canceled = "canceled"

// place returns the address of a project, which is named by its whole path, escaped ("REST
// API", "Namespaced paths"). A path that names none is ErrNotFound.
func place(raw string) (string, error) {
	u, err := url.Parse(gitops.NormalURL(raw))
	if err != nil || u.Host == "" || !strings.Contains(strings.Trim(u.Path, "/"), "/") {
		return "", fmt.Errorf("%q is no repository of GitLab, https://<host>/<group>/<name>: %w", raw, reconcile.ErrNotFound)
	}
	return u.Scheme + "://" + u.Host + "/api/v4/projects/" + url.PathEscape(strings.Trim(u.Path, "/")), nil
}

// errMoves says that a status cannot go from the state it is in to the one that is wanted.
var errMoves = errors.New("the status does not go there")

// api is one project of GitLab, called with one token.
type api struct {
	http           *http.Client
	project, token string
}

// set shows a status. GitLab's goes from pending to running to an end and never back, and
// takes a new description with a new state alone: what is running is refused as running, and
// as pending ("Cannot transition status via :run from :running", gitlab-org/gitlab,
// spec/requests/api/commit_statuses_spec.rb, "does not update the commit status"). What has
// ended is not touched any more: the next one begins anew (app/services/ci/
// create_commit_status_service.rb, which looks for running_or_pending). So what is refused
// and is not shown yet is ended as canceled, of which GitLab tells nobody, and begun again.
func (a api) set(ctx context.Context, commit string, want status) error {
	statuses := "/statuses/" + url.PathEscape(commit)
	err := a.call(ctx, http.MethodPost, statuses, want, nil)
	if !errors.Is(err, errMoves) {
		return err
	}
	shown, err := a.shown(ctx, commit, want)
	if err != nil || shown {
		return err
	}
	end := want
	end.State = canceled
	if err := a.call(ctx, http.MethodPost, statuses, end, nil); err != nil && !errors.Is(err, errMoves) { // it has ended meanwhile
		return err
	}
	return a.call(ctx, http.MethodPost, statuses, want, nil)
}

// shown reports whether a commit has just this status ("Commits API", "List the statuses of
// a commit", which lists the latest of each name).
func (a api) shown(ctx context.Context, commit string, want status) (bool, error) {
	var all []struct {
		State       string `json:"status"`
		Name        string `json:"name"`
		URL         string `json:"target_url"`
		Description string `json:"description"`
	}
	query := url.Values{"ref": {want.Ref}, "name": {want.Name}}.Encode()
	err := a.call(ctx, http.MethodGet, "/repository/commits/"+url.PathEscape(commit)+"/statuses?"+query, nil, &all)
	if err != nil {
		return false, err
	}
	for _, s := range all {
		if (status{s.State, want.Ref, s.Name, s.URL, s.Description}) == want {
			return true, nil
		}
	}
	return false, nil
}

// call makes one call with a body, and reads the answer, where they are not nil.
func (a api) call(ctx context.Context, method, path string, body, into any) error {
	payload := []byte{}
	if body != nil {
		var err error
		if payload, err = json.Marshal(body); err != nil {
			return fmt.Errorf("encode status: %w", err)
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, a.project+path, bytes.NewReader(payload))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("PRIVATE-TOKEN", a.token)
	response, err := a.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if response.StatusCode != http.StatusCreated && response.StatusCode != http.StatusOK {
		return judge(response.StatusCode, said(answer))
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("decode answer: %w", err)
	}
	return nil
}

// judge says what an answer that is no success means (docs.gitlab.com, "REST API
// troubleshooting", "Status codes"; rate limits are 429).
func judge(code int, why string) error {
	text := strings.TrimSpace(fmt.Sprintf("GitLab answers %d %s", code, why))
	switch {
	case code == http.StatusBadRequest && strings.HasPrefix(why, "Cannot transition status via "):
		return fmt.Errorf("%s: %w", text, errMoves)
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
