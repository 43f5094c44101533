package cloud

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

type detection struct {
	id           string
	stack        *stack
	began, ended time.Time                  // ended zero: it goes on
	found        []types.StackResourceDrift // of those that it looked at
	all          bool                       // it looked at every resource
	drifted      bool
}

// DetectStackDrift begins a detection. It takes no token, and one runs at a time.
func (c *Cloud) DetectStackDrift(_ context.Context, in *cloudformation.DetectStackDriftInput, _ ...func(*cloudformation.Options)) (*cloudformation.DetectStackDriftOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil || s.deleted {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	for _, d := range c.detections {
		if d.stack == s && d.ended.IsZero() {
			return nil, invalid("Drift detection is already in progress for stack [%s]", s.arn)
		}
	}
	if !s.updatable() {
		return nil, invalid("Drift detection cannot be performed on a stack in state %s", s.status)
	}
	for _, id := range in.LogicalResourceIds {
		if _, declared := s.declared.Resources[id]; !declared {
			return nil, invalid("Resource %s does not exist for stack %s", id, s.name)
		}
	}
	d := &detection{id: c.id("detection", s.name), stack: s, began: c.Now()}
	d.found, d.drifted = found(s, in.LogicalResourceIds, d.began)
	d.all = len(in.LogicalResourceIds) == 0
	c.detections = append(c.detections, d)
	c.After(c.Pace.Detection(), func() {
		d.ended = c.Now()
		d.keep()
		if c.Told != nil {
			c.Told(s.name, Event{Drift: true})
		}
	})
	return &cloudformation.DetectStackDriftOutput{StackDriftDetectionId: &d.id}, nil
}

// keep takes what a detection found for what was last found of the resources that it looked at.
func (d *detection) keep() {
	all := d.found
	for _, r := range d.stack.found {
		same := func(o types.StackResourceDrift) bool { return *o.LogicalResourceId == *r.LogicalResourceId }
		if !d.all && !slices.ContainsFunc(d.found, same) {
			all = append(all, r)
		}
	}
	d.stack.found = all
}

// found compares what runs with what the stack declares: some of its resources, or all.
func found(s *stack, only []string, at time.Time) (all []types.StackResourceDrift, drifted bool) {
	for _, id := range ids(s.declared.Resources, nil) {
		if len(only) > 0 && !slices.Contains(only, id) {
			continue
		}
		want := s.declared.Resources[id]
		r := types.StackResourceDrift{StackId: &s.arn, LogicalResourceId: aws.String(id), ResourceType: aws.String(want.Type),
			StackResourceDriftStatus: types.StackResourceDriftStatusInSync, Timestamp: aws.Time(at)}
		is, there := s.live[id]
		if !there {
			r.StackResourceDriftStatus = types.StackResourceDriftStatusDeleted
		}
		for _, name := range keys(want.Properties, nil) {
			if there && is.Properties[name] != want.Properties[name] {
				r.StackResourceDriftStatus = types.StackResourceDriftStatusModified
				r.PropertyDifferences = append(r.PropertyDifferences, types.PropertyDifference{PropertyPath: aws.String("/" + name),
					ExpectedValue: aws.String(want.Properties[name]), ActualValue: aws.String(is.Properties[name]), DifferenceType: types.DifferenceTypeNotEqual})
			}
		}
		drifted = drifted || r.StackResourceDriftStatus != types.StackResourceDriftStatusInSync
		all = append(all, r)
	}
	return all, drifted
}

// DescribeStackDriftDetectionStatus shows a detection while AWS remembers it.
func (c *Cloud) DescribeStackDriftDetectionStatus(_ context.Context, in *cloudformation.DescribeStackDriftDetectionStatusInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackDriftDetectionStatusOutput, error) {
	c.Calls++
	for _, d := range c.detections {
		if d.id != aws.ToString(in.StackDriftDetectionId) || !d.ended.IsZero() && c.Now().Sub(d.ended) > c.Forgets {
			continue
		}
		out := &cloudformation.DescribeStackDriftDetectionStatusOutput{StackDriftDetectionId: &d.id, StackId: &d.stack.arn,
			Timestamp: aws.Time(d.began), DetectionStatus: types.StackDriftDetectionStatusDetectionInProgress}
		if !d.ended.IsZero() {
			out.DetectionStatus, out.StackDriftStatus = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusInSync
			if d.drifted {
				out.StackDriftStatus = types.StackDriftStatusDrifted
			}
		}
		return out, nil
	}
	return nil, invalid("Drift detection operation [%s] not found", aws.ToString(in.StackDriftDetectionId))
}

// DescribeStackResourceDrifts lists what the stack's last ended detection found.
func (c *Cloud) DescribeStackResourceDrifts(_ context.Context, in *cloudformation.DescribeStackResourceDriftsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackResourceDriftsOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	out := &cloudformation.DescribeStackResourceDriftsOutput{}
	if len(s.found) > 0 {
		out.StackResourceDrifts, out.NextToken = page(c, s.found, in.NextToken)
	}
	return out, nil
}

// DescribeType tells nothing of a type: whoever asks takes it for one without a schema.
func (c *Cloud) DescribeType(_ context.Context, in *cloudformation.DescribeTypeInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeTypeOutput, error) {
	c.Calls++
	return nil, refused("TypeNotFoundException", "The type '%s' cannot be found", aws.ToString(in.TypeName))
}
