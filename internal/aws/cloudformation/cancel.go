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

// cancel removes a change set that is not to be executed, and the empty shell of a stack
// that a CREATE change set leaves. Two calls, five where there is a shell. A change set
// that is still being created cannot be deleted yet: an error, to be tried again.
func (e *Engine) cancel(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	c, err := e.deploy(ctx, w)
	if err != nil {
		return w.Operation, err
	}
	name, stack := changeSetOf(w)
	_, err = c.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: name, StackName: stack})
	switch {
	case noStack(err):
		return w.Operation, nil
	case hasCode(err, codeWrongStatus):
		return w.Operation, undeletable(ctx, c, w, err)
	case err != nil && !hasCode(err, codeNoChangeSet):
		return w.Operation, translate("delete change set "+w.Operation.Token, err)
	}
	return w.Operation, removeShell(ctx, c, w)
}

// undeletable returns nil where AWS refuses to delete a change set because it was executed:
// then there is nothing left to cancel.
func undeletable(ctx context.Context, c changeSets, w reconcile.Work, refusal error) error {
	out, err := describeChangeSet(ctx, c, w)
	if hasCode(err, codeNoChangeSet) || noStack(err) {
		return nil
	}
	if err != nil {
		return translate("describe change set "+w.Operation.Token, err)
	}
	if judge(out) == changeSetExecuted {
		return nil
	}
	return fmt.Errorf("delete change set %s: not yet, it is %s: %w", w.Operation.Token, out.Status, refusal)
}

// removeShell deletes a stack in REVIEW_IN_PROGRESS on which no change set stands any
// more. It holds nothing and never did. Where the deploy role may not delete stacks, the
// shell stays: the next creation takes it over.
func removeShell(ctx context.Context, c api, w reconcile.Work) error {
	s, found, err := describe(ctx, c, stackOf(w))
	if err != nil {
		return err
	}
	if !found || s.StackStatus != types.StackStatusReviewInProgress {
		return nil
	}
	sets, err := c.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: s.StackId})
	if noStack(err) {
		return nil
	}
	if err != nil {
		return translate("list change sets of stack "+aws.ToString(s.StackName), err)
	}
	for _, set := range sets.Summaries {
		// With nested stacks the deletion takes its time, and the shell goes after it. One of the
		// same name that came too late would be waited for in vain: it is another one.
		own := aws.ToString(set.ChangeSetName) == w.Operation.Token && (w.Operation.ID == "" || aws.ToString(set.ChangeSetId) == w.Operation.ID)
		if own && set.Status != types.ChangeSetStatusDeleteFailed {
			return fmt.Errorf("delete change set %s: not yet, it is %s", w.Operation.Token, set.Status)
		}
	}
	if len(sets.Summaries) > 0 {
		return nil
	}
	// Once more, as late as can be: whoever was frozen since may find resources on it.
	if s, found, err = describe(ctx, c, aws.ToString(s.StackId)); err != nil || !found || s.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	_, err = c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: s.StackId})
	if err == nil || noStack(err) || hasCode(err, denials...) {
		return nil
	}
	return translate("delete empty stack "+aws.ToString(s.StackName), err)
}
