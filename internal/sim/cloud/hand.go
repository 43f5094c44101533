package cloud

import (
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// Erase deletes a live resource by hand; false where there is none.
func (c *Cloud) Erase(name, resource string) bool {
	s := c.find(&name)
	if s == nil || s.deleted || s.busy() {
		return false
	}
	if _, there := s.live[resource]; !there {
		return false
	}
	s.live = s.live.clone()
	delete(s.live, resource)
	s.touched = c.Now()
	return true
}

// Has returns the stack that has a resource of a physical id, and its logical id there; false
// where none has.
func (c *Cloud) Has(physical string) (arn, logical string, found bool) {
	for _, s := range c.stacks {
		id, ours := strings.CutPrefix(physical, s.name+"-")
		if s.deleted || !ours || s.declared == nil {
			continue
		}
		if _, declared := s.declared.Resources[id]; declared {
			return s.arn, id, true
		}
	}
	return "", "", false
}

// odd returns changes as a drift-aware change set was seen to tell them: a replacement of what is
// in sync, a property that nobody changed, less than what differs, a value that is not known yet.
func (c *Cloud) odd(changes []types.Change, declared Resources) []types.Change {
	kind := c.Draw(12)
	if kind > 3 || len(declared) == 0 {
		return changes
	}
	id := slices.Sorted(maps.Keys(declared))[c.Draw(len(declared))]
	changes = slices.Clone(changes)
	phantom := types.Change{Type: types.ChangeTypeResource, ResourceChange: &types.ResourceChange{LogicalResourceId: aws.String(id),
		ResourceType: aws.String(declared[id].Type), Action: types.ChangeActionModify, Replacement: types.ReplacementFalse}}
	at := slices.IndexFunc(changes, func(o types.Change) bool { return *o.ResourceChange.LogicalResourceId == id })
	switch detail := detailOf("Phantom", "1", "2"); {
	case at >= 0 && kind == 0 && changes[at].ResourceChange.Action == types.ChangeActionModify:
		replaced := *changes[at].ResourceChange
		replaced.Replacement = types.ReplacementTrue
		changes[at].ResourceChange = &replaced
		return changes
	case at >= 0:
		return slices.Delete(changes, at, at+1)
	case kind == 0:
		phantom.ResourceChange.Replacement = types.ReplacementTrue
		detail.Target.RequiresRecreation = types.RequiresRecreationAlways
		phantom.ResourceChange.Details = []types.ResourceChangeDetail{detail}
	case kind == 1:
		detail.Target.AfterValue = aws.String("{{changeSet:KNOWN_AFTER_APPLY}}")
		phantom.ResourceChange.Details = []types.ResourceChangeDetail{detail}
	default:
		phantom.ResourceChange.Details = []types.ResourceChangeDetail{detail}
	}
	return append(changes, phantom)
}

func detailOf(name, was, is string) types.ResourceChangeDetail {
	return types.ResourceChangeDetail{Target: &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(name),
		Path: aws.String("/Properties/" + name), BeforeValue: aws.String(was), AfterValue: aws.String(is),
		RequiresRecreation: types.RequiresRecreationNever}}
}
