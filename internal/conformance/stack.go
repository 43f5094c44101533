package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// queueTemplate is a stack of one queue, named after the stack.
func queueTemplate(properties ...string) string {
	t := "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Properties:\n      QueueName: !Ref AWS::StackName\n"
	for _, p := range properties {
		t += "      " + p + "\n"
	}
	return t + "Outputs:\n  Name: {Value: !GetAtt Queue.QueueName}\n"
}

// stack returns the name of a stack that is deleted afterwards, whatever becomes of it.
func (a *Account) stack() string {
	a.Later(func(ctx context.Context) error { return a.deleteStack(ctx, a.prefix) })
	return a.prefix
}

func (a *Account) deleteStack(ctx context.Context, name string) error {
	found, err := a.describe(ctx, name)
	if err != nil || found == nil {
		return err
	}
	if aws.ToBool(found.EnableTerminationProtection) {
		if _, err := a.stacks.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
			StackName: found.StackId, EnableTerminationProtection: aws.Bool(false)}); err != nil {
			return fmt.Errorf("let stack %s be deleted: %w", name, err)
		}
	}
	if _, err := a.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: found.StackId}); err != nil {
		return fmt.Errorf("delete stack %s: %w", name, err)
	}
	s, err := a.settled(ctx, aws.ToString(found.StackId))
	if err == nil && s != nil && s.StackStatus != types.StackStatusDeleteComplete {
		err = fmt.Errorf("delete stack %s: it is in %s: %s", name, s.StackStatus, aws.ToString(s.StackStatusReason))
	}
	return err
}

// describe returns a stack, nil when there is none.
func (a *Account) describe(ctx context.Context, name string) (*types.Stack, error) {
	out, err := a.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if isAnswer(err) && strings.Contains(messageOf(err), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("describe stack %s: %w", name, err)
	}
	return &out.Stacks[0], nil
}

// settled waits until nothing is under way on a stack, and returns it, nil when it is gone.
func (a *Account) settled(ctx context.Context, name string) (s *types.Stack, err error) {
	err = a.until(ctx, "stack "+name+" is at rest", func() (bool, error) {
		s, err = a.describe(ctx, name)
		return s == nil || !strings.HasSuffix(string(s.StackStatus), "_IN_PROGRESS") ||
			s.StackStatus == types.StackStatusReviewInProgress, err
	})
	return s, err
}

// request is one for a change set on a stack.
func request(stack, name string, kind types.ChangeSetType, template string) *cloudformation.CreateChangeSetInput {
	return &cloudformation.CreateChangeSetInput{StackName: aws.String(stack), ChangeSetName: aws.String(name),
		ChangeSetType: kind, TemplateBody: aws.String(template), ClientToken: aws.String(name)}
}

// changeSet creates a change set and waits until it is created or failed.
func (a *Account) changeSet(ctx context.Context, in *cloudformation.CreateChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	made, err := a.stacks.CreateChangeSet(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("create change set %s: %w", aws.ToString(in.ChangeSetName), err)
	}
	var out *cloudformation.DescribeChangeSetOutput
	err = a.until(ctx, "the change set is created", func() (bool, error) {
		out, err = a.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: made.Id, IncludePropertyValues: aws.Bool(true)})
		return err == nil && out.Status != types.ChangeSetStatusCreatePending && out.Status != types.ChangeSetStatusCreateInProgress, err
	})
	return out, err
}

// execute executes a change set under a token and waits for the end.
func (a *Account) execute(ctx context.Context, set *cloudformation.DescribeChangeSetOutput, token string) (*types.Stack, error) {
	if set.ExecutionStatus != types.ExecutionStatusAvailable {
		return nil, fmt.Errorf("execute change set: it is %s, %s: %s", set.Status, set.ExecutionStatus, aws.ToString(set.StatusReason))
	}
	if _, err := a.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: set.ChangeSetId, ClientRequestToken: aws.String(token)}); err != nil {
		return nil, fmt.Errorf("execute change set: %w", err)
	}
	return a.afterToken(ctx, aws.ToString(set.StackId), token)
}

// afterToken waits until the operation with the token has begun and ended.
func (a *Account) afterToken(ctx context.Context, stack, token string) (*types.Stack, error) {
	err := a.until(ctx, "the operation begins", func() (bool, error) {
		seen, err := a.history(ctx, stack, token)
		return len(seen) > 0, err
	})
	if err != nil {
		return nil, err
	}
	s, err := a.settled(ctx, stack)
	if err == nil && s == nil {
		err = errors.New("the stack is gone")
	}
	return s, err
}

// history returns the stack's own statuses in the operation with a token, oldest first.
func (a *Account) history(ctx context.Context, stack, token string) ([]string, error) {
	out, err := a.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stack)})
	if err != nil {
		return nil, fmt.Errorf("describe events: %w", err)
	}
	var seen []string
	for i := len(out.StackEvents) - 1; i >= 0; i-- {
		e := out.StackEvents[i]
		if aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId) && aws.ToString(e.ClientRequestToken) == token {
			seen = append(seen, string(e.ResourceStatus))
		}
	}
	return seen, nil
}

// make makes a stack of a template and waits for it.
func (a *Account) make(ctx context.Context, template string) (*types.Stack, error) {
	set, err := a.changeSet(ctx, request(a.stack(), "make", types.ChangeSetTypeCreate, template))
	if err != nil {
		return nil, err
	}
	s, err := a.execute(ctx, set, "made")
	if err == nil && s.StackStatus != types.StackStatusCreateComplete {
		err = fmt.Errorf("make stack %s: it is in %s", a.prefix, s.StackStatus)
	}
	return s, err
}
