package forgetest_test

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
)

func server(t *testing.T) (s *forgetest.Server, commit string) {
	t.Helper()
	s = forgetest.New()
	t.Cleanup(s.Close)
	if _, err := s.Create("acme/infra"); err != nil {
		t.Fatal(err)
	}
	commit, err := s.Commit("acme/infra", "refs/heads/main", "first", map[string]string{"driftless.yaml": "version: 1\n", "stacks/a/b": "c"})
	if err != nil {
		t.Fatal(err)
	}
	return s, commit
}

func TestRepositoriesAreClonedWithATokenAlone(t *testing.T) {
	s, commit := server(t)
	second, err := s.Commit("acme/infra", "refs/heads/main", "second", map[string]string{"driftless.yaml": "version: 1\n"})
	if err != nil || second == commit {
		t.Fatalf("%s, %v", second, err)
	}
	for address, want := range map[string]bool{
		"x-access-token:forge-token@" + s.Host() + "/acme/infra.git": true,
		"oauth2:forge-token@" + s.Host() + "/acme/infra":             true,
		"x:wrong@" + s.Host() + "/acme/infra":                        false,
		"x:forge-token@" + s.Host() + "/acme/other":                  false,
		"x:forge-token@" + s.Host() + "/acme/infra/../infra":         true,
	} {
		dir := t.TempDir()
		out, err := exec.Command("git", "-c", "credential.helper=", "clone", "--quiet", "http://"+address, dir).CombinedOutput()
		if (err == nil) != want {
			t.Errorf("%s: %v\n%s", address, err, out)
		}
		if !want {
			continue
		}
		log, err := exec.Command("git", "-C", dir, "log", "--format=%H").Output()
		if err != nil || strings.Join(strings.Fields(string(log)), " ") != second+" "+commit {
			t.Errorf("%s: %s, %v", address, log, err)
		}
		files, err := exec.Command("git", "-C", dir, "ls-files").Output()
		if err != nil || strings.TrimSpace(string(files)) != "driftless.yaml" {
			t.Errorf("%s: files %s, %v", address, files, err)
		}
	}
}

