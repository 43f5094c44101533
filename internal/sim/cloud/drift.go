package cloud

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

type detection struct {
	id           string
	stack        *stack
	began, ended time.Time // ended zero: it goes on
	found        []types.StackResourceDrift
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
	d := &detection{id: c.id("detection", s.name), stack: s, began: c.Now()}
	d.found, d.drifted = found(s, d.began)
	c.detections = append(c.detections, d)
	c.After(c.Pace.Detection(), func() {
		d.ended = c.Now()
		if c.Told != nil {
			c.Told(s.name, Event{Drift: true})
		}
	})
	return &cloudformation.DetectStackDriftOutput{StackDriftDetectionId: &d.id}, nil
}

// found compares what runs with what the stack declares.
func found(s *stack, at time.Time) (all []types.StackResourceDrift, drifted bool) {
	for _, id := range ids(s.declared.Resources, nil) {
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
	var last *detection
	for _, d := range c.detections {
		if d.stack == s && !d.ended.IsZero() && (last == nil || d.began.After(last.began)) {
			last = d
		}
	}
	out := &cloudformation.DescribeStackResourceDriftsOutput{}
	if last != nil {
		out.StackResourceDrifts, out.NextToken = page(c, last.found, in.NextToken)
	}
	return out, nil
}
