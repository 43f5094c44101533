package conformance

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// The pages that the expectations of CloudFormation are taken from.
const (
	guide     = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/"
	reference = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/"
)

const oneQueue = "a stack of one SQS queue"

func changeSets() []Expectation {
	return []Expectation{
		{Name: "cfn-create", Makes: oneQueue, Source: guide + "using-cfn-updating-stacks-changesets-create.html", Calls: creation,
			Says: "a CREATE change set leaves a stack in REVIEW_IN_PROGRESS; executing it makes the stack, and its events carry the token",
			Answers: []string{
				"change set: status=CREATE_COMPLETE execution=AVAILABLE",
				"change: action=Add id=Queue type=AWS::SQS::Queue replacement=",
				"stack: status=REVIEW_IN_PROGRESS",
				"executed: status=CREATE_COMPLETE outputs=Name=NAME",
				"events: statuses=[CREATE_IN_PROGRESS CREATE_COMPLETE]",
			}},
		{Name: "cfn-update", Makes: oneQueue, Source: reference + "API_ResourceChange.html", Calls: change,
			Says: "a change of a property is one Modify with its values before and after; the update ends with a clean-up",
			Answers: []string{
				"change set: status=CREATE_COMPLETE execution=AVAILABLE",
				"change: action=Modify id=Queue type=AWS::SQS::Queue replacement=False",
				"property: path=/Properties/VisibilityTimeout before=30 after=60 recreates=Never",
				"events: statuses=[UPDATE_IN_PROGRESS UPDATE_COMPLETE_CLEANUP_IN_PROGRESS UPDATE_COMPLETE]",
			}},
		{Name: "cfn-no-changes", Makes: oneQueue, Source: "https://github.com/aws/aws-cdk-cli/blob/main/packages/%40aws-cdk/toolkit-lib/lib/api/deployments/cfn-api.ts", Calls: noChanges,
			Says: "a change set that changes nothing is FAILED and cannot be executed; UpdateStack is refused in other words",
			Answers: []string{
				"change set: status=FAILED execution=UNAVAILABLE reason=The submitted information didn't contain changes. Submit different information to create a change set.",
				"execution: code=InvalidChangeSetStatus",
				"UpdateStack: error=ValidationError No updates are to be performed.",
			}},
		{Name: "cfn-output-alone", Makes: oneQueue, Source: guide + "using-cfn-updating-stacks-changesets-view.html", Calls: outputAlone,
			Says: "a change of outputs alone lists no change and can be executed",
			Answers: []string{
				"change set: status=CREATE_COMPLETE execution=AVAILABLE changes=0",
				"executed: status=UPDATE_COMPLETE outputs=Name=NAME,Other=1",
			}},
		{Name: "cfn-same-token", Makes: oneQueue, Source: reference + "API_CreateChangeSet.html", Calls: sameToken,
			Says: "the same request under the same token finds the change set that is there; another one of that name is refused",
			Answers: []string{
				"again: the same=true",
				"another template: code=AlreadyExistsException",
			}},
		{Name: "cfn-executed-once", Makes: oneQueue, Source: reference + "API_ExecuteChangeSet.html", Calls: executedOnce,
			Says: "executing takes the stack's other change sets away, and what was executed cannot be executed again",
			Answers: []string{
				"the other: code=ChangeSetNotFound",
				"again: code=InvalidChangeSetStatus",
			}},
		{Name: "cfn-obsolete", Makes: oneQueue, Source: reference + "API_DescribeChangeSet.html", Calls: obsolete,
			Says: "a change set on a stack that was updated otherwise meanwhile is OBSOLETE and cannot be executed",
			Answers: []string{
				"change set: status=CREATE_COMPLETE execution=OBSOLETE",
				"execution: code=InvalidChangeSetStatus",
			}},
	}
}

// noteSet notes a change set and its changes.
func (a *Account) noteSet(set *cloudformation.DescribeChangeSetOutput) {
	a.Note("change set", "status", set.Status, "execution", set.ExecutionStatus)
	for _, c := range set.Changes {
		r := c.ResourceChange
		a.Note("change", "action", r.Action, "id", r.LogicalResourceId, "type", r.ResourceType, "replacement", r.Replacement)
		for _, d := range r.Details {
			if d.Target == nil || d.Target.Path == nil || d.Target.BeforeValue == nil {
				continue // without values: nothing was there before
			}
			a.Note("property", "path", d.Target.Path, "before", d.Target.BeforeValue, "after", d.Target.AfterValue,
				"recreates", d.Target.RequiresRecreation)
		}
	}
}

func outputs(s *types.Stack) string {
	text := ""
	for i, o := range s.Outputs {
		if i > 0 {
			text += ","
		}
		text += aws.ToString(o.OutputKey) + "=" + aws.ToString(o.OutputValue)
	}
	return text
}

