package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

func drifts() []Expectation {
	return []Expectation{
		{Name: "cfn-drift-queue", Makes: oneQueue, Source: guide + "detect-drift-stack.html", Calls: driftOfQueue,
			Says: "a property that was changed by hand is found, with both values; one that the template does not name is not; an ordinary change set does not see it, one with REVERT_DRIFT brings it back",
			Answers: []string{
				"untouched: detection=DETECTION_COMPLETE stack=IN_SYNC drifted=0",
				"resource: id=Queue status=IN_SYNC",
				"changed: detection=DETECTION_COMPLETE stack=DRIFTED drifted=1",
				"resource: id=Queue status=MODIFIED",
				"difference: path=/VisibilityTimeout kind=NOT_EQUAL expected=30 actual=60",
				"an ordinary change set: status=FAILED",
				"REVERT_DRIFT: status=CREATE_COMPLETE execution=AVAILABLE changes=1",
				"reverted: status=UPDATE_COMPLETE live=30",
			}},
		{Name: "cfn-drift-parameter", Makes: "a stack of one SSM parameter", Source: reference + "API_PropertyDifference.html", Calls: driftOfParameter,
			Says: "the value of a parameter that was changed by hand is found, and that a parameter was deleted",
			Answers: []string{
				"changed: detection=DETECTION_COMPLETE stack=DRIFTED drifted=1",
				"resource: id=Parameter status=MODIFIED",
				"difference: path=/Value kind=NOT_EQUAL expected=one actual=two",
				"deleted: detection=DETECTION_COMPLETE stack=DRIFTED drifted=1",
				"resource: id=Parameter status=DELETED",
			}},
	}
}

// detect detects drift and notes what was found.
func (a *Account) detect(ctx context.Context, label string) error {
	started, err := a.stacks.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: aws.String(a.prefix)})
	if err != nil {
		return fmt.Errorf("detect drift: %w", err)
	}
	var out *cloudformation.DescribeStackDriftDetectionStatusOutput
	err = a.until(ctx, "the detection ends", func() (bool, error) {
		out, err = a.stacks.DescribeStackDriftDetectionStatus(ctx, &cloudformation.DescribeStackDriftDetectionStatusInput{
			StackDriftDetectionId: started.StackDriftDetectionId})
		return err == nil && out.DetectionStatus != types.StackDriftDetectionStatusDetectionInProgress, err
	})
	if err != nil {
		return err
	}
	a.Note(label, "detection", out.DetectionStatus, "stack", out.StackDriftStatus, "drifted", aws.ToInt32(out.DriftedStackResourceCount))
	found, err := a.stacks.DescribeStackResourceDrifts(ctx, &cloudformation.DescribeStackResourceDriftsInput{StackName: out.StackId})
	if err != nil {
		return fmt.Errorf("describe drifts: %w", err)
	}
	for _, r := range found.StackResourceDrifts {
		a.Note("resource", "id", r.LogicalResourceId, "status", r.StackResourceDriftStatus)
		slices.SortFunc(r.PropertyDifferences, func(x, y types.PropertyDifference) int {
			return strings.Compare(aws.ToString(x.PropertyPath), aws.ToString(y.PropertyPath))
		})
		for _, d := range r.PropertyDifferences {
			a.Note("difference", "path", d.PropertyPath, "kind", d.DifferenceType, "expected", d.ExpectedValue, "actual", d.ActualValue)
		}
	}
	return nil
}

// set changes attributes of the stack's queue by hand, and waits until they are seen: SQS
// takes up to a minute (SQS API reference, SetQueueAttributes).
func (a *Account) set(ctx context.Context, attributes map[string]string) error {
	found, err := a.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(a.prefix)})
	if err != nil {
		return fmt.Errorf("find queue: %w", err)
	}
	if _, err := a.queues.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: found.QueueUrl, Attributes: attributes}); err != nil {
		return fmt.Errorf("change queue: %w", err)
	}
	return a.until(ctx, "the queue has changed", func() (bool, error) {
		for name, value := range attributes {
			if live, err := a.attribute(ctx, name); err != nil || live != value {
				return false, err
			}
		}
		return true, nil
	})
}

func driftOfQueue(ctx context.Context, a *Account) error {
	template := queueTemplate("VisibilityTimeout: 30")
	if _, err := a.make(ctx, template); err != nil {
		return err
	}
	if err := a.set(ctx, map[string]string{"DelaySeconds": "5"}); err != nil { // the template does not name it
		return err
	}
	if err := a.detect(ctx, "untouched"); err != nil {
		return err
	}
	if err := a.set(ctx, map[string]string{"VisibilityTimeout": "60"}); err != nil {
		return err
	}
	if err := a.detect(ctx, "changed"); err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "ordinary", types.ChangeSetTypeUpdate, template))
	if err != nil {
		return err
	}
	a.Note("an ordinary change set", "status", set.Status)
	in := request(a.prefix, "revert", types.ChangeSetTypeUpdate, template)
	in.DeploymentMode = types.DeploymentModeRevertDrift
	if set, err = a.changeSet(ctx, in); err != nil {
		return err
	}
	a.Note("REVERT_DRIFT", "status", set.Status, "execution", set.ExecutionStatus, "changes", len(set.Changes))
	s, err := a.execute(ctx, set, "go")
	if err != nil {
		return err
	}
	live, err := a.attribute(ctx, "VisibilityTimeout")
	a.Note("reverted", "status", s.StackStatus, "live", live)
	return err
}

func (a *Account) attribute(ctx context.Context, name string) (string, error) {
	found, err := a.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(a.prefix)})
	if err != nil {
		return "", fmt.Errorf("find queue: %w", err)
	}
	out, err := a.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: found.QueueUrl, AttributeNames: everyAttribute})
	if err != nil {
		return "", fmt.Errorf("read queue: %w", err)
	}
	return out.Attributes[name], nil
}

func driftOfParameter(ctx context.Context, a *Account) error {
	template := "Resources:\n  Parameter:\n    Type: AWS::SSM::Parameter\n    Properties: {Name: !Ref AWS::StackName, Type: String, Value: one}\n"
	if _, err := a.make(ctx, template); err != nil {
		return err
	}
	name := aws.String(a.prefix)
	if _, err := a.params.PutParameter(ctx, &ssm.PutParameterInput{Name: name, Value: aws.String("two"),
		Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)}); err != nil {
		return fmt.Errorf("change parameter: %w", err)
	}
	if err := a.detect(ctx, "changed"); err != nil {
		return err
	}
	if _, err := a.params.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: name}); err != nil {
		return fmt.Errorf("delete parameter: %w", err)
	}
	return a.detect(ctx, "deleted")
}
