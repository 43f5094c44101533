package codecommit_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	sdk "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/codecommit"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// hosted is a service with the repository infra, of one commit on main, and an SDK's client of it.
type hosted struct {
	*sdk.Client
	t      *testing.T
	dir    string // of the bare repository
	first  string
	events []string
}

func host(t *testing.T) *hosted {
	t.Helper()
	h := &hosted{t: t}
	dir := filepath.Join(t.TempDir(), "git")
	s, err := codecommit.New(codecommit.Config{Dir: dir, Endpoint: func() string { return "http://sandbox" }, Account: "123456789012", Region: "eu-west-1",
		Caller: func(*http.Request) (string, string) { return "123456789012", "eu-west-1" },
		Identity: func(string) (sts.Identity, bool) {
			return sts.Identity{ARN: "arn:aws:iam::123456789012:user/ann"}, true
		},
		Emit: func(_ context.Context, e wire.Event) { h.events = append(h.events, string(e.Detail)) },
		Now:  time.Now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	h.Client = sdk.New(sdk.Options{BaseEndpoint: &server.URL, Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("A", "B", ""), APIOptions: moto.KeepAnswers()})
	made, err := h.CreateRepository(t.Context(), &sdk.CreateRepositoryInput{RepositoryName: aws.String("infra")})
	if err != nil {
		t.Fatal(err)
	}
	h.dir = filepath.Join(dir, *made.RepositoryMetadata.RepositoryId+".git")
	h.first = h.git("commit-tree", "-m", "first", h.git("hash-object", "-t", "tree", "-w", "/dev/null"))
	h.git("update-ref", "refs/heads/main", h.first)
	return h
}

func (h *hosted) git(args ...string) string {
	h.t.Helper()
	cmd := exec.CommandContext(h.t.Context(), "git", append([]string{"-c", "user.name=Ann", "-c", "user.email=ann@example.com", "--git-dir", h.dir}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		h.t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// branch makes a branch at the first commit.
func (h *hosted) branch(name string) {
	h.t.Helper()
	if _, err := h.CreateBranch(h.t.Context(), &sdk.CreateBranchInput{RepositoryName: aws.String("infra"), BranchName: &name, CommitId: &h.first}); err != nil {
		h.t.Fatal(err)
	}
}

// put makes a commit of one file on a branch that stands at the first one.
func (h *hosted) put(branch string, file types.PutFileEntry) (string, error) {
	h.t.Helper()
	out, err := h.CreateCommit(h.t.Context(), &sdk.CreateCommitInput{RepositoryName: aws.String("infra"), BranchName: &branch, ParentCommitId: &h.first,
		CommitMessage: aws.String("put it"), PutFiles: []types.PutFileEntry{file}})
	if err != nil {
		return "", err
	}
	return *out.CommitId, nil
}

// propose opens a pull request of a branch to main.
func (h *hosted) propose(branch, token string) (*types.PullRequest, error) {
	h.t.Helper()
	out, err := h.CreatePullRequest(h.t.Context(), &sdk.CreatePullRequestInput{Title: aws.String("t"), ClientRequestToken: &token,
		Targets: []types.Target{{RepositoryName: aws.String("infra"), SourceReference: &branch, DestinationReference: aws.String("main")}}})
	if err != nil {
		return nil, err
	}
	return out.PullRequest, nil
}

// listed returns the ids of the pull requests of a status.
func (h *hosted) listed(status types.PullRequestStatusEnum) string {
	h.t.Helper()
	out, err := h.ListPullRequests(h.t.Context(), &sdk.ListPullRequestsInput{RepositoryName: aws.String("infra"), PullRequestStatus: status})
	if err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(out.PullRequestIds, " ")
}

// code is that of an error of AWS's.
func code(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return ""
}

func TestACommitIsMadeInGitAndAnnounced(t *testing.T) {
	h := host(t)
	h.branch("side")
	commit, err := h.put("side", types.PutFileEntry{FilePath: aws.String("a/b"), FileContent: []byte("c\n"), FileMode: types.FileModeTypeEnumExecutable})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.git("rev-parse", "side"); got != commit || h.git("rev-parse", "side^") != h.first {
		t.Errorf("side is at %s, want %s upon the first", got, commit)
	}
	if got := h.git("ls-tree", "-r", "side"); !strings.HasPrefix(got, "100755 blob ") || h.git("show", "side:a/b") != "c" || h.git("log", "-1", "--format=%s", "side") != "put it" {
		t.Errorf("the tree is %s", got)
	}
	if last := h.events[len(h.events)-1]; !strings.Contains(last, commit) || !strings.Contains(last, "referenceUpdated") {
		t.Errorf("announced: %v", h.events)
	}
}

func TestCommitsThatCodeCommitRefuses(t *testing.T) {
	h := host(t)
	h.branch("side")
	file := types.PutFileEntry{FilePath: aws.String("a"), FileContent: []byte("b")}
	if _, err := h.put("nobody", file); code(err) != "BranchDoesNotExistException" {
		t.Errorf("no branch: %v", err)
	}
	if _, err := h.put("side", types.PutFileEntry{FilePath: aws.String("../a"), FileContent: []byte("b")}); code(err) != "InvalidPathException" {
		t.Errorf("no path: %v", err)
	}
	if _, err := h.put("side", types.PutFileEntry{FilePath: aws.String("a"), FileMode: types.FileModeTypeEnumSymlink}); code(err) != "InvalidFileModeException" {
		t.Errorf("a link: %v", err)
	}
	tip, err := h.put("side", file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.put("side", file); code(err) != "ParentCommitIdOutdatedException" {
		t.Errorf("not the tip: %v", err)
	}
	h.first = tip
	if _, err := h.put("side", file); code(err) != "NoChangeException" {
		t.Errorf("nothing new: %v", err)
	}
}

func TestAPullRequestIsOpenUntilItIsMergedForward(t *testing.T) {
	h := host(t)
	h.branch("side")
	commit, err := h.put("side", types.PutFileEntry{FilePath: aws.String("a"), FileContent: []byte("b")})
	if err != nil {
		t.Fatal(err)
	}
	made, err := h.propose("side", "one")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.propose("side", "one"); err != nil || *again.PullRequestId != *made.PullRequestId {
		t.Errorf("the same token: %+v, %v", again, err)
	}
	if _, err := h.propose("main", "one"); code(err) != "IdempotencyParameterMismatchException" {
		t.Errorf("the same token for another branch: %v", err)
	}
	want := types.PullRequestTarget{RepositoryName: aws.String("infra"), SourceReference: aws.String("refs/heads/side"), DestinationReference: aws.String("refs/heads/main")}
	got := made.PullRequestTargets[0]
	if diff := cmp.Diff([]string{*want.RepositoryName, *want.SourceReference, *want.DestinationReference, commit},
		[]string{*got.RepositoryName, *got.SourceReference, *got.DestinationReference, *got.SourceCommit}); diff != "" {
		t.Error(diff)
	}
	if open := h.listed(types.PullRequestStatusEnumOpen); open != *made.PullRequestId {
		t.Errorf("open: %s", open)
	}
	h.git("update-ref", "refs/heads/main", commit)
	read, err := h.GetPullRequest(t.Context(), &sdk.GetPullRequestInput{PullRequestId: made.PullRequestId})
	if err != nil || read.PullRequest.PullRequestStatus != types.PullRequestStatusEnumClosed || !read.PullRequest.PullRequestTargets[0].MergeMetadata.IsMerged {
		t.Errorf("merged: %+v, %v", read, err)
	}
	if open, closed := h.listed(types.PullRequestStatusEnumOpen), h.listed(types.PullRequestStatusEnumClosed); open != "" || closed != *made.PullRequestId {
		t.Errorf("open: %q, closed: %q", open, closed)
	}
}

func TestAPullRequestOfABranchThatIsGoneIsClosedAndNotMerged(t *testing.T) {
	h := host(t)
	h.branch("side")
	made, err := h.propose("side", "one")
	if err != nil {
		t.Fatal(err)
	}
	h.git("update-ref", "-d", "refs/heads/side")
	read, err := h.GetPullRequest(t.Context(), &sdk.GetPullRequestInput{PullRequestId: made.PullRequestId})
	if err != nil || read.PullRequest.PullRequestStatus != types.PullRequestStatusEnumClosed || read.PullRequest.PullRequestTargets[0].MergeMetadata.IsMerged {
		t.Errorf("%+v, %v", read, err)
	}
	for what, want := range map[string]string{"side": "ReferenceDoesNotExistException", "main": "SourceAndDestinationAreSameException"} {
		if _, err := h.propose(what, what); code(err) != want {
			t.Errorf("a pull request of %s: %v", what, err)
		}
	}
	if _, err := h.GetPullRequest(t.Context(), &sdk.GetPullRequestInput{PullRequestId: aws.String("77")}); code(err) != "PullRequestDoesNotExistException" {
		t.Errorf("one that is none: %v", err)
	}
}

func TestPullRequestsAreListedInPages(t *testing.T) {
	h := host(t)
	for _, name := range []string{"a", "b", "c"} {
		h.branch(name)
		if _, err := h.propose(name, name); err != nil {
			t.Fatal(err)
		}
	}
	var pages []string
	for p := sdk.NewListPullRequestsPaginator(h.Client, &sdk.ListPullRequestsInput{RepositoryName: aws.String("infra"), MaxResults: aws.Int32(2)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, strings.Join(page.PullRequestIds, " "))
	}
	if got := strings.Join(pages, ", "); got != "3 2, 1" {
		t.Errorf("pages: %s", got)
	}
}
