package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// firstFailure returns the first resource that failed, or nil, and the stack's own reason.
// Once one fails, CloudFormation fails those still under way with "Resource creation
// cancelled", which says nothing.
func firstFailure(events []types.StackEvent) (first *types.StackEvent, own string) {
	for _, e := range events {
		reason := aws.ToString(e.ResourceStatusReason)
		if ofStack(e) {
			if own == "" && meaningOf(statusOf(e)).failing {
				own = reason
			}
			continue
		}
		if stageOf(e.ResourceStatus) == stageFailed && !givenUp(reason) {
			return &e, own
		}
	}
	return nil, own
}

// givenUp reports whether a resource failed for nothing but that another one had:
// "Resource creation cancelled", "Resource update cancelled".
func givenUp(reason string) bool {
	return strings.HasPrefix(reason, "Resource ") && strings.Contains(reason, "cancelled")
}

// cause returns why an operation failed: the first resource that failed and its reason, and
// where that is a nested stack, the first in there, since the parent's event says only that
// the nested one was not successful. Of the nested stack's events, those since the parent's
// operation began count. Nil where nothing says why.
func cause(ctx context.Context, c stacks, events []types.StackEvent) (*gitops.Cause, error) {
	first, own := firstFailure(events)
	if first == nil {
		if own == "" {
			return nil, nil
		}
		return &gitops.Cause{Reason: own}, nil
	}
	id, nested := aws.ToString(first.LogicalResourceId), aws.ToString(first.PhysicalResourceId)
	if aws.ToString(first.ResourceType) == gitops.TypeNestedStack && strings.HasPrefix(nested, "arn:") && nested != aws.ToString(first.StackId) {
		since := aws.ToTime(events[0].Timestamp)
		h, err := scan(ctx, c, nested, since, func(e types.StackEvent) bool { return !aws.ToTime(e.Timestamp).Before(since) })
		if err != nil && !noStack(err) {
			return nil, translate("describe events of nested stack "+id, err)
		}
		inner, err := cause(ctx, c, h.events)
		if err != nil || inner != nil {
			return within(id, inner), err
		}
	}
	return &gitops.Cause{LogicalID: id, Type: aws.ToString(first.ResourceType), Status: string(first.ResourceStatus),
		Reason: orUnsaid(aws.ToString(first.ResourceStatusReason))}, nil
}

// reasons returns the cause, and in one line with it why the rollback failed as well, where that
// is what the stack is stuck in: what has to be mended is that.
func reasons(ctx context.Context, c stacks, events []types.StackEvent, at types.StackStatus) (*gitops.Cause, string, error) {
	first, err := cause(ctx, c, events)
	if err != nil || meaningOf(at).way != wayContinue {
		return first, line(first), err
	}
	back := slices.IndexFunc(events, func(e types.StackEvent) bool {
		return ofStack(e) && statusOf(e) == types.StackStatusUpdateRollbackInProgress
	})
	if back <= 0 { // the operation is a rollback itself
		return first, line(first), nil
	}
	second, err := cause(ctx, c, events[back:])
	if err != nil || second == nil || second.LogicalID == "" {
		return first, line(first), err
	}
	return first, orUnsaid(line(first)) + "; rolling back: " + line(second), nil
}

// within returns a cause as one in a nested stack, by the logical id that this one has.
func within(id string, c *gitops.Cause) *gitops.Cause {
	if c != nil {
		c.Nested = strings.Trim(id+"/"+c.Nested, "/")
	}
	return c
}

// line returns a cause in one line, "" for none: where, what, and AWS's own reason.
func line(c *gitops.Cause) string {
	if c == nil {
		return ""
	}
	if c.Path != "" {
		return gitops.Cause{Nested: c.Nested, Reason: strings.TrimSpace(c.LogicalID+" "+c.Path) + ": " + c.Reason}.String()
	}
	return c.String()
}

// everyLine returns causes, one a line.
func everyLine(all []gitops.Cause) string {
	var text []string
	for _, c := range all {
		text = append(text, line(&c))
	}
	return strings.Join(text, "\n")
}
