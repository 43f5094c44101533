package cloud

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// DescribeStacks shows one stack.
func (c *Cloud) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil {
		return nil, invalid("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	out := types.Stack{StackId: &s.arn, StackName: &s.name, StackStatus: s.status, CreationTime: aws.Time(s.created), Tags: s.tags, RoleARN: s.role}
	if !s.updated.IsZero() {
		out.LastUpdatedTime = aws.Time(s.updated)
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{out}}, nil
}

// DescribeStackEvents lists a stack's events, the newest first.
func (c *Cloud) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	newest := slices.Clone(s.events)
	slices.Reverse(newest)
	out := &cloudformation.DescribeStackEventsOutput{}
	out.StackEvents, out.NextToken = page(c, newest, in.NextToken)
	return out, nil
}

// DescribeEvents finds nothing: no template here is validated early.
func (c *Cloud) DescribeEvents(context.Context, *cloudformation.DescribeEventsInput, ...func(*cloudformation.Options)) (*cloudformation.DescribeEventsOutput, error) {
	c.Calls++
	return &cloudformation.DescribeEventsOutput{}, nil
}

// ListStackResources lists what a stack declares.
func (c *Cloud) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil {
		return nil, invalid("Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	var all []types.StackResourceSummary
	if s.declared != nil {
		for _, id := range slices.Sorted(maps.Keys(s.declared.Resources)) {
			r := types.StackResourceSummary{LogicalResourceId: aws.String(id), PhysicalResourceId: aws.String(s.name + "-" + id),
				ResourceType: aws.String(s.declared.Resources[id].Type), ResourceStatus: types.ResourceStatusUpdateComplete}
			if id == culprit && s.status == types.StackStatusUpdateRollbackFailed {
				r.ResourceStatus, r.ResourceStatusReason = types.ResourceStatusUpdateFailed, aws.String(SimulatedFailure)
			}
			all = append(all, r)
		}
	}
	out := &cloudformation.ListStackResourcesOutput{}
	out.StackResourceSummaries, out.NextToken = page(c, all, in.NextToken)
	return out, nil
}
