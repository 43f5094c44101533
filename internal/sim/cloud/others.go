package cloud

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Update is somebody else's update of a stack to a template; false where AWS would refuse it.
func (c *Cloud) Update(name string, to *Template, took time.Duration) bool {
	s := c.find(&name)
	if s == nil || s.deleted || !s.updatable() {
		return false
	}
	c.outdate(s, nil)
	s.updated, s.touched = c.Now(), c.Now()
	c.enter(s, types.StackStatusUpdateInProgress, "", "User Initiated")
	c.After(took, func() {
		if s.status != types.StackStatusUpdateInProgress {
			return
		}
		s.live = applied(s.live, s.declared.Resources, to.Resources, false)
		s.declared = to
		c.enter(s, types.StackStatusUpdateComplete, "", "")
	})
	return true
}

// Delete is somebody else's deletion of a stack; false where there is none or it is busy.
func (c *Cloud) Delete(name string, took time.Duration) bool {
	s := c.find(&name)
	if s == nil || s.deleted || s.status == types.StackStatusDeleteInProgress {
		return false
	}
	c.delete(s, "", took)
	return true
}

// Edit changes a property of a live resource by hand; false where there is none.
func (c *Cloud) Edit(name, resource, property, value string) bool {
	s := c.find(&name)
	if s == nil || s.deleted || s.busy() {
		return false
	}
	r, ok := s.live[resource]
	if !ok {
		return false
	}
	s.live = s.live.clone()
	s.live[resource] = Resource{r.Type, maps.Clone(r.Properties)}
	if s.live[resource].Properties == nil {
		return false
	}
	s.live[resource].Properties[property] = value
	s.touched = c.Now()
	return true
}

// Propose is somebody else's change set, which they do not execute; false where AWS refuses it.
func (c *Cloud) Propose(stack, name string) bool {
	s := c.find(&stack)
	if s == nil || s.deleted || !s.updatable() || slices.ContainsFunc(s.sets, func(o *set) bool { return o.Name == name }) {
		return false
	}
	s.sets = append(s.sets, &set{Set: Set{Name: name, Stack: s.name, Template: s.declared, At: c.Now()}, arn: c.id("changeSet", name), stack: s,
		createdAt: c.Now(), status: types.ChangeSetStatusCreateComplete, execution: types.ExecutionStatusAvailable})
	return true
}

// Snatch is somebody's deletion of a change set that was not executed.
func (c *Cloud) Snatch(name string) {
	for _, s := range c.stacks {
		s.sets = slices.DeleteFunc(s.sets, func(cs *set) bool { return cs.Name == name && cs.execution == types.ExecutionStatusAvailable })
	}
}

// Stack is a stack as a simulation may judge it.
type Stack struct {
	Status   types.StackStatus
	Declared *Template
	Live     Resources
	Touched  time.Time // when somebody last began to change it
}

// Stack returns a stack by name; false where there is none.
func (c *Cloud) Stack(name string) (Stack, bool) {
	s := c.find(&name)
	if s == nil {
		return Stack{}, false
	}
	return Stack{s.status, s.declared, s.live, s.touched}, true
}

// Gone reports whether an ARN is that of a stack that was deleted.
func (c *Cloud) Gone(arn *string) bool {
	return arn != nil && slices.ContainsFunc(c.stacks, func(s *stack) bool { return s.arn == *arn && s.deleted })
}

// Running returns the executions under way.
func (c *Cloud) Running() []Set { return c.running }

// Busy reports whether any stack is being changed or looked at.
func (c *Cloud) Busy() bool {
	return slices.ContainsFunc(c.stacks, func(s *stack) bool { return s.busy() }) ||
		slices.ContainsFunc(c.detections, func(d *detection) bool { return d.ended.IsZero() })
}

// Leftover is what is left on a stack: change sets that were not executed, and perhaps that it
// is nothing but the shell of one.
type Leftover struct {
	Stack string
	Shell bool
	Sets  []string
}

// String tells what is left.
func (l Leftover) String() string {
	s := "change sets " + strings.Join(l.Sets, ", ") + " of stack " + l.Stack
	if l.Shell {
		s += ", which is in REVIEW_IN_PROGRESS"
	}
	return s
}

// Waits reports whether a change set of a name is there and was not executed: the one of an
// ARN, any where that is empty.
func (c *Cloud) Waits(name, arn string) bool {
	return slices.ContainsFunc(c.stacks, func(s *stack) bool {
		return slices.ContainsFunc(s.sets, func(cs *set) bool {
			return !s.deleted && cs.Name == name && (arn == "" || cs.arn == arn) && !cs.begun()
		})
	})
}

// begun reports whether the change set's execution was accepted.
func (s *set) begun() bool {
	return s.execution == types.ExecutionStatusExecuteComplete || s.execution == types.ExecutionStatusExecuteFailed ||
		s.execution == types.ExecutionStatusExecuteInProgress
}

// Leftovers returns what is left of change sets whose names have a prefix.
func (c *Cloud) Leftovers(prefix string) []Leftover {
	var all []Leftover
	for _, s := range c.stacks {
		left := Leftover{Stack: s.name, Shell: s.status == types.StackStatusReviewInProgress}
		for _, cs := range s.sets {
			if strings.HasPrefix(cs.Name, prefix) && !cs.begun() {
				left.Sets = append(left.Sets, cs.Name)
			}
		}
		if !s.deleted && (left.Shell || len(left.Sets) > 0) {
			all = append(all, left)
		}
	}
	return all
}
