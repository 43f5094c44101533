package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

// hosted is a repository of the forges that is watched.
type hosted struct {
	*repo
	path, address, secret string // of its webhook
}

// host makes a repository of a forge, commits the files and watches it.
func host(t *testing.T, path string, files map[string]string, flags ...string) *hosted {
	t.Helper()
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	stage := *shared
	stage.Dir = t.TempDir()
	h := &hosted{repo: &repo{t: t, stage: &stage, at: forges.URL + "/" + path}, path: path}
	_, err := forges.Create(path)
	h.must(err)
	h.commit("first", files)
	said, err := stage.Both(t.Context(), append([]string{"repository", "add", h.url(), "--webhook"}, flags...)...)
	h.must(err)
	address, secret := regexp.MustCompile(`URL +(http\S+)`).FindStringSubmatch(said), regexp.MustCompile(`Secret(?: token)? +(\S+)`).FindStringSubmatch(said)
	if address == nil || secret == nil {
		t.Fatalf("no address and secret in what was said:\n%s", said)
	}
	h.address, h.secret = address[1], saidOnce(said, secret[1])
	return h
}

// commit makes a commit of exactly these files the newest of main.
func (h *hosted) commit(message string, files map[string]string) string {
	h.t.Helper()
	id, err := forges.Commit(h.path, "refs/heads/main", message, files)
	h.must(err)
	return id
}

// shown returns the states that the forge was told of a commit, one after the other.
func (h *hosted) shown(commit, context string) (states []string, last forgetest.Status) {
	for _, s := range forges.Statuses() {
		if s.Repository == h.path && s.Commit == commit && s.Context == context {
			states, last = append(states, s.State), s
		}
	}
	return states, last
}

// ended waits until a commit shows how it ended, and returns that.
func (h *hosted) ended(commit, context string, want ...string) forgetest.Status {
	h.t.Helper()
	var states []string
	var last forgetest.Status
	h.eventually(context+" is shown as "+strings.Join(want, " or "), func() bool {
		states, last = h.shown(commit, context)
		return slices.Contains(want, last.State)
	}, func() string { return fmt.Sprintf("the forge was told %v %q", states, last.Description) })
	return last
}

// token writes a file with a token that the forges take.
func token(t *testing.T) string { return tokenFile(t, forgeToken) }

func tokenFile(t *testing.T, token string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(name, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestAPushToGitHubIsDeployedAndItsCommitShowsHowItEnded(t *testing.T) {
	const name = "hub-jobs"
	files := map[string]string{"driftless.yaml": file(name), "stacks/hub-jobs/template.yaml": queue(name, 5)}
	h := host(t, "acme/hub", files, "--forge", "github", "--token-file", token(t))

	files["stacks/hub-jobs/template.yaml"] = queue(name, 60)
	commit := h.commit("slower", files)
	body := fmt.Sprintf(`{"ref":"refs/heads/main","after":%q,"repository":{"clone_url":%q,"html_url":%q}}`, commit, h.url()+".git", h.url())
	if status, text := deliver(t, h.address, h.secret, "hub-1", body); status != 202 {
		t.Fatalf("the push was answered %d %s", status, text)
	}
	h.ends(name, commit, gitops.PhaseSucceeded)
	last := h.ended(commit, "driftless/"+name, "success")
	states, _ := h.shown(commit, "driftless/"+name)
	if states[0] != "pending" || last.Forge != gitops.ForgeGitHub {
		t.Errorf("the commit was shown as %v by %s", states, last.Forge)
	}
	if !strings.Contains(last.URL, "console.aws.amazon.com/cloudformation") || !strings.Contains(last.URL, "stackId=") {
		t.Errorf("the link is %s", last.URL)
	}
	if repository := h.ended(commit, "driftless", "success"); repository.Description == "" {
		t.Error("the repository's own status says nothing")
	}

	files["stacks/hub-jobs/template.yaml"] = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties: { QueueName: !Ref Nobody }\n"
	broken := h.commit("oops", files)
	if status, _ := deliver(t, h.address, h.secret, "hub-2", strings.ReplaceAll(body, commit, broken)); status != 202 {
		t.Fatalf("the second push was answered %d", status)
	}
	if failed := h.ended(broken, "driftless/"+name, "failure"); !strings.Contains(failed.Description, "Nobody") {
		t.Errorf("the reason is not shown: %q", failed.Description)
	}
}

func TestAGitHubAppReadsAndReports(t *testing.T) {
	const name, path = "app-jobs", "acme/app"
	secret, err := forges.Install(77, 4711, path)
	if err != nil {
		t.Fatal(err)
	}
	var app struct {
		PrivateKey string `json:"privateKey"`
	}
	if err := json.Unmarshal([]byte(secret), &app); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(app.PrivateKey, "\n") {
		if !strings.HasPrefix(line, "-----") {
			vault.Keep("a line of an App's key", line)
		}
	}
	key := filepath.Join(t.TempDir(), "app.pem")
	if err := os.WriteFile(key, []byte(app.PrivateKey), 0o600); err != nil {
		t.Fatal(err)
	}
	h := host(t, path, map[string]string{"driftless.yaml": file(name), "stacks/app-jobs/template.yaml": queue(name, 5)},
		"--forge", "github", "--github-app", "77", "--installation", "4711", "--private-key-file", key)
	commit := h.commit("again", map[string]string{"driftless.yaml": file(name), "stacks/app-jobs/template.yaml": queue(name, 6)})
	if status, _ := deliver(t, h.address, h.secret, "app-1", fmt.Sprintf(`{"ref":"refs/heads/main","repository":{"clone_url":%q}}`, h.url()+".git")); status != 202 {
		t.Fatalf("the push was answered %d", status)
	}
	h.ended(commit, "driftless/"+name, "success")
	if forges.Exchanged() == 0 {
		t.Error("no token was asked for in the App's name")
	}
	for _, token := range forges.Granted() {
		vault.Keep("a token of an App", token)
	}
}

func TestAPushToGitLabIsDeployedAndItsCommitShowsHowItEnded(t *testing.T) {
	const name = "lab-jobs"
	files := map[string]string{"driftless.yaml": file(name), "stacks/lab-jobs/template.yaml": queue(name, 5)}
	h := host(t, "group/sub/lab", files, "--forge", "gitlab", "--token-file", tokenFile(t, labToken))
	files["stacks/lab-jobs/template.yaml"] = queue(name, 60)
	commit := h.commit("slower", files)
	body := fmt.Sprintf(`{"object_kind":"push","ref":"refs/heads/main","after":%q,"checkout_sha":%q,"project":{"git_http_url":%q,"web_url":%q}}`, commit, commit, h.url()+".git", h.url())
	if status, text := post(t, h.address, body, map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "guessed", "X-Gitlab-Event-UUID": "lab-0"}); status != 401 {
		t.Errorf("a guessed token was answered %d %s", status, text)
	}
	if status, text := post(t, h.address, body, map[string]string{"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": h.secret, "X-Gitlab-Event-UUID": "lab-1"}); status != 202 {
		t.Fatalf("the push was answered %d %s", status, text)
	}
	if last := h.ended(commit, "driftless/"+name, "success"); last.Forge != gitops.ForgeGitLab {
		t.Errorf("it was shown by %s", last.Forge)
	}
}
