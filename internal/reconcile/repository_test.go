package reconcile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR43_AForcePushToAnOlderCommitIsAppliedAndNoted(t *testing.T) {
	w := watching(t)
	older := w.repository().Head.Commit
	w.push("newer", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 60\n"})
	w.resync()
	w.settle()
	w.git.Reset(repoURL, "main", older)
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Errorf("live is %q: the older commit was not applied", got)
	}
	if r := w.repository(); !strings.Contains(r.Note, "history was rewritten") || r.Head.Commit != older {
		t.Errorf("the rewritten history is not noted: %q", r.Note)
	}
}

func TestR44_ABranchThatIsGoneSuspendsAndDeletesNothing(t *testing.T) {
	w := watching(t)
	head := w.repository().Head.Commit
	w.git.Delete(repoURL, "main")
	w.resync()
	w.settle()
	a := w.app("jobs")
	if a.Health() != gitops.HealthSuspended || !strings.Contains(a.Suspended.Reason, "main") {
		t.Errorf("jobs is %s: %+v", a.Health(), a.Suspended)
	}
	if w.live("jobs", "Queue", "Type") == "" {
		t.Error("the stack is gone with the branch")
	}
	w.git.Reset(repoURL, "main", head)
	w.resync()
	w.settle()
	if a := w.app("jobs"); a.Suspended != nil || w.repository().Trouble != "" {
		t.Errorf("the branch is back, jobs is still %+v, trouble %q", a.Suspended, w.repository().Trouble)
	}
}

// The branch comes back as it was before a look that suspended somebody has come to its end.
func TestR44_ABranchThatIsBackResumesThoughAnAnswerWasLost(t *testing.T) {
	w := watching(t)
	head := w.repository().Head.Commit
	w.git.Delete(repoURL, "main")
	w.store.Fail(func(call string) error {
		if call == "PutApplication" {
			return fake.ErrLost
		}
		return nil
	})
	w.resync()
	w.drain()
	w.store.Fail(nil)
	if a := w.app("books"); a.Suspended == nil {
		t.Fatal("the branch is gone, and books is not suspended")
	}
	w.git.Reset(repoURL, "main", head)
	w.resync()
	w.settle()
	if a := w.app("books"); a.Suspended != nil {
		t.Errorf("the branch is back, books is still %+v", a.Suspended)
	}
}

func TestR45_ARepositoryThatCannotBeReadKeepsItsLastGoodState(t *testing.T) {
	w := watching(t)
	head := w.repository().Head
	for _, err := range []error{errors.New("502 Bad Gateway"), errors.Join(errors.New("401"), reconcile.ErrDenied)} {
		w.git.Refuse(repoURL, err)
		w.resync()
		w.settle()
		if r := w.repository(); r.Head.Commit != head.Commit || r.Trouble == "" {
			t.Errorf("after %v the repository is %+v", err, r)
		}
		if a := w.app("jobs"); a.Suspended != nil {
			t.Errorf("%v suspended jobs", err)
		}
	}
	w.git.Refuse(repoURL, nil)
	w.resync()
	w.settle()
	if r := w.repository(); r.Trouble != "" {
		t.Errorf("the trouble outlived its cause: %q", r.Trouble)
	}
}

func TestR56_WithAProblemInTheFileNothingMoves(t *testing.T) {
	w := watching(t)
	w.push("typo", map[string]string{
		"driftless.yaml":            strings.Replace(file("jobs", "books"), "template:", "templat:", 1),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 8\n",
	})
	w.resync()
	w.settle()
	r := w.repository()
	if len(r.Problems) == 0 || r.Problems[0].Line == 0 || r.Problems[0].File != "driftless.yaml" {
		t.Fatalf("the problem is not on the record: %+v", r.Problems)
	}
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Errorf("with a broken file live moved to %q", got)
	}
	view := gitops.NewView(w.app("books"), nil, r)
	if !strings.Contains(view.Message, "driftless.yaml:") {
		t.Errorf("the problem is not shown on the application: %q", view.Message)
	}
	w.push("mended", map[string]string{"driftless.yaml": file("jobs", "books")})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "8" {
		t.Errorf("after mending the file live is %q", got)
	}
}