func TestWhatTheForgesDoNotKnowIsRefused(t *testing.T) {
	s, commit := server(t)
	const bearer, private = "Bearer forge-token", "forge-token"
	for name, c := range map[string]struct {
		method, path, authorization, token, body string
		want                                     int
	}{
		"a status of GitHub":          {"POST", "/api/v3/repos/acme/infra/statuses/" + commit, bearer, "", `{"state":"success"}`, 201},
		"without a token":             {"POST", "/api/v3/repos/acme/infra/statuses/" + commit, "", "", `{"state":"success"}`, 401},
		"a field that is none":        {"POST", "/api/v3/repos/acme/infra/statuses/" + commit, bearer, "", `{"state":"success","name":"x"}`, 400},
		"a state of GitLab's":         {"POST", "/api/v3/repos/acme/infra/statuses/" + commit, bearer, "", `{"state":"failed"}`, 422},
		"a reason of 141 characters":  {"POST", "/api/v3/repos/acme/infra/statuses/" + commit, bearer, "", `{"state":"success","description":"` + strings.Repeat("x", 141) + `"}`, 422},
		"half a commit's id":          {"POST", "/api/v3/repos/acme/infra/statuses/" + commit[:7], bearer, "", `{"state":"success"}`, 422},
		"a route that is none":        {"POST", "/api/v3/repos/acme/infra/check-runs", bearer, "", `{}`, 404},
		"a look":                      {"GET", "/api/v3/repos/acme/infra/statuses/" + commit, bearer, "", "", 404},
		"an App's token for a person": {"POST", "/api/v3/app/installations/34/access_tokens", bearer, "", `{}`, 404},
		"a status of GitLab":          {"POST", "/api/v4/projects/acme%2Finfra/statuses/" + commit, "", private, `{"state":"failed","name":"x"}`, 201},
		"GitHub's header":             {"POST", "/api/v4/projects/acme%2Finfra/statuses/" + commit, bearer, "", `{"state":"failed","name":"x"}`, 401},
		"a path that is not escaped":  {"POST", "/api/v4/projects/acme/infra/statuses/" + commit, "", private, `{"state":"failed","name":"x"}`, 404},
		"a push":                      {"POST", "/acme/infra.git/git-receive-pack", "", "", "", 404},
		"a file of a repository":      {"GET", "/acme/infra.git/HEAD", "", "", "", 404},

		"a tree without content":           {"POST", "/api/v3/repos/acme/infra/git/trees", bearer, "", `{"base_tree":"` + commit + `","tree":[{"path":"a","mode":"100644","type":"blob"}]}`, 422},
		"a tree upon nothing":              {"POST", "/api/v3/repos/acme/infra/git/trees", bearer, "", `{"tree":[{"path":"a","mode":"100644","type":"blob","content":"b"}]}`, 422},
		"a commit of no tree":              {"POST", "/api/v3/repos/acme/infra/git/commits", bearer, "", `{"message":"m","tree":"` + commit[:7] + `x"}`, 422},
		"a branch that is there":           {"POST", "/api/v3/repos/acme/infra/git/refs", bearer, "", `{"ref":"refs/heads/main","sha":"` + commit + `"}`, 422},
		"a branch of no commit":            {"POST", "/api/v3/repos/acme/infra/git/refs", bearer, "", `{"ref":"refs/heads/x","sha":"` + strings.Repeat("0", 40) + `"}`, 422},
		"a pull request of the base":       {"POST", "/api/v3/repos/acme/infra/pulls", bearer, "", `{"title":"t","head":"main","base":"main"}`, 422},
		"a pull request of no branch":      {"POST", "/api/v3/repos/acme/infra/pulls", bearer, "", `{"title":"t","head":"x","base":"main"}`, 422},
		"a head that is there":             {"GET", "/api/v3/repos/acme/infra/git/ref/heads/main", bearer, "", "", 200},
		"a head that is not":               {"GET", "/api/v3/repos/acme/infra/git/ref/heads/driftless/x", bearer, "", "", 404},
		"GitLab's branch that is not":      {"GET", "/api/v4/projects/acme%2Finfra/repository/branches/driftless%2Fx", "", private, "", 404},
		"GitLab's commit to a branch":      {"POST", "/api/v4/projects/acme%2Finfra/repository/commits", "", private, `{"branch":"main","start_sha":"` + commit + `","commit_message":"m","actions":[{"action":"update","file_path":"stacks/a/b","content":"x"}]}`, 400},
		"GitLab's update of no file":       {"POST", "/api/v4/projects/acme%2Finfra/repository/commits", "", private, `{"branch":"x","start_sha":"` + commit + `","commit_message":"m","actions":[{"action":"update","file_path":"other","content":"x"}]}`, 400},
		"a merge request of no branch":     {"POST", "/api/v4/projects/acme%2Finfra/merge_requests", "", private, `{"source_branch":"x","target_branch":"main","title":"t"}`, 400},
		"a merge request that is not open": {"DELETE", "/api/v4/projects/acme%2Finfra/merge_requests", "", private, "", 404},
	} {
		if got := call(t, s, c.method, c.path, c.authorization, c.token, c.body); got != c.want {
			t.Errorf("%s: answered %d, want %d", name, got, c.want)
		}
	}
	for _, step := range []struct {
		state string
		want  int
	}{{"failed", 201}, {"pending", 201}, {"pending", 400}, {"running", 201}, {"running", 400}, {"pending", 400}, {"skipped", 400}, {"canceled", 201}, {"pending", 201}} {
		if got := call(t, s, "POST", "/api/v4/projects/acme%2Finfra/statuses/"+commit, "", private, `{"state":"`+step.state+`","name":"x"}`); got != step.want {
			t.Errorf("GitLab's status goes to %s: answered %d, want %d", step.state, got, step.want)
		}
	}
	s.Fail(2, 503)
	for _, want := range []int{503, 503, 201} {
		if got := call(t, s, "POST", "/api/v3/repos/acme/infra/statuses/"+commit, bearer, "", `{"state":"success"}`); got != want {
			t.Errorf("told to fail twice: answered %d, want %d", got, want)
		}
	}
}

func call(t *testing.T, s *forgetest.Server, method, path, authorization, token, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for name, value := range map[string]string{"Authorization": authorization, "PRIVATE-TOKEN": token} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	return response.StatusCode
}
