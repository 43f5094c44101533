package forgetest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

const gitHubBase = "/api/v3"

var (
	gitHubStatuses = regexp.MustCompile(`^/repos/([\w.-]+/[\w.-]+)/statuses/([^/]+)$`)
	gitHubTokens   = regexp.MustCompile(`^/app/installations/([0-9]+)/access_tokens$`)
	isCommit       = regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString
)

// gitHub answers the routes of GitHub's API that are known.
func (s *Server) gitHub(w http.ResponseWriter, r *http.Request, path string) {
	if s.proposeGitHub(w, r, path) {
		return
	}
	statuses, tokens := gitHubStatuses.FindStringSubmatch(path), gitHubTokens.FindStringSubmatch(path)
	bearer, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.Method != http.MethodPost || statuses == nil && tokens == nil:
		refuse(w, http.StatusNotFound, "Not Found")
	case !found:
		refuse(w, http.StatusUnauthorized, "Requires authentication")
	case tokens != nil:
		s.exchange(w, r, tokens[1], bearer)
	case !s.known(bearer):
		refuse(w, http.StatusUnauthorized, "Bad credentials")
	case !s.has(statuses[1]) || !s.admits(bearer, statuses[1]):
		refuse(w, http.StatusNotFound, "Not Found")
	default:
		s.setGitHub(w, r, statuses[1], statuses[2])
	}
}

// setGitHub sets a status (docs.github.com, "REST API endpoints for commit statuses").
func (s *Server) setGitHub(w http.ResponseWriter, r *http.Request, name, commit string) {
	var in struct {
		State       string  `json:"state"`
		Context     *string `json:"context"`
		Description string  `json:"description"`
		TargetURL   string  `json:"target_url"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	label := "default"
	if in.Context != nil {
		label = *in.Context
	}
	switch {
	case !slices.Contains([]string{"error", "failure", "pending", "success"}, in.State):
		refuse(w, http.StatusUnprocessableEntity, "State is not included in the list")
	case utf8.RuneCountInString(in.Description) > 140:
		refuse(w, http.StatusUnprocessableEntity, "description is too long (maximum is 140 characters)")
	case utf8.RuneCountInString(label) > 255:
		refuse(w, http.StatusUnprocessableEntity, "context is too long (maximum is 255 characters)")
	case !isAddress(in.TargetURL):
		refuse(w, http.StatusUnprocessableEntity, "Target URL must use http(s) scheme")
	case !isCommit(commit) || !s.holds(name, commit):
		refuse(w, http.StatusUnprocessableEntity, "No commit found for SHA: "+commit)
	default:
		s.keep(Status{gitops.ForgeGitHub, name, commit, label, in.State, in.Description, in.TargetURL})
		answer(w, http.StatusCreated, map[string]any{"state": in.State, "context": label})
	}
}

func (s *Server) keep(status Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.statuses = append(s.statuses, status)
}

// decode reads a body strictly, and returns what is wrong with the request.
func decode(r *http.Request, into any) string {
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		return "content type " + kind
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return "Problems parsing JSON: " + err.Error()
	}
	return ""
}

// isAddress reports whether a text is nothing, or a URL that can be clicked.
func isAddress(text string) bool {
	u, err := url.Parse(text)
	return text == "" || err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}
