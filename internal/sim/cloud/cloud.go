package cloud

import (
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

// Remembers is for how long AWS takes a repeated client token for a repetition (faults,
// R15: every token window is five minutes).
const Remembers = 5 * time.Minute

// Cloud is CloudFormation in one account and region.
type Cloud struct {
	Now   func() time.Time
	After func(d time.Duration, do func()) // carries out do when d has passed
	Draw  func(n int) int                  // a number from 0 to n-1
	Pace  Pace
	// Vanish makes an execution remove the stack's other change sets, and forget its own
	// once it ended; else they turn OBSOLETE and it is kept.
	Vanish bool
	// Odd lets one in three drift-aware change sets say something else than what differs, and one
	// in four of their executions fail.
	Odd bool
	// Forgets is for how long a drift detection's id is known after its end.
	Forgets time.Duration
	// Page is how many items a page has.
	Page int
	// Told is called with every event on the account's bus: a stack's status or an ended
	// drift detection.
	Told func(stack string, e Event)
	// Created, Executed and Deleted are called when a change set was accepted, or its execution
	// or its deletion was.
	Created, Executed, Deleted func(s Set)
	// Planned is called when a change set was worked out and can be executed, Recovered when a
	// recovery was accepted, or the deletion of a stack; nil: nobody asks.
	Planned   func(s Set)
	Recovered func(r Recovery)

	stacks     []*stack
	detections []*detection
	made       int   // ids given
	Mutations  int   // accepted calls that change something
	Calls      int   // of any kind
	running    []Set // executions under way
}

// Pace is how long things take.
type Pace struct {
	ChangeSet, Execution, Detection func() time.Duration
	Late                            time.Duration // how long an accepted execution shows no event
}

// Event is what the bus tells.
type Event struct {
	Drift  bool // a detection's end; else a stack's status
	Status types.StackStatus
	Token  string
}

// Set is a change set as a simulation may judge it.
type Set struct {
	Name, Stack, Token string // Token: of the execution
	Template           *Template
	Changes            []types.Change
	Differs            []types.Change // what brings the stack to the template; Changes may be odd
	Revert             bool
	At                 time.Time
	Takes              time.Duration // until it is worked out
}

type stack struct {
	name, arn        string
	status           types.StackStatus
	created, updated time.Time
	declared         *Template // nil before the first execution ended well
	live             Resources
	tags             []types.Tag
	role             *string
	sets             []*set
	events           []types.StackEvent // oldest first
	deleted          bool
	moved            int // grows with everything that makes change sets obsolete
	touched          time.Time
	complete         bool                       // it was once
	begun            bool                       // something was executed on it
	found            []types.StackResourceDrift // what was last found of each resource
	continued        string                     // token of the last continuation of a rollback
	continuedAt      time.Time
	deleting         string // token of the last deletion
	stubborn         bool   // its rollback was continued, and failed once more
}

type set struct {
	Set
	arn       string
	stack     *stack
	client    string // token of the creation
	createdAt time.Time
	kind      types.ChangeSetType
	status    types.ChangeSetStatus
	execution types.ExecutionStatus
	reason    string
	executeAt time.Time
	tags      []types.Tag
	about     *string
}

func (c *Cloud) id(kind, name string) string {
	c.made++
	return fmt.Sprintf("arn:aws:cloudformation:eu-west-1:111122223333:%s/%s/%04d", kind, name, c.made)
}

func refused(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error { return refused("ValidationError", format, args...) }

// find returns a stack: by ARN whatever became of it, by name only while it stands.
func (c *Cloud) find(nameOrARN *string) *stack {
	want := aws.ToString(nameOrARN)
	for _, s := range c.stacks {
		if s.arn == want || s.name == want && !s.deleted {
			return s
		}
	}
	return nil
}

func (s *stack) busy() bool {
	return strings.HasSuffix(string(s.status), "_IN_PROGRESS") && s.status != types.StackStatusReviewInProgress
}

// updatable reports whether AWS takes an update or looks for drift in the status.
func (s *stack) updatable() bool {
	switch s.status { //nolint:exhaustive // every other status takes neither
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete:
		return true
	}
	return false
}

// enter moves a stack to a status and tells of it.
func (c *Cloud) enter(s *stack, status types.StackStatus, token, reason string) {
	s.status = status
	s.complete = s.complete || s.updatable()
	c.note(s, token, s.name, string(status), reason)
	if c.Told != nil {
		c.Told(s.name, Event{Status: status, Token: token})
	}
}

// note records an event of the stack, or of a resource in it.
func (c *Cloud) note(s *stack, token, logical, status, reason string) {
	e := types.StackEvent{
		StackId: &s.arn, StackName: &s.name, Timestamp: aws.Time(c.Now()), LogicalResourceId: aws.String(logical),
		ResourceStatus: types.ResourceStatus(status), ResourceType: aws.String("AWS::SQS::Queue"),
		PhysicalResourceId: aws.String(s.name + "-" + logical),
	}
	if logical == s.name {
		e.ResourceType, e.PhysicalResourceId = aws.String("AWS::CloudFormation::Stack"), &s.arn
	}
	if token != "" {
		e.ClientRequestToken = aws.String(token)
	}
	if reason != "" {
		e.ResourceStatusReason = aws.String(reason)
	}
	s.events = append(s.events, e)
}

// set finds a change set by ARN, or by name within a stack.
func (c *Cloud) set(name, stackName *string) (*set, error) {
	want := aws.ToString(name)
	if strings.HasPrefix(want, "arn:") {
		for _, s := range c.stacks {
			for _, cs := range s.sets {
				if cs.arn == want {
					return cs, nil
				}
			}
		}
		return nil, refused("ChangeSetNotFound", "ChangeSet [%s] does not exist", want)
	}
	s := c.find(stackName)
	if s == nil || s.deleted {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(stackName))
	}
	for _, cs := range s.sets {
		if cs.Name == want {
			return cs, nil
		}
	}
	return nil, refused("ChangeSetNotFound", "ChangeSet [%s] does not exist", want)
}

// page returns one page of a list, the token being the index of its first item.
func page[T any](c *Cloud, all []T, from *string) ([]T, *string) {
	start := 0
	if from != nil {
		_, _ = fmt.Sscan(*from, &start) // what is no number begins anew
	}
	end := min(start+max(c.Page, 1), len(all))
	if end == len(all) {
		return all[start:end], nil
	}
	return all[start:end], aws.String(fmt.Sprint(end))
}
