package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

const (
	queueType = "AWS::SQS::Queue"
	inSync    = types.StackResourceDriftStatusInSync
	modified  = types.StackResourceDriftStatusModified
)

func unequal(path, declared, live string) types.PropertyDifference {
	return types.PropertyDifference{PropertyPath: &path, ExpectedValue: &declared, ActualValue: &live, DifferenceType: types.DifferenceTypeNotEqual}
}

// nestedAccount is a stack with a queue and a stack in it, which has a queue and a stack in it.
func nestedAccount() (a *account, outer, inner string) {
	a = standing("UPDATE_COMPLETE")
	a.put("", "Queue", queueType, "q-0", inSync)
	outer = a.nestStack("", "Outer", "UPDATE_COMPLETE")
	a.put(outer, "Queue", queueType, "q-1", modified, unequal("/VisibilityTimeout", "5", "60"))
	inner = a.nestStack(outer, "Inner", "CREATE_COMPLETE")
	a.put(inner, "Queue", queueType, "q-2", types.StackResourceDriftStatusDeleted)
	return a, outer, inner
}

// inShort is a report as short lines: status, resource, paths, reason.
func inShort(r *gitops.DriftReport) []string {
	var all []string
	for _, res := range r.Resources {
		line := string(res.Status) + " " + res.LogicalID
		for _, p := range res.Properties {
			line += " " + p.Path
		}
		if res.Reason != "" {
			line += ": " + res.Reason
		}
		all = append(all, line)
	}
	return all
}

const apart = ": drift detection does not compare what a nested stack is given; its resources stand for themselves"

func TestR53_ResourcesOfNestedStacksAreLookedAtToo(t *testing.T) {
	a, _, _ := nestedAccount()
	w := mustStart(t, a.engine(), work(gitops.OperationDetect))
	if w.Operation.ID != "d-1,d-prod-jobs-Outer,d-prod-jobs-Inner" {
		t.Errorf("id %q", w.Operation.ID)
	}
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Errorf("got %s while all run", s.State)
	}
	a.detection.DetectionStatus, a.detection.StackDriftStatus = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusInSync
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
		t.Errorf("got %s while the nested ones run", s.State)
	}
	a.endDetections()
	a.page = 1
	s := mustObserve(t, a.engine(), w)
	want := []string{"NotCheckable Outer" + apart, "NotCheckable Outer/Inner" + apart,
		"Deleted Outer/Inner/Queue", "Modified Outer/Queue /VisibilityTimeout", "InSync Queue"}
	if diff := cmp.Diff(want, inShort(s.Report)); diff != "" || !s.Report.Complete || s.Report.StackID != stackARN {
		t.Errorf("complete %v, stack %s: %s", s.Report.Complete, s.Report.StackID, diff)
	}
}

func TestR53_AStackThatWasNestedSinceTheLastLookIsNotCheckable(t *testing.T) {
	a, _, _ := nestedAccount()
	known := work(gitops.OperationDetect)
	known.Flat = true
	w := mustStart(t, a.engine(), known)
	if w.Operation.ID != "d-1" || slices.Contains(a.calls, "ListStackResources") {
		t.Errorf("id %q, calls %v", w.Operation.ID, a.calls)
	}
	a.endDetections()
	a.page = 1
	s := mustObserve(t, a.engine(), w)
	if got := inShort(s.Report); !slices.ContainsFunc(got, func(r string) bool { return strings.HasPrefix(r, "NotCheckable Outer: ") }) {
		t.Errorf("the report says %q", got)
	}
	if s.Report.Summary().Flat {
		t.Error("the next look does not ask for nested stacks either")
	}
}

func TestR53_ANestedStackWhoseSettingsAWSComparesIsInSyncOnlyIfItsResourcesWereLookedAt(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	a.nestStack("", "Seen", "UPDATE_COMPLETE")
	a.nestStack("", "Stuck", "UPDATE_FAILED")
	for _, r := range a.resources {
		a.drifts = append(a.drifts, types.StackResourceDrift{LogicalResourceId: r.LogicalResourceId, PhysicalResourceId: r.PhysicalResourceId,
			ResourceType: r.ResourceType, StackResourceDriftStatus: inSync, Timestamp: aws.Time(a.now.Add(time.Second))})
	}
	w := mustStart(t, a.engine(), work(gitops.OperationDetect))
	a.endDetections()
	s := mustObserve(t, a.engine(), w)
	want := []string{"InSync Seen", "NotCheckable Stuck: its resources could not be looked at"}
	if diff := cmp.Diff(want, inShort(s.Report)); diff != "" {
		t.Error(diff)
	}
}

