package gitops_test

import (
	"time"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// healing is what an application without a deployment does about drift, and what people ask of it.
func healing() table {
	return table{"nothing in flight, and something deployed", func() gitops.Observation {
		o := idle()
		o.Application.Wanted = gitops.Wanted{Seq: 1, Digest: "a"}
		o.Application.Deployed = gitops.Deployed{Digest: "a", StackID: "arn"}
		return o
	}, []dimension{
		{"request", []string{"none", "heal", "rollback", "recover"}, func(o *gitops.Observation, v string) {
			if v != "none" {
				o.Application.Request = gitops.Request{N: 1, Kind: gitops.RequestKind(v), By: "bob"}
			}
		}},
		{"undo", []string{"no", "yes"}, func(o *gitops.Observation, v string) {
			if v == "yes" {
				o.Application.Rollback = &gitops.Undo{To: "d0", Reason: "roll back to 1111111: verify: web: 500"}
			}
		}},
		{"heal", []string{"off", "on", "held"}, func(o *gitops.Observation, v string) {
			o.Application.Settings.Drift.Heal = v != "off"
			if v == "held" {
				o.HealHeld = "3 heals within an hour"
			}
		}},
		{"live", []string{"in sync", "drifted", "by others", "problem"}, func(o *gitops.Observation, v string) {
			if v != "in sync" {
				o.Application.Drift = gitops.DriftSummary{Drifted: 1, Digest: "x", Message: "Queue deleted"}
			}
			if v == "by others" {
				o.Application.Drift.Foreign = "the stack was updated by somebody else"
			}
			if v == "problem" {
				o.Application.Drift.Problem = "throttled"
			}
		}},
		{"last heal", []string{"none", "went well", "refused it", "refused another"}, func(o *gitops.Observation, v string) {
			if v == "none" {
				return
			}
			o.Application.BeginHeal("d0", nil, false, noon)
			if v != "went well" {
				o.Application.EndHeal("d0", false, "Queue: it would be replaced")
			}
			if v == "refused another" {
				o.Application.Heals[0].Drift = "another"
			}
		}},
		{"touched", []string{"no", "yes"}, func(o *gitops.Observation, v string) {
			if v == "yes" {
				o.Application.Note(gitops.Touched{LogicalID: "Queue", Touch: gitops.Touch{By: "eve", Event: "SetQueueAttributes", At: noon}})
			}
		}},
		{"due", []string{"no", "yes"}, func(o *gitops.Observation, v string) { o.DriftDue = v == "yes" }},
	}}
}

// checking is what a deployment does about its own checks.
func checking() table {
	return table{"Verifying by checks", func() gitops.Observation {
		o := inFlight(gitops.PhaseVerifying)()
		o.Deployment.Digest = "b"
		o.Deployment.Settings.Verify.Checks = []gitops.Check{{Name: "web"}, {Name: "alarm"}}
		o.Deployment.Checks = []gitops.CheckResult{{Name: "web"}, {Name: "alarm", Done: true, Passed: true}}
		return o
	}, []dimension{
		{"check", []string{"waits", "is due", "passed", "failed", "is unknown"}, func(o *gitops.Observation, v string) {
			o.CheckDue = v == "is due"
			c := &o.Deployment.Checks[0]
			c.Done, c.Passed, c.Unknown = v != "waits" && v != "is due", v == "passed", v == "is unknown"
			c.Reason = "answered 500, not 200"
		}},
		{"on failure", []string{"report", "rollback"}, func(o *gitops.Observation, v string) {
			o.Deployment.Settings.Verify.OnFailure = gitops.OnFailure(v)
		}},
		{"kind", []string{"deploy", "rollback"}, func(o *gitops.Observation, v string) { o.Deployment.Kind = gitops.Kind(v) }},
		{"good", []string{"nothing", "the same", "another"}, func(o *gitops.Observation, v string) {
			switch v {
			case "the same":
				o.Application.Good = gitops.Deployed{Deployment: "d0", Digest: "b"}
			case "another":
				o.Application.Good = gitops.Deployed{Deployment: "d0", Digest: "a"}
			}
		}},
		{"verify", []string{"off", "drift"}, func(o *gitops.Observation, v string) { o.Deployment.Settings.Verify.Drift = v == "drift" }},
	}}
}

// recovering is what a deployment does while what its stack was stuck in is ended.
func recovering(state, newer, held dimension) table {
	return table{"RollingBack", inFlight(gitops.PhaseRollingBack), []dimension{state,
		{"before", []string{"planned", "applied", "asked for"}, func(o *gitops.Observation, v string) {
			switch v {
			case "applied":
				o.Deployment.Times = []gitops.PhaseTime{{Phase: gitops.PhaseApplying}}
				o.Deployment.Cause = &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: "UPDATE_FAILED", Reason: "no"}
			case "asked for":
				o.Deployment.Kind = gitops.KindRecover
			}
		}}, newer, held}}
}

// stuck is what a deployment does about a stack that takes no update.
func stuck(held dimension) table {
	return table{"a stack that is stuck", inFlight(gitops.PhasePlanning), []dimension{
		{"phase", []string{"Planning", "Applying"}, func(o *gitops.Observation, v string) { o.Deployment.Phase = gitops.Phase(v) }},
		{"stack", []string{"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "ROLLBACK_COMPLETE", "protected"}, func(o *gitops.Observation, v string) {
			o.Operation = gitops.Sighting{State: gitops.OperationBlocked, Reason: "stack jobs is in " + v, Stuck: &gitops.Stuck{Status: v}}
			o.Operation.Stuck.NeverComplete = v == "ROLLBACK_COMPLETE" || v == "protected"
			o.Operation.Stuck.Protected = v == "protected"
		}},
		{"recover", []string{"nothing", "continue", "recreate"}, func(o *gitops.Observation, v string) {
			o.Deployment.Settings.Recover = gitops.Recover{Continue: v == "continue", Recreate: v == "recreate"}
		}},
		{"tried", []string{"no", "yes"}, func(o *gitops.Observation, v string) {
			if v == "yes" {
				o.Deployment.Recoveries = []gitops.Recovery{{Status: "UPDATE_ROLLBACK_FAILED"}}
			}
		}},
		{"kind", []string{"deploy", "rollback", "recover"}, func(o *gitops.Observation, v string) { o.Deployment.Kind = gitops.Kind(v) }},
		held,
	}}
}
