package cloudformation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// describe returns a stack by name or ARN, found false when it is certain that there is none.
func describe(ctx context.Context, c stacks, stack string) (s types.Stack, found bool, err error) {
	out, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(stack)})
	switch {
	case noStack(err):
		return s, false, nil
	case err != nil:
		return s, false, translate("describe stack "+stack, err)
	case len(out.Stacks) == 0:
		return s, false, nil
	}
	return out.Stacks[0], true, nil
}

// outputs returns the stack's outputs by name.
func outputs(s types.Stack) map[string]string {
	m := make(map[string]string, len(s.Outputs))
	for _, o := range s.Outputs {
		m[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return m
}

// unfit returns why nothing can be planned on a dead or stuck stack: the first resource
// that failed in its last operation, and what to do. It is for a person, but where the settings
// say that the stack is to be made anew, and it never was anything, it is for a recovery.
func unfit(ctx context.Context, c stacks, w reconcile.Work, stack types.Stack) error {
	s, why, err := stuckIn(ctx, c, w, stack)
	if err != nil {
		return err
	}
	reason := fmt.Sprintf("stack %s is in %s", w.Settings.CloudFormation.Stack, s.Status)
	if why != "" {
		reason += " (" + why + ")"
	}
	return &gitops.Refusal{Reason: reason + ": " + remedy(w, *s), Stuck: s,
		Blocked: footingOf(stack.StackStatus) == footingStuck || s.NeverComplete && w.Settings.Recover.Recreate}
}

// moved returns what a stack's state, in which AWS refuses an update, means for a plan or
// an apply: nothing while somebody works on it, a refusal where a person has to act, and
// otherwise the error as it is, since the stack is moving and the next look tells.
func moved(ctx context.Context, c stacks, w reconcile.Work, status types.StackStatus, err error) error {
	switch footingOf(status) {
	case footingBusy:
		return nil
	case footingDead, footingStuck:
		stack, found, unread := describe(ctx, c, w.Settings.CloudFormation.Stack)
		if unread != nil {
			return unread
		}
		if found && stack.StackStatus == status {
			return unfit(ctx, c, w, stack)
		}
	case footingUnknown:
		return fmt.Errorf("%w: %w", err, unknown("stack status", status))
	case footingCreate, footingUpdate:
	}
	return err
}

// otherRole returns why a stack whose role is another one is not touched, or "". A role
// sticks to a stack: whoever may update the stack acts with that role's rights, so a role
// that nobody configured is never used silently. A stack without one takes the configured.
func otherRole(s types.Stack, want string) string {
	has := aws.ToString(s.RoleARN)
	switch {
	case has == "" || has == want:
		return ""
	case want == "":
		return fmt.Sprintf("stack %s is bound to role %s, and no role is configured: name it under cloudformation.role in driftless.yaml",
			aws.ToString(s.StackName), has)
	}
	return fmt.Sprintf("stack %s is bound to role %s, but %s is configured: a stack keeps its role, so name that one under cloudformation.role in driftless.yaml, or have somebody with the right to both roles update the stack once",
		aws.ToString(s.StackName), has, want)
}