func TestR57_TheSecondClaimerOfAStackIsRefused(t *testing.T) {
	w := watching(t)
	other := "https://git.example.com/team/other"
	w.git.Push(other, "main", "mine", map[string]string{
		"driftless.yaml":            strings.ReplaceAll(strings.ReplaceAll(file("jobs"), "name: jobs", "name: mine"), "stacks/jobs", "stacks/mine"),
		"stacks/mine/template.yaml": "Queue.Type: AWS::SQS::Queue\n",
	})
	if _, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: other, Branch: "main"}, "eve"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	r, err := w.store.Repository(t.Context(), gitops.RepositoryID(other, "main"))
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Message, "claimed by application jobs") {
		t.Errorf("the refusal is not on the record: %+v", r.Problems)
	}
	if _, err := w.store.Application(t.Context(), "mine"); !errors.Is(err, reconcile.ErrNotFound) {
		t.Errorf("the second claimer was registered: %v", err)
	}
}

func TestTheSecondClaimerOfAStateIsRefused(t *testing.T) {
	w := newWorld(t)
	of := func(name, backend string) string {
		return fmt.Sprintf("version: 1\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\napplications:\n  - name: %s\n    path: tf\n    terraform: { version: 1.11.4%s }\n", name, backend)
	}
	for _, c := range []struct{ name, backend, problem string }{
		{"a-first", ", backend: s3://states/network", ""},
		{"b-other", ", backend: s3://states/network", "state s3://states/network is claimed by application a-first"},
		{"c-apart", ", backend: s3://states/network, workspace: blue", ""},
		{"d-ours", "", ""},
		{"e-ours", "", ""},
	} {
		url := "https://git.example.com/team/" + c.name
		w.git.Push(url, "main", "mine", map[string]string{"driftless.yaml": of(c.name, c.backend), "tf/main.tf": "\n"})
		if _, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: url, Branch: "main"}, "eve"); err != nil {
			t.Fatal(err)
		}
		w.drain()
		r, err := w.store.Repository(t.Context(), gitops.RepositoryID(url, "main"))
		if told := fmt.Sprint(r.Problems); err != nil || (c.problem == "") != (len(r.Problems) == 0) || !strings.Contains(told, c.problem) {
			t.Errorf("%s: %v, problems %s, want %q", c.name, err, told, c.problem)
		}
	}
}

func TestR58_AnApplicationThatLeavesTheFileKeepsItsStack(t *testing.T) {
	w := watching(t)
	w.push("no queue", map[string]string{"stacks/jobs/template.yaml": "Topic.Type: AWS::SNS::Topic\n"})
	w.resync()
	w.rounds(3)
	w.expect("jobs", gitops.PhaseAwaitingApproval)
	w.push("leave", map[string]string{"driftless.yaml": file("books"), "stacks/jobs/template.yaml": ""})
	w.resync()
	w.settle()
	w.expect("jobs", gitops.PhaseSuperseded)
	if a := w.app("jobs"); !a.Removed || w.live("jobs", "Queue", "Type") == "" {
		t.Errorf("removed %v, live %v", a.Removed, w.engine.Live(target, "prod-jobs"))
	}
	w.push("come back", map[string]string{"driftless.yaml": file("jobs", "books"),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 6\n"})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "6" {
		t.Errorf("back in the file, yet live is %q", got)
	}
}

func TestAnApplicationThatIsRenamedTakesItsStackAlong(t *testing.T) {
	w := watching(t)
	renamed := strings.Replace(file("jobs", "books"), "name: jobs", "name: work", 1)
	w.push("rename", map[string]string{"driftless.yaml": renamed})
	w.resync()
	w.settle()
	if a := w.app("work"); a.Ended.Phase != gitops.PhaseSucceeded || a.Ended.Reason != "no changes" {
		t.Errorf("the renamed application ended %s: %s", a.Ended.Phase, a.Ended.Reason)
	}
	owner, err := w.store.Owner(t.Context(), reconcile.ClaimStack(target.Account, target.Region, "prod-jobs"))
	if err != nil || owner != "work" {
		t.Errorf("the stack is claimed by %q, %v", owner, err)
	}
}

func TestATargetOutsideTheInstallationIsRefusedByName(t *testing.T) {
	w := watching(t)
	w.push("elsewhere", map[string]string{
		"driftless.yaml": strings.Replace(file("jobs", "books"), "stack: prod-jobs", "stack: prod-jobs", 1) +
			"  - name: far\n    path: stacks/jobs\n    target: { account: \"999999999999\", region: eu-west-1 }\n    cloudformation: { template: template.yaml }\n"})
	w.resync()
	w.settle()
	r := w.repository()
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Message, "999999999999") || r.Problems[0].Application != "far" {
		t.Errorf("the refusal is not on the record: %+v", r.Problems)
	}
	w.expect("books", gitops.PhaseSucceeded)
}

