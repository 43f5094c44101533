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
// findings apart, where only DescribeEvents gives them, and what is wrong with a nested
// stack stands on that stack's own change set.
func failure(ctx context.Context, c api, out *cloudformation.DescribeChangeSetOutput) (string, error) {
	reason := aws.ToString(out.StatusReason)
	switch {
	case strings.Contains(reason, "AWS::EarlyValidation"):
		found, err := findings(ctx, c, out, true)
		if err != nil || len(found) > 0 {
			return strings.Join(found, "\n"), err
		}
	case strings.Contains(reason, "Nested change set"):
		why, err := nestedFailure(ctx, c, out)
		if err != nil || why != "" {
			return why, err
		}
	case strings.Contains(reason, "ChangeSet limit exceeded for stack"):
		reason += ": CloudFormation keeps a change set of a nested stack that does not change, and lets nobody delete it, until that stack" +
			" is updated; change something in its template, its description for example, and sync again" // copilot-cli 4426, 5614
	}
	return orUnsaid(reason), nil
}

// findings returns what early validation found, one line each. Without the right to ask,
// and in a region that does not know the call, there are none.
func findings(ctx context.Context, c stacks, out *cloudformation.DescribeChangeSetOutput, failed bool) ([]string, error) {
	in, found := &cloudformation.DescribeEventsInput{ChangeSetName: out.ChangeSetId}, []string(nil)
	if failed {
		in.Filters = &types.EventFilter{FailedEvents: aws.Bool(true)}
	}
	for {
		page, err := c.DescribeEvents(ctx, in)
		if hasCode(err, append(denials, codeValidation, codeInvalidAction)...) {
			return nil, nil
		}
		if err != nil {
			return nil, translate("describe events of change set "+aws.ToString(out.ChangeSetName), err)
		}
		for _, e := range page.OperationEvents {
			if e.EventType == types.EventTypeValidationError && e.ValidationStatus != types.ValidationStatusSkipped {
				found = append(found, finding(e))
			}
		}
		if aws.ToString(page.NextToken) == "" {
			return found, nil
		}
		in.NextToken = page.NextToken
	}
}

// finding returns one finding of early validation in one line: where, what, by which check,
// and that it keeps nothing from being applied where it is a warning.
func finding(e types.OperationEvent) string {
	where := aws.ToString(e.LogicalResourceId)
	if p := aws.ToString(e.ValidationPath); p != "" {
		where = strings.TrimSpace(where + " " + p)
	}
	check := aws.ToString(e.ValidationName)
	if e.ValidationFailureMode == types.HookFailureModeWarn {
		check = "warning of " + check
	}
	said := fmt.Sprintf("%s: %s (%s)", where, orUnsaid(aws.ToString(e.ValidationStatusReason)), check)
	if aws.ToString(e.ValidationName) == nameConflict {
		said += ": cloudformation.importExisting: true in driftless.yaml takes it into the stack"
	}
	return said
}

// nameConflict is the check that finds a resource of the same name outside of the stack, as
// DescribeEvents and the CDK CLI spell it.
const nameConflict = "NAME_CONFLICT_VALIDATION"

func orUnsaid(reason string) string {
	if reason == "" {
		return "AWS gives no reason"
	}
	return reason
}
