package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// history is what a stack's events tell of one operation.
type history struct {
	events []types.StackEvent // of the operation, oldest first, up to its end; empty: it never began
	ended  bool               // the last event is the stack's own and ends the operation
	latest types.StackStatus  // the stack's latest status, whoever brought it there
	stack  string             // ARN
	shell  bool               // the stack never came to be: nothing of it was ever made
}

// operation reads the operation that carries the token, newest page first, and no more
// pages than the answer needs: while it runs, the newest of its events; once it ended, all
// of them, for the first failure. since bounds the search for one that never began.
func operation(ctx context.Context, c stacks, stack, token string, since time.Time) (history, error) {
	return scan(ctx, c, stack, since, func(e types.StackEvent) bool {
		// The token is the change set's ClientToken too, and its creation leaves an event
		// of its own on a new stack.
		return aws.ToString(e.ClientRequestToken) == token && statusOf(e) != types.StackStatusReviewInProgress
	})
}

// lastOperation reads the stack's last operation, whoever started it. Those of people and of
// tools that give no token all carry the same, none, so that it also ends where it began.
func lastOperation(ctx context.Context, c stacks, stack string) (history, error) {
	var newest *types.StackEvent
	var began time.Time
	h, err := scan(ctx, c, stack, time.Time{}, func(e types.StackEvent) bool {
		if newest == nil {
			newest = &e
		}
		same := aws.ToString(e.ClientRequestToken) == aws.ToString(newest.ClientRequestToken)
		if same && began.IsZero() && begins(e) {
			began = aws.ToTime(e.Timestamp)
		}
		return same && !aws.ToTime(e.Timestamp).Before(began)
	})
	if err != nil && noStack(err) {
		return history{}, nil
	}
	if err != nil {
		return history{}, translate("describe events of stack "+stack, err)
	}
	return h, nil
}

// scan reads events until the beginning of the operation that mine picks.
func scan(ctx context.Context, c stacks, stack string, since time.Time, mine func(types.StackEvent) bool) (history, error) {
	in := &cloudformation.DescribeStackEventsInput{StackName: aws.String(stack)}
	var seen []types.StackEvent // newest first, as AWS lists them
	for {
		out, err := c.DescribeStackEvents(ctx, in)
		if err != nil {
			return history{}, err
		}
		seen = append(seen, out.StackEvents...)
		// What happens between two pages may move the second one on, so that it begins with what
		// is newer than the end of the first: read as they come, an operation that runs would end
		// with the end of the one before.
		slices.SortStableFunc(seen, func(a, b types.StackEvent) int { return aws.ToTime(b.Timestamp).Compare(aws.ToTime(a.Timestamp)) })
		h := tell(seen, mine)
		running := len(h.events) > 0 && !h.ended
		whole := len(h.events) > 0 && begins(h.events[0])
		early := len(seen) > 0 && aws.ToTime(seen[len(seen)-1].Timestamp).Before(since)
		if running || whole || early || aws.ToString(out.NextToken) == "" {
			return h, nil
		}
		in.NextToken = out.NextToken
	}
}

// backwards shows a stack's events, the newest first, until enough says that they are: a call for
// each page of them.
func backwards(ctx context.Context, c stacks, stack string, enough func(types.StackEvent) bool) error {
	in := &cloudformation.DescribeStackEventsInput{StackName: aws.String(stack)}
	for {
		page, err := c.DescribeStackEvents(ctx, in)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(page.StackEvents, enough) || aws.ToString(page.NextToken) == "" {
			return nil
		}
		in.NextToken = page.NextToken
	}
}

// tell picks the operation's events. It begins with the oldest event that is mine and ends
// with the first final status of the stack from there on, whoever caused that: a stack has
// one operation at a time, and an update that is cancelled or a deletion that cuts in
// carries another token. What came after the end is not the operation's.
func tell(seen []types.StackEvent, mine func(types.StackEvent) bool) history {
	var h history
	if len(seen) > 0 {
		h.stack = aws.ToString(seen[0].StackId)
	}
	if i := slices.IndexFunc(seen, ofStack); i >= 0 {
		h.latest = statusOf(seen[i])
	}
	h.shell = shell(seen)
	oldest := -1
	for i, e := range seen {
		if mine(e) {
			oldest = i
		}
	}
	h.events = slices.Clone(seen[:oldest+1])
	slices.Reverse(h.events)
	for i, e := range h.events {
		if end := endingOf(statusOf(e)); ofStack(e) && end != endingNone && end != endingUnknown {
			h.events, h.ended = h.events[:i+1], true
			break
		}
	}
	return h
}

// shell reports whether the events are those of a stack that a CREATE change set made and
// nobody executed one on. Its first event says so: without that one it is not known, since
// what is older may be on a page that was not read.
func shell(seen []types.StackEvent) bool {
	if len(seen) == 0 || statusOf(seen[len(seen)-1]) != types.StackStatusReviewInProgress {
		return false
	}
	return !slices.ContainsFunc(seen, func(e types.StackEvent) bool {
		switch statusOf(e) { //nolint:exhaustive // every other status is that of something made
		case types.StackStatusReviewInProgress, types.StackStatusDeleteInProgress, types.StackStatusDeleteComplete:
			return !ofStack(e)
		}
		return true
	})
}

// ofStack reports whether an event is about the stack itself, not a resource in it.
func ofStack(e types.StackEvent) bool {
	return aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
}

// statusOf returns the status of a stack's own event, which is a stack status under the
// name of a resource status (REVIEW_IN_PROGRESS and the clean-ups are no resource statuses).
func statusOf(e types.StackEvent) types.StackStatus { return types.StackStatus(e.ResourceStatus) }

// begins reports whether an event is the one with which an operation begins. One that a
// template's transform begins gives another reason, so the status counts too.
func begins(e types.StackEvent) bool {
	if !ofStack(e) {
		return false
	}
	return meaningOf(statusOf(e)).begins || aws.ToString(e.ResourceStatusReason) == "User Initiated"
}

// progress returns what an operation does right now: the resource that moved last and is
// not done, and how many are.
func progress(events []types.StackEvent) string {
	last := map[string]types.StackEvent{}
	var order []string // of the last event of each resource
	for _, e := range events {
		if ofStack(e) {
			continue
		}
		id := aws.ToString(e.LogicalResourceId)
		order = append(slices.DeleteFunc(order, func(o string) bool { return o == id }), id)
		last[id] = e
	}
	doing, done := "", 0
	for _, id := range order {
		switch s := last[id].ResourceStatus; stageOf(s) {
		case stageDone, stageGone:
			done++
		case stageDoing:
			doing = id + " " + string(s)
		case stageFailed, stageUnknown:
		}
	}
	if doing == "" {
		doing = "stack " + string(status(events))
	}
	if done > 0 {
		doing += fmt.Sprintf(", %d done", done)
	}
	return doing
}

// status returns the stack's status at the end of the events.
func status(events []types.StackEvent) types.StackStatus {
	for _, e := range slices.Backward(events) {
		if ofStack(e) {
			return statusOf(e)
		}
	}
	return ""
}
