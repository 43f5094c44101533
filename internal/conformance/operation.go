package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// unmakeable is a property that SQS refuses and CloudFormation only hands on: a message is
// of 1,024 bytes or more (SQS API reference, CreateQueue).
const unmakeable = "MaximumMessageSize: 1"

// operations are what becomes of stacks whose operations fail.
func operations() []Expectation {
	return []Expectation{
		{Name: "cfn-create-fails", Makes: oneQueue + ", whose creation fails", Source: guide + "troubleshooting.html", Calls: createFails,
			Says: "a creation that fails is rolled back; the stack then takes no update and is only deleted",
			Answers: []string{
				"executed: status=ROLLBACK_COMPLETE",
				"events: statuses=[CREATE_IN_PROGRESS ROLLBACK_IN_PROGRESS ROLLBACK_COMPLETE]",
				"resource: status=CREATE_FAILED says why=true",
				"UPDATE change set: error=ValidationError Stack:arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/UUID is in ROLLBACK_COMPLETE state and can not be updated.",
				"drift: code=ValidationError",
				"deleted: there=false",
			}},
		{Name: "cfn-update-fails", Makes: oneQueue + ", to which a second cannot be added", Source: guide + "using-cfn-stack-update-behaviors.html", Calls: updateFails,
			Says: "an update that fails is rolled back, and the stack can be updated again",
			Answers: []string{
				"executed: status=UPDATE_ROLLBACK_COMPLETE",
				"events: statuses=[UPDATE_IN_PROGRESS UPDATE_ROLLBACK_IN_PROGRESS UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_ROLLBACK_COMPLETE]",
				"resource: status=CREATE_FAILED says why=true",
				"again: status=UPDATE_COMPLETE",
			}},
		{Name: "cfn-protected", Makes: oneQueue, Source: guide + "using-cfn-protect-stacks.html", Calls: protected,
			Says: "a stack that is protected from deletion is not deleted",
			Answers: []string{
				"DeleteStack: code=ValidationError says TerminationProtection=true",
				"stack: status=CREATE_COMPLETE",
			}},
		{Name: "cfn-shell", Makes: "the shell of a stack", Source: guide + "using-cfn-updating-stacks-changesets-delete.html", Calls: shell,
			Says: "the shell of a CREATE change set outlives it, takes another one, and can be deleted",
			Answers: []string{
				"change set deleted: stack=REVIEW_IN_PROGRESS",
				"another: status=CREATE_COMPLETE execution=AVAILABLE",
				"deleted: there=false",
			}},
	}
}

// noteFailure notes the first resource that failed.
func (a *Account) noteFailure(ctx context.Context, stack string) error {
	out, err := a.stacks.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(stack)})
	if err != nil {
		return fmt.Errorf("describe events: %w", err)
	}
	for i := len(out.StackEvents) - 1; i >= 0; i-- {
		e := out.StackEvents[i]
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && aws.ToString(e.PhysicalResourceId) != aws.ToString(e.StackId) {
			a.Note("resource", "status", e.ResourceStatus, "says why", strings.Contains(aws.ToString(e.ResourceStatusReason), "MaximumMessageSize"))
			return nil
		}
	}
	a.Note("resource", "status", "none failed")
	return nil
}

func createFails(ctx context.Context, a *Account) error {
	set, err := a.changeSet(ctx, request(a.stack(), "first", types.ChangeSetTypeCreate, queueTemplate(unmakeable)))
	if err != nil {
		return err
	}
	s, err := a.execute(ctx, set, "go")
	if err != nil {
		return err
	}
	a.Note("executed", "status", s.StackStatus)
	if err = a.noteHistory(ctx, "go"); err != nil {
		return err
	}
	if err = a.noteFailure(ctx, aws.ToString(s.StackId)); err != nil {
		return err
	}
	_, err = a.stacks.CreateChangeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 30")))
	a.Note("UPDATE change set", "error", err)
	_, err = a.stacks.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: s.StackId})
	a.Note("drift", "code", err)
	return a.noteDeletion(ctx)
}

func (a *Account) noteDeletion(ctx context.Context) error {
	if err := a.deleteStack(ctx, a.prefix); err != nil {
		return err
	}
	s, err := a.describe(ctx, a.prefix)
	a.Note("deleted", "there", s != nil)
	return err
}

func updateFails(ctx context.Context, a *Account) error {
	if _, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30")); err != nil {
		return err
	}
	more := strings.Replace(queueTemplate("VisibilityTimeout: 60"), "Outputs:", "  Bad:\n    Type: AWS::SQS::Queue\n    Properties:\n      "+unmakeable+"\nOutputs:", 1)
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, more))
	if err != nil {
		return err
	}
	s, err := a.execute(ctx, set, "go")
	if err != nil {
		return err
	}
	a.Note("executed", "status", s.StackStatus)
	if err = a.noteHistory(ctx, "go"); err != nil {
		return err
	}
	if err = a.noteFailure(ctx, aws.ToString(s.StackId)); err != nil {
		return err
	}
	if set, err = a.changeSet(ctx, request(a.prefix, "third", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 60"))); err != nil {
		return err
	}
	if s, err = a.execute(ctx, set, "go-again"); err != nil {
		return err
	}
	a.Note("again", "status", s.StackStatus)
	return nil
}

func protected(ctx context.Context, a *Account) error {
	s, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30"))
	if err != nil {
		return err
	}
	if _, err = a.stacks.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: s.StackId, EnableTerminationProtection: aws.Bool(true)}); err != nil {
		return err
	}
	_, err = a.stacks.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: s.StackId})
	a.Note("DeleteStack", "code", err, "says TerminationProtection", err != nil && strings.Contains(messageOf(err), "TerminationProtection"))
	if s, err = a.describe(ctx, a.prefix); err != nil {
		return err
	}
	a.Note("stack", "status", s.StackStatus)
	return nil
}

func shell(ctx context.Context, a *Account) error {
	set, err := a.changeSet(ctx, request(a.stack(), "first", types.ChangeSetTypeCreate, queueTemplate("VisibilityTimeout: 30")))
	if err != nil {
		return err
	}
	if _, err = a.stacks.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.ChangeSetId}); err != nil {
		return err
	}
	s, err := a.describe(ctx, a.prefix)
	if err != nil {
		return err
	}
	a.Note("change set deleted", "stack", s.StackStatus)
	if set, err = a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeCreate, queueTemplate("VisibilityTimeout: 60"))); err != nil {
		return err
	}
	a.Note("another", "status", set.Status, "execution", set.ExecutionStatus)
	return a.noteDeletion(ctx)
}
