package porttest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// repository returns one that is finished, with every field filled.
func repository(id, url, branch string) gitops.Repository {
	return gitops.Repository{
		ID: id, URL: url, Branch: branch,
		Targets:     []gitops.Target{{Account: "111122223333", Region: "eu-west-1", Role: "arn:aws:iam::111122223333:role/r"}},
		Credentials: "ssm:/driftless/git/x",
		Observing:   gitops.Observing{N: 3, Commit: "c3"},
		Done:        3,
		Head:        revision(3),
		Problems:    []gitops.Problem{{Application: "jobs", File: "driftless.yaml", Line: 14, Column: 7, Path: "applications[2]", Message: "no"}},
		Note:        "history was rewritten",
		AddedBy:     "arn:aws:iam::111122223333:user/ada",
		AddedAt:     noon,
		SeenAt:      noon.Add(time.Hour),
	}
}

// application returns one that is finished, with nothing in flight and no drift due.
func application(id, repository string) gitops.Application {
	return gitops.Application{
		ID:         id,
		Repository: repository,
		Settings:   settings(id),
		Wanted:     gitops.Wanted{Revision: revision(2), Digest: "d2", Seq: 2, Bundle: "bundles/2"},
		Fence:      4,
		Ended:      gitops.Ended{Deployment: "01A", Seq: 2, Digest: "d2", Phase: gitops.PhaseSucceeded, Reason: "applied", At: noon},
		Deployed: gitops.Deployed{Deployment: "01A", Revision: revision(2), Digest: "d2", Bundle: "bundles/2",
			StackID: "arn:stack", Outputs: map[string]string{"url": "https://example.com", "empty": ""}, At: noon},
		Request:   gitops.Request{Kind: gitops.RequestSync, N: 1, By: "ada", At: noon},
		Answered:  1,
		Drift:     gitops.DriftSummary{At: noon, InSync: 2, Complete: true},
		UpdatedAt: noon,
	}
}

func deployment(application, id string) gitops.Deployment {
	return gitops.Deployment{
		ID: id, Application: application, Repository: "r1", Kind: gitops.KindDeploy, Settings: settings(application),
		Revision: revision(3), Digest: "d3", Seq: 3, Bundle: "bundles/3", Fence: 5,
		Request:   gitops.Request{Kind: gitops.RequestSync, N: 2, By: "ada", At: noon},
		Phase:     gitops.PhaseAwaitingApproval,
		Reason:    "the plan replaces or removes resources",
		Progress:  "waiting",
		Operation: gitops.Operation{N: 1, Kind: gitops.OperationPlan, Token: gitops.Token(id, 1), StackID: "arn:stack", ID: "arn:cs", At: noon},
		PlanKey:   "plans/1",
		Plan:      gitops.PlanSummary{Digest: "p1", Add: 1, Modify: 2, Replace: 3, Remove: 4, Import: 5},
		Approved:  &gitops.Approved{By: "ada", At: noon, Digest: "p1"},
		Rejected:  &gitops.Rejected{By: "bob", At: noon, Digest: "p0", Reason: "no"},
		Drift:     &gitops.DriftSummary{At: noon, Drifted: 1, Message: "Queue VisibilityTimeout 5 -> 60"},
		StartedAt: noon,
		Times:     []gitops.PhaseTime{{Phase: gitops.PhasePending, At: noon}, {Phase: gitops.PhasePlanning, At: noon.Add(time.Second)}},
	}
}

func settings(name string) gitops.Settings {
	return gitops.Settings{
		Name: name, Path: "stacks/" + name, Watch: []string{"shared", "lib"}, Engine: gitops.EngineCloudFormation,
		Target: gitops.Target{Account: "111122223333", Region: "eu-west-1"},
		CloudFormation: gitops.CloudFormation{Stack: "prod-" + name, Template: "template.yaml", Parameters: "prod.json",
			Capabilities: []string{"CAPABILITY_NAMED_IAM"}, Tags: map[string]string{"team": "a"}},
		Sync:   gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalDestructive},
		Verify: gitops.Verify{Drift: true},
		Drift:  gitops.DriftPolicy{EverySeconds: 3600},
	}
}

func revision(seq int64) gitops.Revision {
	return gitops.Revision{Branch: "main", Commit: fmt.Sprintf("%040d", seq), Author: "Ada", Message: "four applications ✓", At: noon, Seq: seq}
}

// report returns one with n resources of about half a kilobyte each.
func report(application string, at time.Time, n int) gitops.DriftReport {
	r := gitops.DriftReport{Application: application, StackID: "arn:stack", Deployment: "01A", At: at, Complete: true}
	for i := range n {
		r.Resources = append(r.Resources, gitops.ResourceDrift{
			LogicalID: fmt.Sprintf("Queue%d", i), PhysicalID: "https://sqs/" + strings.Repeat("q", 200), Type: "AWS::SQS::Queue",
			Status: gitops.ResourceModified, Since: at,
			Properties: []gitops.Difference{{Path: "/VisibilityTimeout", Declared: "5", Live: strings.Repeat("6", 200), Kind: "NOT_EQUAL"}},
		})
	}
	return r
}

// register stores an application with the claims that every application has.
func register(t *testing.T, s reconcile.Store, a gitops.Application) gitops.Application {
	t.Helper()
	must(t, s.Register(t.Context(), &a, []reconcile.Claim{reconcile.ClaimApplication(a.ID)}))
	return a
}

// open opens a deployment of an application.
func open(t *testing.T, s reconcile.Store, a gitops.Application, id string) (gitops.Application, gitops.Deployment) {
	t.Helper()
	d := deployment(a.ID, id)
	a.InFlight = id
	a.Fence++
	must(t, s.Open(t.Context(), &a, &d))
	return a, d
}
