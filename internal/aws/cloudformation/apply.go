package cloudformation

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// startApply executes the change set: one call. Where AWS says that it cannot be executed
// as things stand, because it was already or because somebody else works on the stack,
// nothing is concluded here: Observe tells which. A stack that takes no update until a
// person acts is a refusal.
func (e *Engine) startApply(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	c, err := e.deploy(ctx, w)
	if err != nil {
		return w.Operation, err
	}
	name, stack := changeSetOf(w)
	_, err = c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName:      name,
		StackName:          stack,
		ClientRequestToken: aws.String(w.Operation.Token),
		// Sent although it looks like the default: the API reference says "Default: True".
		DisableRollback: aws.Bool(false),
	})
	if err == nil || noStack(err) || hasCode(err, codeWrongStatus, codeTokenExists, codeNoChangeSet) {
		return w.Operation, nil
	}
	doing := "execute change set for stack " + w.Settings.CloudFormation.Stack
	if status, wrong := wrongState(err); wrong {
		return w.Operation, moved(ctx, c, w, status, translate(doing, err))
	}
	if r, ok := refused(doing, err); ok {
		return w.Operation, r
	}
	return w.Operation, translate(doing, err)
}

// clockSlack is by how much Driftless's clock and AWS's may differ: events are looked
// through that far before the intent was saved.
const clockSlack = time.Hour

// observeApply looks for the token in the stack's events (design, decision 15): one call
// while it runs, two once it ended well, and for one that never began a second one.
func (e *Engine) observeApply(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	c, err := e.deploy(ctx, w)
	if err != nil {
		return gitops.Sighting{}, err
	}
	s := gitops.Sighting{Operation: w.Operation}
	h, err := operation(ctx, c, stackOf(w), w.Operation.Token, w.Operation.At.Add(-clockSlack))
	switch {
	case noStack(err):
		return disappeared(s, w), nil
	case err != nil:
		return gitops.Sighting{}, translate("describe events of stack "+stackOf(w), err)
	case len(h.events) == 0 && h.latest == types.StackStatusDeleteComplete && h.shell:
		s.State, s.Reason = gitops.OperationStale, "the empty stack that it was planned on is gone, and nothing was executed"
		return s, nil
	case len(h.events) == 0 && h.latest == types.StackStatusDeleteComplete:
		return disappeared(s, w), nil
	case len(h.events) == 0:
		s, err := notExecuted(ctx, c, w, h)
		if err != nil || s.State != gitops.OperationStale {
			return s, err
		}
		return executedMeanwhile(ctx, c, w, s)
	}
	s.Operation.StackID = h.stack
	at := status(h.events)
	if !h.ended {
		if at != "" && endingOf(at) == endingUnknown { // "" on a page of resources alone
			return gitops.Sighting{}, unknownStack("follow the operation on stack "+stackOf(w), at)
		}
		s.State, s.Progress = gitops.OperationRunning, progress(h.events)
		if at == types.StackStatusDeleteInProgress {
			s.State, s.Reason = gitops.OperationForeign, "somebody is deleting stack "+w.Settings.CloudFormation.Stack
		}
		return s, nil
	}
	return ended(ctx, c, w, s, h, at)
}

// executedMeanwhile looks at the events once more before an execution counts as never begun:
// one may have begun and ended between the look at them and the look at the change set.
func executedMeanwhile(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting) (gitops.Sighting, error) {
	h, err := operation(ctx, c, stackOf(w), w.Operation.Token, w.Operation.At.Add(-clockSlack))
	if err != nil && !noStack(err) {
		return gitops.Sighting{}, translate("describe events of stack "+stackOf(w), err)
	}
	if len(h.events) > 0 {
		s.State, s.Reason, s.Progress = gitops.OperationRunning, "", "it was executed just now"
	}
	return s, nil
}

