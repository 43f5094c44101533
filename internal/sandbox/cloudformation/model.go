package cloudformation

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// stack is one stack, from its first change set until long after its deletion.
type stack struct {
	id, name     string
	at           scope
	parent, root string // ARNs, of a nested stack
	depth        int    // how many stacks are above it
	status       types.StackStatus
	reason       string

	created, updated, deleted time.Time

	deployed  *target // nil until something was deployed
	pending   *target // what an operation is bringing the stack to, or failed to create
	resources map[string]*record
	order     []string // logical ids as they were made
	outputs   []types.Output
	imports   []string // names of exports of others that the template took

	tags          map[string]string
	capabilities  []types.Capability
	roleARN       string
	notifications []string
	timeout       *int32
	protected     bool
	noRollback    bool
	onFailure     types.OnStackFailure
	rollback      types.RollbackConfiguration

	changeSets []*changeSet
	events     []types.StackEvent    // oldest first
	token      string                // of the running or last operation
	cancelled  context.CancelFunc    // ends the running update, nil when none may be cancelled
	then       func(context.Context) // what to do once the cancelled creation has stopped
	undo       *undo                 // how to go back, while a failed update may still be

	drift        types.StackDriftStatus
	driftChecked *time.Time
	detecting    bool
}

// record is one resource of a stack as it was last deployed.
type record struct {
	id, kind, physical string
	status             types.ResourceStatus
	reason             string
	changed            time.Time
	definition         *template.Resource
	properties         map[string]any
	attributes         map[string]any
	tags               map[string]string // the stack's tags that it was made with
	needs              []string          // what it was made after
	drift              types.StackResourceDriftStatus
	driftChecked       *time.Time
	differences        []types.PropertyDifference
	expected, actual   string // JSON, of the last detection
	driftReason        string
	imported           bool // by the operation that runs or ran last: no rollback deletes it
	skipped            bool // by ContinueUpdateRollback: no longer known to be as recorded
}

func (r *record) clone() *record {
	c := *r
	c.properties = maps.Clone(r.properties)
	c.attributes = maps.Clone(r.attributes)
	return &c
}

// live says whether the stack is one that its name still leads to.
func (st *stack) live() bool { return st.status != types.StackStatusDeleteComplete }

// inReview says whether nothing was ever deployed: to most calls there is no such stack.
func (st *stack) inReview() bool { return st.status == types.StackStatusReviewInProgress }

// shown is the target that descriptions of the stack are about, or nil.
func (st *stack) shown() *target {
	if st.pending != nil {
		return st.pending
	}
	return st.deployed
}

// busy says whether an operation runs.
func (st *stack) busy() bool {
	return strings.HasSuffix(string(st.status), "_IN_PROGRESS") && !st.inReview()
}

// find returns the stack of that name or ARN, deleted ones by ARN only, or nil.
func (s *Service) find(at scope, nameOrID string) *stack {
	for _, st := range s.stacks {
		if st.at == at && (st.id == nameOrID || (st.name == nameOrID && st.live())) {
			return st
		}
	}
	return nil
}

// must is find, or AWS's error.
func (s *Service) must(at scope, nameOrID *string) (*stack, error) {
	name := aws.ToString(nameOrID)
	if name == "" {
		return nil, invalid("1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null")
	}
	if st := s.find(at, name); st != nil {
		return st, nil
	}
	return nil, absent(name)
}

// absent is the error that DescribeStacks and most others give. Change sets say
// "Stack [x] does not exist".
func absent(name string) error { return invalid("Stack with id %s does not exist", name) }

// setStatus moves a stack to a status: it is an event of the stack, and on the event bus.
func (s *Service) setStatus(st *stack, status types.StackStatus, reason string) {
	now := s.Now()
	st.status, st.reason = status, reason
	s.appendEvent(st, types.StackEvent{LogicalResourceId: &st.name, PhysicalResourceId: &st.id,
		ResourceType: aws.String("AWS::CloudFormation::Stack"), ResourceStatus: types.ResourceStatus(status)}, reason)
	if status == types.StackStatusDeleteComplete {
		st.deleted = now
	}
	s.emit(st, "CloudFormation Stack Status Change", map[string]any{
		"stack-id": st.id, "status-details": map[string]string{"status": string(status), "status-reason": reason},
		"client-request-token": st.token})
}

