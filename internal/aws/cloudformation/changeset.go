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
	case strings.HasPrefix(reason, "Requires capabilities"): // of what a macro made: aws-samples/serverless-patterns 622
		reason += allow
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
			if isFinding(e) {
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
	check := severity(e.ValidationFailureMode) + aws.ToString(e.ValidationName)
	said := fmt.Sprintf("%s: %s (%s)", where, orUnsaid(aws.ToString(e.ValidationStatusReason)), check)
	if aws.ToString(e.ValidationName) == nameConflict {
		said += ": importExisting: true in driftless.yaml takes it into the stack"
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
