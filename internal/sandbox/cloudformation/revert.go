package cloudformation

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// reversal is how a resource that drifted is brought back.
type reversal struct {
	gone    bool           // it was deleted: make it again
	replace bool           // what changed can only be had by a new one
	actual  map[string]any // the live properties that the template declares
}

// revertDrift turns an ordinary plan into a drift-aware one: every resource that can be read
// is compared as it is live, not as it was last deployed.
func (p *planner) revertDrift(ctx context.Context) error {
	p.plan.revert = map[string]reversal{}
	ordinary := map[string]*types.ResourceChange{}
	for _, c := range p.plan.changes {
		ordinary[text(c.ResourceChange.LogicalResourceId)] = c.ResourceChange
	}
	var changes []types.Change
	add := func(c *types.ResourceChange) {
		if c != nil {
			changes = append(changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: c})
		}
	}
	for _, r := range p.g.active {
		old, change := p.records[r.ID], ordinary[r.ID]
		delete(ordinary, r.ID)
		if old == nil || (change != nil && change.Action == types.ChangeActionAdd) {
			add(change)
			continue
		}
		aware, err := p.revertOne(ctx, r, old, change)
		if err != nil {
			return err
		}
		add(aware)
	}
	for _, c := range p.plan.changes {
		if left := ordinary[text(c.ResourceChange.LogicalResourceId)]; left != nil {
			left.ResourceDriftStatus = types.StackResourceDriftStatusUnsupported
			add(left)
		}
	}
	p.plan.changes = changes
	return nil
}

// revertOne compares one resource of the target with what is live.
func (p *planner) revertOne(ctx context.Context, r *template.Resource, old *record, change *types.ResourceChange) (*types.ResourceChange, error) {
	live, found, readable, err := p.live(ctx, p.st, old)
	status := types.StackResourceDriftStatusUnsupported
	if readable && err != nil {
		status = types.StackResourceDriftStatusUnknown
	}
	if !readable || err != nil {
		if change != nil {
			change.ResourceDriftStatus = status
		}
		return change, nil
	}
	v, err := p.env.Resolve(r.Properties)
	if err != nil {
		return nil, err
	}
	properties, _ := v.(map[string]any)
	if !found {
		p.plan.revert[r.ID] = reversal{gone: true}
		return &types.ResourceChange{Action: types.ChangeActionAdd, LogicalResourceId: aws.String(r.ID), ResourceType: aws.String(r.Type),
			ResourceDriftStatus: types.StackResourceDriftStatusDeleted, Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{},
			AfterContext: p.context(r, properties), PreviousDeploymentContext: p.context(old.definition, old.properties)}, nil
	}
	before, actualBefore := declared(old.kind, old.properties, live)
	status = types.StackResourceDriftStatusInSync
	if len(diff("", before, actualBefore)) > 0 {
		status = types.StackResourceDriftStatusModified
	}
	compared, actual := declared(r.Type, properties, live)
	return p.aware(r, old, change, status, awareness{compared: compared, actual: actual, previous: old.properties, properties: properties})
}

// awareness is what a drift-aware change is made of.
type awareness struct{ compared, actual, previous, properties map[string]any }

func (p *planner) aware(r *template.Resource, old *record, change *types.ResourceChange, status types.StackResourceDriftStatus, a awareness) (*types.ResourceChange, error) {
	var details []types.ResourceChangeDetail
	for _, l := range diff("", a.actual, a.compared) {
		d := p.detail(r, old, l)
		d.Target.BeforeValueFrom, d.Target.AfterValueFrom = types.BeforeValueFromActualState, types.AfterValueFromTemplate
		if before := pick(a.previous, l.path); !template.Equal(before, l.before) {
			d.Target.Drift = &types.LiveResourceDrift{ActualValue: p.shown(l.before), PreviousValue: p.shown(before), DriftDetectionTimestamp: aws.Time(p.Now())}
		}
		details = append(details, d)
	}
	synced := len(details) == 0 && status == types.StackResourceDriftStatusModified && change != nil
	if change != nil {
		for _, d := range change.Details { // what cannot be read is compared with the last deployment
			name := text(d.Target.Name)
			if _, seen := a.compared[name]; !seen || d.Target.Attribute != types.ResourceAttributeProperties {
				if d.Target.Attribute == types.ResourceAttributeProperties {
					d.Target.BeforeValueFrom, d.Target.AfterValueFrom = types.BeforeValueFromPreviousDeploymentState, types.AfterValueFromTemplate
				}
				details = append(details, d)
			}
		}
	}
	if len(details) == 0 && !synced {
		return nil, nil
	}
	out := &types.ResourceChange{Action: types.ChangeActionModify, LogicalResourceId: aws.String(r.ID), PhysicalResourceId: aws.String(old.physical),
		ResourceType: aws.String(r.Type), ResourceDriftStatus: status, Replacement: replacementOf(details), Scope: scopeOf(details), Details: details,
		BeforeContext: p.context(old.definition, a.actual), AfterContext: p.context(r, a.properties), PreviousDeploymentContext: p.context(old.definition, old.properties)}
	if synced {
		out.Action, out.Details, out.Scope = types.ChangeActionSyncWithActual, change.Details, change.Scope
		for i := range out.Details {
			out.Details[i].ChangeSource = types.ChangeSourceNoModification
			out.Details[i].Target.AttributeChangeType = types.AttributeChangeTypeSyncWithActual
		}
	}
	p.plan.revert[r.ID] = reversal{replace: out.Replacement == types.ReplacementTrue, actual: maps.Clone(a.actual)}
	return out, nil
}

// pick returns the value at a path of diff, or nil.
func pick(v any, path string) any {
	for _, part := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		switch t := v.(type) {
		case map[string]any:
			v = t[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil {
				return nil
			}
			v = at(t, i)
		default:
			return nil
		}
	}
	return v
}
