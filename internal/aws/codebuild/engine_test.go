package codebuild_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// objects is a bucket in memory.
type objects map[string][]byte

func (o objects) Put(ctx context.Context, key string, data []byte) error {
	_, err := o.PutNew(ctx, key, data)
	return err
}

func (o objects) PutNew(_ context.Context, key string, data []byte) (bool, error) {
	if _, there := o[key]; there {
		return false, nil
	}
	o[key] = slices.Clone(data)
	return true, nil
}

func (o objects) Get(_ context.Context, key string) ([]byte, error) {
	if data, there := o[key]; there {
		return data, nil
	}
	return nil, fmt.Errorf("%s: %w", key, reconcile.ErrNotFound)
}

func (o objects) Has(_ context.Context, key string) (bool, error) {
	_, there := o[key]
	return there, nil
}

// set writes an object as JSON, over what stands there.
func (o objects) set(t *testing.T, key string, v any) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	o[key] = data
}

func get[T any](t *testing.T, o objects, key string) (v T) {
	t.Helper()
	if data, there := o[key]; !there {
		t.Errorf("nothing stands under %s, only %v", key, slices.Sorted(maps.Keys(o)))
	} else if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// builds is CodeBuild in memory: it starts, and runs nothing.
type builds struct {
	started []string // project, token, variables
	stopped []string
	builds  map[string]codebuild.Build
	refuse  error
}

func (b *builds) Start(_ context.Context, project, token string, variables map[string]string) (string, error) {
	if b.refuse != nil {
		return "", b.refuse
	}
	b.started = append(b.started, fmt.Sprint(project, " ", token, " ", variables))
	id := fmt.Sprintf("%s:%d", project, len(b.started))
	b.builds[id] = codebuild.Build{ID: id, Status: codebuild.StatusInProgress, Phase: "QUEUED"}
	return id, nil
}

func (b *builds) Build(_ context.Context, id string) (codebuild.Build, error) {
	if found, there := b.builds[id]; there {
		return found, nil
	}
	return codebuild.Build{ID: id}, nil
}

func (b *builds) Stop(_ context.Context, id string) error {
	b.stopped = append(b.stopped, id)
	return nil
}

func (b *builds) is(id string, s codebuild.Status, phase string) {
	b.builds[id] = codebuild.Build{ID: id, Status: s, Phase: phase, Complete: s != codebuild.StatusInProgress}
}

type world struct {
	*codebuild.Engine
	builds       *builds
	data, states objects
	w            reconcile.Work
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

const token = "driftless-01JD-1"

func newWorld() *world {
	x := &world{builds: &builds{builds: map[string]codebuild.Build{}}, data: objects{}, states: objects{}}
	x.Engine = codebuild.New(codebuild.Config{
		Builds: x.builds, Projects: map[build.Side]string{build.SidePlan: "driftless-plan", build.SideApply: "driftless-apply"},
		Data: x.data, States: x.states, State: build.State{Bucket: "states", Region: "eu-west-1"}, Queue: "https://queue",
		Access: func(w reconcile.Work, s build.Side) (build.Access, error) {
			return build.Access{Region: w.Settings.Target.Region, Role: "arn:aws:iam::111122223333:role/driftless-terraform-" + string(s), ExternalID: "external"}, nil
		},
		Now: func() time.Time { return noon },
	})
	x.w = reconcile.Work{Application: "data", Kind: gitops.KindDeploy, Bundle: "bundles/ab.zip",
		Settings: gitops.Settings{Name: "data", Path: "terraform/data", Engine: gitops.EngineTerraform, Target: gitops.Target{Account: "111122223333", Region: "eu-west-1"},
			Terraform: &gitops.Terraform{Flavor: gitops.FlavorTerraform, Version: "1.11.4"}, Sync: gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalDestructive}},
		Operation: gitops.Operation{N: 1, Kind: gitops.OperationPlan, Token: token}}
	return x
}

// start starts the world's operation, and keeps the ids that it is given.
func (x *world) start(t *testing.T, k gitops.OperationKind) {
	t.Helper()
	x.w.Operation.Kind = k
	op, err := x.Start(t.Context(), x.w)
	if err != nil {
		t.Fatal(err)
	}
	x.w.Operation.Keep(op)
}

func (x *world) sees(t *testing.T, k gitops.OperationKind, want gitops.OperationState, words ...string) gitops.Sighting {
	t.Helper()
	x.w.Operation.Kind = k
	s, err := x.Observe(t.Context(), x.w)
	if err != nil || s.State != want {
		t.Errorf("sees %s (%s), %v; want %s", s.State, s.Reason, err, want)
	}
	for _, w := range words {
		if !strings.Contains(s.Reason+s.Progress, w) {
			t.Errorf("says %q %q, not %q", s.Reason, s.Progress, w)
		}
	}
	return s
}

func (x *world) job(s build.Side, k gitops.OperationKind) build.Job {
	return build.Job{Side: s, Token: token, Kind: k}
}

// runs lets a build of a job begin.
func (x *world) runs(t *testing.T, id string, j build.Job) {
	t.Helper()
	x.builds.is(id, codebuild.StatusInProgress, "BUILD")
	x.data.set(t, j.ClaimKey(), build.Claim{Build: id, Who: "root@box", At: noon})
}

// plans lets a build have planned.
func (x *world) plans(t *testing.T, id string, s build.Side) {
	t.Helper()
	j := x.job(s, gitops.OperationPlan)
	x.runs(t, id, j)
	x.data[j.PlanFileKey()] = []byte("plan")
	x.data.set(t, j.ReportKey(), build.Report{Schema: 1, Job: j, Build: id, Outcome: build.OutcomePlanned, At: noon,
		PlanFile: build.PlanFile{Key: j.PlanFileKey(), SHA256: "ab"},
		Plan:     &gitops.Plan{Changes: []gitops.Change{{Action: gitops.ActionAdd, LogicalID: "aws_ssm_parameter.a", Type: "aws_ssm_parameter"}}}})
}

func TestAPlanIsOrderedAndThenBuilt(t *testing.T) {
	for name, c := range map[string]struct {
		sync      gitops.Sync
		side      build.Side
		stay      bool
		workspace string
	}{
		"where nobody may have to approve, on the apply side":        {gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalDestructive}, build.SideApply, true, ""},
		"where nobody has to, too":                                   {gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalNever}, build.SideApply, true, "default"},
		"where somebody always has to, on the plan side":             {gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalAlways}, build.SidePlan, false, ""},
		"of a workspace, whose first plan writes, on the apply side": {gitops.Sync{Mode: gitops.SyncAuto, Approval: gitops.ApprovalAlways}, build.SideApply, true, "blue"},
		"where it is only synced by hand, too":                       {gitops.Sync{Mode: gitops.SyncManual, Approval: gitops.ApprovalNever}, build.SidePlan, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld()
			x.w.Settings.Sync, x.w.Settings.Terraform.Workspace = c.sync, c.workspace
			x.start(t, gitops.OperationPlan)
			j := x.job(c.side, gitops.OperationPlan)
			want := "driftless-" + string(c.side) + " " + token + "-plan map[DRIFTLESS_APPLICATION:data DRIFTLESS_ORDER:" + j.OrderKey() + "]"
			if !slices.Equal(x.builds.started, []string{want}) {
				t.Errorf("started %v, want %v", x.builds.started, want)
			}
			o := get[build.Order](t, x.data, j.OrderKey())
			if o.Job != j || o.Bundle != "bundles/ab.zip" || o.Path != "terraform/data" || o.State.Key != "applications/data.tfstate" ||
				o.Access.Role != "arn:aws:iam::111122223333:role/driftless-terraform-"+string(c.side) || (o.StaySeconds > 0) != c.stay {
				t.Errorf("ordered %+v", o)
			}
			if x.w.Operation.StackID != "s3://states/applications/data.tfstate" || x.w.Operation.ID != "driftless-"+string(c.side)+":1" {
				t.Errorf("keeps %+v", x.w.Operation)
			}
		})
	}
}