func TestR53_ANestedStackThatCannotBeLookedAtIsNotCheckableWithItsReason(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(a *account, outer string)
		want  string
	}{
		"by its state": {func(a *account, outer string) {
			n := a.below[outer]
			n.stack.StackStatus = "UPDATE_FAILED"
			a.below[outer] = n
		}, "AWS detects no drift in a nested stack in UPDATE_FAILED"},
		"for want of a right": {func(a *account, _ string) {
			a.fails["DetectStackDrift"] = []error{nil, apiError("AccessDenied", "not authorized to perform: cloudformation:DetectStackDrift")}
		}, "no detection of the nested stack could begin, or AWS does not keep its result"},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("UPDATE_COMPLETE")
			outer := a.nestStack("", "Outer", "UPDATE_COMPLETE")
			a.put(outer, "Queue", queueType, "q-1", inSync)
			c.spoil(a, outer)
			w := mustStart(t, a.engine(), work(gitops.OperationDetect))
			a.endDetections()
			s := mustObserve(t, a.engine(), w)
			if diff := cmp.Diff([]string{"NotCheckable Outer" + apart, "NotCheckable Outer/Queue: " + c.want}, inShort(s.Report)); diff != "" || s.Report.Complete {
				t.Errorf("complete %v: %s", s.Report.Complete, diff)
			}
			if got := s.Report.Reason; got != "Outer/Queue: "+c.want {
				t.Errorf("reason %q", got)
			}
		})
	}
}

func TestR53_ANestedStackThatSomebodyDeletedIsDeleted(t *testing.T) {
	a, outer, _ := nestedAccount()
	delete(a.below, outer)
	w := mustStart(t, a.engine(), work(gitops.OperationDetect))
	a.endDetections()
	if diff := cmp.Diff([]string{"Deleted Outer", "InSync Queue"}, inShort(mustObserve(t, a.engine(), w).Report)); diff != "" {
		t.Error(diff)
	}
}

func TestR51_ANestedStackThatIsBeingLookedAtIsWaitedFor(t *testing.T) {
	a, outer, _ := nestedAccount()
	w := work(gitops.OperationDetect)
	a.fails["ListStackResources"] = []error{nil, apiError("Throttling", "Rate exceeded")} // after both began
	if op, err := a.engine().Start(t.Context(), w); err == nil || op.ID != "" {
		t.Fatalf("got %q, %v", op.ID, err)
	}
	a.detection.DetectionStatus = types.StackDriftDetectionStatusDetectionComplete
	_, err := a.engine().Start(t.Context(), w)
	var r *gitops.Refusal
	if err == nil || errors.As(err, &r) || !strings.Contains(err.Error(), "already in progress for stack ["+outer+"]") {
		t.Fatalf("got %v", err)
	}
	a.endDetections()
	if w = mustStart(t, a.engine(), w); w.Operation.ID == "" {
		t.Error("no id")
	}
}

func TestR52_AThrottledResourceOfANestedStackIsNotCheckable(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	outer := a.nestStack("", "Outer", "UPDATE_COMPLETE")
	a.put(outer, "Queue", queueType, "q-1", types.StackResourceDriftStatusUnknown).DriftStatusReason = aws.String("Rate exceeded")
	w := mustStart(t, a.engine(), work(gitops.OperationDetect))
	a.endDetections()
	s := mustObserve(t, a.engine(), w)
	if s.Report.Complete || s.Report.Reason != "Outer/Queue: Rate exceeded" || inShort(s.Report)[1] != "NotCheckable Outer/Queue: Rate exceeded" {
		t.Errorf("complete %v, %q, %v", s.Report.Complete, s.Report.Reason, inShort(s.Report))
	}
}

func TestR54_APageOfANestedStackThatFailsPublishesNothing(t *testing.T) {
	for _, call := range []string{"DescribeStackResourceDrifts", "ListStackResources", "DescribeStackDriftDetectionStatus"} {
		a, _, _ := nestedAccount()
		w := mustStart(t, a.engine(), work(gitops.OperationDetect))
		a.endDetections()
		a.fails[call] = []error{nil, nil, apiError("Throttling", "Rate exceeded")}
		if s, err := a.engine().Observe(t.Context(), w); err == nil || s.Report != nil {
			t.Errorf("%s: %+v, %v", call, s, err)
		}
	}
}