// ended returns how an operation ended, judged by its own last event.
func ended(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting, h history, at types.StackStatus) (gitops.Sighting, error) {
	switch endingOf(at) {
	case endingDone:
		stack, found, err := describe(ctx, c, h.stack)
		if err != nil {
			return gitops.Sighting{}, err
		}
		if !found || stack.StackStatus == types.StackStatusDeleteComplete {
			return disappeared(s, w), nil
		}
		s.State, s.Outputs, s.At = gitops.OperationDone, outputs(stack), aws.ToTime(h.events[len(h.events)-1].Timestamp)
		return s, nil
	case endingRolledBack, endingStuck:
		return endedBadly(ctx, c, w, s, h, at)
	case endingGone:
		return disappeared(s, w), nil
	case endingNone, endingUnknown:
	}
	return s, fmt.Errorf("judge stack %s: %s is no end", w.Settings.CloudFormation.Stack, at)
}

// endedBadly returns why an operation failed, and what its stack is stuck in, if it is. A stack
// whose creation was rolled back is the failure's: the next plan finds it there.
func endedBadly(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting, h history, at types.StackStatus) (gitops.Sighting, error) {
	first, why, err := reasons(ctx, c, h.events, at)
	if err != nil {
		return gitops.Sighting{}, err
	}
	why = orUnsaid(why)
	s.Cause, s.State, s.Reason = first, gitops.OperationFailed, fmt.Sprintf("%s; rolled back to what was before (%s)", why, at)
	if footingOf(at) == footingUpdate {
		return s, nil
	}
	stack, found, err := describe(ctx, c, h.stack)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if !found {
		return disappeared(s, w), nil
	}
	stack.StackStatus = at // the operation's own end, whatever somebody did since
	if s.Stuck, err = stuck(ctx, c, h.stack, stack); err != nil {
		return gitops.Sighting{}, err
	}
	how := remedy(w, *s.Stuck)
	if endingOf(at) == endingRolledBack {
		s.Reason = fmt.Sprintf("%s; rolled back (%s): %s", why, at, how)
		return s, nil
	}
	s.State, s.Reason = gitops.OperationBlocked, fmt.Sprintf("%s; stack %s is in %s: %s", why, w.Settings.CloudFormation.Stack, at, how)
	return s, nil
}

func disappeared(s gitops.Sighting, w reconcile.Work) gitops.Sighting {
	s.State = gitops.OperationFailed
	s.Reason = fmt.Sprintf("stack %s disappeared while it was deployed: sync makes it anew", w.Settings.CloudFormation.Stack)
	return s
}

// notExecuted tells what an intent to execute that left no event came to.
func notExecuted(ctx context.Context, c api, w reconcile.Work, h history) (gitops.Sighting, error) {
	s := gitops.Sighting{State: gitops.OperationStale, Operation: w.Operation}
	out, err := describeChangeSet(ctx, c, w)
	if hasCode(err, codeNoChangeSet) || noStack(err) {
		s.Reason = "the change set is gone, and nothing was executed"
		return s, nil
	}
	if err != nil {
		return gitops.Sighting{}, translate("describe change set "+w.Operation.Token, err)
	}
	s.Operation.ID, s.Operation.StackID = aws.ToString(out.ChangeSetId), aws.ToString(out.StackId)
	switch v := judge(out); v {
	case changeSetReady:
		s.State = gitops.OperationReady
		if footingOf(h.latest) == footingBusy {
			s.State, s.Reason = gitops.OperationForeign, foreign(h.latest, w)
		}
		if h.latest != "" && footingOf(h.latest) == footingUnknown {
			return s, unknownStack("execute on stack "+stackOf(w), h.latest)
		}
	case changeSetExecuting: // accepted, and its events are not there yet
		s.State, s.Progress = gitops.OperationRunning, "the execution begins"
	case changeSetPending, changeSetEmpty, changeSetFailed, changeSetExecuted, changeSetObsolete, changeSetDeleted:
		s.Reason = fmt.Sprintf("the change set cannot be executed any more: it is %s", v)
	case changeSetUnknown:
		return s, fmt.Errorf("observe change set %s: status %s, %s is not known to this version",
			w.Operation.Token, out.Status, out.ExecutionStatus)
	}
	return s, nil
}
