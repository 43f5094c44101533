package cloud

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// CreateChangeSet accepts a change set, which is worked out afterwards.
func (c *Cloud) CreateChangeSet(_ context.Context, in *cloudformation.CreateChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	c.Calls++
	s, name := c.find(in.StackName), aws.ToString(in.ChangeSetName)
	if s != nil {
		for _, cs := range s.sets {
			if cs.Name != name {
				continue
			}
			if cs.client == aws.ToString(in.ClientToken) && c.Now().Sub(cs.createdAt) < Remembers {
				return &cloudformation.CreateChangeSetOutput{Id: &cs.arn, StackId: &s.arn}, nil
			}
			return nil, refused("AlreadyExistsException", "ChangeSet %s already exists", name)
		}
	}
	template, err := Read(aws.ToString(in.TemplateBody))
	if err != nil {
		return nil, invalid("Template format error: %s", err)
	}
	creating := in.ChangeSetType == types.ChangeSetTypeCreate
	switch {
	case creating && in.DeploymentMode != "", in.DeploymentMode != "" && aws.ToBool(in.IncludeNestedStacks):
		return nil, invalid("DeploymentMode is not supported here")
	case creating && s != nil && s.status != types.StackStatusReviewInProgress:
		return nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", s.name, name)
	case !creating && s == nil:
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	case !creating && !s.updatable():
		return nil, invalid("Stack:%s is in %s state and can not be updated.", s.arn, s.status)
	}
	if s == nil {
		s = &stack{name: aws.ToString(in.StackName), created: c.Now()}
		s.arn = c.id("stack", s.name)
		c.stacks = append(c.stacks, s)
		c.enter(s, types.StackStatusReviewInProgress, aws.ToString(in.ClientToken), "User Initiated")
	}
	c.Mutations++
	cs := &set{Set: Set{Name: name, Stack: s.name, Template: template, Revert: in.DeploymentMode != "", At: c.Now(), Takes: c.Pace.ChangeSet()}, arn: c.id("changeSet", name), stack: s,
		client: aws.ToString(in.ClientToken), createdAt: c.Now(), kind: in.ChangeSetType, tags: in.Tags, about: in.Description,
		status: types.ChangeSetStatusCreatePending, execution: types.ExecutionStatusUnavailable}
	s.sets = append(s.sets, cs)
	moved := s.moved
	c.After(cs.Takes, func() { c.ready(cs, moved) })
	if c.Created != nil {
		c.Created(cs.Set)
	}
	return &cloudformation.CreateChangeSetOutput{Id: &cs.arn, StackId: &s.arn}, nil
}

// ready works a change set out.
func (c *Cloud) ready(cs *set, moved int) {
	if cs.status != types.ChangeSetStatusCreatePending {
		return
	}
	fail := func(reason string) {
		cs.status, cs.reason = types.ChangeSetStatusFailed, reason
	}
	s := cs.stack
	if s.deleted || s.moved != moved || s.busy() {
		fail("Stack " + s.name + " was changed while the change set was created")
		return
	}
	from := Resources{}
	if cs.Revert {
		from = s.live
	} else if s.declared != nil {
		from = s.declared.Resources
	}
	cs.Changes = compare(from, cs.Template.Resources, cs.Revert, s.declared)
	if cs.Differs = cs.Changes; cs.Revert && c.Odd {
		cs.Changes = c.odd(cs.Changes, cs.Template.Resources)
	}
	switch {
	case cs.Template.Behaviour == Reject:
		fail("Template error: the simulated template is not accepted")
	case cs.kind != types.ChangeSetTypeCreate && len(cs.Changes) == 0 && s.declared != nil && s.declared.Behaviour == cs.Template.Behaviour:
		fail([]string{"The submitted information didn't contain changes. Submit different information to create a change set.",
			"No updates are to be performed."}[c.Draw(2)])
	default:
		cs.status, cs.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
		if c.Planned != nil {
			c.Planned(cs.Set)
		}
	}
}

// compare returns the changes that bring resources to what a template declares.
func compare(from, to Resources, revert bool, declared *Template) []types.Change {
	var all []types.Change
	for _, id := range ids(from, to) {
		before, had := from[id]
		after, has := to[id]
		rc := &types.ResourceChange{LogicalResourceId: aws.String(id), ResourceType: aws.String(after.Type)}
		switch {
		case !has:
			rc.Action, rc.ResourceType = types.ChangeActionRemove, aws.String(before.Type)
		case !had:
			rc.Action = types.ChangeActionAdd
		default:
			rc.Details = details(id, before, after, revert, declared)
			if len(rc.Details) == 0 && before.Type == after.Type {
				continue
			}
			rc.Action, rc.Replacement = types.ChangeActionModify, types.ReplacementFalse
			if before.Properties["QueueName"] != after.Properties["QueueName"] || before.Type != after.Type {
				rc.Replacement = types.ReplacementTrue
			}
		}
		all = append(all, types.Change{Type: types.ChangeTypeResource, ResourceChange: rc})
	}
	return all
}

