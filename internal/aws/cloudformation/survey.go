package cloudformation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// survey reads what the detections of a stack and of those nested in it found.
type survey struct {
	*Engine
	c      api
	w      reconcile.Work
	wanted map[string][]string                                                // by stack; nil: all
	ended  map[string]*cloudformation.DescribeStackDriftDetectionStatusOutput // by stack's ARN
	first  time.Time                                                          // when the first of them began
	report *gitops.DriftReport
	stacks map[string]string // ARNs by path
	// For what no template says, by "Nested/Resource", empty where that is not looked for:
	declared map[string]drift.Resource // all that is known to be declared
	seen     map[string]drift.Resource // what of it was compared
}

// add takes a detection that ended.
func (l *survey) add(out *cloudformation.DescribeStackDriftDetectionStatusOutput) {
	l.ended[aws.ToString(out.StackId)] = out
	if at := aws.ToTime(out.Timestamp); l.first.IsZero() || at.Before(l.first) {
		l.first = at
	}
}

// detected reads what ended detections found: one call for each page of the resources of each
// stack and of what was found of them, one for a nested stack that could not be looked at, and
// one for the root where Since says what to judge it by, some more where its last update was
// rolled back. A failed detection is read too: what
// it could look at counts, and the report says that it is not complete.
func (l *survey) detected(ctx context.Context, s gitops.Sighting) (gitops.Sighting, error) {
	foreign, root := "", s.Operation.StackID
	if !l.w.Since.IsZero() {
		stack, found, err := describe(ctx, l.c, root)
		if err != nil {
			return gitops.Sighting{}, err
		}
		if !found || footingOf(stack.StackStatus) == footingCreate {
			return gone(ctx, l.c, l.w, s)
		}
		if foreign, err = everByOthers(ctx, l.c, stack, l.w.Since); err != nil {
			return gitops.Sighting{}, err
		}
	}
	l.report = &gitops.DriftReport{Application: l.w.Application, StackID: root, At: l.first, Partial: l.w.Only != nil, Foreign: foreign}
	l.declared, l.seen, l.stacks = map[string]drift.Resource{}, map[string]drift.Resource{}, map[string]string{}
	if l.w.Only != nil {
		l.wanted = byStack(l.w.Only)
	}
	there, err := l.stack(ctx, "", root)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if !there {
		s.State, s.Reason = gitops.OperationFailed, noStackToCheck(l.w).Reason
		return s, nil
	}
	l.report.Complete = l.report.Reason == ""
	if l.w.Settings.Drift.Undeclared {
		if err := l.undeclared(ctx); err != nil {
			return gitops.Sighting{}, err
		}
	}
	slices.SortFunc(l.report.Resources, func(a, b gitops.ResourceDrift) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	s.State, s.Report = gitops.OperationDone, l.report
	return s, concealed(ctx, l.w, s.Report)
}

// stack reads one stack and those nested in it, false where there is none.
func (l *survey) stack(ctx context.Context, path, arn string) (there bool, err error) {
	resources, err := resourcesOf(ctx, l.c, arn)
	if noStack(err) {
		return false, nil
	}
	if path != "" && hasCode(err, denials...) {
		l.trouble(path, message(err))
		return true, nil
	}
	if err != nil {
		return false, translate("list resources of stack "+arn, err)
	}
	l.stacks[path] = arn
	out, found, why, err := l.found(ctx, path, arn)
	if err != nil || why == stackGone {
		return false, err
	}
	for _, res := range resources {
		id := aws.ToString(res.LogicalResourceId)
		if stageOf(res.ResourceStatus) == stageGone || l.wanted != nil && !slices.Contains(l.wanted[path], id) {
			continue
		}
		d, looked := found[id]
		one, unseen, err := resourceDrift(res, d, looked, why, aws.ToTime(out.Timestamp))
		if err != nil {
			return false, err
		}
		one.LogicalID = under(path, id)
		if unseen {
			l.trouble("", one.LogicalID+": "+one.Reason)
		}
		l.compared(one)
		l.report.Resources = append(l.report.Resources, one)
	}
	return true, l.nested(ctx, path, resources)
}

// found returns the detection of a stack and what it found, or why there is none.
func (l *survey) found(ctx context.Context, path, arn string) (*cloudformation.DescribeStackDriftDetectionStatusOutput, map[string]types.StackResourceDrift, string, error) {
	out, looked := l.ended[arn]
	if !looked {
		none := &cloudformation.DescribeStackDriftDetectionStatusOutput{}
		if l.wanted != nil && len(l.wanted[path]) == 0 {
			return none, nil, "", nil
		}
		why, err := unlooked(ctx, l.c, arn)
		return none, nil, why, err
	}
	said, err := wholeStack(out)
	if err != nil {
		return nil, nil, "", err
	}
	if said != "" {
		l.trouble(path, said)
	}
	found, err := driftsOf(ctx, l.c, arn)
	if err != nil {
		return nil, nil, "", translate("describe resource drifts of stack "+arn, err)
	}
	if !l.w.Settings.Drift.Undeclared { // nobody looks on
		return out, found, "", nil
	}
	for id, d := range found {
		if declared, err := drift.Properties(aws.ToString(d.ExpectedProperties)); err == nil { // else AWS does not say
			l.declared[under(path, id)] = drift.Resource{Type: aws.ToString(d.ResourceType), PhysicalID: aws.ToString(d.PhysicalResourceId), Declared: declared}
		}
	}
	return out, found, "", nil
}

// stackGone is why nothing was looked at in a nested stack that is deleted.
const stackGone = "the nested stack is gone"

// unlooked returns why no detection of a nested stack was begun.
func unlooked(ctx context.Context, c stacks, arn string) (string, error) {
	s, found, err := describe(ctx, c, arn)
	switch {
	case errors.Is(err, reconcile.ErrDenied):
		return err.Error(), nil
	case err != nil:
		return "", err
	case !found, footingOf(s.StackStatus) == footingCreate:
		return stackGone, nil
	case footingOf(s.StackStatus) == footingUpdate:
		return "no detection of the nested stack could begin, or AWS does not keep its result", nil
	}
	return "AWS detects no drift in a nested stack in " + string(s.StackStatus), nil
}

// nested reads the stacks that are nested in one.
func (l *survey) nested(ctx context.Context, path string, resources []types.StackResourceSummary) error {
	below := nestedIn(resources)
	for _, name := range slices.Sorted(maps.Keys(below)) {
		inner := under(path, name)
		if l.wanted != nil && !leads(l.wanted, inner) {
			continue
		}
		there, err := l.stack(ctx, inner, below[name])
		if err != nil {
			return err
		}
		for i := range l.report.Resources {
			if res := &l.report.Resources[i]; res.LogicalID == inner && !there {
				res.Status, res.Reason, res.Properties = gitops.ResourceDeleted, "", nil
			} else if res.LogicalID == inner && res.Status == gitops.ResourceInSync && l.ended[below[name]] == nil && l.wanted == nil {
				res.Status, res.Reason = gitops.ResourceNotCheckable, "its resources could not be looked at"
			}
		}
	}
	return nil
}

// trouble notes why the report is not complete: the first reason stands.
func (l *survey) trouble(path, why string) {
	if path != "" {
		why = path + ": " + why
	}
	if l.report.Reason == "" {
		l.report.Reason = why
	}
}

// compared keeps what a resource was compared with, for what looks on.
func (l *survey) compared(one gitops.ResourceDrift) {
	if one.Status != gitops.ResourceInSync && one.Status != gitops.ResourceModified {
		return
	}
	if r, known := l.declared[one.LogicalID]; known {
		l.seen[one.LogicalID] = r
	}
}
