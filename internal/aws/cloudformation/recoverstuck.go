package cloudformation

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// stuckIn returns what there is to know of a stack that takes no update: why its last
// operation failed, and what decides what can be done about it. Two calls, and one for each
// further page of its resources or events, and each nested stack that could not be rolled back.
func stuckIn(ctx context.Context, c stacks, w reconcile.Work, stack types.Stack) (s *gitops.Stuck, why string, err error) {
	name := aws.ToString(stack.StackId)
	if name == "" {
		name = w.Settings.CloudFormation.Stack
	}
	h, err := lastOperation(ctx, c, name)
	if err != nil {
		return nil, "", err
	}
	if _, why, err = reasons(ctx, c, h.events, stack.StackStatus); err != nil {
		return nil, "", err
	}
	s, err = stuck(ctx, c, name, stack)
	return s, why, err
}

// stuck is stuckIn without the cause.
func stuck(ctx context.Context, c stacks, name string, stack types.Stack) (*gitops.Stuck, error) {
	s := &gitops.Stuck{Status: string(stack.StackStatus), Protected: aws.ToBool(stack.EnableTerminationProtection)}
	var err error
	switch meaningOf(stack.StackStatus).way {
	case wayContinue:
		s.Resources, err = skippable(ctx, c, name, "")
	case wayDelete:
		var l life
		l, err = lifeOf(ctx, c, name)
		s.NeverComplete = l.neverComplete
	case wayRollback, wayPerson:
	}
	return s, err
}

// skippable returns the resources that a rollback could leave as they are, in the form that
// ContinueUpdateRollback takes: by logical id, and of a nested stack, however deep it is, by
// that stack's own name, a dot and the logical id. They are those that failed because of the
// rollback and not because of another one. A nested stack itself can be left only once it was
// deleted, or that failed (API reference, ResourcesToSkip; user guide, "Continue rolling back
// an update"). Without the right to look there are none.
func skippable(ctx context.Context, c stacks, stack, prefix string) ([]string, error) {
	resources, err := resourcesOf(ctx, c, stack)
	if hasCode(err, denials...) || noStack(err) {
		return nil, nil
	}
	if err != nil {
		return nil, translate("list resources of stack "+stack, err)
	}
	var all []string
	for _, r := range resources {
		if r.ResourceStatus != types.ResourceStatusUpdateFailed || givenUp(aws.ToString(r.ResourceStatusReason)) {
			continue
		}
		inner := ""
		if aws.ToString(r.ResourceType) == gitops.TypeNestedStack {
			if inner, err = standingStack(ctx, c, aws.ToString(r.PhysicalResourceId)); err != nil {
				return nil, err
			}
		}
		if inner == "" {
			all = append(all, prefix+aws.ToString(r.LogicalResourceId))
			continue
		}
		below, err := skippable(ctx, c, aws.ToString(r.PhysicalResourceId), inner+".")
		if err != nil {
			return nil, err
		}
		all = append(all, below...)
	}
	return all, nil
}

// standingStack returns the name of a nested stack whose resources have to be rolled back one
// by one; "" for one that is deleted, or was to be.
func standingStack(ctx context.Context, c stacks, arn string) (name string, err error) {
	s, found, err := describe(ctx, c, arn)
	if err != nil || !found || strings.HasPrefix(string(s.StackStatus), "DELETE_") {
		return "", err
	}
	return aws.ToString(s.StackName), nil
}

// life is what a stack's events tell of all that it ever was.
type life struct {
	neverComplete bool            // they go back to its creation, and it never was complete
	token         string          // of the operation that created it; only where it never was complete
	imported      map[string]bool // resources that were there before it
}

// lifeOf reads a stack's events to the first one. A stack that was complete once is known by
// the newest such event, so that the rest is not read. Nobody promises that events are kept
// forever: where the creation's is not among them, nothing is known of what came before.
func lifeOf(ctx context.Context, c stacks, stack string) (life, error) {
	l, begun, complete := life{imported: map[string]bool{}}, false, false
	err := backwards(ctx, c, stack, func(e types.StackEvent) bool {
		switch {
		case !ofStack(e):
			if strings.HasPrefix(string(e.ResourceStatus), "IMPORT_") {
				l.imported[aws.ToString(e.LogicalResourceId)] = true
			}
		case footingOf(statusOf(e)) == footingUpdate, updated(statusOf(e)):
			complete = true
		case statusOf(e) == types.StackStatusCreateInProgress:
			begun, l.token = true, aws.ToString(e.ClientRequestToken)
		}
		return complete
	})
	switch {
	case noStack(err), err == nil && complete:
		return life{}, nil
	case err != nil:
		return life{}, translate("describe events of stack "+stack, err)
	}
	l.neverComplete = begun
	return l, nil
}
