package codecommit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/forge"
	"github.com/driftless-gitops/driftless/internal/forge/codecommit"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// refusal is an error of AWS's, as the SDK has them.
type refusal struct{ code string }

func (r refusal) Error() string        { return r.code }
func (r refusal) ErrorCode() string    { return r.code }
func (r refusal) ErrorMessage() string { return "said \x1b by AWS" }

const base = "0123456789012345678901234567890123456789"

// aws is CodeCommit with one repository: what it was asked, and what it has.
type aws struct {
	asked    []string
	bodies   []string
	branches map[string]string
	pulls    []string // sources, the ids being their indexes
	fail     map[string]error
}

func (a *aws) Call(_ context.Context, region, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var given struct {
		BranchName, CommitID, PullRequestID, NextToken string
		ParentCommitID                                 string `json:"parentCommitId"`
		Targets                                        []struct{ SourceReference string }
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return err
	}
	a.asked, a.bodies = append(a.asked, region+" "+operation), append(a.bodies, string(body))
	if err := a.fail[operation]; err != nil {
		delete(a.fail, operation)
		return err
	}
	answer := "{}"
	switch operation {
	case "GetBranch":
		if a.branches[given.BranchName] == "" {
			return refusal{"BranchDoesNotExistException"}
		}
		answer = fmt.Sprintf(`{"branch":{"commitId":%q}}`, a.branches[given.BranchName])
	case "CreateBranch":
		a.branches[given.BranchName] = given.CommitID
	case "CreateCommit":
		if a.branches[given.BranchName] != given.ParentCommitID {
			return refusal{"ParentCommitIdOutdatedException"}
		}
		a.branches[given.BranchName] = strings.Repeat("f", 40)
	case "ListPullRequests":
		answer = `{"pullRequestIds":[],"nextToken":"1"}` // a first page without any
		if given.NextToken != "" {
			answer = `{"pullRequestIds":["` + strings.Join(a.ids(), `","`) + `"]}`
		}
		if len(a.pulls) == 0 {
			answer = `{}`
		}
	case "GetPullRequest":
		i := slices.Index(a.ids(), given.PullRequestID)
		answer = fmt.Sprintf(`{"pullRequest":{"pullRequestId":"%d","pullRequestStatus":"OPEN","pullRequestTargets":[{"sourceReference":"refs/heads/%s","destinationReference":"refs/heads/main"}]}}`, i, a.pulls[i])
	case "CreatePullRequest":
		a.pulls = append(a.pulls, given.Targets[0].SourceReference)
		answer = fmt.Sprintf(`{"pullRequest":{"pullRequestId":"%d","pullRequestStatus":"OPEN"}}`, len(a.pulls)-1)
	}
	return json.Unmarshal([]byte(answer), out)
}

func (a *aws) ids() []string {
	var ids []string
	for i := range a.pulls {
		ids = append(ids, fmt.Sprint(i))
	}
	return ids
}

func fresh() *aws {
	return &aws{branches: map[string]string{"main": base}, fail: map[string]error{}, pulls: []string{"somebody/else"}}
}

var (
	infra  = gitops.Repository{URL: "codecommit::eu-west-1://infra", Branch: "main"}
	wanted = forge.Proposal{Base: "main", Commit: base, Branch: "driftless/adopt-a-1", Title: "t", Body: "b", Message: "m",
		Files: []forge.File{{Path: "a", Content: []byte("é"), Executable: true}, {Path: "b", Content: []byte("c")}}}
)

func propose(t *testing.T, a *aws) (forge.PullRequest, error) {
	t.Helper()
	return codecommit.Proposer{API: a}.Propose(t.Context(), infra, wanted)
}

func TestABranchACommitAndAPullRequestAreMade(t *testing.T) {
	a := fresh()
	got, err := propose(t, a)
	want := forge.PullRequest{State: forge.PullRequestOpen,
		URL: "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/infra/pull-requests/1?region=eu-west-1"}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, pull request (-want +got):\n%s", err, diff)
	}
	calls := []string{"GetBranch", "CreateBranch", "CreateCommit", "ListPullRequests", "ListPullRequests", "GetPullRequest", "CreatePullRequest"}
	for i := range calls {
		calls[i] = "eu-west-1 " + calls[i]
	}
	if diff := cmp.Diff(calls, a.asked); diff != "" {
		t.Fatalf("calls (-want +got):\n%s", diff)
	}
	if body := a.bodies[2]; !strings.Contains(body, `{"filePath":"a","fileMode":"EXECUTABLE","fileContent":"w6k="},{"filePath":"b","fileMode":"NORMAL","fileContent":"Yw=="}`) {
		t.Errorf("the commit is %s", body)
	}
}

func TestARepeatFindsItsPullRequestAndChangesNothing(t *testing.T) {
	a := fresh()
	first, err := propose(t, a)
	if err != nil {
		t.Fatal(err)
	}
	a.asked = nil
	again, err := propose(t, a)
	if err != nil || !again.Found || again.URL != first.URL || len(a.pulls) != 2 || slices.Contains(a.asked, "eu-west-1 CreateCommit") {
		t.Errorf("%+v, %v after %v", again, err, a.asked)
	}
}

func TestAProposalThatFailedHalfwayIsCompleted(t *testing.T) {
	for _, operation := range []string{"GetBranch", "CreateBranch", "CreateCommit", "ListPullRequests", "GetPullRequest", "CreatePullRequest"} {
		a := fresh()
		a.fail[operation] = errors.New("lost")
		if _, err := propose(t, a); err == nil || errors.Is(err, reconcile.ErrDenied) || errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("%s failed: %v", operation, err)
		}
		if _, err := propose(t, a); err != nil || len(a.pulls) != 2 || a.branches[wanted.Branch] == base {
			t.Errorf("after %s failed: %v, pull requests %v, branch at %s", operation, err, a.pulls, a.branches[wanted.Branch])
		}
	}
}

func TestErrorsOfCodeCommit(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDeniedException": reconcile.ErrDenied, "RepositoryDoesNotExistException": reconcile.ErrNotFound,
		"ParentCommitIdOutdatedException": reconcile.ErrConflict, "ThrottlingException": nil,
	} {
		a := fresh()
		a.fail["CreateCommit"] = refusal{code}
		_, err := propose(t, a)
		for _, sentinel := range []error{reconcile.ErrDenied, reconcile.ErrNotFound, reconcile.ErrConflict} {
			if err == nil || errors.Is(err, sentinel) != (sentinel == want) || strings.Contains(err.Error(), "\x1b") {
				t.Errorf("%s: %v, want %v", code, err, want)
			}
		}
	}
	if _, err := (codecommit.Proposer{API: fresh()}).Propose(t.Context(), gitops.Repository{URL: "codecommit::x://y"}, wanted); !errors.Is(err, reconcile.ErrNotFound) {
		t.Errorf("an address that is none: %v", err)
	}
}
