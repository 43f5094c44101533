package forgetest

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// PullRequest is one that was opened.
type PullRequest struct {
	Forge        gitops.Forge
	Repository   string // "<owner>/<name>"
	Number       int    // of all of the server
	State        string // in the forge's words
	Source, Base string // branches
	Title, Body  string
}

// PullRequests returns all that were opened, in their order.
func (s *Server) PullRequests() []PullRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.proposals)
}

// End gives a pull request another state, "closed" or "merged", as a person would.
func (s *Server) End(number int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.proposals[number-1].State = state
}

// ReadOnly makes a token, which Accept takes, one that may not write.
func (s *Server) ReadOnly(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readOnly = append(s.readOnly, token)
}

func (s *Server) writes(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.Contains(s.readOnly, token)
}

// proposed returns the pull requests of a branch, the newest first.
func (s *Server) proposed(f gitops.Forge, name, source, base string) []PullRequest {
	var found []PullRequest
	for _, p := range slices.Backward(s.PullRequests()) {
		if p.Forge == f && p.Repository == name && p.Source == source && p.Base == base {
			found = append(found, p)
		}
	}
	return found
}

func (s *Server) propose(p PullRequest) PullRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.Number = len(s.proposals) + 1
	s.proposals = append(s.proposals, p)
	return p
}

var gitHubGit = regexp.MustCompile(`^/repos/([\w.-]+/[\w.-]+)/(git/ref/heads/(.+)|git/commits/([0-9a-f]{40})|git/trees|git/commits|git/refs|pulls)$`)

// proposeGitHub answers what a pull request takes; handled is false for another route.
func (s *Server) proposeGitHub(w http.ResponseWriter, r *http.Request, path string) (handled bool) {
	route := gitHubGit.FindStringSubmatch(path)
	if route == nil {
		return false
	}
	name := route[1]
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch write := r.Method == http.MethodPost; {
	case !s.known(bearer):
		refuse(w, http.StatusUnauthorized, "Bad credentials")
	case !s.has(name) || !s.admits(bearer, name):
		refuse(w, http.StatusNotFound, "Not Found")
	case write && !s.writes(bearer):
		refuse(w, http.StatusForbidden, "Resource not accessible by personal access token")
	case write && route[2] == "git/trees":
		s.gitHubTree(w, r, name)
	case write && route[2] == "git/commits":
		s.gitHubCommit(w, r, name)
	case write && route[2] == "git/refs":
		s.gitHubRef(w, r, name)
	case write && route[2] == "pulls":
		s.gitHubPull(w, r, name)
	case r.Method == http.MethodGet && route[2] == "pulls":
		s.gitHubPulls(w, r, name)
	case r.Method == http.MethodGet && route[3] != "":
		s.gitHubHead(w, name, route[3])
	case r.Method == http.MethodGet && route[4] != "":
		tree, err := s.run(name, "", "rev-parse", "--verify", "--quiet", route[4]+"^{commit}^{tree}")
		found(w, err, map[string]any{"sha": route[4], "tree": map[string]string{"sha": tree}})
	default:
		refuse(w, http.StatusNotFound, "Not Found")
	}
	return true
}

// found answers what is there, unless looking for it failed.
func found(w http.ResponseWriter, err error, body any) {
	if err != nil {
		refuse(w, http.StatusNotFound, "Not Found")
		return
	}
	answer(w, http.StatusOK, body)
}

// made answers what was made, unless that failed.
func made(w http.ResponseWriter, err error, body any) {
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	answer(w, http.StatusCreated, body)
}

// gitHubHead answers where a branch stands (docs.github.com, "Get a reference").
func (s *Server) gitHubHead(w http.ResponseWriter, name, escaped string) {
	branch, err := url.PathUnescape(escaped)
	commit := s.head(name, branch)
	if err == nil && commit == "" {
		err = fmt.Errorf("no branch %s", branch)
	}
	found(w, err, map[string]any{"ref": "refs/heads/" + branch, "object": map[string]string{"type": "commit", "sha": commit}})
}