func TestAPlanIsSeenFromItsQueueToItsReport(t *testing.T) {
	x := newWorld()
	j := x.job(build.SideApply, gitops.OperationPlan)
	x.sees(t, gitops.OperationPlan, gitops.OperationAbsent)
	x.start(t, gitops.OperationPlan)
	x.sees(t, gitops.OperationPlan, gitops.OperationForeign, "driftless-apply:1 waits in CodeBuild's queue")
	x.runs(t, "driftless-apply:1", j)
	x.sees(t, gitops.OperationPlan, gitops.OperationRunning, "driftless-apply:1")
	x.plans(t, "driftless-apply:1", build.SideApply)
	s := x.sees(t, gitops.OperationPlan, gitops.OperationReady)
	if s.Plan == nil || s.Plan.Digest == "" || s.Plan.Engine != gitops.EngineTerraform || s.Plan.Bundle != x.w.Bundle || s.Plan.Summary().Add != 1 {
		t.Errorf("the plan is %+v", s.Plan)
	}
	delete(x.data, j.PlanFileKey())
	x.sees(t, gitops.OperationPlan, gitops.OperationStale, "expired")
}

// Who started the build was throttled, or died, before its id and the state's address were kept.
func TestR21_TheStatesAddressIsKnownThoughItsRecordWasLost(t *testing.T) {
	x := newWorld()
	x.start(t, gitops.OperationPlan)
	x.w.Operation.ID, x.w.Operation.StackID = "", ""
	x.plans(t, "driftless-apply:1", build.SideApply)
	s := x.sees(t, gitops.OperationPlan, gitops.OperationReady)
	if got := s.Operation; got.StackID != "s3://states/applications/data.tfstate" || got.ID != "driftless-apply:1" {
		t.Errorf("finds %+v", got)
	}
}