// setResource moves a resource to a status, likewise.
func (s *Service) setResource(st *stack, r *record, status types.ResourceStatus, reason string) {
	r.status, r.reason, r.changed = status, reason, s.Now()
	properties, err := json.Marshal(conceal(r.properties, secretsOf(st.deployed, st.pending)))
	if err != nil {
		properties = nil
	}
	s.appendEvent(st, types.StackEvent{LogicalResourceId: aws.String(r.id), PhysicalResourceId: aws.String(r.physical),
		ResourceType: aws.String(r.kind), ResourceStatus: status, ResourceProperties: aws.String(string(properties))}, reason)
	s.emit(st, "CloudFormation Resource Status Change", map[string]any{
		"stack-id": st.id, "logical-resource-id": r.id, "physical-resource-id": r.physical, "resource-type": r.kind,
		"status-details":       map[string]string{"status": string(status), "status-reason": reason},
		"client-request-token": st.token})
}

func (s *Service) appendEvent(st *stack, e types.StackEvent, reason string) {
	e.EventId = aws.String(aws.ToString(e.LogicalResourceId) + "-" + wire.NewUUID())
	e.StackId, e.StackName, e.Timestamp = aws.String(st.id), aws.String(st.name), aws.Time(st.tick(s.Now()))
	if reason != "" {
		e.ResourceStatusReason = aws.String(reason)
	}
	if st.token != "" {
		e.ClientRequestToken = aws.String(st.token)
	}
	st.events = append(st.events, e)
}

// tick is now, or a millisecond after the latest event: clients sort events by their time,
// which is written in milliseconds.
func (st *stack) tick(now time.Time) time.Time {
	now = now.Truncate(time.Millisecond)
	if n := len(st.events); n > 0 {
		if next := st.events[n-1].Timestamp.Add(time.Millisecond); now.Before(next) {
			return next
		}
	}
	return now
}

func (s *Service) emit(st *stack, detailType string, detail map[string]any) {
	b, err := json.Marshal(detail)
	if err != nil {
		return // maps of text always encode
	}
	s.Emit(s.ctx, wire.Event{Source: "aws.cloudformation", DetailType: detailType, Resources: []string{st.id},
		Detail: b, Account: st.at.account, Region: st.at.region})
}

// sortedRecords are the stack's resources in the order in which they were made.
func (st *stack) sortedRecords() []*record {
	var out []*record
	for _, id := range st.order {
		if r := st.resources[id]; r != nil {
			out = append(out, r)
		}
	}
	return out
}

// put adds or replaces a resource.
func (st *stack) put(r *record) {
	st.resources[r.id] = r
	if !slices.Contains(st.order, r.id) {
		st.order = append(st.order, r.id)
	}
}

// drop forgets a resource.
func (st *stack) drop(id string) {
	delete(st.resources, id)
	st.order = slices.DeleteFunc(st.order, func(o string) bool { return o == id })
}

// add registers a stack. It needs the lock.
func (s *Service) add(st *stack) {
	st.created, st.resources, st.drift = s.Now(), map[string]*record{}, types.StackDriftStatusNotChecked
	s.stacks = append(s.stacks, st)
}

func (s *Service) arn(at scope, resource string) string {
	return "arn:aws:cloudformation:" + at.region + ":" + at.account + ":" + resource
}

// export finds the value exported under a name, and the stack that does.
func (s *Service) export(at scope, name string) (value string, by *stack, ok bool) {
	for _, st := range s.stacks {
		if st.at != at || !st.live() {
			continue
		}
		for _, o := range st.outputs {
			if aws.ToString(o.ExportName) == name {
				return aws.ToString(o.OutputValue), st, true
			}
		}
	}
	return "", nil, false
}
