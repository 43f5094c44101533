package cloudformation

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// startDetect begins a drift detection: one call for the stack and each nested one, and one
// for each page of their resources, which tell the nested ones; those of a stack that had none
// when it was last looked at are not asked for. One that somebody nested in it since then is
// found by the survey, which calls it not checkable. It carries no token, so that
// one whose answer was lost is begun again, which is harmless; AWS refuses that while the lost
// one runs, and that is an error, to be tried again. A stack that is gone, or in a state in
// which drift cannot be detected, is what a detection outside a deployment is there to
// find: Observe reports it. In a deployment's own verify, which has no Since, it is a refusal.
func (e *Engine) startDetect(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	c, err := e.drift(ctx, w)
	if err != nil {
		return w.Operation, err
	}
	op := w.Operation
	if w.Only != nil {
		return startSome(ctx, c, w)
	}
	out, err := c.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: aws.String(stackOf(w))})
	if err == nil {
		ids := []string{aws.ToString(out.StackDriftDetectionId)}
		if !w.Flat {
			if ids, err = beginNested(ctx, c, stackOf(w), ids); err != nil {
				return op, err // what was begun ends by itself
			}
		}
		op.ID = strings.Join(ids, detectionsApart)
		return op, nil
	}
	doing := "detect drift of stack " + w.Settings.CloudFormation.Stack
	refusal := noStackToCheck(w)
	if !noStack(err) {
		if !hasCode(err, codeValidation) {
			return op, translate(doing, err)
		}
		// One code for "already in progress", for a stack that is being updated and for one
		// that can never be looked at: the stack's own state tells them apart.
		s, found, looking := describe(ctx, c, stackOf(w))
		switch {
		case looking != nil:
			return op, looking
		case found && (footingOf(s.StackStatus) == footingUpdate || footingOf(s.StackStatus) == footingBusy):
			return op, fmt.Errorf("%s: not yet: %s", doing, message(err))
		case found && footingOf(s.StackStatus) == footingUnknown:
			return op, unknownStack(doing, s.StackStatus)
		case found && footingOf(s.StackStatus) != footingCreate:
			refusal = &gitops.Refusal{Reason: fmt.Sprintf("%s: it is in %s: %s", doing, s.StackStatus, message(err))}
		}
	}
	if w.Since.IsZero() {
		return op, refusal
	}
	op.ID = undetectable
	return op, nil
}

func noStackToCheck(w reconcile.Work) *gitops.Refusal {
	return &gitops.Refusal{Reason: fmt.Sprintf("stack %s is gone: sync makes it anew", w.Settings.CloudFormation.Stack)}
}

// observeDetect looks at a drift detection: one call for each stack while one of them runs. Once
// all ended, those that detected makes.
func (e *Engine) observeDetect(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	s := gitops.Sighting{State: gitops.OperationAbsent, Operation: w.Operation}
	if w.Operation.ID == "" {
		return s, nil
	}
	c, err := e.drift(ctx, w)
	if err != nil {
		return gitops.Sighting{}, err
	}
	switch w.Operation.ID {
	case undetectable:
		return observeUndetectable(ctx, c, w, s)
	case nothingToDetect:
		s.State = gitops.OperationDone
		s.Report = &gitops.DriftReport{Application: w.Application, StackID: stackOf(w), At: w.Operation.At, Complete: true, Partial: true}
		return s, nil
	}
	l := survey{Engine: e, c: c, w: w, ended: map[string]*cloudformation.DescribeStackDriftDetectionStatusOutput{}}
	for i, id := range strings.Split(w.Operation.ID, detectionsApart) {
		out, err := c.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: &id})
		if hasCode(err, codeValidation) || noStack(err) { // AWS keeps a number of results that it does not promise
			if i == 0 {
				return s, nil
			}
			continue
		}
		if err != nil {
			return gitops.Sighting{}, translate("describe drift detection "+id, err)
		}
		if i == 0 && w.Only == nil {
			s.Operation.StackID = aws.ToString(out.StackId)
		}
		ended, _, err := detection(out.DetectionStatus)
		switch {
		case err != nil:
			return gitops.Sighting{}, fmt.Errorf("observe drift detection %s: %w", id, err)
		case !ended:
			s.State, s.Progress = gitops.OperationRunning, "detecting drift"
			return s, nil
		}
		l.add(out)
	}
	return l.detected(ctx, s)
}

// resourcesOf returns every resource of the stack.
func resourcesOf(ctx context.Context, c stacks, stack string) ([]types.StackResourceSummary, error) {
	in, all := &cloudformation.ListStackResourcesInput{StackName: aws.String(stack)}, []types.StackResourceSummary(nil)
	for {
		out, err := c.ListStackResources(ctx, in)
		if err != nil {
			return nil, err
		}
		all = append(all, out.StackResourceSummaries...)
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

// driftsOf returns what was found of every resource that was looked at. A page that cannot
// be read is an error: half a result is never published.
func driftsOf(ctx context.Context, c drifts, stack string) (map[string]types.StackResourceDrift, error) {
	in, all := &cloudformation.DescribeStackResourceDriftsInput{StackName: aws.String(stack)}, map[string]types.StackResourceDrift{}
	for {
		out, err := c.DescribeStackResourceDrifts(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, d := range out.StackResourceDrifts {
			all[aws.ToString(d.LogicalResourceId)] = d
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}