func TestR41_TheBuildThatClaimedIsTheOneThatIsWatched(t *testing.T) {
	x := newWorld()
	x.start(t, gitops.OperationPlan) // the answer was lost, or came after five minutes: a second build of it
	x.builds.is("driftless-apply:2", codebuild.StatusInProgress, "BUILD")
	x.runs(t, "driftless-apply:2", x.job(build.SideApply, gitops.OperationPlan))
	x.builds.is("driftless-apply:1", codebuild.StatusSucceeded, "COMPLETED") // it lost, and ended
	x.sees(t, gitops.OperationPlan, gitops.OperationRunning, "driftless-apply:2")
}

func TestR40_ABuildThatEndedWithoutAReportIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		build   codebuild.Build
		claimed bool
		want    gitops.OperationState
		words   string
	}{
		"a fault of CodeBuild's":               {codebuild.Build{Complete: true, Status: codebuild.StatusFault}, true, gitops.OperationFailed, "ended FAULT, without a report"},
		"stopped by somebody":                  {codebuild.Build{Complete: true, Status: codebuild.StatusStopped}, true, gitops.OperationFailed, "ended STOPPED"},
		"out of time":                          {codebuild.Build{Complete: true, Status: codebuild.StatusTimedOut, Phase: "COMPLETED"}, true, gitops.OperationFailed, "ended TIMED_OUT"},
		"no longer known":                      {codebuild.Build{}, true, gitops.OperationFailed, "is not known to CodeBuild"},
		"failed before it claimed":             {codebuild.Build{Complete: true, Status: codebuild.StatusFailed, Phase: "COMPLETED"}, false, gitops.OperationFailed, "ended FAILED"},
		"succeeded, and left nothing":          {codebuild.Build{Complete: true, Status: codebuild.StatusSucceeded, Phase: "COMPLETED"}, true, gitops.OperationFailed, "without a report"},
		"one that is being stopped still runs": {codebuild.Build{Status: codebuild.StatusStopped, Phase: "BUILD"}, true, gitops.OperationRunning, ""},
		"a status that nobody knows yet runs":  {codebuild.Build{Status: "HIBERNATING", Phase: "BUILD"}, true, gitops.OperationRunning, ""},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld()
			x.start(t, gitops.OperationPlan)
			if c.claimed {
				x.runs(t, "driftless-apply:1", x.job(build.SideApply, gitops.OperationPlan))
			}
			c.build.ID = "driftless-apply:1"
			x.builds.builds[c.build.ID] = c.build
			if c.build.Status == codebuild.StatusUnknown {
				delete(x.builds.builds, c.build.ID)
			}
			x.sees(t, gitops.OperationPlan, c.want, c.words)
		})
	}
}