func TestR48_ASymbolicLinkOnAUsedPathIsNamedAndTheOthersGoOn(t *testing.T) {
	w := watching(t)
	w.push("link", map[string]string{
		"stacks/jobs/extra.yaml":     fake.Symlink + "/etc/passwd",
		"stacks/books/template.yaml": "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PROVISIONED\n",
	})
	w.resync()
	w.settle()
	r := w.repository()
	if len(r.Problems) != 1 || r.Problems[0].Application != "jobs" || !strings.Contains(r.Problems[0].Message, "stacks/jobs/extra.yaml") {
		t.Errorf("the link is not on the record: %+v", r.Problems)
	}
	if got := w.live("books", "Table", "BillingMode"); got != "PROVISIONED" {
		t.Errorf("books did not go on: %q", got)
	}
}

func TestARepositoryIsReadWithItsOwnCredentialsAlone(t *testing.T) {
	w := newWorld(t)
	mine := gitops.Repository{URL: "https://git.example.com/eve/mine", Branch: "main"}
	id := gitops.RepositoryID(mine.URL, mine.Branch)
	for credentials, taken := range map[string]bool{
		"": true, gitops.CredentialsOf(id): true,
		gitops.CredentialsOf(gitops.RepositoryID(repoURL, "main")): false, "ssm:/driftless/webhook/" + id: false, "env:TOKEN": false,
	} {
		mine.Credentials = credentials
		_, err := w.op.AddRepository(t.Context(), mine, "eve")
		if refusal := (*gitops.Refusal)(nil); errors.As(err, &refusal) == taken {
			t.Errorf("credentials %q: %v, want taken %v", credentials, err, taken)
		}
	}
}

