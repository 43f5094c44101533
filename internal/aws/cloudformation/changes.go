package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// planOf returns the plan that a ready change set is, those of its nested stacks included.
func planOf(ctx context.Context, c api, w reconcile.Work, first *cloudformation.DescribeChangeSetOutput) (*gitops.Plan, error) {
	hide, err := secretsOf(ctx, w)
	if err != nil {
		return nil, err
	}
	r := &reader{c: c, hide: hide}
	p := &gitops.Plan{Engine: gitops.EngineCloudFormation, Kind: w.Kind, Bundle: w.Bundle}
	if p.Changes, err = r.changes(ctx, first, hide.noEcho); err != nil {
		return nil, err
	}
	p.Note = hide.text(r.note(first, len(p.Changes)))
	p.Seal()
	return p, nil
}

// note returns what a reader of the plan should know beside its changes.
func (r *reader) note(out *cloudformation.DescribeChangeSetOutput, changes int) string {
	var notes []string
	if d := aws.ToString(out.Description); strings.HasPrefix(d, takesOver) {
		notes = append(notes, d)
	}
	switch {
	case changes == 0 && r.unmoved > 0: // with nested stacks AWS may not say that there is nothing to do
		notes = append(notes, "no resource changes, in nested stacks neither: outputs, tags or settings of the stack do, or nothing does")
	case changes == 0:
		notes = append(notes, "no resource changes: only outputs, tags or settings of the stack do")
	}
	if out.StackDriftStatus == types.StackDriftStatusUnknown {
		notes = append(notes, "AWS could not compare every resource with live")
	}
	if r.ignored > 0 {
		notes = append(notes, fmt.Sprintf("%d properties were not compared with live: managed by AWS, write-only or sensitive", r.ignored))
	}
	return strings.Join(append(notes, r.warnings...), "; ")
}

// changeOf returns one resource's change. An action that is not known is an error: a plan
// that leaves out what it does not understand would be approved for what it is not.
func changeOf(r types.ResourceChange, secret map[string]bool) (gitops.Change, error) {
	c := gitops.Change{
		LogicalID:  aws.ToString(r.LogicalResourceId),
		PhysicalID: aws.ToString(r.PhysicalResourceId),
		Type:       aws.ToString(r.ResourceType),
		Properties: properties(r.Details, secret),
	}
	switch r.Action {
	case types.ChangeActionAdd:
		c.Action = gitops.ActionAdd
		if len(c.Properties) == 0 {
			c.Properties = declared(aws.ToString(r.AfterContext))
		}
	case types.ChangeActionModify:
		c.Action = gitops.ActionModify
		// What may turn out to be a replacement counts as one.
		if r.Replacement == types.ReplacementTrue || r.Replacement == types.ReplacementConditional {
			c.Action = gitops.ActionReplace
		}
	case types.ChangeActionRemove:
		c.Action = gitops.ActionRemove
	case types.ChangeActionImport:
		c.Action = gitops.ActionImport
	case types.ChangeActionDynamic, // known once a nested stack was looked at
		types.ChangeActionSyncWithActual: // CloudFormation takes over what live already is
		c.Action = gitops.ActionModify
	default:
		return c, fmt.Errorf("action %q of %s is not known to this version", r.Action, c.LogicalID)
	}
	c.Keeps = r.PolicyAction == types.PolicyActionRetain || r.PolicyAction == types.PolicyActionReplaceAndRetain
	return c, nil
}

// properties returns what happens to each property, sorted by path. AWS gives one detail
// for every cause, so that one property may have several; they become one. One that names no
// property and no value tells nothing.
func properties(details []types.ResourceChangeDetail, secret map[string]bool) []gitops.PropertyChange {
	merged, hidden := map[string]gitops.PropertyChange{}, map[string]bool{}
	for _, d := range details {
		if d.Target == nil {
			continue
		}
		p := propertyOf(*d.Target)
		if p.Path == "/" && p.LastDeployed+p.Live+p.Proposed == "" {
			continue // as of a nested stack that CloudFormation looks into
		}
		hidden[p.Path] = hidden[p.Path] || secret[aws.ToString(d.CausingEntity)]
		merged[p.Path] = merge(merged[p.Path], p)
	}
	list := make([]gitops.PropertyChange, 0, len(merged))
	for path, p := range merged {
		if hidden[path] {
			conceal(&p.LastDeployed, &p.Live, &p.Proposed)
		}
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b gitops.PropertyChange) int { return strings.Compare(a.Path, b.Path) })
	return list
}

func propertyOf(t types.ResourceTargetDefinition) gitops.PropertyChange {
	p := gitops.PropertyChange{
		Path:         pathOf(t),
		LastDeployed: aws.ToString(t.BeforeValue),
		Proposed:     aws.ToString(t.AfterValue),
		Recreates:    string(t.RequiresRecreation),
	}
	if t.BeforeValueFrom == types.BeforeValueFromActualState {
		p.LastDeployed, p.Live = "", aws.ToString(t.BeforeValue)
	}
	if t.Drift != nil {
		p.LastDeployed, p.Live = aws.ToString(t.Drift.PreviousValue), aws.ToString(t.Drift.ActualValue)
	}
	return p
}

// pathOf returns a property's path as drift detection writes it, "/VisibilityTimeout",
// where a change set writes "/Properties/VisibilityTimeout"; other attributes of a
// resource, such as its tags or its metadata, go by their name.
func pathOf(t types.ResourceTargetDefinition) string {
	path, name := aws.ToString(t.Path), aws.ToString(t.Name)
	if t.Attribute != types.ResourceAttributeProperties {
		if path == "" || !strings.HasPrefix(path, "/") {
			return "/" + string(t.Attribute)
		}
		return path
	}
	if rest, ok := strings.CutPrefix(path, "/Properties/"); ok {
		return "/" + rest
	}
	if path != "" {
		return "/" + strings.TrimPrefix(path, "/")
	}
	return "/" + name
}

// merge joins two details of one property: the values that are known, and the stronger
// statement on recreation.
func merge(a, b gitops.PropertyChange) gitops.PropertyChange {
	either := func(x, y string) string {
		if x != "" {
			return x
		}
		return y
	}
	m := gitops.PropertyChange{
		Path:         b.Path,
		LastDeployed: either(a.LastDeployed, b.LastDeployed),
		Live:         either(a.Live, b.Live),
		Proposed:     either(a.Proposed, b.Proposed),
		Recreates:    a.Recreates,
	}
	order := []string{"", string(types.RequiresRecreationNever),
		string(types.RequiresRecreationConditionally), string(types.RequiresRecreationAlways)}
	if slices.Index(order, b.Recreates) > slices.Index(order, a.Recreates) {
		m.Recreates = b.Recreates
	}
	return m
}
