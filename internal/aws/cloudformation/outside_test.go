package cloudformation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// deployedAt is when the deployment ended after which others are looked for.
var deployedAt = time.Date(2026, 11, 20, 8, 0, 0, 0, time.UTC)

// scheduled is the work of a detection outside a deployment.
func scheduled() reconcile.Work {
	w := work(gitops.OperationDetect)
	w.Since, w.Operation.StackID = deployedAt, stackARN
	return w
}

func TestWhatSomebodyElseDidToAStackIsReported(t *testing.T) {
	before, after := deployedAt.Add(-time.Second), deployedAt.Add(time.Hour+2*time.Second)
	for name, test := range map[string]struct {
		status           types.StackStatus
		created, updated time.Time
		want             string
	}{
		"an update":                          {"UPDATE_COMPLETE", before, after, "the stack was updated by somebody else at 2026-11-20 09:00:02Z"},
		"an update that is cleaned up":       {"UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", before, after, "the stack was updated by somebody else at 2026-11-20 09:00:02Z"},
		"an import":                          {"IMPORT_COMPLETE", before, after, "the stack was updated by somebody else at 2026-11-20 09:00:02Z"},
		"an update that Driftless made":      {"UPDATE_COMPLETE", before, before, ""},
		"a stack that was never updated":     {"CREATE_COMPLETE", before, time.Time{}, ""},
		"a stack that was made again":        {"CREATE_COMPLETE", after, time.Time{}, "the stack was deleted and made again by somebody else at 2026-11-20 09:00:02Z"},
		"one made again and updated by then": {"UPDATE_COMPLETE", after, after.Add(time.Hour), "the stack was deleted and made again by somebody else at 2026-11-20 09:00:02Z"},
	} {
		t.Run(name, func(t *testing.T) {
			a, w := detecting(t, types.StackDriftStatusInSync)
			a.resource("Queue", "AWS::SQS::Queue", types.StackResourceDriftStatusInSync)
			a.stack.StackStatus, a.stack.CreationTime, a.stack.LastUpdatedTime = test.status, aws.Time(test.created), aws.Time(test.updated)
			if s := mustObserve(t, a.engine(), w); s.Report.Foreign != "" || a.count("DescribeStacks") != 0 {
				t.Errorf("without Since: %q, calls %v", s.Report.Foreign, a.calls)
			}
			a.calls, w.Since = nil, deployedAt
			s := mustObserve(t, a.engine(), w)
			if s.State != gitops.OperationDone || s.Report.Foreign != test.want || s.Report.Gone || len(s.Report.Resources) != 1 {
				t.Errorf("%s, report %+v, want %q", s.State, s.Report, test.want)
			}
			if a.count("DescribeStacks") != 1 || len(a.calls) != 4 {
				t.Errorf("calls %v", a.calls)
			}
		})
	}
}

// The stack tells of its last operation alone: what came before a deployment that was rolled back
// is in its events.
func TestWhatSomebodyElseDidBeforeADeploymentThatWasRolledBackIsReported(t *testing.T) {
	at := func(d time.Duration) time.Time { return deployedAt.Add(d) }
	told := "the stack was updated by somebody else at 2026-11-20 08:10:00Z"
	for name, test := range map[string]struct {
		first  types.StackStatus // how the update ended that came before the one that was rolled back
		ended  time.Duration     // since the last deployment
		page   int
		want   string
		events int // calls
	}{
		"their update":                         {"UPDATE_COMPLETE", 10 * time.Minute, 100, told, 1},
		"their update, on the second page":     {"UPDATE_COMPLETE", 10 * time.Minute, 2, told, 2},
		"their import":                         {"IMPORT_COMPLETE", 10 * time.Minute, 100, told, 1},
		"an update of theirs, rolled back too": {"UPDATE_ROLLBACK_COMPLETE", 10 * time.Minute, 100, "", 1},
		"the last deployment itself":           {"UPDATE_COMPLETE", 0, 100, "", 1},
		"one before that":                      {"UPDATE_COMPLETE", -time.Minute, 100, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			a, w := detecting(t, types.StackDriftStatusInSync)
			a.resource("Queue", "AWS::SQS::Queue", types.StackResourceDriftStatusInSync)
			a.stack.StackStatus, a.stack.CreationTime, a.stack.LastUpdatedTime = "UPDATE_ROLLBACK_COMPLETE", aws.Time(at(-time.Hour)), aws.Time(at(time.Hour))
			a.events, a.page = nil, test.page
			for _, e := range []struct {
				status types.StackStatus
				ended  time.Duration
			}{{"CREATE_COMPLETE", -time.Hour}, {test.first, test.ended}, {"UPDATE_IN_PROGRESS", time.Hour},
				{"UPDATE_ROLLBACK_IN_PROGRESS", time.Hour + time.Minute}, {"UPDATE_ROLLBACK_COMPLETE", time.Hour + 2*time.Minute}} {
				a.events = slices.Insert(a.events, 0, types.StackEvent{StackId: aws.String(stackARN), PhysicalResourceId: aws.String(stackARN),
					ResourceStatus: types.ResourceStatus(e.status), Timestamp: aws.Time(at(e.ended))})
			}
			w.Since = deployedAt
			s := mustObserve(t, a.engine(), w)
			if s.State != gitops.OperationDone || s.Report.Foreign != test.want {
				t.Errorf("%s, foreign %q, want %q", s.State, s.Report.Foreign, test.want)
			}
			if n := a.count("DescribeStackEvents"); n != test.events {
				t.Errorf("%d calls for events, want %d", n, test.events)
			}
		})
	}
}

