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
	note, err := r.note(first, len(p.Changes))
	if err != nil {
		return nil, fmt.Errorf("read change set %s: %w", aws.ToString(first.ChangeSetName), err)
	}
	p.Note = hide.text(note)
	p.Seal()
	return p, nil
}

// note returns what a reader of the plan should know beside its changes.
func (r *reader) note(out *cloudformation.DescribeChangeSetOutput, changes int) (string, error) {
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
	if out.StackDriftStatus != "" { // only a plan that looks at live has one
		all, _, err := compared(out.StackDriftStatus)
		if err != nil {
			return "", err
		}
		if !all {
			notes = append(notes, "AWS could not compare every resource with live")
		}
	}
	if r.ignored > 0 {
		notes = append(notes, fmt.Sprintf("%d properties were not compared with live: managed by AWS, write-only or sensitive", r.ignored))
	}
	return strings.Join(append(notes, r.warnings...), "; "), nil
}

// changeOf returns one resource's change. A value that is not known is an error: a plan that
// leaves out what it does not understand would be approved for what it is not.
func changeOf(r types.ResourceChange, secret map[string]bool) (c gitops.Change, err error) {
	c = gitops.Change{
		LogicalID:  aws.ToString(r.LogicalResourceId),
		PhysicalID: aws.ToString(r.PhysicalResourceId),
		Type:       aws.ToString(r.ResourceType),
	}
	if c.Properties, err = properties(r.Details, secret); err != nil {
		return c, fmt.Errorf("change of %s: %w", c.LogicalID, err)
	}
	if c.Action, err = actionOf(r); err != nil {
		return c, fmt.Errorf("change of %s: %w", c.LogicalID, err)
	}
	if c.Keeps, err = keeps(r.PolicyAction); err != nil {
		return c, fmt.Errorf("change of %s: %w", c.LogicalID, err)
	}
	if c.Action == gitops.ActionAdd && len(c.Properties) == 0 {
		c.Properties = declared(aws.ToString(r.AfterContext))
	}
	return c, nil
}

// properties returns what happens to each property, sorted by path. AWS gives one detail
// for every cause, so that one property may have several; they become one. One that names no
// property and no value tells nothing.
func properties(details []types.ResourceChangeDetail, secret map[string]bool) ([]gitops.PropertyChange, error) {
	merged, hidden := map[string]gitops.PropertyChange{}, map[string]bool{}
	for _, d := range details {
		if d.Target == nil {
			continue
		}
		p, err := propertyOf(*d.Target)
		if err != nil {
			return nil, err
		}
		hidden[p.Path] = hidden[p.Path] || secret[aws.ToString(d.CausingEntity)]
		if p.Path == "/" && p.LastDeployed+p.Live+p.Proposed == "" {
			continue // as of a nested stack that CloudFormation looks into
		}
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
	return list, nil
}

func propertyOf(t types.ResourceTargetDefinition) (gitops.PropertyChange, error) {
	p := gitops.PropertyChange{
		Path:         pathOf(t),
		LastDeployed: aws.ToString(t.BeforeValue),
		Proposed:     aws.ToString(t.AfterValue),
		Recreates:    string(t.RequiresRecreation),
	}
	if _, err := recreation(t.RequiresRecreation); err != nil {
		return p, fmt.Errorf("property %s: %w", p.Path, err)
	}
	live, err := isLive(t.BeforeValueFrom)
	if err != nil {
		return p, fmt.Errorf("property %s: %w", p.Path, err)
	}
	if live {
		p.LastDeployed, p.Live = "", aws.ToString(t.BeforeValue)
	}
	if t.Drift != nil {
		p.LastDeployed, p.Live = aws.ToString(t.Drift.PreviousValue), aws.ToString(t.Drift.ActualValue)
	}
	return p, nil
}

// pathOf returns a property's path as drift detection writes it, "/VisibilityTimeout",
// where a change set writes "/Properties/VisibilityTimeout"; other attributes of a
// resource, such as its metadata, go by their name. Tags are an attribute of their own, and a
// property: both witnesses of a heal have to name them alike.
func pathOf(t types.ResourceTargetDefinition) string {
	path, name := aws.ToString(t.Path), aws.ToString(t.Name)
	if rest, ok := strings.CutPrefix(path, "/Properties/"); ok {
		return "/" + rest
	}
	if t.Attribute != types.ResourceAttributeProperties {
		if path == "" || !strings.HasPrefix(path, "/") {
			return "/" + string(t.Attribute)
		}
		return path
	}
	if path != "" {
		return "/" + strings.TrimPrefix(path, "/")
	}
	return "/" + name
}

// notKnown is what a change set has in place of a value that only its execution tells.
const notKnown = "{{changeSet:"

// merge joins two details of one property: the values that are told, and the stronger statement
// on recreation. A proposed value that one of the causes does not know is not known.
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
	if strings.Contains(b.Proposed, notKnown) {
		m.Proposed = b.Proposed
	}
	// Both are known by now: propertyOf refuses the rest.
	had, _ := recreation(types.RequiresRecreation(a.Recreates))
	if has, _ := recreation(types.RequiresRecreation(b.Recreates)); has > had {
		m.Recreates = b.Recreates
	}
	return m
}