func details(id string, before, after Resource, revert bool, declared *Template) []types.ResourceChangeDetail {
	var all []types.ResourceChangeDetail
	for _, name := range keys(before.Properties, after.Properties) {
		was, is := before.Properties[name], after.Properties[name]
		if was == is {
			continue
		}
		if declared != nil {
			for _, secret := range declared.NoEcho {
				if was == secret {
					was = "****" // of the template that the stack has, CloudFormation knows itself what is secret
				}
			}
		}
		t := &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(name),
			Path: aws.String("/Properties/" + name), BeforeValue: aws.String(was), AfterValue: aws.String(is),
			RequiresRecreation: types.RequiresRecreationNever}
		if name == "QueueName" {
			t.RequiresRecreation = types.RequiresRecreationAlways
		}
		if revert && declared != nil {
			t.BeforeValueFrom = types.BeforeValueFromActualState
			t.Drift = &types.LiveResourceDrift{ActualValue: aws.String(was), PreviousValue: aws.String(declared.Resources[id].Properties[name])}
		}
		all = append(all, types.ResourceChangeDetail{Target: t})
	}
	return all
}

func keys(a, b map[string]string) []string {
	var all []string
	for k := range a {
		all = append(all, k)
	}
	for k := range b {
		if _, ok := a[k]; !ok {
			all = append(all, k)
		}
	}
	slices.Sort(all)
	return all
}

// DescribeChangeSet shows a change set, page by page.
func (c *Cloud) DescribeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	c.Calls++
	cs, err := c.set(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeChangeSetOutput{ChangeSetId: &cs.arn, ChangeSetName: aws.String(cs.Name), StackId: &cs.stack.arn,
		StackName: &cs.stack.name, Status: cs.status, ExecutionStatus: cs.execution, Description: cs.about, CreationTime: &cs.createdAt}
	if cs.reason != "" {
		out.StatusReason = aws.String(cs.reason)
	}
	out.Changes, out.NextToken = page(c, cs.Changes, in.NextToken)
	return out, nil
}

// DeleteChangeSet removes a change set that is not executed. AWS says yes to the deletion
// of what is not there.
func (c *Cloud) DeleteChangeSet(_ context.Context, in *cloudformation.DeleteChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error) {
	c.Calls++
	cs, err := c.set(in.ChangeSetName, in.StackName)
	if err != nil {
		if e := err.Error(); strings.Contains(e, "ChangeSetNotFound") {
			return &cloudformation.DeleteChangeSetOutput{}, nil
		}
		return nil, err
	}
	if cs.execution == types.ExecutionStatusExecuteInProgress || cs.execution == types.ExecutionStatusExecuteComplete ||
		cs.execution == types.ExecutionStatusExecuteFailed || cs.status == types.ChangeSetStatusCreatePending {
		return nil, refused("InvalidChangeSetStatus", "ChangeSet [%s] cannot be deleted in its current status of [%s]", cs.arn, cs.status)
	}
	c.Mutations++
	c.remove(cs)
	if c.Deleted != nil {
		c.Deleted(cs.Set)
	}
	return &cloudformation.DeleteChangeSetOutput{}, nil
}

func (c *Cloud) remove(cs *set) {
	cs.status = types.ChangeSetStatusDeleteComplete
	cs.stack.sets = slices.DeleteFunc(cs.stack.sets, func(o *set) bool { return o == cs })
}

// ListChangeSets lists those that were not executed.
func (c *Cloud) ListChangeSets(_ context.Context, in *cloudformation.ListChangeSetsInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error) {
	c.Calls++
	s := c.find(in.StackName)
	if s == nil {
		return nil, invalid("Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	var all []types.ChangeSetSummary
	for _, cs := range s.sets {
		all = append(all, types.ChangeSetSummary{ChangeSetId: &cs.arn, ChangeSetName: aws.String(cs.Name), Status: cs.status, ExecutionStatus: cs.execution})
	}
	out := &cloudformation.ListChangeSetsOutput{}
	out.Summaries, out.NextToken = page(c, all, in.NextToken)
	return out, nil
}