func TestAStackThatIsGoneIsReportedAsGone(t *testing.T) {
	for name, open := range map[string]func() *account{
		"and its ARN leads nowhere":          newAccount,
		"and its ARN still tells of it":      func() *account { return standing(types.StackStatusDeleteComplete) },
		"and somebody plans it anew already": func() *account { return standing(types.StackStatusReviewInProgress) },
	} {
		t.Run(name, func(t *testing.T) {
			a := open()
			w := mustStart(t, a.engine(), scheduled())
			s := mustObserve(t, a.engine(), w)
			want := &gitops.DriftReport{Application: "jobs", StackID: stackARN, At: w.Operation.At, Complete: true, Gone: true,
				Foreign: "the stack prod-jobs was deleted by somebody else"}
			if diff := cmp.Diff(want, s.Report); s.State != gitops.OperationDone || diff != "" {
				t.Errorf("%s, report (-want +got):\n%s", s.State, diff)
			}
		})
	}
}

func TestAStackThatGoesWhileItIsLookedAtIsReportedAsGone(t *testing.T) {
	a, w := detecting(t, types.StackDriftStatusInSync)
	a.resource("Queue", "AWS::SQS::Queue", types.StackResourceDriftStatusInSync)
	a.stack.StackStatus, w.Since = types.StackStatusDeleteComplete, deployedAt
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone || !s.Report.Gone || len(s.Report.Resources) != 0 {
		t.Errorf("%s, report %+v", s.State, s.Report)
	}
}

func TestAStackMadeAgainUnderItsNameIsNotGone(t *testing.T) {
	a := standing(types.StackStatusDeleteComplete)
	a.again = &types.Stack{StackName: aws.String(stackName), StackId: aws.String(stackARN + "8"),
		StackStatus: types.StackStatusCreateComplete, CreationTime: aws.Time(deployedAt.Add(time.Minute))}
	s := mustObserve(t, a.engine(), mustStart(t, a.engine(), scheduled()))
	if s.Report.Gone || s.Report.Complete || s.Report.Foreign != "the stack was deleted and made again by somebody else at 2026-11-20 08:01:00Z" {
		t.Errorf("report %+v", s.Report)
	}
	a.again.CreationTime = aws.Time(deployedAt.Add(-time.Minute))
	if s = mustObserve(t, a.engine(), mustStart(t, a.engine(), scheduled())); s.Report.Gone || !strings.Contains(s.Report.Foreign, "made again") {
		t.Errorf("made again before the deployment ended: %+v", s.Report)
	}
}

func TestADeadStackIsReportedInItsStatus(t *testing.T) {
	for _, status := range []types.StackStatus{"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"} {
		a := standing(status)
		s := mustObserve(t, a.engine(), mustStart(t, a.engine(), scheduled()))
		if s.State != gitops.OperationDone || s.Report.Gone || s.Report.Complete || s.Report.Foreign != "the stack is in "+string(status) {
			t.Errorf("%s: %s, report %+v", status, s.State, s.Report)
		}
	}
}

func TestADetectionThatCanBeginByNowIsAbsent(t *testing.T) {
	a := newAccount()
	w := mustStart(t, a.engine(), scheduled())
	a.stack = standing("CREATE_COMPLETE").stack
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationAbsent {
		t.Errorf("got %s", s.State)
	}
	if w = mustStart(t, a.engine(), w); w.Operation.ID != "d-1" {
		t.Errorf("id %q", w.Operation.ID)
	}
}
