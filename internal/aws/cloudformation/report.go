package cloudformation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// typeNestedStack is the type whose own resources a detection does not look at.
const typeNestedStack = "AWS::CloudFormation::Stack"

// report joins the stack's resources with what was found of them: every resource is in
// exactly one status. Which deployment it belongs to is for the caller to fill in. A
// resource that AWS could not look at makes the report incomplete, whatever the detection
// as a whole says: a throttled one is reported nowhere else.
func report(w reconcile.Work, out *cloudformation.DescribeStackDriftDetectionStatusOutput,
	resources []types.StackResourceSummary, found map[string]types.StackResourceDrift) (*gitops.DriftReport, error) {
	r := &gitops.DriftReport{Application: w.Application, StackID: aws.ToString(out.StackId), At: aws.ToTime(out.Timestamp)}
	trouble, err := wholeStack(out)
	if err != nil {
		return nil, err
	}
	for _, res := range resources {
		if stageOf(res.ResourceStatus) == stageGone {
			continue
		}
		d, looked := found[aws.ToString(res.LogicalResourceId)]
		one, unseen, err := resourceDrift(res, d, looked, r.At)
		if err != nil {
			return nil, err
		}
		if unseen && trouble == "" {
			trouble = one.LogicalID + ": " + one.Reason
		}
		r.Resources = append(r.Resources, one)
	}
	slices.SortFunc(r.Resources, func(a, b gitops.ResourceDrift) int { return strings.Compare(a.LogicalID, b.LogicalID) })
	r.Complete, r.Reason = trouble == "", trouble
	return r, nil
}

// wholeStack returns why a detection as a whole is incomplete, or "".
func wholeStack(out *cloudformation.DescribeStackDriftDetectionStatusOutput) (string, error) {
	said := aws.ToString(out.DetectionStatusReason)
	_, whole, err := detection(out.DetectionStatus)
	if err != nil {
		return "", fmt.Errorf("read drift detection %s: %w", aws.ToString(out.StackDriftDetectionId), err)
	}
	if !whole {
		return "drift detection failed: " + orUnsaid(said), nil
	}
	all, why, err := compared(out.StackDriftStatus)
	switch {
	case err != nil:
		return "", fmt.Errorf("read drift detection %s: %w", aws.ToString(out.StackDriftDetectionId), err)
	case all:
		return "", nil
	}
	if said != "" {
		why += ": " + said
	}
	return why, nil
}

// resourceDrift returns what became of one resource. unseen means that AWS tried and could not
// look, or did not get to it.
func resourceDrift(res types.StackResourceSummary, d types.StackResourceDrift, looked bool, since time.Time) (r gitops.ResourceDrift, unseen bool, err error) {
	r = gitops.ResourceDrift{
		LogicalID:  aws.ToString(res.LogicalResourceId),
		PhysicalID: aws.ToString(res.PhysicalResourceId),
		Type:       aws.ToString(res.ResourceType),
		Status:     gitops.ResourceNotCheckable,
	}
	switch {
	case !looked && r.Type == typeNestedStack:
		r.Reason = "drift detection does not look into nested stacks"
		return r, false, nil
	case !looked:
		r.Reason = "drift detection does not support " + r.Type
		return r, false, nil
	case aws.ToTime(d.Timestamp).Before(since): // both times are AWS's own: another detection found it
		r.Reason = "this detection did not get to it"
		return r, true, nil
	}
	if r.Status, unseen, err = driftOf(d.StackResourceDriftStatus); err != nil {
		return r, false, fmt.Errorf("read drift of %s: %w", r.LogicalID, err)
	}
	switch {
	case unseen:
		r.Reason = orUnsaid(aws.ToString(d.DriftStatusReason))
	case r.Status == gitops.ResourceNotCheckable:
		r.Reason = "drift detection does not support " + r.Type
	case r.Status == gitops.ResourceInSync && r.Type == typeNestedStack: // its parameters and tags are, its resources nobody looked at
		r.Status, r.Reason = gitops.ResourceNotCheckable, "drift detection does not look into nested stacks"
	case r.Status == gitops.ResourceModified:
		if r.Properties, err = differences(d); err != nil {
			return r, false, fmt.Errorf("read drift of %s: %w", r.LogicalID, err)
		}
	}
	return r, unseen, nil
}

// differences returns the properties that differ, sorted by path.
func differences(d types.StackResourceDrift) ([]gitops.Difference, error) {
	list := make([]gitops.Difference, 0, len(d.PropertyDifferences))
	for _, p := range d.PropertyDifferences {
		diff := gitops.Difference{Path: aws.ToString(p.PropertyPath), Kind: string(p.DifferenceType)}
		declared, live, err := sides(p.DifferenceType)
		if err != nil {
			return nil, err
		}
		if declared {
			diff.Declared = aws.ToString(p.ExpectedValue)
		}
		if live {
			diff.Live = aws.ToString(p.ActualValue)
		}
		list = append(list, diff)
	}
	slices.SortFunc(list, func(a, b gitops.Difference) int { return strings.Compare(a.Path, b.Path) })
	return list, nil
}
