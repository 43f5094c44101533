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

var gitLabGit = regexp.MustCompile(`^/projects/([^/]+)/(repository/branches/([^/]+)|repository/commits|merge_requests)$`)

// proposeGitLab answers what a merge request takes; handled is false for another route.
func (s *Server) proposeGitLab(w http.ResponseWriter, r *http.Request, path string) (handled bool) {
	route := gitLabGit.FindStringSubmatch(path)
	if route == nil {
		return false
	}
	name, err := url.PathUnescape(route[1])
	token := r.Header.Get("PRIVATE-TOKEN")
	switch write := r.Method == http.MethodPost; {
	case err != nil:
		refuse(w, http.StatusBadRequest, "400 Bad request")
	case !s.known(token):
		refuse(w, http.StatusUnauthorized, "401 Unauthorized")
	case !s.has(name):
		refuse(w, http.StatusNotFound, "404 Project Not Found")
	case write && !s.writes(token):
		refuse(w, http.StatusForbidden, "403 Forbidden")
	case write && route[2] == "repository/commits":
		s.gitLabCommit(w, r, name)
	case write && route[2] == "merge_requests":
		s.gitLabMerge(w, r, name)
	case r.Method == http.MethodGet && route[2] == "merge_requests":
		q := r.URL.Query()
		all := []map[string]any{}
		for _, p := range s.proposed(gitops.ForgeGitLab, name, q.Get("source_branch"), q.Get("target_branch")) {
			if q.Get("state") == "all" || q.Get("state") == p.State {
				all = append(all, s.gitLabShown(p))
			}
		}
		answer(w, http.StatusOK, all)
	case r.Method == http.MethodGet && route[3] != "":
		s.gitLabBranch(w, name, route[3])
	default:
		refuse(w, http.StatusNotFound, "404 Not Found")
	}
	return true
}

// gitLabBranch answers where a branch stands ("Branches API", "Get single repository branch").
func (s *Server) gitLabBranch(w http.ResponseWriter, name, escaped string) {
	branch, err := url.PathUnescape(escaped)
	commit := s.head(name, branch)
	if err != nil || commit == "" {
		refuse(w, http.StatusNotFound, "404 Branch Not Found")
		return
	}
	answer(w, http.StatusOK, map[string]any{"name": branch, "commit": map[string]string{"id": commit}})
}

// gitLabCommit makes a branch with a commit ("Commits API", "Create a commit with multiple
// files and actions"): of updates alone, upon a commit that is given.
func (s *Server) gitLabCommit(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Branch  string `json:"branch"`
		Start   string `json:"start_sha"`
		Message string `json:"commit_message"`
		Actions []struct {
			Action  string `json:"action"`
			Path    string `json:"file_path"`
			Content string `json:"content"`
		} `json:"actions"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	switch {
	case in.Branch == "" || in.Message == "" || len(in.Actions) == 0:
		refuse(w, http.StatusBadRequest, "branch, commit_message or actions is missing")
		return
	case s.head(name, in.Branch) != "":
		refuse(w, http.StatusBadRequest, fmt.Sprintf("A branch called '%s' already exists. Switch to that branch in order to make changes", in.Branch))
		return
	case !isCommit(in.Start) || !s.holds(name, in.Start):
		refuse(w, http.StatusBadRequest, "Cannot find start_sha '"+in.Start+"'")
		return
	}
	var entries []entry
	for _, a := range in.Actions {
		mode := s.modeOf(name, in.Start, a.Path)
		if a.Action != "update" || mode == "" {
			refuse(w, http.StatusBadRequest, "A file with this name doesn't exist")
			return
		}
		entries = append(entries, entry{a.Path, mode, a.Content})
	}
	id, err := s.tree(name, in.Start, entries)
	if err == nil {
		id, err = s.commitTree(name, id, in.Message, in.Start)
	}
	if err == nil {
		_, err = s.run(name, "", "update-ref", "refs/heads/"+in.Branch, id, "")
	}
	made(w, err, map[string]string{"id": id})
}

// gitLabMerge opens a merge request ("Merge requests API", "Create MR").
func (s *Server) gitLabMerge(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Source      string `json:"source_branch"`
		Target      string `json:"target_branch"`
		Title       string `json:"title"`
		Description string `json:"description"`
		Remove      bool   `json:"remove_source_branch"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	isOpen := func(p PullRequest) bool { return p.State == "opened" }
	switch {
	case in.Title == "" || utf8.RuneCountInString(in.Title) > 255:
		refuse(w, http.StatusBadRequest, "title is missing or too long")
	case s.head(name, in.Source) == "" || s.head(name, in.Target) == "":
		refuse(w, http.StatusBadRequest, "source_branch or target_branch does not exist")
	case slices.ContainsFunc(s.proposed(gitops.ForgeGitLab, name, in.Source, in.Target), isOpen):
		refuse(w, http.StatusConflict, "Another open merge request already exists for this source branch")
	default:
		p := s.propose(PullRequest{gitops.ForgeGitLab, name, 0, "opened", in.Source, in.Target, in.Title, in.Description})
		answer(w, http.StatusCreated, s.gitLabShown(p))
	}
}

func (s *Server) gitLabShown(p PullRequest) map[string]any {
	return map[string]any{"iid": p.Number, "state": p.State, "title": p.Title, "web_url": fmt.Sprintf("%s/%s/-/merge_requests/%d", s.URL, p.Repository, p.Number)}
}