func TestR38_WhatWaitsForABuildIsNoFailure(t *testing.T) {
	t.Run("no room in the account", func(t *testing.T) {
		x := newWorld()
		x.builds.refuse = &gitops.Busy{Reason: "CodeBuild has no room"}
		var busy *gitops.Busy
		if _, err := x.Start(t.Context(), x.w); !errors.As(err, &busy) {
			t.Errorf("got %v, want what is busy", err)
		}
		x.sees(t, gitops.OperationPlan, gitops.OperationAbsent)
	})
	t.Run("eight hours in the queue", func(t *testing.T) {
		x := newWorld()
		x.start(t, gitops.OperationPlan)
		var b codebuild.Build
		const answer = `{"id":"driftless-apply:1","buildStatus":"TIMED_OUT","buildComplete":true,"currentPhase":"COMPLETED","phases":[{"phaseType":"SUBMITTED","phaseStatus":"SUCCEEDED"},{"phaseType":"QUEUED","phaseStatus":"TIMED_OUT"}]}`
		if err := json.Unmarshal([]byte(answer), &b); err != nil {
			t.Fatal(err)
		}
		x.builds.builds[b.ID] = b
		x.sees(t, gitops.OperationPlan, gitops.OperationStale, "queue for too long")
	})
	t.Run("a newer push takes the place of one that is queued", func(t *testing.T) {
		x := newWorld()
		x.start(t, gitops.OperationPlan)
		x.start(t, gitops.OperationCancel)
		if c := get[build.Claim](t, x.data, x.job(build.SideApply, gitops.OperationPlan).ClaimKey()); c.Void == "" || !slices.Equal(x.builds.stopped, []string{"driftless-apply:1"}) {
			t.Errorf("claimed by %+v, stopped %v", c, x.builds.stopped)
		}
	})
}

func TestABuildThatStaysIsToldToApply(t *testing.T) {
	x := newWorld()
	x.start(t, gitops.OperationPlan)
	x.plans(t, "driftless-apply:1", build.SideApply)
	x.sees(t, gitops.OperationApply, gitops.OperationReady)
	x.start(t, gitops.OperationApply)
	if len(x.builds.started) != 1 || !get[build.Word](t, x.data, x.job(build.SideApply, gitops.OperationPlan).WordKey()).Go {
		t.Errorf("started %v", x.builds.started)
	}
	x.sees(t, gitops.OperationApply, gitops.OperationRunning, "driftless-apply:1")
	apply := x.job(build.SideApply, gitops.OperationApply)
	x.runs(t, "driftless-apply:1", apply)
	x.sees(t, gitops.OperationApply, gitops.OperationRunning, "driftless-apply:1")
	x.data.set(t, apply.ReportKey(), build.Report{Job: apply, Build: "driftless-apply:1", Outcome: build.OutcomeApplied, Outputs: map[string]string{"url": "x"}, At: noon})
	if s := x.sees(t, gitops.OperationApply, gitops.OperationDone); s.Outputs["url"] != "x" || !s.At.Equal(noon) || s.Reason != "" {
		t.Errorf("sees %+v", s)
	}
	x.data.set(t, apply.ReportKey(), build.Report{Job: apply, Build: "driftless-apply:1", Outcome: build.OutcomeApplied, Reason: "applied, but its outputs could not be read", At: noon})
	if s := x.sees(t, gitops.OperationApply, gitops.OperationDone); s.Outputs != nil || s.Reason != "applied, but its outputs could not be read" {
		t.Errorf("sees %+v where the outputs could not be read", s)
	}
}

