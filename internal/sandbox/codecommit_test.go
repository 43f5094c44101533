package sandbox_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestPushBecomesEvents(t *testing.T) {
	s := start(t, sandbox.Options{})
	id := makeRepository(t, s, "infra")
	queue := makeRule(t, s, "pushes", `{"source":["aws.codecommit"]}`)
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=main", ".")

	first := commit(t, dir, "one.txt", []byte("one"))
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "main")
	second := commit(t, dir, "two.bin", random(3<<20)) // large enough for git to send it in chunks
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "main")
	git(t, dir, "tag", "v1")
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "v1", "main:side")
	git(t, dir, "push", "--quiet", s.GitURL("infra"), ":side")

	const admin = "arn:aws:iam::123456789012:user/sandbox-admin"
	detail := func(event, kind, name, full string, commits map[string]string) map[string]string {
		d := map[string]string{"event": event, "repositoryName": "infra", "repositoryId": id, "referenceType": kind,
			"referenceName": name, "referenceFullName": full, "callerUserArn": admin}
		for k, v := range commits {
			d[k] = v
		}
		return d
	}
	want := []map[string]string{
		detail("referenceCreated", "branch", "main", "refs/heads/main", map[string]string{"commitId": first}),
		detail("referenceUpdated", "branch", "main", "refs/heads/main", map[string]string{"commitId": second, "oldCommitId": first}),
		detail("referenceCreated", "branch", "side", "refs/heads/side", map[string]string{"commitId": second}),
		detail("referenceCreated", "tag", "v1", "refs/tags/v1", map[string]string{"commitId": second}),
		detail("referenceDeleted", "branch", "side", "refs/heads/side", map[string]string{"oldCommitId": second}),
	}
	var got []map[string]string
	for _, e := range recent(t, s) {
		if diff := cmp.Diff([]string{"arn:aws:codecommit:eu-west-1:123456789012:infra"}, e.Resources); diff != "" {
			t.Error(diff)
		}
		var d map[string]string
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		got = append(got, d)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if n := len(receiveAll(t, s, queue, len(want))); n != len(want) {
		t.Errorf("%d messages in the rule's queue, want %d", n, len(want))
	}
}

func TestCloneGivesBackWhatWasPushed(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRepository(t, s, "infra")
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	git(t, dir, "init", "--quiet", "--initial-branch=trunk", ".")
	want := commit(t, dir, "one.txt", []byte("one"))
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "trunk")
	git(t, dir, "clone", "--quiet", s.GitURL("infra"), copied)
	if got := git(t, copied, "rev-parse", "HEAD"); got != want {
		t.Errorf("cloned %s, want %s", got, want)
	}
	client := codecommit.NewFromConfig(admin(s))
	branch, err := client.GetBranch(t.Context(), &codecommit.GetBranchInput{RepositoryName: aws.String("infra"), BranchName: aws.String("trunk")})
	if err != nil {
		t.Fatal(err)
	}
	if *branch.Branch.CommitId != want {
		t.Errorf("branch at %s, want %s", *branch.Branch.CommitId, want)
	}
	found, err := client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: aws.String("infra")})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(found.RepositoryMetadata.DefaultBranch); got != "trunk" {
		t.Errorf("default branch %q, want the first one pushed", got)
	}
	if got, want := *found.RepositoryMetadata.CloneUrlHttp, s.URL()+"/v1/repos/infra"; got != want {
		t.Errorf("clone URL %s, want %s", got, want)
	}
}

func TestGitIsRefusedWithoutARightCredential(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRepository(t, s, "infra")
	signed, err := url.Parse(s.GitURL("infra"))
	if err != nil {
		t.Fatal(err)
	}
	right := signed.User
	password, _ := right.Password()
	for sentence, c := range map[string]struct {
		user   *url.Userinfo
		path   string
		status int
	}{
		"a right credential":                       {right, "/v1/repos/infra", http.StatusOK},
		"none":                                     {nil, "/v1/repos/infra", http.StatusUnauthorized},
		"another password":                         {url.UserPassword(right.Username(), "20261121T030405Zabc"), "/v1/repos/infra", http.StatusForbidden},
		"another access key":                       {url.UserPassword("AKIDUNKNOWN", password), "/v1/repos/infra", http.StatusForbidden},
		"a session token that is not the key's":    {url.UserPassword(right.Username()+"%token", password), "/v1/repos/infra", http.StatusForbidden},
		"another repository's credential":          {right, "/v1/repos/other", http.StatusForbidden},
		"a right one, for what is no repository":   {mustUser(t, s.GitURL("other")), "/v1/repos/other", http.StatusNotFound},
		"a right one, for a file of the directory": {mustUser(t, s.GitURL("..")), "/v1/repos/%2e%2e", http.StatusNotFound},
	} {
		t.Run(sentence, func(t *testing.T) {
			u := url.URL{Scheme: signed.Scheme, Host: signed.Host, User: c.user}
			status, _ := get(t, u.String()+c.path+"/info/refs?service=git-upload-pack")
			if status != c.status {
				t.Errorf("status %d, want %d", status, c.status)
			}
		})
	}
}

func TestRepositoryCallsAnswerAWSErrors(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRepository(t, s, "infra")
	client := codecommit.NewFromConfig(admin(s))
	name := func(n string) *string { return aws.String(n) }
	for want, call := range map[string]func() error{
		"RepositoryNameExistsException": func() error {
			_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: name("infra")})
			return err
		},
		"InvalidRepositoryNameException": func() error {
			_, err := client.CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: name("in/fra")})
			return err
		},
		"RepositoryDoesNotExistException": func() error {
			_, err := client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: name("other")})
			return err
		},
		"BranchDoesNotExistException": func() error {
			_, err := client.GetBranch(t.Context(), &codecommit.GetBranchInput{RepositoryName: name("infra"), BranchName: name("main")})
			return err
		},
		"UnknownOperationException": func() error {
			_, err := client.GetFolder(t.Context(), &codecommit.GetFolderInput{RepositoryName: name("infra"), FolderPath: name("/")})
			return err
		},
	} {
		if err := call(); errorCode(err) != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := client.DeleteRepository(t.Context(), &codecommit.DeleteRepositoryInput{RepositoryName: name("infra")}); err != nil {
		t.Fatal(err)
	}
	left, err := client.ListRepositories(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(left.Repositories) != 0 {
		t.Errorf("%d repositories after the deletion, want none", len(left.Repositories))
	}
}

func makeRepository(t *testing.T, s *sandbox.Sandbox, name string) (id string) {
	t.Helper()
	out, err := codecommit.NewFromConfig(admin(s)).CreateRepository(t.Context(), &codecommit.CreateRepositoryInput{RepositoryName: aws.String(name)})
	if err != nil {
		t.Fatal(err)
	}
	return *out.RepositoryMetadata.RepositoryId
}

func mustUser(t *testing.T, raw string) *url.Userinfo {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.User
}

func commit(t *testing.T, dir, file string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, file), content, 0o600); err != nil {
		t.Fatal(err)
	}
	git(t, dir, "add", file)
	git(t, dir, "commit", "--quiet", "-m", "add "+file)
	return git(t, dir, "rev-parse", "HEAD")
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %s: %v: %s", args[0], err, complaint.String())
	}
	return strings.TrimSpace(string(out))
}

// random is bytes that do not compress.
func random(n int) []byte {
	b, x := make([]byte, n), uint64(1)
	for i := range b {
		x = x*6364136223846793005 + 1442695040888963407
		b[i] = byte(x >> 56)
	}
	return b
}
