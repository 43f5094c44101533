package cloud

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// ExecuteChangeSet accepts the execution of a change set, once.
func (c *Cloud) ExecuteChangeSet(_ context.Context, in *cloudformation.ExecuteChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error) {
	c.Calls++
	cs, err := c.set(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	s, token := cs.stack, aws.ToString(in.ClientRequestToken)
	if cs.execution != types.ExecutionStatusAvailable {
		if token != "" && token == cs.Token && c.Now().Sub(cs.executeAt) < Remembers {
			return &cloudformation.ExecuteChangeSetOutput{}, nil
		}
		return nil, refused("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current execution status of [%s]", cs.arn, cs.execution)
	}
	switch {
	case in.DisableRollback == nil || *in.DisableRollback:
		return nil, invalid("DisableRollback has to be said, and false")
	case s.deleted || s.busy() || s.status != types.StackStatusReviewInProgress && !s.updatable():
		return nil, invalid("Stack:%s is in %s state and can not be updated.", s.arn, s.status)
	}
	c.Mutations++
	cs.Token, cs.executeAt, cs.execution = token, c.Now(), types.ExecutionStatusExecuteInProgress
	cs.At = c.Now()
	c.running = append(c.running, cs.Set)
	if c.Executed != nil {
		c.Executed(cs.Set)
	}
	c.outdate(s, cs)
	creating := s.status == types.StackStatusReviewInProgress
	s.status = types.StackStatusUpdateInProgress
	if creating {
		s.status = types.StackStatusCreateInProgress
	}
	s.updated, s.touched = c.Now(), c.Now()
	s.tags, s.begun = cs.tags, true
	c.After(c.Pace.Late, func() {
		c.enter(s, s.status, token, "User Initiated")
		c.note(s, token, "A", "UPDATE_IN_PROGRESS", "")
	})
	took := c.Pace.Execution()
	if cs.Template.Behaviour == Slow {
		took = 3 * time.Hour
	}
	c.After(c.Pace.Late+took, func() { c.end(s, cs, creating) })
	return &cloudformation.ExecuteChangeSetOutput{}, nil
}

// outdate makes the stack's change sets obsolete, but the one that is executed.
func (c *Cloud) outdate(s *stack, executed *set) {
	s.moved++
	for _, cs := range slices.Clone(s.sets) {
		switch {
		case cs == executed:
		case c.Vanish:
			c.remove(cs)
		case cs.execution == types.ExecutionStatusAvailable:
			cs.execution = types.ExecutionStatusObsolete
		}
	}
}

// end ends an execution as its template wants it.
func (c *Cloud) end(s *stack, cs *set, creating bool) {
	c.running = slices.DeleteFunc(c.running, func(r Set) bool { return r.Name == cs.Name })
	if s.deleted || s.status == types.StackStatusDeleteInProgress { // a deletion cut in
		return
	}
	cs.execution = types.ExecutionStatusExecuteComplete
	b := cs.Template.Behaviour
	if odd := cs.Revert && c.Odd && c.Draw(4) == 0; odd || b == Fail || b == Stuck {
		cs.execution = types.ExecutionStatusExecuteFailed
		c.rollBack(s, cs.Token, creating, b == Stuck || odd && c.Draw(3) == 0, secretOf(cs.Template))
		return
	}
	from := Resources{}
	if s.declared != nil {
		from = s.declared.Resources
	}
	s.live = applied(s.live, from, cs.Template.Resources, cs.Revert)
	s.declared = cs.Template
	for _, id := range slices.Sorted(maps.Keys(cs.Template.Resources)) {
		c.note(s, cs.Token, id, "UPDATE_COMPLETE", "")
	}
	if creating {
		c.enter(s, types.StackStatusCreateComplete, cs.Token, "")
		c.forget(cs)
		return
	}
	c.enter(s, types.StackStatusUpdateCompleteCleanupInProgress, cs.Token, "")
	c.After(2*time.Second, func() {
		if s.status == types.StackStatusUpdateCompleteCleanupInProgress {
			c.enter(s, types.StackStatusUpdateComplete, cs.Token, "")
			c.forget(cs)
		}
	})
}

// forget removes an executed change set where this world keeps none.
func (c *Cloud) forget(cs *set) {
	if c.Vanish {
		cs.stack.sets = slices.DeleteFunc(cs.stack.sets, func(o *set) bool { return o == cs })
	}
}

// secretOf returns a secret that the failing resource quotes, as AWS may.
func secretOf(t *Template) string {
	for _, v := range t.NoEcho {
		return " with " + v
	}
	return ""
}

func (c *Cloud) rollBack(s *stack, token string, creating, stuck bool, quoting string) {
	c.note(s, token, "A", "UPDATE_FAILED", SimulatedFailure+quoting)
	c.note(s, token, "B", "UPDATE_FAILED", "Resource update cancelled")
	begin, end := types.StackStatusUpdateRollbackInProgress, types.StackStatusUpdateRollbackComplete
	if creating {
		begin, end = types.StackStatusRollbackInProgress, types.StackStatusRollbackComplete
	}
	if stuck {
		end = types.StackStatusUpdateRollbackFailed
		if creating {
			end = types.StackStatusRollbackFailed
		}
	}
	c.enter(s, begin, token, "The following resource(s) failed")
	c.After(3*time.Second, func() {
		if s.status == begin {
			c.enter(s, end, token, "")
		}
	})
}

// applied returns what runs after an execution: a resource whose declaration changed is as it
// is declared now, and one that did not stays as it is, drifted or not.
func applied(live, from, to Resources, revert bool) Resources {
	out := Resources{}
	for id, want := range to {
		was, had := from[id]
		is, there := live[id]
		same := had && was.Type == want.Type && maps.Equal(was.Properties, want.Properties)
		switch {
		case !same || revert:
			out[id] = Resource{want.Type, maps.Clone(want.Properties)}
		case there:
			out[id] = is
		}
	}
	return out
}