func TestAnApplyTakesABuildOfItsOwn(t *testing.T) {
	for name, leave := range map[string]func(*testing.T, *world){
		"where the one that planned has left": func(t *testing.T, x *world) {
			x.data.set(t, x.job(build.SideApply, gitops.OperationPlan).WordKey(), build.Word{From: "driftless-apply:1"})
		},
		"where it died": func(_ *testing.T, x *world) {
			x.builds.is("driftless-apply:1", codebuild.StatusStopped, "COMPLETED")
		},
		"where it died after it was told to go": func(t *testing.T, x *world) {
			x.data.set(t, x.job(build.SideApply, gitops.OperationPlan).WordKey(), build.Word{Go: true, From: "reconciler"})
			x.builds.is("driftless-apply:1", codebuild.StatusStopped, "COMPLETED")
			x.sees(t, gitops.OperationApply, gitops.OperationReady)
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld()
			x.start(t, gitops.OperationPlan)
			x.plans(t, "driftless-apply:1", build.SideApply)
			leave(t, x)
			x.start(t, gitops.OperationApply)
			if len(x.builds.started) != 2 || !strings.HasPrefix(x.builds.started[1], "driftless-apply "+token+"-apply ") {
				t.Fatalf("started %v", x.builds.started)
			}
			if o := get[build.Order](t, x.data, x.job(build.SideApply, gitops.OperationApply).OrderKey()); o.Plan.SHA256 != "ab" {
				t.Errorf("ordered %+v", o)
			}
			x.sees(t, gitops.OperationApply, gitops.OperationForeign, "driftless-apply:2")
		})
	}
	t.Run("where it was planned for review", func(t *testing.T) {
		x := newWorld()
		x.w.Settings.Sync.Approval = gitops.ApprovalAlways
		x.start(t, gitops.OperationPlan)
		x.plans(t, "driftless-plan:1", build.SidePlan)
		x.start(t, gitops.OperationApply)
		if len(x.builds.started) != 2 || !strings.HasPrefix(x.builds.started[1], "driftless-apply ") {
			t.Errorf("started %v", x.builds.started)
		}
	})
}

func TestTheLockOfAWorkspaceIsItsOwn(t *testing.T) {
	x := newWorld()
	x.w.Settings.Terraform.Workspace = "blue"
	x.states.set(t, "applications/data.tfstate.tflock", build.Lock{ID: "another's", Who: "ann@laptop", Created: noon})
	x.start(t, gitops.OperationPlan)
	x.states.set(t, "env:/blue/applications/data.tfstate.tflock", build.Lock{ID: "its own", Who: "ann@laptop", Created: noon})
	if _, err := x.Start(t.Context(), x.w); err == nil || !strings.Contains(err.Error(), "its own") {
		t.Errorf("got %v", err)
	}
}

// A worker that froze before it started a build wakes when the apply has ended otherwise.
func TestR41_ABuildThatIsStartedAfterItsApplyEndedFindsItTaken(t *testing.T) {
	x := newWorld()
	x.w.Settings.Sync.Approval = gitops.ApprovalAlways
	x.start(t, gitops.OperationPlan)
	x.plans(t, "driftless-plan:1", build.SidePlan)
	x.start(t, gitops.OperationApply)
	x.builds.is(x.w.Operation.ID, codebuild.StatusStopped, "COMPLETED")
	x.sees(t, gitops.OperationApply, gitops.OperationFailed, "ended STOPPED, without a report")
	x.sees(t, gitops.OperationApply, gitops.OperationFailed, "ended STOPPED, without a report")
	if c := get[build.Claim](t, x.data, x.job(build.SideApply, gitops.OperationApply).ClaimKey()); c.Void == "" {
		t.Errorf("the claim is %+v: a build that comes late applies", c)
	}
}

// Another build of the same apply has begun when the one that the record knows was stopped.
func TestR41_AnApplyWhoseOtherBuildHasBegunIsNotOver(t *testing.T) {
	x := newWorld()
	x.w.Settings.Sync.Approval = gitops.ApprovalAlways
	x.start(t, gitops.OperationPlan)
	x.plans(t, "driftless-plan:1", build.SidePlan)
	x.start(t, gitops.OperationApply)
	known := x.w.Operation.ID
	x.builds.is("driftless-apply:9", codebuild.StatusInProgress, "BUILD")
	x.Builds = claiming{x.builds, func() {
		x.builds.is(known, codebuild.StatusStopped, "COMPLETED")
		x.runs(t, "driftless-apply:9", x.job(build.SideApply, gitops.OperationApply))
	}}
	x.sees(t, gitops.OperationApply, gitops.OperationRunning, "driftless-apply:9")
}

