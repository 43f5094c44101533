package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

const gitLabBase = "/api/v4"

// gitLabRoutes are the routes that are known: those of a commit's statuses.
var gitLabRoutes = regexp.MustCompile(`^/projects/([^/]+)(/statuses/|/repository/commits/)([^/]+)(/statuses)?$`)

// transitions are the events that lead to a state, as GitLab's refusals call them.
var transitions = map[string]string{"pending": "enqueue", "running": "run", "success": "success", "failed": "drop", "canceled": "cancel", "skipped": "skip"}

// gitLab answers the routes of GitLab's API that are known: projects are named by their escaped path.
func (s *Server) gitLab(w http.ResponseWriter, r *http.Request, path string) {
	if s.proposeGitLab(w, r, path) {
		return
	}
	route := gitLabRoutes.FindStringSubmatch(path)
	set := r.Method == http.MethodPost && route != nil && route[2] == "/statuses/" && route[4] == ""
	list := r.Method == http.MethodGet && route != nil && route[2] != "/statuses/" && route[4] != ""
	if !set && !list {
		refuse(w, http.StatusNotFound, "404 Not Found")
		return
	}
	name, err := url.PathUnescape(route[1])
	token := r.Header.Get("PRIVATE-TOKEN")
	switch {
	case err != nil:
		refuse(w, http.StatusBadRequest, "400 Bad request")
	case !s.known(token):
		refuse(w, http.StatusUnauthorized, "401 Unauthorized")
	case !s.has(name):
		refuse(w, http.StatusNotFound, "404 Project Not Found")
	case list:
		s.listGitLab(w, r, name, route[3])
	default:
		s.setGitLab(w, r, name, route[3])
	}
}

// listGitLab lists the latest statuses of a commit with a name ("List the statuses of a commit").
func (s *Server) listGitLab(w http.ResponseWriter, r *http.Request, name, commit string) {
	all := []map[string]any{}
	if last, ok := s.last(name, commit, r.URL.Query().Get("name")); ok {
		one := map[string]any{"status": last.State, "name": last.Context, "description": nil, "target_url": nil}
		if last.Description != "" {
			one["description"] = last.Description
		}
		if last.URL != "" {
			one["target_url"] = last.URL
		}
		all = append(all, one)
	}
	answer(w, http.StatusOK, all)
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
	before, _ := s.last(name, commit, in.Name)
	switch {
	case transitions[in.State] == "":
		refuse(w, http.StatusBadRequest, "state does not have a valid value")
	case !isCommit(commit) || !s.holds(name, commit):
		refuse(w, http.StatusNotFound, "404 Commit Not Found")
	case utf8.RuneCountInString(in.Description) > 255 || utf8.RuneCountInString(in.Name) > 255 || !isAddress(in.TargetURL):
		answer(w, http.StatusBadRequest, map[string]any{"message": map[string]any{"description": []string{"is too long (maximum is 255 characters)"}}})
	case !moves(before.State, in.State):
		refuse(w, http.StatusBadRequest, fmt.Sprintf("Cannot transition status via :%s from :%s (Reason(s): Status cannot transition via %q)",
			transitions[in.State], before.State, transitions[in.State]))
	default:
		s.keep(Status{gitops.ForgeGitLab, name, commit, in.Name, in.State, in.Description, in.TargetURL})
		answer(w, http.StatusCreated, map[string]any{"status": in.State, "name": in.Name})
	}
}

// moves reports whether a status goes from one state to another (gitlab-org/gitlab,
// app/models/commit_status.rb). One that has ended is followed by another one, which begins
// anew.
func moves(from, to string) bool {
	switch from {
	case "pending":
		return to != "pending"
	case "running":
		return to != "pending" && to != "running" && to != "skipped"
	}
	return true
}

// last returns the latest status of a name, false where there is none.
func (s *Server) last(name, commit, label string) (Status, bool) {
	for _, one := range slices.Backward(s.Statuses()) {
		if one.Forge == gitops.ForgeGitLab && one.Repository == name && one.Commit == commit && one.Context == label {
			return one, true
		}
	}
	return Status{}, false
}
