package sandbox_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// announced are the events of a repository's references, a line each: event, reference,
// and whether there is a new and an old commit.
func announced(t *testing.T, s *sandbox.Sandbox) []string {
	t.Helper()
	var lines []string
	for _, e := range recent(t, s) {
		var d map[string]string
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		line := d["event"] + " " + d["referenceType"] + " " + d["referenceName"]
		if d["commitId"] != "" {
			line += " new"
		}
		if d["oldCommitId"] != "" {
			line += " old"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestTagsAreAnnouncedWhenMadeMovedAndDeleted(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRepository(t, s, "infra")
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=main", ".")
	commit(t, dir, "one.txt", []byte("one"))
	git(t, dir, "tag", "v1")
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "v1")
	commit(t, dir, "one.txt", []byte("two"))
	git(t, dir, "-c", "user.name=a", "-c", "user.email=a@example.com", "tag", "--force", "--annotate", "-m", "again", "v1")
	git(t, dir, "push", "--quiet", "--force", s.GitURL("infra"), "v1")
	git(t, dir, "push", "--quiet", s.GitURL("infra"), ":v1")
	want := []string{"referenceCreated tag v1 new", "referenceUpdated tag v1 new old", "referenceDeleted tag v1 old"}
	if diff := cmp.Diff(want, announced(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestDefaultBranchIsRenamedThroughTheAPI(t *testing.T) {
	s := start(t, sandbox.Options{})
	makeRepository(t, s, "infra")
	dir := t.TempDir()
	git(t, dir, "init", "--quiet", "--initial-branch=master", ".")
	head := commit(t, dir, "one.txt", []byte("one"))
	git(t, dir, "push", "--quiet", s.GitURL("infra"), "master")
	client, name := codecommit.NewFromConfig(admin(s)), aws.String("infra")
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.DeleteBranch(t.Context(), &codecommit.DeleteBranchInput{RepositoryName: name, BranchName: aws.String("master")})
	if got := errorCode(err); got != "DefaultBranchCannotBeDeletedException" {
		t.Errorf("deletion of the default branch: %q", got)
	}
	must(client.CreateBranch(t.Context(), &codecommit.CreateBranchInput{RepositoryName: name, BranchName: aws.String("main"), CommitId: aws.String(head)}))
	must(client.UpdateDefaultBranch(t.Context(), &codecommit.UpdateDefaultBranchInput{RepositoryName: name, DefaultBranchName: aws.String("main")}))
	must(client.DeleteBranch(t.Context(), &codecommit.DeleteBranchInput{RepositoryName: name, BranchName: aws.String("master")}))
	got, err := client.GetRepository(t.Context(), &codecommit.GetRepositoryInput{RepositoryName: name})
	must(got, err)
	if d := aws.ToString(got.RepositoryMetadata.DefaultBranch); d != "main" {
		t.Errorf("default branch %q", d)
	}
	want := []string{"referenceCreated branch master new", "referenceCreated branch main new", "referenceDeleted branch master old"}
	if diff := cmp.Diff(want, announced(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestPartialCloneIsServedOnlyWhereAskedFor(t *testing.T) {
	for sentence, filter := range map[string]bool{"as CodeCommit is known": false, "with the option": true} {
		t.Run(sentence, func(t *testing.T) {
			s := start(t, sandbox.Options{GitFilter: filter})
			makeRepository(t, s, "infra")
			dir := t.TempDir()
			git(t, dir, "init", "--quiet", "--initial-branch=main", ".")
			commit(t, dir, "one.txt", []byte("one"))
			git(t, dir, "push", "--quiet", s.GitURL("infra"), "main")
			git(t, dir, "clone", "--quiet", "--bare", "--filter=blob:none", s.GitURL("infra"), "copy")
			missing := git(t, dir+"/copy", "rev-list", "--objects", "--missing=print", "HEAD")
			if got := len(missing) > 0 && missing[len(missing)-41] == '?'; got != filter {
				t.Errorf("the blob is missing: %t, want %t\n%s", got, filter, missing)
			}
		})
	}
}
