package render_test

import (
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/render"
)

func TestADriftReportTellsWhoAndWhatIsIgnoredAndWhatTheTemplateDoesNotSay(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 41, 7, 0, time.UTC)
	r := gitops.DriftReport{Application: "jobs", StackID: "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/1", At: at, Complete: true,
		Expired: []gitops.Ignore{{Resource: "*", Path: "/Tags", Reason: "the migration", Until: "2026-11-01"}},
		Resources: []gitops.ResourceDrift{{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: gitops.ResourceModified, Since: at,
			By: &gitops.Touch{By: "arn:aws:iam::111122223333:user/eve", From: "192.0.2.1", Event: "SetQueueAttributes", At: at},
			Properties: []gitops.Difference{{Path: "/VisibilityTimeout", Declared: "5", Live: "60", Kind: "NOT_EQUAL"},
				{Path: "/DelaySeconds", Live: "9", Kind: gitops.Undeclared}},
			Ignored: []gitops.Ignored{{Difference: gitops.Difference{Path: "/Tags"}, Reason: "set by the backup tool"}}}}}
	got := render.Drift(r, at, false)
	for _, want := range []string{
		"! the rule that ignores any resource's Tags (the migration) ended on 2026-11-01",
		"VisibilityTimeout  declared 5", "live 60", "not declared", "live 9",
		"changed by arn:aws:iam::111122223333:user/eve from 192.0.2.1 at 2026-11-21 09:41:07Z (SetQueueAttributes)",
		"· ignored: Queue Tags: set by the backup tool",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told in\n%s", want, got)
		}
	}
}

func TestADeploymentTellsOfItsChecksItsRecoveryAndItsCause(t *testing.T) {
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	d := gitops.Deployment{ID: "01J1", Kind: gitops.KindRollback, Phase: gitops.PhaseBlocked, StartedAt: at, EndedAt: at.Add(time.Minute),
		Undoes:     &gitops.Undo{To: "01J0", Deployment: "01J9", Reason: "verify: web: answered 500"},
		Checks:     []gitops.CheckResult{{Name: "web", Done: true, Attempts: 3, Reason: "answered 500, not 200", StartedAt: at, EndedAt: at.Add(3 * time.Second)}},
		Recoveries: []gitops.Recovery{{At: at, Status: "UPDATE_ROLLBACK_FAILED", Skip: []string{"Queue"}, Result: "recovered"}},
		Cause:      &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: "UPDATE_FAILED", Reason: "no such value", Nested: "Inner"}}
	got := render.History([]gitops.Deployment{d}, at, false)
	for _, want := range []string{"01J0, from 01J9: verify: web: answered 500", "web  failed  3s  answered 500, not 200",
		"from UPDATE_ROLLBACK_FAILED at 2026-11-21 09:00:00Z, leaving out Queue: recovered",
		"nested stack Inner: Queue (AWS::SQS::Queue) UPDATE_FAILED: no such value"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told in\n%s", want, got)
		}
	}
}

func TestAPlanShowsThreeSidesOfWhatItOverwrites(t *testing.T) {
	plan := gitops.Plan{Changes: []gitops.Change{{LogicalID: "Queue", Type: "AWS::SQS::Queue", Action: gitops.ActionModify, Properties: []gitops.PropertyChange{
		{Path: "/VisibilityTimeout", LastDeployed: "5", Live: "60", Proposed: "7", Overwrites: true}}}}}
	got := render.Plan(gitops.Deployment{Application: "jobs", Phase: gitops.PhaseAwaitingApproval}, plan, false)
	for _, want := range []string{"overwrites 1 that somebody changed by hand", "live 60", "last deployed 5", "proposed 7", "changed by hand"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not told in\n%s", want, got)
		}
	}
}
