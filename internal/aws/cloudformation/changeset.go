package cloudformation

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// changeSetState is what the two statuses of a change set mean together.
type changeSetState string

const (
	changeSetPending   changeSetState = "pending"
	changeSetReady     changeSetState = "ready"
	changeSetEmpty     changeSetState = "empty" // nothing to do
	changeSetFailed    changeSetState = "failed"
	changeSetExecuting changeSetState = "executing"
	changeSetExecuted  changeSetState = "executed"
	changeSetObsolete  changeSetState = "obsolete"
	changeSetDeleted   changeSetState = "deleted"
	changeSetUnknown   changeSetState = "unknown" // a status that this version does not know
)

// judge is the table of every status of a change set.
func judge(out *cloudformation.DescribeChangeSetOutput) changeSetState {
	switch out.Status {
	case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
		return changeSetPending
	case types.ChangeSetStatusCreateComplete:
		return judgeExecution(out.ExecutionStatus)
	case types.ChangeSetStatusDeletePending, types.ChangeSetStatusDeleteInProgress,
		types.ChangeSetStatusDeleteComplete, types.ChangeSetStatusDeleteFailed:
		return changeSetDeleted
	case types.ChangeSetStatusFailed:
		if empty(aws.ToString(out.StatusReason)) {
			return changeSetEmpty
		}
		return changeSetFailed
	}
	return changeSetUnknown
}

// judgeExecution is the table of every execution status of a change set that was created.
func judgeExecution(s types.ExecutionStatus) changeSetState {
	switch s {
	case types.ExecutionStatusUnavailable:
		return changeSetPending
	case types.ExecutionStatusAvailable:
		return changeSetReady
	case types.ExecutionStatusExecuteInProgress:
		return changeSetExecuting
	case types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return changeSetExecuted
	case types.ExecutionStatusObsolete:
		return changeSetObsolete
	}
	return changeSetUnknown
}

// noChanges are the reasons by which AWS says that there is nothing to do, the second one
// where a transform is in the template (CDK CLI, changeSetHasNoChanges). An empty list of
// changes says nothing: a change of outputs alone is executable and has one.
var noChanges = []string{
	"The submitted information didn't contain changes.",
	"No updates are to be performed",
}

func empty(reason string) bool {
	for _, r := range noChanges {
		if strings.HasPrefix(reason, r) {
			return true
		}
	}
	return false
}

// describeChangeSet reads the change set's first page.
func describeChangeSet(ctx context.Context, c changeSets, w reconcile.Work) (*cloudformation.DescribeChangeSetOutput, error) {
	name, stack := changeSetOf(w)
	return c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: name, StackName: stack, IncludePropertyValues: aws.Bool(true)})
}

// failure returns why a change set failed. CloudFormation's early validation keeps its
// findings apart, where only DescribeEvents gives them.
func failure(ctx context.Context, c stacks, out *cloudformation.DescribeChangeSetOutput) (string, error) {
	reason := aws.ToString(out.StatusReason)
	if !strings.Contains(reason, "AWS::EarlyValidation") {
		return orUnsaid(reason), nil
	}
	in, found := &cloudformation.DescribeEventsInput{
		ChangeSetName: out.ChangeSetId,
		Filters:       &types.EventFilter{FailedEvents: aws.Bool(true)},
	}, []string(nil)
	for {
		page, err := c.DescribeEvents(ctx, in)
		if hasCode(err, append(denials, codeValidation)...) {
			return reason, nil // the reason alone is better than none
		}
		if err != nil {
			return "", translate("describe events of change set "+aws.ToString(out.ChangeSetName), err)
		}
		for _, e := range page.OperationEvents {
			if e.EventType == types.EventTypeValidationError {
				found = append(found, finding(e))
			}
		}
		if aws.ToString(page.NextToken) == "" {
			break
		}
		in.NextToken = page.NextToken
	}
	if len(found) == 0 {
		return reason, nil
	}
	return strings.Join(found, "\n"), nil
}

// finding returns one finding of early validation in one line: where, what, by which check.
func finding(e types.OperationEvent) string {
	where := aws.ToString(e.LogicalResourceId)
	if p := aws.ToString(e.ValidationPath); p != "" {
		where = strings.TrimSpace(where + " " + p)
	}
	return fmt.Sprintf("%s: %s (%s)", where, orUnsaid(aws.ToString(e.ValidationStatusReason)), aws.ToString(e.ValidationName))
}

func orUnsaid(reason string) string {
	if reason == "" {
		return "AWS gives no reason"
	}
	return reason
}
