package conformance

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// recoveries are what leads a stack on whose rollback failed.
func recoveries() []Expectation {
	return []Expectation{
		{Name: "cfn-rollback-fails", Makes: oneQueue + ", which is deleted by hand", Source: guide + "using-cfn-updating-stacks-continueupdaterollback.html", Calls: rollbackFails,
			Says: "a stack whose rollback failed takes no update; its rollback is continued under a token, and leaves out what could not be rolled back, and nothing else",
			Answers: []string{
				"executed: status=UPDATE_ROLLBACK_FAILED",
				"UPDATE change set: error=ValidationError Stack:arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID is in UPDATE_ROLLBACK_FAILED state and can not be updated.",
				"resource: status=UPDATE_FAILED",
				"continued: status=UPDATE_ROLLBACK_FAILED",
				"events: statuses=[UPDATE_ROLLBACK_IN_PROGRESS UPDATE_ROLLBACK_FAILED]",
				"RollbackStack: code=ValidationError",
				"skipping another: code=ValidationError",
				"skipping it: status=UPDATE_ROLLBACK_COMPLETE",
				"resource: status=UPDATE_COMPLETE",
				"continued once more: code=ValidationError",
			}},
	}
}

func rollbackFails(ctx context.Context, a *Account) error {
	if _, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30")); err != nil {
		return err
	}
	if err := a.deleteQueue(ctx); err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 60")))
	if err != nil {
		return err
	}
	s, err := a.execute(ctx, set, "go")
	if err != nil {
		return err
	}
	a.Note("executed", "status", s.StackStatus)
	_, err = a.stacks.CreateChangeSet(ctx, request(a.prefix, "third", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 90")))
	a.Note("UPDATE change set", "error", err)
	if err = a.noteQueue(ctx); err != nil {
		return err
	}
	if err = a.goOn(ctx, "continued", "on"); err != nil {
		return err
	}
	if err = a.noteHistory(ctx, "on"); err != nil {
		return err
	}
	_, err = a.stacks.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: s.StackId})
	a.Note("RollbackStack", "code", err)
	a.Note("skipping another", "code", a.resume(ctx, "never", "Other"))
	if err = a.goOn(ctx, "skipping it", "past", "Queue"); err != nil {
		return err
	}
	if err = a.noteQueue(ctx); err != nil {
		return err
	}
	a.Note("continued once more", "code", a.resume(ctx, "more"))
	return nil
}

// deleteQueue deletes the stack's queue by hand, and waits until it is gone: SQS takes up to a
// minute (SQS API reference, DeleteQueue).
func (a *Account) deleteQueue(ctx context.Context) error {
	found, err := a.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(a.prefix)})
	if err != nil {
		return fmt.Errorf("find queue: %w", err)
	}
	if _, err = a.queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl}); err != nil {
		return fmt.Errorf("delete queue: %w", err)
	}
	return a.until(ctx, "the queue is gone", func() (bool, error) {
		_, err := a.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: found.QueueUrl, AttributeNames: everyAttribute})
		if gone := new(sqstypes.QueueDoesNotExist); errors.As(err, &gone) {
			return true, nil
		}
		return false, err
	})
}

// noteQueue notes where the stack's queue stands in it.
func (a *Account) noteQueue(ctx context.Context) error {
	out, err := a.stacks.DescribeStackResource(ctx, &cloudformation.DescribeStackResourceInput{StackName: aws.String(a.prefix), LogicalResourceId: aws.String("Queue")})
	if err != nil {
		return fmt.Errorf("describe resource: %w", err)
	}
	a.Note("resource", "status", out.StackResourceDetail.ResourceStatus)
	return nil
}

// resume continues the rollback under a token.
func (a *Account) resume(ctx context.Context, token string, skip ...string) error {
	_, err := a.stacks.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: aws.String(a.prefix),
		ClientRequestToken: aws.String(token), ResourcesToSkip: skip})
	return err
}

// goOn continues the rollback and notes how it ended.
func (a *Account) goOn(ctx context.Context, label, token string, skip ...string) error {
	if err := a.resume(ctx, token, skip...); err != nil {
		return fmt.Errorf("continue rollback: %w", err)
	}
	s, err := a.afterToken(ctx, a.prefix, token)
	if err == nil {
		a.Note(label, "status", s.StackStatus)
	}
	return err
}
