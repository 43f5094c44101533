package reconcile_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// teams is a repository with one configuration file per directory.
func teams() map[string]string {
	own := func(name string) string {
		return "version: 1\napplications:\n  - name: " + name + "\n    path: .\n    cloudformation: { stack: prod-" + name + " }\n"
	}
	return map[string]string{
		"driftless.yaml":          "version: 1\ninclude: [\"teams/*\"]\ndefaults:\n  target: { account: \"111122223333\", region: eu-west-1 }\n",
		"teams/a/driftless.yaml":  own("jobs"),
		"teams/a/template.yaml":   timeout(5)["stacks/jobs/template.yaml"],
		"teams/b/driftless.yaml":  own("books"),
		"teams/b/template.yaml":   "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PAY_PER_REQUEST\n",
		"teams/c/no-application":  "a directory without a file of its own\n",
		"elsewhere/driftless.yml": "of another tool\n",
	}
}

func watchingTeams(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.push("a file per team", teams())
	w.add()
	w.settle()
	w.expect("jobs", gitops.PhaseSucceeded)
	w.expect("books", gitops.PhaseSucceeded)
	return w
}

func TestApplicationsOfIncludedFilesAreFollowed(t *testing.T) {
	w := watchingTeams(t)
	w.git.Forget()
	w.push("one team", map[string]string{"teams/a/template.yaml": timeout(60)["stacks/jobs/template.yaml"]})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "60" {
		t.Errorf("live is %q", got)
	}
	if diff := cmp.Diff(map[string]int{"Head": 1, "Snapshot": 1, "Fetch": 1}, w.git.Counts()); diff != "" { // the configuration was read before
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"jobs", "books"}, w.repository().Applications); diff != "" {
		t.Errorf("applications (-want +got):\n%s", diff)
	}
}

func TestABrokenFileStopsItsOwnApplicationsAndRetiresNone(t *testing.T) {
	w := watchingTeams(t)
	w.push("a typo of one team", map[string]string{
		"teams/a/driftless.yaml": strings.Replace(teams()["teams/a/driftless.yaml"], "path:", "paht:", 1),
		"teams/a/template.yaml":  timeout(60)["stacks/jobs/template.yaml"],
		"teams/b/template.yaml":  "Table.Type: AWS::DynamoDB::Table\nTable.BillingMode: PROVISIONED\n",
	})
	w.resync()
	w.settle()
	if got := w.live("books", "Table", "BillingMode"); got != "PROVISIONED" {
		t.Errorf("the other team did not go on: %q", got)
	}
	a, r := w.app("jobs"), w.repository()
	if a.Removed || w.live("jobs", "Queue", "VisibilityTimeout") != "5" {
		t.Errorf("removed %v, live %q", a.Removed, w.live("jobs", "Queue", "VisibilityTimeout"))
	}
	if v := gitops.NewView(a, nil, r); v.Sync != gitops.StatusUnknown || !strings.Contains(v.Message, "teams/a/driftless.yaml:") {
		t.Errorf("jobs is shown as %s: %q", v.Sync, v.Message)
	}
	if v := gitops.NewView(w.app("books"), nil, r); v.Sync != gitops.StatusSynced {
		t.Errorf("books is shown as %s: %q", v.Sync, v.Message)
	}
	w.push("the team leaves", map[string]string{"teams/a/driftless.yaml": "", "teams/a/template.yaml": ""})
	w.resync()
	w.settle()
	if a := w.app("jobs"); !a.Removed {
		t.Error("the file is gone, its application is not removed")
	}
	if a := w.app("books"); a.Removed {
		t.Error("the other team's application was removed")
	}
}

func TestAFileThatCannotBeFetchedIsNotTakenForOneThatIsGone(t *testing.T) {
	w := watchingTeams(t)
	before := w.app("jobs")
	w.push("anything", map[string]string{"teams/b/driftless.yaml": teams()["teams/b/driftless.yaml"] + "# more\n"})
	w.git.Fail(func(call string) error {
		if call == "Fetch" {
			return errUnavailable
		}
		return nil
	})
	w.resync()
	w.drain()
	w.git.Fail(nil)
	if a := w.app("jobs"); a.Removed || a.Version != before.Version {
		t.Errorf("removed %v, version %d, was %d", a.Removed, a.Version, before.Version)
	}
	if r := w.repository(); !r.Unfinished() || r.Trouble == "" {
		t.Errorf("the look counts as ended: %+v", r)
	}
	w.settle()
	if r := w.repository(); r.Unfinished() || r.Trouble != "" {
		t.Errorf("the look was not taken again: %+v", r)
	}
}

var errUnavailable = errors.New("503 Service Unavailable")

func TestATagIsFollowedLikeABranch(t *testing.T) {
	w := newWorld(t)
	released := map[string]string{"driftless.yaml": file("jobs"), "stacks/jobs/template.yaml": timeout(5)["stacks/jobs/template.yaml"]}
	w.git.Push(repoURL, "v1", "released", released)
	if _, err := w.op.AddRepository(t.Context(), gitops.Repository{URL: repoURL, Tag: "v1"}, "ann"); err != nil {
		t.Fatal(err)
	}
	w.settle()
	if d := w.expect("jobs", gitops.PhaseSucceeded); d.Revision.Branch != "v1" || d.Revision.String() != "v1@sha1:"+gitops.Short(d.Revision.Commit) {
		t.Errorf("the revision is %s", d.Revision)
	}
	id := gitops.RepositoryID(repoURL, "refs/tags/v1")
	if id == gitops.RepositoryID(repoURL, "v1") {
		t.Error("a tag and a branch of one name are one repository")
	}
	w.git.Push(repoURL, "v1", "moved", map[string]string{"driftless.yaml": file("jobs"), "stacks/jobs/template.yaml": timeout(9)["stacks/jobs/template.yaml"]})
	w.resync()
	w.settle()
	if got := w.live("jobs", "Queue", "VisibilityTimeout"); got != "9" {
		t.Errorf("the tag moved, live is %q", got)
	}
	w.git.Delete(repoURL, "v1")
	w.resync()
	w.settle()
	if a := w.app("jobs"); a.Suspended == nil || w.live("jobs", "Queue", "Type") == "" {
		t.Errorf("the tag is gone: suspended %+v", a.Suspended)
	}
}
