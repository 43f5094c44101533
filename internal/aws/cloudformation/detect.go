package cloudformation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// startDetect begins a drift detection: one call. It carries no token, so that one whose
// answer was lost is begun again, which is harmless; AWS refuses that while the lost one
// runs, and that is an error, to be tried again. A stack that is gone, or in a state in
// which drift cannot be detected, is what a detection outside a deployment is there to
// find: Observe reports it. In a deployment's own verify, which has no Since, it is a refusal.
func (e *Engine) startDetect(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	c, err := e.drift(ctx, w)
	if err != nil {
		return w.Operation, err
	}
	op := w.Operation
	out, err := c.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: aws.String(stackOf(w))})
	if err == nil {
		op.ID = aws.ToString(out.StackDriftDetectionId)
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

// observeDetect looks at a drift detection: one call while it runs, and once it ended one
// for each page of the stack's resources and of what was found of them, and one for the
// stack itself where Since says what to judge it by.
func (e *Engine) observeDetect(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	s := gitops.Sighting{State: gitops.OperationAbsent, Operation: w.Operation}
	if w.Operation.ID == "" {
		return s, nil
	}
	c, err := e.drift(ctx, w)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if w.Operation.ID == undetectable {
		return observeUndetectable(ctx, c, w, s)
	}
	out, err := c.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{
		StackDriftDetectionId: aws.String(w.Operation.ID)})
	if hasCode(err, codeValidation) || noStack(err) {
		return s, nil // AWS keeps a number of results that it does not promise
	}
	if err != nil {
		return gitops.Sighting{}, translate("describe drift detection "+w.Operation.ID, err)
	}
	s.Operation.StackID = aws.ToString(out.StackId)
	ended, _, err := detection(out.DetectionStatus)
	switch {
	case err != nil:
		return gitops.Sighting{}, fmt.Errorf("observe drift detection %s: %w", w.Operation.ID, err)
	case ended:
		return detected(ctx, c, w, s, out)
	}
	s.State, s.Progress = gitops.OperationRunning, "detecting drift"
	return s, nil
}

// detected reads what an ended detection found. A failed one is read too: what it could
// look at counts, and the report says that it is not complete.
func detected(ctx context.Context, c api, w reconcile.Work, s gitops.Sighting, out *cloudformation.DescribeStackDriftDetectionStatusOutput) (gitops.Sighting, error) {
	foreign := ""
	if !w.Since.IsZero() {
		stack, found, err := describe(ctx, c, s.Operation.StackID)
		if err != nil {
			return gitops.Sighting{}, err
		}
		if !found || footingOf(stack.StackStatus) == footingCreate {
			return gone(ctx, c, w, s)
		}
		foreign = byOthers(stack, w.Since)
	}
	resources, err := resourcesOf(ctx, c, s.Operation.StackID)
	if noStack(err) {
		s.State, s.Reason = gitops.OperationFailed, noStackToCheck(w).Reason
		return s, nil
	}
	if err != nil {
		return gitops.Sighting{}, translate("list resources of stack "+s.Operation.StackID, err)
	}
	found, err := driftsOf(ctx, c, s.Operation.StackID)
	if err != nil {
		return gitops.Sighting{}, translate("describe resource drifts of stack "+s.Operation.StackID, err)
	}
	s.State = gitops.OperationDone
	if s.Report, err = report(w, out, resources, found); err != nil {
		return gitops.Sighting{}, err
	}
	s.Report.Foreign = foreign
	return s, concealed(ctx, w, s.Report)
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
