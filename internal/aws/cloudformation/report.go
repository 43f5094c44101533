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
		if res.ResourceStatus == types.ResourceStatusDeleteComplete || res.ResourceStatus == types.ResourceStatusDeleteSkipped {
			continue // no longer the stack's
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
	if out.DetectionStatus == types.StackDriftDetectionStatusDetectionFailed {
		return "drift detection failed: " + orUnsaid(said), nil
	}
	switch out.StackDriftStatus {
	case types.StackDriftStatusInSync, types.StackDriftStatusDrifted:
		return "", nil
	case types.StackDriftStatusUnknown:
		return "AWS could not look at every resource: " + orUnsaid(said), nil
	case types.StackDriftStatusNotChecked:
		return "AWS looked at no resource of the stack", nil
	}
	return "", fmt.Errorf("read drift detection %s: stack status %q is not known to this version",
		aws.ToString(out.StackDriftDetectionId), out.StackDriftStatus)
}

// resourceDrift is the table of every drift status of a resource. unseen means that AWS
// tried and could not look, or did not get to it.
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
	switch d.StackResourceDriftStatus {
	case types.StackResourceDriftStatusInSync:
		r.Status = gitops.ResourceInSync
		if r.Type == typeNestedStack { // its parameters and tags are, its resources nobody looked at
			r.Status, r.Reason = gitops.ResourceNotCheckable, "drift detection does not look into nested stacks"
		}
	case types.StackResourceDriftStatusModified:
		r.Status, r.Properties = gitops.ResourceModified, differences(d)
	case types.StackResourceDriftStatusDeleted:
		r.Status = gitops.ResourceDeleted
	case types.StackResourceDriftStatusNotChecked, types.StackResourceDriftStatusUnsupported:
		r.Reason = "drift detection does not support " + r.Type
	case types.StackResourceDriftStatusUnknown:
		unseen, r.Reason = true, orUnsaid(aws.ToString(d.DriftStatusReason))
	default:
		return r, false, fmt.Errorf("read drift of %s: status %q is not known to this version", r.LogicalID, d.StackResourceDriftStatus)
	}
	return r, unseen, nil
}

// differences returns the properties that differ, sorted by path. AWS writes "null" for
// the side on which a property that was added or removed is not there.
func differences(d types.StackResourceDrift) []gitops.Difference {
	list := make([]gitops.Difference, 0, len(d.PropertyDifferences))
	for _, p := range d.PropertyDifferences {
		diff := gitops.Difference{
			Path:     aws.ToString(p.PropertyPath),
			Declared: aws.ToString(p.ExpectedValue),
			Live:     aws.ToString(p.ActualValue),
			Kind:     string(p.DifferenceType),
		}
		switch p.DifferenceType {
		case types.DifferenceTypeAdd:
			diff.Declared = ""
		case types.DifferenceTypeRemove:
			diff.Live = ""
		case types.DifferenceTypeNotEqual:
		}
		list = append(list, diff)
	}
	slices.SortFunc(list, func(a, b gitops.Difference) int { return strings.Compare(a.Path, b.Path) })
	return list
}
