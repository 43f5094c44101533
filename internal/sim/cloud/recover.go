package cloud

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// culprit is the resource that fails, and that a rollback that gets stuck could not bring back.
const culprit = "A"

// Recovery is an accepted call that ends what a stack is stuck in, as a simulation may judge it.
type Recovery struct {
	Stack, Token string
	Status       types.StackStatus // of the stack before
	Delete       bool              // else the rollback is continued
	Skip         []string
	Complete     bool              // the stack was complete once
	Shell        bool              // nothing was ever executed on it
	Tags         map[string]string // of the stack
}

// ContinueUpdateRollback accepts the continuation of a rollback that got stuck. It fails once
// more where chance has it, and never again; what is to be skipped stays as it is.
func (c *Cloud) ContinueUpdateRollback(_ context.Context, in *cloudformation.ContinueUpdateRollbackInput, _ ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	c.Calls++
	s, token := c.find(in.StackName), aws.ToString(in.ClientRequestToken)
	switch {
	case s == nil || s.deleted:
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	case token != "" && token == s.continued && c.Now().Sub(s.continuedAt) < Remembers:
		return &cloudformation.ContinueUpdateRollbackOutput{}, nil
	case s.status != types.StackStatusUpdateRollbackFailed:
		return nil, invalid("Stack:%s is in %s state and can not continue update rollback.", s.arn, s.status)
	}
	for _, id := range in.ResourcesToSkip {
		if id != culprit {
			return nil, invalid("Invalid resources to skip: [%s]", id)
		}
	}
	c.Mutations++
	c.recovers(s, token, in.ResourcesToSkip, false)
	s.continued, s.continuedAt, s.touched = token, c.Now(), c.Now()
	skipped := len(in.ResourcesToSkip) > 0
	fails := !skipped && !s.stubborn && c.Draw(2) == 0
	c.enter(s, types.StackStatusUpdateRollbackInProgress, token, "User Initiated")
	c.After(c.Pace.Execution(), func() {
		switch {
		case s.deleted || s.status != types.StackStatusUpdateRollbackInProgress: // a deletion cut in
			return
		case fails:
			s.stubborn = true
			c.note(s, token, culprit, "UPDATE_FAILED", SimulatedFailure)
			c.enter(s, types.StackStatusUpdateRollbackFailed, token, "The following resource(s) failed to update: ["+culprit+"].")
			return
		}
		s.stubborn = false
		if _, there := s.live[culprit]; there && skipped {
			s.live = s.live.clone()
			s.live[culprit].Properties["Visibility"] = "7777" // what the update had half done stays
		}
		c.enter(s, types.StackStatusUpdateRollbackComplete, token, "")
	})
	return &cloudformation.ContinueUpdateRollbackOutput{}, nil
}

// RollbackStack is refused: no stack is ever left in UPDATE_FAILED here, since every execution
// says that it is to be rolled back.
func (c *Cloud) RollbackStack(_ context.Context, in *cloudformation.RollbackStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.RollbackStackOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil || s.deleted {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	return nil, invalid("Stack:%s is in %s state and can not be rolled back.", s.arn, s.status)
}

// DeleteStack deletes a stack; one that is not there is no error.
func (c *Cloud) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	c.Calls++
	token := aws.ToString(in.ClientRequestToken)
	again := func(s *stack) bool { return token != "" && s.deleting == token }
	if s := c.find(in.StackName); s != nil && !s.deleted && !again(s) {
		c.Mutations++
		c.recovers(s, token, nil, true)
		s.deleting = token
		c.delete(s, token, time.Second)
	}
	return &cloudformation.DeleteStackOutput{}, nil
}

// recovers tells of an accepted recovery, and of the deletion of an empty stack.
func (c *Cloud) recovers(s *stack, token string, skip []string, deletes bool) {
	if c.Recovered == nil {
		return
	}
	tags := map[string]string{}
	for _, t := range s.tags {
		tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	c.Recovered(Recovery{Stack: s.name, Token: token, Status: s.status, Delete: deletes, Skip: slices.Clone(skip), Complete: s.complete, Shell: !s.begun, Tags: tags})
}

func (c *Cloud) delete(s *stack, token string, took time.Duration) {
	c.enter(s, types.StackStatusDeleteInProgress, token, "User Initiated") // it cuts in where something runs
	c.running = slices.DeleteFunc(c.running, func(r Set) bool { return r.Stack == s.name })
	s.touched = c.Now()
	c.After(took, func() {
		if s.deleted {
			return
		}
		c.enter(s, types.StackStatusDeleteComplete, token, "")
		s.deleted, s.live, s.declared, s.sets = true, nil, nil, nil
		s.moved++
	})
}