func TestARenameThatIsRevertedIsDeployedAgain(t *testing.T) {
	w := watching(t)
	renamed := strings.Replace(file("jobs", "books"), "name: jobs", "name: work", 1)
	w.push("rename", map[string]string{"driftless.yaml": renamed,
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 77\n"})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "77" {
		t.Fatalf("the renamed application did not deploy: live is %q", got)
	}
	w.push("revert", map[string]string{"driftless.yaml": file("jobs", "books"),
		"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 5\n"})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "5" {
		t.Errorf("the rename was reverted in git, yet live is %q", got)
	}
	if a := w.app("work"); a.Sync() != gitops.StatusUnknown || a.Deployed.StackID != "" {
		t.Errorf("the application that lost its stack still says what it knew: %s %+v", a.Sync(), a.Deployed)
	}
}

func TestAFileThatIsMissingStopsItsApplicationAlone(t *testing.T) {
	w := watching(t)
	w.push("oops", map[string]string{"stacks/jobs/template.yaml": "", "stacks/jobs/readme.txt": "gone\n",
		"stacks/books/template.yaml": "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PROVISIONED\n"})
	w.resync()
	w.settle()
	r := w.repository()
	if len(r.Problems) != 1 || r.Problems[0].Application != "jobs" || r.Problems[0].Line == 0 {
		t.Errorf("the problem is not on the record: %+v", r.Problems)
	}
	if got := w.live("books", "Table", "BillingMode"); got != "PROVISIONED" {
		t.Errorf("books did not go on: %q", got)
	}
	view := gitops.NewView(w.app("jobs"), nil, r)
	if view.Sync != gitops.StatusUnknown || !strings.Contains(view.Message, "template.yaml") {
		t.Errorf("jobs is shown as %s: %q", view.Sync, view.Message)
	}
	if view := gitops.NewView(w.app("books"), nil, r); view.Sync != gitops.StatusSynced {
		t.Errorf("books is shown as %s: %q", view.Sync, view.Message)
	}
}

func TestARepositoryThatIsRemovedAndAddedAgainIsFollowedAgain(t *testing.T) {
	w := watching(t)
	for i := range 3 {
		w.push("more", map[string]string{"stacks/jobs/template.yaml": fmt.Sprintf("Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: %d\n", 10+i)})
		w.resync()
		w.settle()
	}
	if err := w.op.RemoveRepository(t.Context(), w.repository().ID); err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	if a := w.app("jobs"); !a.Removed || w.live("jobs", "Queue", "Type") == "" {
		t.Fatalf("removed %v, live %v", a.Removed, w.engine.Live(target, "prod-jobs"))
	}
	w.push("while nobody looked", map[string]string{"stacks/jobs/template.yaml": "Queue.Type: AWS::SQS::Queue\nQueue.VisibilityTimeout: 99\n"})
	w.add()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "99" {
		t.Errorf("added again, yet live is %q", got)
	}
	if a := w.app("books"); a.Removed || a.Sync() != gitops.StatusSynced {
		t.Errorf("books is removed %v and %s", a.Removed, a.Sync())
	}
}

func TestWhatIsNoAddressOfARepositoryIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		url, branch string
		taken       bool
	}{
		{"https://git.example.com/team/infra", "main", true},
		{"codecommit::eu-west-1://infra", "release/2026", true},
		{"git@github.com:team/infra.git", "main", false},
		{"file:///etc", "main", false},
		{"https://", "main", false},
		{"https://ann:token@git.example.com/team/infra", "main", false},
		{"https://git.example.com/team/infra", "", false},
		{"https://git.example.com/team/infra", "a\x1b[2J", false},
		{"https://git.example.com/team/infra", "a branch", false},
	} {
		_, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: c.url, Branch: c.branch}, "ann")
		if refusal := (*gitops.Refusal)(nil); errors.As(err, &refusal) == c.taken || c.taken && err != nil {
			t.Errorf("%q %q: %v, want taken %v", c.url, c.branch, err, c.taken)
		}
		if err != nil && strings.Contains(err.Error(), "token") {
			t.Errorf("the refusal tells the credentials: %v", err)
		}
	}
}

func TestAnApplicationOfALookThatEndedEarlyIsRetiredByTheNext(t *testing.T) {
	w := watching(t)
	w.push("a third one", map[string]string{"driftless.yaml": file("jobs", "books", "third"),
		"stacks/third/template.yaml": "Topic.Type: AWS::SNS::Topic\n"})
	w.store.Fail(func(call string) error {
		if call == "Register" { // the application is there, and the look ends before it knows
			return fake.ErrLost
		}
		return nil
	})
	w.resync()
	w.drain()
	w.store.Fail(nil)
	w.push("without it", map[string]string{"driftless.yaml": file("jobs", "books"), "stacks/third/template.yaml": ""})
	w.resync()
	w.settle()
	if a := w.app("third"); !a.Removed || len(w.engine.Live(target, "prod-third")) != 0 {
		t.Errorf("removed %v, live %v", a.Removed, w.engine.Live(target, "prod-third"))
	}
}
