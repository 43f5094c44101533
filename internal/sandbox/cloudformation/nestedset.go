package cloudformation

import (
	"context"
	"crypto/rand"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// nestedSets makes a change set for each nested stack that the plan adds or modifies, one
// after the other, each with those of its own nested stacks. One that failed fails c, unless
// it found nothing to change: such ones pile up in the field without harm
// (aws/copilot-cli#5614). They are left as they are for c's end to be judged by.
func (p *planner) nestedSets(ctx context.Context, c *changeSet) error {
	sets := map[string]*changeSet{}
	for _, change := range p.plan.changes {
		r := change.ResourceChange
		if text(r.ResourceType) != nestedStack || r.Action == types.ChangeActionRemove {
			continue
		}
		nested, err := p.nestedSet(ctx, c, text(r.LogicalResourceId), text(r.PhysicalResourceId))
		if err != nil {
			return err
		}
		r.ChangeSetId = aws.String(nested.id)
		sets[text(r.LogicalResourceId)] = nested
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	c.nested = sets
	for _, id := range sortedKeys(sets) {
		n := sets[id]
		if n.status == types.ChangeSetStatusFailed && n.reason != reasonNoChanges && n.reason != reasonNoUpdates {
			// The words of aws/aws-sam-cli#2406.
			return invalid("Nested change set %s was not successfully created: Currently in %s.", n.id, n.status)
		}
	}
	return nil
}

// nestedSet makes the change set of one nested stack. A stack that does not exist yet waits
// in review, as a root does.
func (p *planner) nestedSet(ctx context.Context, c *changeSet, id, physical string) (*changeSet, error) {
	p.mu.Lock()
	st := p.find(p.st.at, physical)
	p.mu.Unlock()
	kind := types.ChangeSetTypeUpdate
	if st == nil || !st.live() {
		var err error
		if st, err = p.newNested(p.st, id); err != nil {
			return nil, err
		}
		kind = types.ChangeSetTypeCreate
	}
	g, err := p.nestedTarget(ctx, st, p.resolved[id], embedding{tags: p.g.tags, capabilities: c.capabilities})
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	full, free := len(st.changeSets) >= maxChangeSets, kind == types.ChangeSetTypeCreate || updatable(st)
	p.mu.Unlock()
	switch {
	case full:
		return nil, &wire.Error{Code: "LimitExceededException", Message: "ChangeSet limit exceeded for stack " + st.id}
	case !free:
		return nil, conflict(st, "updated")
	}
	suffix := "-" + id + "-" + rand.Text()[:12]
	nested := p.register(st, &cloudformation.CreateChangeSetInput{
		ChangeSetName: aws.String(c.name[:min(len(c.name), 128-len(suffix))] + suffix), ChangeSetType: kind,
		Capabilities: c.capabilities, RoleARN: aws.String(c.roleARN), OnStackFailure: c.onFailure,
		ImportExistingResources: c.importExisting, IncludeNestedStacks: aws.Bool(true),
	}, g, c)
	p.work(ctx, st, nested)
	return nested, nil
}

// supersede makes every change set but c, which is executed, a thing of the past: execution
// deletes them, "because they aren't valid for the updated stack" (API reference,
// ExecuteChangeSet). Where no change set is executed they become obsolete, "because the stack
// was already updated" (DescribeChangeSet). It needs the lock.
func (s *Service) supersede(st *stack, c *changeSet) {
	for _, other := range slices.Clone(st.changeSets) {
		switch made := other.status == types.ChangeSetStatusCreateComplete || other.status == types.ChangeSetStatusFailed; {
		case other == c, !made:
		case c == nil && other.execution == types.ExecutionStatusAvailable:
			other.execution = types.ExecutionStatusObsolete
		case c != nil && (other.execution == types.ExecutionStatusAvailable || other.execution == types.ExecutionStatusUnavailable ||
			other.execution == types.ExecutionStatusObsolete):
			s.discard(other)
		}
	}
}

// executed ends a nested stack's change set whose stack had nothing to do.
func (c *changeSet) executed(err error) {
	if c == nil || c.status != types.ChangeSetStatusCreateComplete {
		return
	}
	c.execution = types.ExecutionStatusExecuteComplete
	if err != nil {
		c.execution = types.ExecutionStatusExecuteFailed
	}
}

// discard deletes a change set with those of nested stacks, and nested stacks that were in
// review for it alone (API reference, DeleteChangeSet). It needs the lock.
func (s *Service) discard(c *changeSet) {
	for _, id := range sortedKeys(c.nested) {
		s.discard(c.nested[id])
	}
	c.stack.changeSets = slices.DeleteFunc(c.stack.changeSets, func(o *changeSet) bool { return o == c })
	if c.root != "" && c.stack.inReview() && len(c.stack.changeSets) == 0 {
		s.setStatus(c.stack, types.StackStatusDeleteComplete, "")
	}
}
