package diagnose

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

var update = flag.Bool("update", false, "write the golden file anew")

var (
	revision = gitops.Revision{Branch: "main", Commit: "a1b2c3d4e5f6"}
	queue    = &gitops.Cause{LogicalID: "Queue", Type: "AWS::SQS::Queue", Status: "UPDATE_FAILED", Reason: "no such delay"}
)

// given is an application whose last deployment ended as it says.
func given(d gitops.Deployment, change ...func(*gitops.View)) (gitops.View, *gitops.Deployment) {
	d.ID, d.Revision = "01JA", revision
	a := jobs
	a.Ended = gitops.Ended{Deployment: d.ID, Phase: d.Phase, Reason: d.Reason}
	a.Wanted, a.Deployed = gitops.Wanted{Seq: 1, Digest: "new"}, gitops.Deployed{Digest: "old", StackID: "arn"}
	a.Ended.Seq = 1
	v := gitops.NewView(a, nil, gitops.Repository{})
	for _, c := range change {
		c(&v)
	}
	return v, &d
}

// cases are what can be wrong, one at a time, by a sentence.
func cases() map[string]func() Diagnosis {
	last := func(d gitops.Deployment, change ...func(*gitops.View)) func() Diagnosis {
		return func() Diagnosis { v, l := given(d, change...); return Application(v, l, nil) }
	}
	blocked := func(s gitops.Stuck) func() Diagnosis {
		return last(gitops.Deployment{Phase: gitops.PhaseBlocked, Reason: "…", Cause: queue, Stuck: &s})
	}
	recreating := func(v *gitops.View) { v.Application.Settings.Recover.Recreate = true }
	found := func(r gitops.DriftReport) func() Diagnosis {
		return func() Diagnosis {
			v, l := given(gitops.Deployment{Phase: gitops.PhaseSucceeded})
			return Application(v, l, &r)
		}
	}
	return map[string]func() Diagnosis{
		"all is well":                         found(gitops.DriftReport{Complete: true}),
		"an update was rolled back":           last(gitops.Deployment{Phase: gitops.PhaseFailed, Reason: "…", Cause: queue}),
		"a name is taken in a nested stack":   last(gitops.Deployment{Phase: gitops.PhaseFailed, Cause: &gitops.Cause{LogicalID: "A", Type: "AWS::S3::Bucket", Status: "CREATE_FAILED", Nested: "Data/Logs", Reason: "logs already exists"}}),
		"early validation found a property":   last(gitops.Deployment{Phase: gitops.PhaseFailed, Cause: &gitops.Cause{LogicalID: "Queue", Path: "/Properties/DelaySeconds", Reason: "too long (PROPERTY_VALIDATION)"}}),
		"a rollback failed":                   blocked(gitops.Stuck{Status: "UPDATE_ROLLBACK_FAILED", Resources: []string{"Queue", "prod-jobs-Vpc-1X.Subnet"}}),
		"an update was left as it failed":     blocked(gitops.Stuck{Status: "UPDATE_FAILED"}),
		"a creation failed":                   last(gitops.Deployment{Phase: gitops.PhaseFailed, Cause: queue, Stuck: &gitops.Stuck{Status: "ROLLBACK_COMPLETE", NeverComplete: true}}),
		"a creation failed, as a record says": last(gitops.Deployment{Phase: gitops.PhaseFailed, Reason: "stack prod-jobs is in ROLLBACK_COMPLETE (…): delete it"}),
		"it failed and may be made anew":      last(gitops.Deployment{Phase: gitops.PhaseFailed, Cause: queue, Stuck: &gitops.Stuck{Status: "ROLLBACK_COMPLETE", NeverComplete: true}}, recreating),
		"it failed and is protected":          last(gitops.Deployment{Phase: gitops.PhaseBlocked, Cause: queue, Stuck: &gitops.Stuck{Status: "ROLLBACK_COMPLETE", NeverComplete: true, Protected: true}}, recreating),
		"a deletion failed":                   blocked(gitops.Stuck{Status: "DELETE_FAILED"}),
		"an import went back badly":           blocked(gitops.Stuck{Status: "IMPORT_ROLLBACK_FAILED"}),
		"a check failed":                      last(gitops.Deployment{Phase: gitops.PhaseFailed, Reason: "verify: home: status 500, want 200", Checks: []gitops.CheckResult{{Name: "home", Done: true, Reason: "status 500, want 200"}}}),
		"a plan was rejected":                 last(gitops.Deployment{Phase: gitops.PhaseRejected, Reason: "rejected by ann: not today"}),
		"the repository cannot be read":       last(gitops.Deployment{Phase: gitops.PhaseSucceeded}, func(v *gitops.View) { v.Repository.Trouble = "the token is refused" }),
		"its file has a problem": last(gitops.Deployment{Phase: gitops.PhaseSucceeded}, func(v *gitops.View) {
			v.Repository.Problems = []gitops.Problem{{File: "driftless.yaml", Line: 3, Message: "no such key"}}
		}),
		"a person suspended it": last(gitops.Deployment{Phase: gitops.PhaseSucceeded}, func(v *gitops.View) {
			v.Application.Suspended = &gitops.Suspension{By: "arn:aws:iam::1:user/ann", Reason: "lunch"}
		}),
		"Driftless suspended it": last(gitops.Deployment{Phase: gitops.PhaseSucceeded}, func(v *gitops.View) {
			v.Application.Suspended = &gitops.Suspension{By: gitops.ByDriftless, Reason: "the branch is gone"}
		}),
		"it left the file": last(gitops.Deployment{Phase: gitops.PhaseSucceeded}, func(v *gitops.View) { v.Application.Removed = true }),
		"a plan waits": last(gitops.Deployment{Phase: gitops.PhaseFailed}, func(v *gitops.View) {
			v.Deployment = &gitops.Deployment{ID: "01JB", Phase: gitops.PhaseAwaitingApproval, Reason: "the plan replaces or removes resources"}
		}),
		"somebody else works on the stack": last(gitops.Deployment{Phase: gitops.PhaseFailed}, func(v *gitops.View) {
			v.Deployment = &gitops.Deployment{ID: "01JB", Phase: gitops.PhasePlanning, Reason: "planning: another operation is under way: stack prod-jobs is in UPDATE_IN_PROGRESS"}
		}),
		"builds have no room": last(gitops.Deployment{Phase: gitops.PhaseFailed}, func(v *gitops.View) {
			v.Deployment = &gitops.Deployment{ID: "01JB", Phase: gitops.PhasePlanning, Reason: "planning: CodeBuild has no room: later"}
		}),
		"live has drifted":           found(gitops.DriftReport{Complete: true, Resources: []gitops.ResourceDrift{{LogicalID: "Queue", Status: gitops.ResourceModified, Properties: []gitops.Difference{{Path: "/VisibilityTimeout", Declared: "5", Live: "60"}}, By: &gitops.Touch{By: "arn:aws:iam::1:user/ann", Event: "SetQueueAttributes", At: time.Unix(1, 0)}}}}),
		"somebody updated the stack": found(gitops.DriftReport{Complete: true, Foreign: "the stack was updated by somebody else at 2026-11-21 09:00:00Z"}),
		"the stack is gone":          found(gitops.DriftReport{Complete: true, Gone: true, Foreign: "the stack prod-jobs was deleted by somebody else"}),
		"not all could be looked at": found(gitops.DriftReport{Reason: "Rate exceeded"}),
		"drift could not be looked for at all": last(gitops.Deployment{Phase: gitops.PhaseSucceeded}, func(v *gitops.View) {
			v.Application.Drift.Problem = "denied: User: arn:aws:sts::1:assumed-role/driftless-drift/r is not authorized to perform: sqs:GetQueueAttributes"
		}),
	}
}