func TestOnlySomeResourcesAreLookedAtWhereTheyAre(t *testing.T) {
	for name, c := range map[string]struct {
		only  []string
		asked [][]string
		want  []string
	}{
		"of the root":             {[]string{"Queue"}, [][]string{{"Queue"}}, []string{"InSync Queue"}},
		"of a nested stack":       {[]string{"Outer/Queue"}, [][]string{{"Queue"}}, []string{"Modified Outer/Queue /VisibilityTimeout"}},
		"of several stacks":       {[]string{"Outer/Inner/Queue", "Queue"}, [][]string{{"Queue"}, {"Queue"}}, []string{"Deleted Outer/Inner/Queue", "InSync Queue"}},
		"and one that is unknown": {[]string{"Queue", "Table"}, [][]string{{"Queue"}}, []string{"InSync Queue"}},
		"and none that is known":  {[]string{"Table", "No/Queue"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			a, _, _ := nestedAccount()
			w := work(gitops.OperationDetect)
			w.Only = c.only
			w = mustStart(t, a.engine(), w)
			if diff := cmp.Diff(c.asked, a.asked); diff != "" || w.Operation.StackID != stackARN {
				t.Errorf("stack %q, asked for %s", w.Operation.StackID, diff)
			}
			if a.count("DetectStackDrift") > 0 {
				if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationRunning {
					t.Errorf("got %s", s.State)
				}
			}
			a.endDetections()
			s := mustObserve(t, a.engine(), w)
			if s.State != gitops.OperationDone || !s.Report.Partial || !s.Report.Complete || s.Report.StackID != stackARN {
				t.Fatalf("%s %+v", s.State, s.Report)
			}
			if diff := cmp.Diff(c.want, inShort(s.Report), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOnlySomeResourcesOfAStackThatIsGone(t *testing.T) {
	w := work(gitops.OperationDetect)
	w.Only, w.Since = []string{"Queue"}, w.Operation.At.Add(-time.Hour)
	a := newAccount()
	w = mustStart(t, a.engine(), w)
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationDone || !s.Report.Gone || s.Report.Partial {
		t.Errorf("%s %+v", s.State, s.Report)
	}
}

func TestDifferencesThatMeanNothingAreNoDrift(t *testing.T) {
	a, w := detecting(t, types.StackDriftStatusDrifted)
	set := func(d *types.StackResourceDrift, declared, live string) {
		d.ExpectedProperties, d.ActualProperties = &declared, &live
	}
	set(a.put("", "Tagged", queueType, "q-1", modified, unequal("/Tags/0/Value", "1", "2"), unequal("/Tags/1/Value", "2", "1")),
		`{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}`, `{"Tags":[{"Key":"b","Value":"2"},{"Key":"a","Value":"1"}]}`)
	set(a.put("", "Both", queueType, "q-2", modified, unequal("/DelaySeconds", "5", "5"), unequal("/VisibilityTimeout", "5", "60")),
		`{"DelaySeconds":"5","VisibilityTimeout":5}`, `{"DelaySeconds":5,"VisibilityTimeout":60}`)
	a.put("", "Untold", queueType, "q-3", modified)
	want := []string{"Modified Both /VisibilityTimeout", "InSync Tagged", "Modified Untold"}
	if diff := cmp.Diff(want, inShort(mustObserve(t, a.engine(), w).Report)); diff != "" {
		t.Error(diff)
	}
}

// filesOf opens a bundle of the files.
func filesOf(files map[string]string) func(context.Context) (fs.FS, error) {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return func(context.Context) (fs.FS, error) { return m, nil }
}

func TestWhatIsSecretInANestedStackIsHiddenInItsReport(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	outer := a.nestStack("", "Outer", "UPDATE_COMPLETE")
	a.put(outer, "Parameter", "AWS::SSM::Parameter", "p", modified, unequal("/Value", "s3ntinel", "changed"), unequal("/Description", "a", "b"))
	w := work(gitops.OperationDetect)
	w.Files = filesOf(map[string]string{
		"stacks/jobs/template.yaml": "Parameters: { Token: { Type: String, NoEcho: true } }\nResources:\n  Outer:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: inner.yaml, Parameters: { Secret: !Ref Token } }\n",
		"stacks/jobs/inner.yaml":    "Parameters: { Secret: { Type: String } }\nResources:\n  Parameter:\n    Type: AWS::SSM::Parameter\n    Properties: { Type: String, Value: !Ref Secret }\n",
	})
	w = mustStart(t, a.engine(), w)
	a.endDetections()
	for _, seen := range []bool{true, false} {
		want := "/Description a b, /Value **** ****"
		if !seen {
			want = "/Description **** ****, /Value **** ****"
			// the template of the nested stack is elsewhere
			w.Files = filesOf(map[string]string{"stacks/jobs/template.yaml": "Resources:\n  Outer:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: https://b.s3.amazonaws.com/k }\n"})
		}
		var got []string
		for _, p := range mustObserve(t, a.engine(), w).Report.Resources[1].Properties {
			got = append(got, fmt.Sprint(p.Path, " ", p.Declared, " ", p.Live))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("seen %v: %v", seen, got)
		}
	}
}