// claiming lets something happen as a build is looked at.
type claiming struct {
	*builds
	then func()
}

func (c claiming) Build(ctx context.Context, id string) (codebuild.Build, error) {
	c.then()
	return c.builds.Build(ctx, id)
}

func TestR30_ABuildThatIsKilledWhileItAppliesBlocks(t *testing.T) {
	x := newWorld()
	x.start(t, gitops.OperationPlan)
	x.plans(t, "driftless-apply:1", build.SideApply)
	x.start(t, gitops.OperationApply)
	x.runs(t, "driftless-apply:1", x.job(build.SideApply, gitops.OperationApply))
	x.builds.is("driftless-apply:1", codebuild.StatusStopped, "COMPLETED")
	x.sees(t, gitops.OperationApply, gitops.OperationBlocked, "state may be incomplete")
}

func TestR30_ALockIsRemovedOnceItsBuildIsOver(t *testing.T) {
	lock := build.Lock{ID: "6b1f", Operation: "OperationTypeApply", Who: "root@box", Created: noon.Add(time.Minute)}
	for name, c := range map[string]struct {
		owner  build.Owner
		status codebuild.Status
		unlock bool
		busy   bool
	}{
		"a build of ours that is over": {build.Owner{Claim: build.Claim{Build: "b:1", Who: "root@box", At: noon}}, codebuild.StatusStopped, true, false},
		"a build of ours that runs":    {build.Owner{Claim: build.Claim{Build: "b:1", Who: "root@box", At: noon}}, codebuild.StatusInProgress, false, true},
		"somebody else":                {build.Owner{Claim: build.Claim{Build: "b:1", Who: "root@other", At: noon}}, codebuild.StatusStopped, false, false},
		"nobody that is known":         {build.Owner{}, codebuild.StatusStopped, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld()
			x.states.set(t, "applications/data.tfstate.tflock", lock)
			x.data.set(t, build.OwnerKey(build.SideApply, "data", c.owner.Who), c.owner)
			x.builds.is("b:1", c.status, "BUILD")
			_, err := x.Start(t.Context(), x.w)
			var busy *gitops.Busy
			var refusal *gitops.Refusal
			switch {
			case c.unlock && err == nil:
				if o := get[build.Order](t, x.data, x.job(build.SideApply, gitops.OperationPlan).OrderKey()); o.Unlock == nil || o.Unlock.ID != "6b1f" {
					t.Errorf("ordered %+v", o)
				}
			case c.busy && errors.As(err, &busy):
			case !c.unlock && !c.busy && errors.As(err, &refusal) && refusal.Blocked && strings.Contains(refusal.Reason, "root@box") && strings.Contains(refusal.Reason, "6b1f"):
			default:
				t.Errorf("got %v", err)
			}
		})
	}
}

// Whether the build that left its lock was to apply stands in its owner and in the lock.
func TestR30_APlanAfterAnApplyThatWasKilledAsksAPerson(t *testing.T) {
	for name, c := range map[string]struct {
		owner gitops.OperationKind
		lock  string
		want  bool
	}{
		"both say that it planned":                               {gitops.OperationPlan, "OperationTypePlan", false},
		"both say that it applied":                               {gitops.OperationApply, "OperationTypeApply", true},
		"it went on to apply, and could not write who it was":    {gitops.OperationPlan, "OperationTypeApply", true},
		"it was to apply, and the lock is of an earlier command": {gitops.OperationApply, "OperationTypePlan", true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newWorld()
			x.states.set(t, "applications/data.tfstate.tflock", build.Lock{ID: "6b1f", Operation: c.lock, Who: "root@box"})
			job := build.Job{Side: build.SideApply, Token: token, Kind: c.owner}
			x.data.set(t, build.OwnerKey(build.SideApply, "data", "root@box"), build.Owner{Claim: build.Claim{Build: "b:1", Who: "root@box"}, Job: job})
			x.builds.is("b:1", codebuild.StatusFault, "COMPLETED")
			x.start(t, gitops.OperationPlan)
			if o := get[build.Order](t, x.data, x.job(build.SideApply, gitops.OperationPlan).OrderKey()); o.Unlock == nil || o.Incomplete != c.want {
				t.Errorf("ordered to unlock %+v, incomplete %t", o.Unlock, o.Incomplete)
			}
		})
	}
}

