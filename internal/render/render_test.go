package render_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

var update = flag.Bool("update", false, "write the golden files anew")

var now = time.Date(2026, 11, 21, 9, 41, 19, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// golden compares a text with testdata/<name>.txt.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", strings.ReplaceAll(name, " ", "-")+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
	for n, l := range strings.Split(got, "\n") {
		if strings.TrimRight(l, " ") != l {
			t.Errorf("%s:%d ends in spaces", file, n+1)
		}
		if strings.Contains(l, "%!") {
			t.Errorf("%s:%d is not formatted: %s", file, n+1, l)
		}
	}
}

const commit = "a1b2c3d4e5f60718293a4b5c6d7e8f9012345678"

var revision = gitops.Revision{Branch: "main", Commit: commit, Author: "Ada Lovelace", Message: "Raise the queue's time-out", At: ago(5 * time.Minute), Seq: 3}

// application is deployed, in sync and at rest.
func application(name string) gitops.Application {
	return gitops.Application{ID: name, Repository: "5f2c9a1b7d3e4f60",
		Settings: gitops.Settings{Name: name, Path: "stacks/" + name, Engine: gitops.EngineCloudFormation,
			Target:         gitops.Target{Account: "111122223333", Region: "eu-west-1"},
			CloudFormation: gitops.CloudFormation{Stack: "prod-" + name, Template: "template.yaml"},
			Sync:           gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalDestructive}},
		Wanted: gitops.Wanted{Revision: revision, Digest: "d1", Seq: 3},
		Ended: gitops.Ended{Deployment: "01JD2V6M1Q", Seq: 3, Digest: "d1", Phase: gitops.PhaseSucceeded,
			Reason: "applied and in sync", At: ago(4 * time.Minute)},
		Deployed: gitops.Deployed{Deployment: "01JD2V6M1Q", Revision: revision, Digest: "d1",
			StackID: "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-" + name + "/0a1b", At: ago(4 * time.Minute)},
		Drift: gitops.DriftSummary{At: ago(12 * time.Second), InSync: 2, Complete: true}}
}

// view shows an application as the API does.
func view(name string, d *gitops.Deployment, change func(*gitops.Application, *gitops.Repository)) gitops.View {
	a, r := application(name), gitops.Repository{URL: "codecommit::eu-west-1://infrastructure", Branch: "main"}
	if change != nil {
		change(&a, &r)
	}
	if d != nil {
		a.InFlight = d.ID
	}
	return gitops.NewView(a, d, r)
}

const findings = "stacks/jobs/template.yaml:14:7: Resources.Queue: !Rev is no function of CloudFormation; did you mean !Ref?\n" +
	"stacks/jobs/template.yaml:19:3: parameter Retention has no default and is given no value\n" +
	"stacks/jobs/template.yaml:31:5: CAPABILITY_NAMED_IAM is needed"

func failed(a *gitops.Application, _ *gitops.Repository) {
	a.Ended = gitops.Ended{Deployment: "01JD2V8PZX", Seq: 3, Digest: "d2", Phase: gitops.PhaseFailed, Reason: findings, At: ago(time.Minute)}
	a.Wanted.Digest = "d2"
}

const problem = "stack prod-search in 111122223333 eu-west-1 belongs to application search"

// views is one application of each kind that a person meets.
func views() map[string]gitops.View {
	return map[string]gitops.View{
		"in sync": view("network", nil, func(a *gitops.Application, _ *gitops.Repository) {
			a.Deployed.Outputs = map[string]string{"VpcId": "vpc-0a1b2c", "Subnets": "subnet-1,subnet-2"}
			a.Settings.Watch = []string{"stacks/shared"}
		}),
		"drifted": view("jobs", nil, func(a *gitops.Application, _ *gitops.Repository) {
			a.Drift = gitops.DriftSummary{At: ago(12 * time.Second), InSync: 1, Drifted: 1, Complete: true, Message: "SQSQueue VisibilityTimeout 5 -> 60"}
		}),
		"progressing": view("books", &gitops.Deployment{ID: "01JD2V9AAA", Phase: gitops.PhaseApplying, Progress: "Table CREATE_IN_PROGRESS",
			StartedAt: ago(9 * time.Second)}, func(a *gitops.Application, _ *gitops.Repository) { a.Wanted.Digest = "d2" }),
		"waiting": view("alerts", &gitops.Deployment{ID: "01JD2V9BBB", Phase: gitops.PhaseAwaitingApproval,
			Reason: "the plan replaces or removes resources", StartedAt: ago(2 * time.Hour)}, nil),
		"failed": view("mail", nil, failed),
		"suspended": view("search", nil, func(a *gitops.Application, _ *gitops.Repository) {
			a.Suspended = &gitops.Suspension{By: "arn:aws:iam::111122223333:user/ann", At: ago(72 * time.Hour), Reason: "migration"}
		}),
		"removed": view("legacy", nil, func(a *gitops.Application, _ *gitops.Repository) { a.Removed = true }),
		"repository problem": view("web", nil, func(_ *gitops.Application, r *gitops.Repository) {
			r.Problems = []gitops.Problem{{File: "driftless.yaml", Line: 14, Column: 7, Path: "applications[2].cloudformation.template",
				Message: `"quue.yaml" is not in stacks/jobs; did you mean "queue.yaml"?`},
				{Application: "other", Message: "is not shown here"}}
			r.Trouble = "read heads: the server answered 503"
		}),
		"new": view("fresh", nil, func(a *gitops.Application, _ *gitops.Repository) {
			*a = gitops.Application{ID: a.ID, Settings: a.Settings, Wanted: a.Wanted}
		}),
		"of a tag": view("release", nil, func(_ *gitops.Application, r *gitops.Repository) {
			r.Branch, r.Tag = "", "v1.2.0"
		}),
		"refused": {Application: gitops.Application{ID: "search-2"}, Message: problem,
			Repository: gitops.Origin{URL: "codecommit::eu-west-1://infrastructure", Branch: "main", Problems: []gitops.Problem{{Message: problem}}}},
	}
}

