package cloudformation

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/drift"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

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

// resourceDrift returns what became of one resource, since being when its stack's detection began.
// why says that there was none. unseen means that AWS tried and could not look, or did not get to
// it. A resource whose differences mean nothing is in sync.
func resourceDrift(res types.StackResourceSummary, d types.StackResourceDrift, looked bool, why string, since time.Time) (r gitops.ResourceDrift, unseen bool, err error) {
	r = gitops.ResourceDrift{
		LogicalID:  aws.ToString(res.LogicalResourceId),
		PhysicalID: aws.ToString(res.PhysicalResourceId),
		Type:       aws.ToString(res.ResourceType),
		Status:     gitops.ResourceNotCheckable,
	}
	switch {
	case why != "":
		r.Reason = why
		return r, true, nil
	case !looked && r.Type == gitops.TypeNestedStack:
		r.Reason = "drift detection does not compare what a nested stack is given; its resources stand for themselves"
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
	case r.Status == gitops.ResourceModified:
		all, err := differences(d)
		if err != nil {
			return r, false, fmt.Errorf("read drift of %s: %w", r.LogicalID, err)
		}
		r.Properties = drift.Normalise(r.Type, aws.ToString(d.ExpectedProperties), aws.ToString(d.ActualProperties), all)
		if len(all) > 0 && len(r.Properties) == 0 {
			r.Status = gitops.ResourceInSync
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
