package cloudformation

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// describeChangeSet reads the change set's first page.
func describeChangeSet(ctx context.Context, c changeSets, w reconcile.Work) (*cloudformation.DescribeChangeSetOutput, error) {
	name, stack := changeSetOf(w)
	return c.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: name, StackName: stack, IncludePropertyValues: aws.Bool(true)})
}

// failure returns why a change set failed, what matters most first. CloudFormation's early
// validation keeps its findings apart, where only DescribeEvents gives them, and what is wrong
// with a nested stack stands on that stack's own change set.
func failure(ctx context.Context, c api, out *cloudformation.DescribeChangeSetOutput) ([]gitops.Cause, error) {
	reason := aws.ToString(out.StatusReason)
	switch {
	case strings.Contains(reason, "AWS::EarlyValidation"):
		found, err := findings(ctx, c, out, true)
		if err != nil || len(found) > 0 {
			return found, err
		}
	case strings.Contains(reason, "Nested change set"):
		why, err := nestedFailure(ctx, c, out)
		if err != nil || len(why) > 0 {
			return why, err
		}
	case strings.HasPrefix(reason, "Requires capabilities"): // of what a macro made: aws-samples/serverless-patterns 622
		reason += allow
	case strings.Contains(reason, "ChangeSet limit exceeded for stack"):
		reason += ": CloudFormation keeps a change set of a nested stack that does not change, and lets nobody delete it, until that stack" +
			" is updated; change something in its template, its description for example, and sync again" // copilot-cli 4426, 5614
	}
	return []gitops.Cause{{Reason: orUnsaid(reason)}}, nil
}

// findings returns what early validation found, mere warnings last. Without the right to ask,
// and in a region that does not know the call, there are none.
func findings(ctx context.Context, c stacks, out *cloudformation.DescribeChangeSetOutput, failed bool) ([]gitops.Cause, error) {
	in := &cloudformation.DescribeEventsInput{ChangeSetName: out.ChangeSetId}
	var found, warnings []gitops.Cause
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
			switch {
			case !isFinding(e):
			case e.ValidationFailureMode == types.HookFailureModeWarn:
				warnings = append(warnings, finding(e))
			default:
				found = append(found, finding(e))
			}
		}
		if aws.ToString(page.NextToken) == "" {
			return append(found, warnings...), nil
		}
		in.NextToken = page.NextToken
	}
}

// finding returns one finding of early validation: where, what, by which check, and that it
// keeps nothing from being applied where it is a warning.
func finding(e types.OperationEvent) gitops.Cause {
	check := severity(e.ValidationFailureMode) + aws.ToString(e.ValidationName)
	c := gitops.Cause{LogicalID: aws.ToString(e.LogicalResourceId), Type: aws.ToString(e.ResourceType), Path: aws.ToString(e.ValidationPath),
		Reason: fmt.Sprintf("%s (%s)", orUnsaid(aws.ToString(e.ValidationStatusReason)), check)}
	if aws.ToString(e.ValidationName) == nameConflict {
		c.Reason += ": importExisting: true in driftless.yaml takes it into the stack"
	}
	return c
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