func TestWhatIsWrongIsExplainedAndWhatCanBeDoneIsSaid(t *testing.T) {
	all := cases()
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&out, "== %s\n", name)
		for _, f := range all[name]().Findings {
			fmt.Fprintf(&out, "* %s\n", f.What)
			for _, line := range []string{f.Why, f.Source} {
				if line != "" {
					fmt.Fprintf(&out, "  %s\n", line)
				}
			}
			for i, s := range f.Steps {
				fmt.Fprintf(&out, "  %d. %s\n", i+1, s.Do)
				if s.Command != "" {
					fmt.Fprintf(&out, "     %s\n", s.Command)
				}
			}
		}
		out.WriteString("\n")
	}
	path := filepath.Join("testdata", "diagnosis.golden")
	if *update {
		if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("%s differs; if that is meant, run make update-golden and review the diff (-file +now):\n%s", path, diff)
	}
}

// What leads on deletes nothing before everything that deletes nothing was offered.
func TestNoStepDeletesBeforeTheSaferOnes(t *testing.T) {
	for name, diagnosis := range cases() {
		for _, f := range diagnosis().Findings {
			deleted := false
			for _, s := range f.Steps {
				if strings.Contains(s.Command, "driftless recover jobs") && deleted {
					t.Errorf("%s: %q comes after a deletion", name, s.Command)
				}
				deleted = deleted || strings.Contains(s.Command, "delete-stack")
			}
		}
	}
}

func TestADeploymentThatDidNotEndLastIsNotDiagnosed(t *testing.T) {
	v, l := given(gitops.Deployment{Phase: gitops.PhaseFailed, Cause: queue})
	l.ID = "another"
	if d := Application(v, l, nil); len(d.Findings) != 0 {
		t.Errorf("found %+v", d.Findings)
	}
}
