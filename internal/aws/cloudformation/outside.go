package cloudformation

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// undetectable is the id of a detection that could not begin, since there is no stack or
// none in which AWS detects drift. Observe tells from the stack itself what became of it.
const undetectable = "undetectable"

// byOthers returns what somebody else did to the stack after since, or "". AWS takes
// LastUpdatedTime when an update begins, hence Driftless's own lies before since.
func byOthers(s types.Stack, since time.Time) string {
	created, changed := aws.ToTime(s.CreationTime), aws.ToTime(s.LastUpdatedTime)
	switch {
	case created.After(since):
		return "the stack was deleted and made again by somebody else at " + stamp(created)
	case changed.After(since) && updated(s.StackStatus):
		return updatedByOthers(changed)
	}
	return ""
}

func updatedByOthers(at time.Time) string {
	return "the stack was updated by somebody else at " + stamp(at)
}

func stamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05Z") }

// everByOthers returns what somebody else did to the stack after since, or "", where an update that
// was rolled back came after it too: the stack itself tells of its last operation alone, and that
// one, a failed deployment of Driftless as a rule, brought back what was there before it, whoever
// had brought that. It takes no call but where that is so, then one for each page of events back to
// since.
func everByOthers(ctx context.Context, c stacks, s types.Stack, since time.Time) (told string, err error) {
	told = byOthers(s, since)
	if told != "" || endingOf(s.StackStatus) != endingRolledBack || !aws.ToTime(s.LastUpdatedTime).After(since) {
		return told, nil
	}
	err = backwards(ctx, c, aws.ToString(s.StackId), func(e types.StackEvent) bool {
		at := aws.ToTime(e.Timestamp)
		if at.After(since) && ofStack(e) && updated(statusOf(e)) {
			told = updatedByOthers(at)
		}
		return told != "" || !at.After(since)
	})
	if err != nil {
		return "", translate("describe events of stack "+aws.ToString(s.StackName), err)
	}
	return told, nil
}

// observeUndetectable tells why no detection could begin: one call, two for a stack whose
// ARN is gone and whose name may not be. One that can be looked at by now is absent.
func observeUndetectable(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting) (gitops.Sighting, error) {
	stack, found, err := describe(ctx, c, stackOf(w))
	switch {
	case err != nil:
		return gitops.Sighting{}, err
	case !found, footingOf(stack.StackStatus) == footingCreate:
		return gone(ctx, c, w, s)
	case footingOf(stack.StackStatus) == footingUpdate, footingOf(stack.StackStatus) == footingBusy:
		return s, nil
	case footingOf(stack.StackStatus) == footingUnknown:
		return gitops.Sighting{}, unknownStack("look for drift of stack "+stackOf(w), stack.StackStatus)
	}
	s.State, s.Operation.StackID = gitops.OperationDone, aws.ToString(stack.StackId)
	s.Report = &gitops.DriftReport{Application: w.Application, StackID: s.Operation.StackID, At: w.Operation.At,
		Reason:  fmt.Sprintf("AWS detects no drift in %s", stack.StackStatus),
		Foreign: fmt.Sprintf("the stack is in %s", stack.StackStatus)}
	return s, nil
}

// gone returns the report of a stack that is no longer there. An ARN stays a deleted
// stack's, so the name tells whether somebody made it again.
func gone(ctx context.Context, c stacks, w reconcile.Work, s gitops.Sighting) (gitops.Sighting, error) {
	name := w.Settings.CloudFormation.Stack
	s.State = gitops.OperationDone
	s.Report = &gitops.DriftReport{Application: w.Application, StackID: stackOf(w), At: w.Operation.At, Complete: true, Gone: true,
		Foreign: fmt.Sprintf("the stack %s was deleted by somebody else", name)}
	if stackOf(w) == name {
		s.Report.StackID = s.Operation.StackID
		return s, nil
	}
	again, found, err := describe(ctx, c, name)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if found && footingOf(again.StackStatus) != footingCreate {
		s.Report.Foreign = byOthers(again, w.Since)
		s.Report.Gone, s.Report.Complete, s.Report.Reason = false, false, "the stack is another one than was deployed"
		if s.Report.Foreign == "" { // its creation began before the last deployment ended
			s.Report.Foreign = "the stack was deleted and made again by somebody else"
		}
	}
	return s, nil
}