func TestStatusShowsEveryStanding(t *testing.T) {
	var all []gitops.View
	for _, name := range []string{"in sync", "drifted", "progressing", "waiting", "failed", "suspended", "removed", "repository problem", "new", "refused"} {
		all = append(all, views()[name])
	}
	golden(t, "status", render.Status(all, now, false))
	golden(t, "status coloured", render.Status(all, now, true))
	golden(t, "status empty", render.Status(nil, now, false))
}

func TestAnApplicationIsShownWithAllItsLines(t *testing.T) {
	for name, v := range views() {
		t.Run(name, func(t *testing.T) { golden(t, "application "+name, render.Application(v, now, false)) })
	}
}

func deployment(phase gitops.Phase, reason string) gitops.Deployment {
	return gitops.Deployment{ID: "01JD2V8PZX", Application: "jobs", Kind: gitops.KindDeploy, Revision: revision, Phase: phase,
		Reason: reason, Plan: gitops.PlanSummary{Digest: "9f8e7d6c", Modify: 1, Replace: 1}, StartedAt: ago(3 * time.Minute), EndedAt: ago(170 * time.Second),
		Times: []gitops.PhaseTime{{Phase: gitops.PhasePending, At: ago(3 * time.Minute)}, {Phase: gitops.PhasePlanning, At: ago(3 * time.Minute)},
			{Phase: gitops.PhaseApplying, At: ago(175 * time.Second)}, {Phase: phase, At: ago(170 * time.Second)}}}
}

func TestHistory(t *testing.T) {
	running := deployment(gitops.PhaseVerifying, "applied")
	running.EndedAt, running.Times = time.Time{}, nil
	revert := deployment(gitops.PhaseSucceeded, "applied and in sync")
	revert.Kind, revert.Request.By = gitops.KindRevert, "arn:aws:sts::111122223333:assumed-role/Deployer/ann"
	rejected := deployment(gitops.PhaseRejected, "rejected by bob: not on a Friday")
	rejected.Rejected = &gitops.Rejected{By: "arn:aws:iam::111122223333:user/bob"}
	approved := deployment(gitops.PhaseSucceeded, "applied and in sync")
	approved.Approved = &gitops.Approved{By: "arn:aws:iam::111122223333:user/ann"}
	unplanned := deployment(gitops.PhaseFailed, findings)
	unplanned.Plan = gitops.PlanSummary{}
	golden(t, "history", render.History([]gitops.Deployment{running, revert, rejected, approved, unplanned}, now, false))
	golden(t, "history of one", render.History([]gitops.Deployment{unplanned}, now, false))
	by := func(name string) string { return "arn:aws:iam::111122223333:user/" + name }
	approved.Request = gitops.Request{By: by("bob"), At: ago(4 * time.Minute)}
	approved.Approved.At = ago(3 * time.Minute)
	rejected.Rejected.At = ago(2 * time.Minute)
	golden(t, "history of one approved", render.History([]gitops.Deployment{approved}, now, false))
	golden(t, "history of one rejected", render.History([]gitops.Deployment{rejected}, now, false))
	golden(t, "history of none", render.History(nil, now, false))
}

func TestRepositories(t *testing.T) {
	r := gitops.Repository{ID: "5f2c9a1b7d3e4f60", URL: "codecommit::eu-west-1://infrastructure", Branch: "main", Head: revision, SeenAt: ago(time.Hour)}
	reading, rewritten, away, broken := r, r, r, r
	reading.ID, reading.Head, reading.SeenAt = "1111111111111111", gitops.Revision{}, time.Time{}
	rewritten.ID, rewritten.Note = "2222222222222222", "the branch went back to an older commit"
	away.ID, away.Trouble = "3333333333333333", "read heads: the credentials of https://github.com/acme/infra were refused: put a new token with driftless repository add --token-file"
	away.URL, away.Forge, away.Branch, away.Tag = "https://github.com/acme/infra", gitops.ForgeGitHub, "", "v1.2.0"
	broken.ID, broken.Problems = "4444444444444444", []gitops.Problem{
		{File: "driftless.yaml", Line: 3, Column: 5, Path: "applications[0].nmae", Message: `unknown key; did you mean "name"?`},
		{Application: "jobs", Message: "stack prod-jobs in 111122223333 eu-west-1 belongs to application mail"}}
	golden(t, "repositories", render.Repositories([]gitops.Repository{r, reading, rewritten, away, broken}, now, false))
	golden(t, "repositories none", render.Repositories(nil, now, false))
}

func TestAgesAreCoarse(t *testing.T) {
	for want, d := range map[string]time.Duration{"0s": -time.Minute, "59s": 59 * time.Second, "1m": time.Minute, "59m": 59 * time.Minute,
		"1h": time.Hour, "47h": 47 * time.Hour, "2d": 48 * time.Hour} {
		if got := render.Age(ago(d), now); got != want {
			t.Errorf("%s ago is shown as %s, want %s", d, got, want)
		}
	}
	if got := render.Age(time.Time{}, now); got != "-" {
		t.Errorf("never is shown as %s", got)
	}
}

func TestColumnsLineUpWhateverTheScript(t *testing.T) {
	table := render.Table{Header: []string{"A", "B"}}
	table.Add("網路", "1")
	table.Add("e\u0301t\u00e9", "2")
	if diff := cmp.Diff("A     B\n網路  1\ne\u0301té   2\n", table.Text(false)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