func TestAPlanThatIsGivenUpCanNoLongerBegin(t *testing.T) {
	t.Run("before any build has it", func(t *testing.T) {
		x := newWorld()
		x.start(t, gitops.OperationCancel)
		x.start(t, gitops.OperationCancel)
		if _, mine, _ := claimed(t, x); mine {
			t.Error("a build could still begin")
		}
		x.sees(t, gitops.OperationPlan, gitops.OperationStale, "given up")
	})
	t.Run("while a build has it, that one is stopped first", func(t *testing.T) {
		x := newWorld()
		x.start(t, gitops.OperationPlan)
		x.runs(t, "driftless-apply:1", x.job(build.SideApply, gitops.OperationPlan))
		x.w.Operation.Kind = gitops.OperationCancel
		if _, err := x.Start(t.Context(), x.w); err == nil || !slices.Equal(x.builds.stopped, []string{"driftless-apply:1"}) {
			t.Errorf("%v, stopped %v", err, x.builds.stopped)
		}
		x.builds.is("driftless-apply:1", codebuild.StatusStopped, "COMPLETED")
		x.start(t, gitops.OperationCancel)
	})
}

// claimed lets a build try to claim the plan.
func claimed(t *testing.T, x *world) (string, bool, error) {
	t.Helper()
	mine, err := x.data.PutNew(t.Context(), x.job(build.SideApply, gitops.OperationPlan).ClaimKey(), []byte(`{"build":"late"}`))
	return "late", mine, err
}

func TestALookForDriftOutsideADeploymentIsFoundByItsID(t *testing.T) {
	x := newWorld()
	x.w.Operation = gitops.Operation{N: 1, Kind: gitops.OperationDetect, StackID: "s3://states/applications/data.tfstate"}
	x.sees(t, gitops.OperationDetect, gitops.OperationAbsent)
	x.start(t, gitops.OperationDetect)
	x.sees(t, gitops.OperationDetect, gitops.OperationForeign, "driftless-plan:1")
	detection, _, _ := strings.Cut(x.w.Operation.ID, " ")
	j := build.Job{Side: build.SidePlan, Token: detection, Kind: gitops.OperationDetect}
	x.runs(t, "driftless-plan:1", j)
	x.sees(t, gitops.OperationDetect, gitops.OperationRunning)
	x.data.set(t, j.ReportKey(), build.Report{Job: j, Build: "driftless-plan:1", Outcome: build.OutcomeDetected, At: noon,
		Drift: &gitops.DriftReport{At: noon, Complete: true, Resources: []gitops.ResourceDrift{{LogicalID: "aws_instance.web", Status: gitops.ResourceModified}}}})
	if s := x.sees(t, gitops.OperationDetect, gitops.OperationDone); s.Report == nil || s.Report.Summary().Drifted != 1 || s.Report.StackID != x.w.Operation.StackID {
		t.Errorf("sees %+v", s)
	}
}

func TestEveryOutcomeIsAState(t *testing.T) {
	for outcome, want := range map[build.Outcome]gitops.OperationState{
		build.OutcomePlanned: gitops.OperationReady, build.OutcomeNoChange: gitops.OperationNoChange, build.OutcomeStale: gitops.OperationStale,
		build.OutcomeFailed: gitops.OperationFailed, build.OutcomeBlocked: gitops.OperationBlocked, "later": gitops.OperationUnknown,
	} {
		x := newWorld()
		x.plans(t, "driftless-apply:1", build.SideApply)
		j := x.job(build.SideApply, gitops.OperationPlan)
		r := get[build.Report](t, x.data, j.ReportKey())
		r.Outcome, r.Reason = outcome, "main.tf:3: no\x1b[31m"
		x.data.set(t, j.ReportKey(), r)
		if s := x.sees(t, gitops.OperationPlan, want); outcome == build.OutcomeFailed && s.Reason != "main.tf:3: no\ufffd[31m" {
			t.Errorf("says %q", s.Reason)
		}
	}
}
