package cloudformation

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
)

// moving is an account in which something happens after the first page of events was read.
type moving struct {
	*account
	meanwhile func()
}

func (m *moving) DescribeStackEvents(ctx context.Context, in *cloudformation.DescribeStackEventsInput, o ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	out, err := m.account.DescribeStackEvents(ctx, in, o...)
	if m.meanwhile != nil {
		out.StackEvents = slices.Clone(out.StackEvents)
		m.meanwhile()
		m.meanwhile = nil
	}
	return out, err
}

func TestAnOperationThatBeginsBetweenTwoPagesOfEventsHasNotEnded(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	a.page = 2
	a.events = nil
	for _, status := range []string{"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"} {
		a.emit("before", stackName, status, "")
	}
	m := &moving{account: a, meanwhile: func() {
		a.emit(token, stackName, "UPDATE_IN_PROGRESS", "")
		a.emit(token, "Queue", "UPDATE_IN_PROGRESS", "")
		a.emit(token, "Topic", "UPDATE_IN_PROGRESS", "")
	}}
	h, err := operation(t.Context(), m, stackName, token, a.now.Add(-time.Hour))
	if err != nil || h.ended || len(h.events) == 0 {
		t.Errorf("ended %t with %d events, %v", h.ended, len(h.events), err)
	}
}