func creation(ctx context.Context, a *Account) error {
	set, err := a.changeSet(ctx, request(a.stack(), "first", types.ChangeSetTypeCreate, queueTemplate("VisibilityTimeout: 30")))
	if err != nil {
		return err
	}
	a.noteSet(set)
	s, err := a.describe(ctx, a.prefix)
	if err != nil {
		return err
	}
	a.Note("stack", "status", s.StackStatus)
	if s, err = a.execute(ctx, set, "go"); err != nil {
		return err
	}
	a.Note("executed", "status", s.StackStatus, "outputs", outputs(s))
	return a.noteHistory(ctx, "go")
}

func (a *Account) noteHistory(ctx context.Context, token string) error {
	seen, err := a.history(ctx, a.prefix, token)
	a.Note("events", "statuses", seen)
	return err
}

func change(ctx context.Context, a *Account) error {
	if _, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30")); err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 60")))
	if err != nil {
		return err
	}
	a.noteSet(set)
	if _, err = a.execute(ctx, set, "go"); err != nil {
		return err
	}
	return a.noteHistory(ctx, "go")
}

func noChanges(ctx context.Context, a *Account) error {
	template := queueTemplate("VisibilityTimeout: 30")
	if _, err := a.make(ctx, template); err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, template))
	if err != nil {
		return err
	}
	a.Note("change set", "status", set.Status, "execution", set.ExecutionStatus, "reason", set.StatusReason)
	_, err = a.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	a.Note("execution", "code", err)
	_, err = a.stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: set.StackId, TemplateBody: aws.String(template)})
	a.Note("UpdateStack", "error", err)
	return nil
}

func outputAlone(ctx context.Context, a *Account) error {
	template := queueTemplate("VisibilityTimeout: 30")
	if _, err := a.make(ctx, template); err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, template+"  Other: {Value: '1'}\n"))
	if err != nil {
		return err
	}
	a.Note("change set", "status", set.Status, "execution", set.ExecutionStatus, "changes", len(set.Changes))
	s, err := a.execute(ctx, set, "go")
	if err != nil {
		return err
	}
	a.Note("executed", "status", s.StackStatus, "outputs", outputs(s))
	return nil
}

func sameToken(ctx context.Context, a *Account) error {
	in := request(a.stack(), "first", types.ChangeSetTypeCreate, queueTemplate("VisibilityTimeout: 30"))
	set, err := a.changeSet(ctx, in)
	if err != nil {
		return err
	}
	again, err := a.stacks.CreateChangeSet(ctx, in)
	if err != nil {
		a.Note("again", "code", err)
	} else {
		a.Note("again", "the same", aws.ToString(again.Id) == aws.ToString(set.ChangeSetId))
	}
	other := request(a.prefix, "first", types.ChangeSetTypeCreate, queueTemplate("VisibilityTimeout: 60"))
	other.ClientToken = aws.String("another")
	_, err = a.stacks.CreateChangeSet(ctx, other)
	a.Note("another template", "code", err)
	return nil
}

func executedOnce(ctx context.Context, a *Account) error {
	if _, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30")); err != nil {
		return err
	}
	other, err := a.changeSet(ctx, request(a.prefix, "other", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 45")))
	if err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 60")))
	if err != nil {
		return err
	}
	if _, err = a.execute(ctx, set, "go"); err != nil {
		return err
	}
	_, err = a.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: other.ChangeSetId})
	a.Note("the other", "code", err)
	_, err = a.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	a.Note("again", "code", err)
	return nil
}

func obsolete(ctx context.Context, a *Account) error {
	if _, err := a.make(ctx, queueTemplate("VisibilityTimeout: 30")); err != nil {
		return err
	}
	set, err := a.changeSet(ctx, request(a.prefix, "second", types.ChangeSetTypeUpdate, queueTemplate("VisibilityTimeout: 60")))
	if err != nil {
		return err
	}
	if _, err = a.stacks.UpdateStack(ctx, &cloudformation.UpdateStackInput{StackName: set.StackId, ClientRequestToken: aws.String("theirs"),
		TemplateBody: aws.String(queueTemplate("VisibilityTimeout: 45"))}); err != nil {
		return err
	}
	if _, err = a.afterToken(ctx, aws.ToString(set.StackId), "theirs"); err != nil {
		return err
	}
	found, err := a.stacks.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId})
	if err != nil {
		a.Note("change set", "code", err)
	} else {
		a.Note("change set", "status", found.Status, "execution", found.ExecutionStatus)
	}
	_, err = a.stacks.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: set.ChangeSetId})
	a.Note("execution", "code", err)
	return nil
}
