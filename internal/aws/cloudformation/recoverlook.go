package cloudformation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// observeRecover looks for the token in the stack's events, as for an apply. A recovery is done
// where the stack takes updates again, or is gone: one call while it runs, two where it never
// began, and those of stuck where it ended as badly as what it was to end.
func (e *Engine) observeRecover(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	c, err := e.deploy(ctx, w)
	if err != nil {
		return gitops.Sighting{}, err
	}
	s := gitops.Sighting{State: gitops.OperationDone, Operation: w.Operation}
	h, err := operation(ctx, c, stackOf(w), w.Operation.Token, w.Operation.At.Add(-clockSlack))
	switch {
	case noStack(err):
		return s, nil
	case err != nil:
		return gitops.Sighting{}, translate("describe events of stack "+stackOf(w), err)
	case len(h.events) == 0:
		return notRecovered(ctx, c, w, s)
	}
	s.Operation.StackID = h.stack
	at := status(h.events)
	if !h.ended {
		return recovering(w, s, h, at)
	}
	switch endingOf(at) {
	case endingDone, endingGone:
		return s, nil
	case endingRolledBack:
		if footingOf(at) == footingUpdate {
			return s, nil
		}
	case endingStuck, endingNone, endingUnknown:
	}
	return stillStuck(ctx, c, w, s, h, at)
}

// recovering is a recovery that goes on, or one into which somebody's deletion cut.
func recovering(w reconcile.Work, s gitops.Sighting, h history, at types.StackStatus) (gitops.Sighting, error) {
	if at != "" && endingOf(at) == endingUnknown { // "" on a page of resources alone
		return gitops.Sighting{}, unknownStack("follow the recovery of stack "+stackOf(w), at)
	}
	s.State, s.Progress = gitops.OperationRunning, progress(h.events)
	for _, e := range h.events {
		if ofStack(e) && statusOf(e) == types.StackStatusDeleteInProgress && aws.ToString(e.ClientRequestToken) != w.Operation.Token {
			s.State, s.Reason = gitops.OperationForeign, "somebody is deleting stack "+w.Settings.CloudFormation.Stack
		}
	}
	return s, nil
}

// notRecovered tells what an intent to recover that left no event came to: done where the stack
// takes updates, whoever brought it there, and to be started where it is still stuck.
func notRecovered(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting) (gitops.Sighting, error) {
	stack, found, err := describe(ctx, c, stackOf(w))
	if err != nil {
		return gitops.Sighting{}, err
	}
	if !found {
		return s, nil
	}
	s.Operation.StackID = aws.ToString(stack.StackId)
	switch footingOf(stack.StackStatus) {
	case footingBusy:
		s.State, s.Reason = gitops.OperationForeign, foreign(stack.StackStatus, w)
	case footingDead, footingStuck:
		s.State = gitops.OperationAbsent
	case footingUnknown:
		return gitops.Sighting{}, unknownStack("recover stack "+stackOf(w), stack.StackStatus)
	case footingCreate, footingUpdate:
	}
	return s, nil
}

// stillStuck returns why a recovery failed, and what could be done next.
func stillStuck(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting, h history, at types.StackStatus) (gitops.Sighting, error) {
	stack, found, err := describe(ctx, c, h.stack)
	if err != nil || !found {
		return s, err
	}
	stack.StackStatus = at
	if s.Cause, err = cause(ctx, c, h.events); err != nil {
		return gitops.Sighting{}, err
	}
	if s.Stuck, err = stuck(ctx, c, h.stack, stack); err != nil {
		return gitops.Sighting{}, err
	}
	s.State, s.Reason = gitops.OperationBlocked, fmt.Sprintf("%s; stack %s is in %s: %s",
		orUnsaid(line(s.Cause)), w.Settings.CloudFormation.Stack, at, remedy(w, *s.Stuck))
	return s, nil
}
