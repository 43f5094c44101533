package forgetest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

const gitLabBase = "/api/v4"

// transitions are the events that lead to a state, as GitLab's refusals call them.
var transitions = map[string]string{"pending": "enqueue", "running": "run", "success": "success", "failed": "drop", "canceled": "cancel", "skipped": "skip"}

// gitLab answers the one route of GitLab's API: projects are named by their escaped path.
func (s *Server) gitLab(w http.ResponseWriter, r *http.Request, path string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if r.Method != http.MethodPost || len(parts) != 4 || parts[0] != "projects" || parts[2] != "statuses" {
		refuse(w, http.StatusNotFound, "404 Not Found")
		return
	}
	name, err := url.PathUnescape(parts[1])
	token := r.Header.Get("PRIVATE-TOKEN")
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "400 Bad request")
	case !s.known(token):
		refuse(w, http.StatusUnauthorized, "401 Unauthorized")
	case !s.has(name):
		refuse(w, http.StatusNotFound, "404 Project Not Found")
	default:
		s.setGitLab(w, r, name, parts[3])
	}
}

// setGitLab sets a status (docs.gitlab.com, "Commits API", "Set commit pipeline status").
func (s *Server) setGitLab(w http.ResponseWriter, r *http.Request, name, commit string) {
	var in struct {
		State       string `json:"state"`
		Ref         string `json:"ref"`
		Name        string `json:"name"`
		Description string `json:"description"`
		TargetURL   string `json:"target_url"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	before := s.last(name, commit, in.Name)
	switch {
	case transitions[in.State] == "":
		refuse(w, http.StatusBadRequest, "state does not have a valid value")
	case !isCommit(commit) || !s.holds(name, commit):
		refuse(w, http.StatusNotFound, "404 Commit Not Found")
	case utf8.RuneCountInString(in.Description) > 255 || utf8.RuneCountInString(in.Name) > 255 || !isAddress(in.TargetURL):
		answer(w, http.StatusBadRequest, map[string]any{"message": map[string]any{"description": []string{"is too long (maximum is 255 characters)"}}})
	case before == in.State:
		refuse(w, http.StatusBadRequest, "Cannot transition status via :"+transitions[in.State]+" from :"+before)
	default:
		s.keep(Status{gitops.ForgeGitLab, name, commit, in.Name, in.State, in.Description, in.TargetURL})
		answer(w, http.StatusCreated, map[string]any{"status": in.State, "name": in.Name})
	}
}

// last returns the state that a status has now, empty where there is none.
func (s *Server) last(name, commit, label string) string {
	all := slices.Backward(s.Statuses())
	for _, one := range all {
		if one.Forge == gitops.ForgeGitLab && one.Repository == name && one.Commit == commit && one.Context == label {
			return one.State
		}
	}
	return ""
}