// gitHubTree makes a tree ("Create a tree"): of files in text, over a tree that is there.
func (s *Server) gitHubTree(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Base string `json:"base_tree"`
		Tree []struct {
			Path    string  `json:"path"`
			Mode    string  `json:"mode"`
			Type    string  `json:"type"`
			Content *string `json:"content"`
		} `json:"tree"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	var entries []entry
	for _, e := range in.Tree {
		if e.Content == nil || e.Type != "blob" || e.Mode != "100644" && e.Mode != "100755" || e.Path == "" || strings.HasPrefix(e.Path, "/") {
			refuse(w, http.StatusUnprocessableEntity, "tree.path, tree.mode or tree.type is malformed")
			return
		}
		entries = append(entries, entry{e.Path, e.Mode, *e.Content})
	}
	if len(entries) == 0 {
		refuse(w, http.StatusUnprocessableEntity, "Invalid tree info")
		return
	}
	id, err := s.tree(name, in.Base, entries)
	made(w, err, map[string]string{"sha": id})
}

// gitHubCommit makes a commit that is on no branch yet ("Create a commit").
func (s *Server) gitHubCommit(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Message string   `json:"message"`
		Tree    string   `json:"tree"`
		Parents []string `json:"parents"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	if in.Message == "" {
		refuse(w, http.StatusUnprocessableEntity, "Invalid request. message is required")
		return
	}
	id, err := s.commitTree(name, in.Tree, in.Message, in.Parents...)
	made(w, err, map[string]string{"sha": id})
}

// gitHubRef makes a branch ("Create a reference").
func (s *Server) gitHubRef(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Ref string `json:"ref"`
		SHA string `json:"sha"`
	}
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	branch, ok := strings.CutPrefix(in.Ref, "refs/heads/")
	switch {
	case !ok:
		refuse(w, http.StatusUnprocessableEntity, "Reference name is not valid")
		return
	case s.head(name, branch) != "":
		refuse(w, http.StatusUnprocessableEntity, "Reference already exists")
		return
	case !isCommit(in.SHA) || !s.holds(name, in.SHA):
		refuse(w, http.StatusUnprocessableEntity, "Object does not exist")
		return
	}
	_, err := s.run(name, "", "update-ref", in.Ref, in.SHA, "")
	made(w, err, map[string]any{"ref": in.Ref, "object": map[string]string{"sha": in.SHA}})
}

// gitHubPulls lists pull requests ("List pull requests"), the newest first.
func (s *Server) gitHubPulls(w http.ResponseWriter, r *http.Request, name string) {
	q := r.URL.Query()
	owner, branch, ok := strings.Cut(q.Get("head"), ":")
	all := []map[string]any{}
	for _, p := range s.proposed(gitops.ForgeGitHub, name, branch, q.Get("base")) {
		if ok && strings.HasPrefix(name, owner+"/") && (q.Get("state") == "all" || q.Get("state") == p.State) {
			all = append(all, s.gitHubShown(p))
		}
	}
	answer(w, http.StatusOK, all)
}

func (s *Server) gitHubShown(p PullRequest) map[string]any {
	shown := map[string]any{"number": p.Number, "state": p.State, "title": p.Title, "html_url": fmt.Sprintf("%s/%s/pull/%d", s.URL, p.Repository, p.Number)}
	if p.State == "merged" { // which GitHub says by the time alone
		shown["state"], shown["merged_at"] = "closed", "2026-11-21T10:00:00Z"
	}
	return shown
}

// gitHubPull opens a pull request ("Create a pull request").
func (s *Server) gitHubPull(w http.ResponseWriter, r *http.Request, name string) {
	var in struct{ Title, Head, Base, Body string }
	if why := decode(r, &in); why != "" {
		refuse(w, http.StatusBadRequest, why)
		return
	}
	isOpen := func(p PullRequest) bool { return p.State == "open" }
	switch {
	case in.Title == "" || utf8.RuneCountInString(in.Body) > 65536:
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed")
	case s.head(name, in.Head) == "" || s.head(name, in.Base) == "":
		refuse(w, http.StatusUnprocessableEntity, "Validation Failed: head or base is invalid")
	case s.head(name, in.Head) == s.head(name, in.Base):
		refuse(w, http.StatusUnprocessableEntity, "No commits between "+in.Base+" and "+in.Head)
	case slices.ContainsFunc(s.proposed(gitops.ForgeGitHub, name, in.Head, in.Base), isOpen):
		refuse(w, http.StatusUnprocessableEntity, "A pull request already exists for "+in.Head)
	default:
		p := s.propose(PullRequest{gitops.ForgeGitHub, name, 0, "open", in.Head, in.Base, in.Title, in.Body})
		answer(w, http.StatusCreated, s.gitHubShown(p))
	}
}
