package cloudformation

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// plan is what a change set would do: its changes, and what its creation found wrong.
type plan struct {
	changes  []types.Change
	problems []problem
	outputs  bool                 // the outputs would change
	revert   map[string]reversal  // as deployment.revert
	imports  map[string]wire.Made // as deployment.imports
}

// empty says whether nothing would happen to a stack that exists.
func (p plan) empty(st *stack, g *target) bool {
	return len(p.changes) == 0 && !p.outputs && maps.Equal(st.tags, g.tags)
}

// planned is what a plan knows of a resource while it works through the others.
type planned struct {
	physical   string
	attributes map[string]any
	replaced   bool
	modified   bool
}

// planner works a plan out. records are the stack's resources at that time.
type planner struct {
	*Service
	st       *stack
	g        *target
	deployed *target
	records  map[string]*record
	state    map[string]planned
	resolved map[string]map[string]any // properties, by resource
	env      *template.Env
	imports  bool // what exists already is imported, or else a conflict
	plan     plan
}

// newPlan compares the target with what was last deployed. Of what is live it looks only
// for resources that have the name of one to be added: these it imports if imports is set.
func (s *Service) newPlan(ctx context.Context, st *stack, g *target, imports bool) (*planner, error) {
	p := &planner{Service: s, st: st, g: g, records: map[string]*record{}, state: map[string]planned{},
		resolved: map[string]map[string]any{}, imports: imports}
	s.mu.Lock()
	p.deployed = st.deployed
	order := slices.Clone(st.order)
	for id, r := range st.resources {
		p.records[id] = r
	}
	outputs := slices.Clone(st.outputs)
	s.mu.Unlock()
	p.env = s.env(st, g, func(id string) (string, map[string]any, bool) {
		n, ok := p.state[id]
		return n.physical, n.attributes, ok
	})
	for _, r := range g.active {
		if err := p.resource(ctx, r); err != nil {
			return nil, err
		}
	}
	if err := p.checkImports(); err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(order) {
		if _, kept := g.needs[id]; !kept && p.records[id] != nil {
			p.remove(p.records[id])
		}
	}
	after, err := s.outputsOf(st, g, p.env)
	if err != nil {
		return nil, err
	}
	p.plan.outputs = !sameOutputs(outputs, after)
	return p, nil
}

func sameOutputs(a, b []types.Output) bool {
	key := func(o types.Output) string {
		return text(o.OutputKey) + "\x00" + text(o.OutputValue) + "\x00" + text(o.ExportName) + "\x00" + text(o.Description)
	}
	set := map[string]bool{}
	for _, o := range a {
		set[key(o)] = true
	}
	for _, o := range b {
		if !set[key(o)] {
			return false
		}
	}
	return len(a) == len(b)
}

// resource plans one resource of the target. Those it refers to are planned already.
func (p *planner) resource(ctx context.Context, r *template.Resource) error {
	v, err := p.env.Resolve(r.Properties)
	if err != nil {
		return err
	}
	properties, _ := v.(map[string]any)
	p.resolved[r.ID] = properties
	p.checkProperties(r, properties)
	old := p.records[r.ID]
	if old == nil || old.status == types.ResourceStatusCreateFailed || old.status == types.ResourceStatusDeleteComplete {
		imported, err := p.existing(ctx, r, properties)
		if !imported && err == nil {
			p.add(r, properties)
		}
		return err
	}
	p.modify(r, old, properties)
	return nil
}

func (p *planner) add(r *template.Resource, properties map[string]any) {
	p.state[r.ID] = planned{physical: template.KnownAfterApply}
	p.change(types.ResourceChange{Action: types.ChangeActionAdd, LogicalResourceId: aws.String(r.ID), ResourceType: aws.String(r.Type),
		Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{}, AfterContext: p.context(r, properties)})
}

func (p *planner) remove(r *record) {
	action := types.PolicyActionDelete
	switch {
	case strings.HasPrefix(r.definition.DeletionPolicy, "Retain"):
		action = types.PolicyActionRetain
	case r.definition.DeletionPolicy == "Snapshot":
		action = types.PolicyActionSnapshot
	}
	p.change(types.ResourceChange{Action: types.ChangeActionRemove, LogicalResourceId: aws.String(r.id),
		PhysicalResourceId: aws.String(r.physical), ResourceType: aws.String(r.kind), PolicyAction: action,
		Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{}, BeforeContext: p.context(r.definition, r.properties)})
}

func (p *planner) change(c types.ResourceChange) {
	p.plan.changes = append(p.plan.changes, types.Change{Type: types.ChangeTypeResource, ResourceChange: &c})
}

// modify plans a resource that exists.
func (p *planner) modify(r *template.Resource, old *record, properties map[string]any) {
	keep := planned{physical: old.physical, attributes: old.answers()}
	var details []types.ResourceChangeDetail
	for _, l := range diff("", old.properties, properties) {
		details = append(details, p.detail(r, old, l))
	}
	details = append(details, p.attributeDetails(r, old)...)
	if old.kind != r.Type {
		details = append(details, directly(types.ResourceAttributeProperties, types.RequiresRecreationAlways, types.EvaluationTypeStatic))
	}
	if r.Type == nestedStack { // its template may have changed (API reference, ResourceChangeDetail, ChangeSource)
		d := directly(types.ResourceAttributeProperties, types.RequiresRecreationNever, types.EvaluationTypeDynamic)
		d.ChangeSource = types.ChangeSourceAutomatic
		details = append(details, d)
	}
	if len(details) == 0 {
		p.state[r.ID] = keep
		return
	}
	replacement := replacementOf(details)
	c := types.ResourceChange{Action: types.ChangeActionModify, LogicalResourceId: aws.String(r.ID), PhysicalResourceId: aws.String(old.physical),
		ResourceType: aws.String(r.Type), Replacement: replacement, Scope: scopeOf(details), Details: details,
		BeforeContext: p.context(old.definition, old.properties), AfterContext: p.context(r, properties)}
	if replacement == types.ReplacementTrue {
		c.PolicyAction = map[string]types.PolicyAction{"Retain": types.PolicyActionReplaceAndRetain,
			"Snapshot": types.PolicyActionReplaceAndSnapshot}[old.definition.UpdateReplacePolicy]
		if c.PolicyAction == "" {
			c.PolicyAction = types.PolicyActionReplaceAndDelete
		}
	}
	p.change(c)
	p.state[r.ID] = p.after(old, details, replacement)
}

// after is what others see of a resource that changes: a replaced one is new, and what
// Fn::GetAtt answers of one changed in place may differ then (user guide, "Example change
// sets": evaluation Dynamic, change source ResourceAttribute). Metadata alone changes
// neither.
func (p *planner) after(old *record, details []types.ResourceChangeDetail, replacement types.Replacement) planned {
	switch {
	case replacement == types.ReplacementTrue:
		return planned{physical: template.KnownAfterApply, replaced: true}
	case !slices.ContainsFunc(details, func(d types.ResourceChangeDetail) bool {
		return d.Target.Attribute == types.ResourceAttributeProperties
	}):
		return planned{physical: old.physical, attributes: old.answers()}
	}
	attributes := old.answers()
	for name := range attributes {
		if !identifier(old.kind, name) {
			attributes[name] = template.KnownAfterApply
		}
	}
	return planned{physical: old.physical, attributes: attributes, modified: true}
}

// identifier says whether an attribute is a name of the resource itself, which no change in
// place can alter.
func identifier(kind, attribute string) bool {
	if kind == nestedStack {
		return false
	}
	if t := schema.Lookup(kind); t != nil && (slices.Contains(t.ID, attribute) || slices.Contains(t.CreateOnly, attribute)) {
		return true
	}
	return attribute == "Arn" || strings.HasSuffix(attribute, "Arn") || strings.HasSuffix(attribute, "Id") || strings.HasSuffix(attribute, "Name")
}

// detail describes one changed place, and what made it change.
func (p *planner) detail(r *template.Resource, old *record, l leaf) types.ResourceChangeDetail {
	recreation := types.RequiresRecreationNever
	if t := schema.Lookup(r.Type); t != nil {
		recreation = types.RequiresRecreation(t.Recreation(l.dotted()))
	}
	target := &types.ResourceTargetDefinition{Attribute: types.ResourceAttributeProperties, Name: aws.String(l.property()),
		Path: aws.String("/Properties" + l.path), RequiresRecreation: recreation, BeforeValue: p.shown(l.before), AfterValue: p.shown(l.after)}
	if l.property() == "Tags" {
		target.Attribute = types.ResourceAttributeTags
	}
	target.AttributeChangeType = changeType(l)
	d := types.ResourceChangeDetail{Evaluation: types.EvaluationTypeStatic, Target: target}
	if template.Unknown(l.after) {
		d.Evaluation = types.EvaluationTypeDynamic
	}
	d.ChangeSource, d.CausingEntity = p.cause(r, old, l.property())
	return d
}

func changeType(l leaf) types.AttributeChangeType {
	switch {
	case l.before == nil:
		return types.AttributeChangeTypeAdd
	case l.after == nil:
		return types.AttributeChangeTypeRemove
	}
	return types.AttributeChangeTypeModify
}

// cause says what made a property change: a parameter, a resource that is replaced, an
// attribute of one that changes, or else the template itself.
func (p *planner) cause(r *template.Resource, old *record, property string) (types.ChangeSource, *string) {
	raw := r.Properties[property]
	for _, ref := range template.References(raw) {
		n := p.state[ref.ID]
		switch {
		case ref.Attribute != "" && (n.replaced || n.modified):
			return types.ChangeSourceResourceAttribute, aws.String(ref.ID + "." + ref.Attribute)
		case n.replaced:
			return types.ChangeSourceResourceReference, aws.String(ref.ID)
		}
	}
	if p.deployed != nil && template.Equal(raw, old.definition.Properties[property]) {
		for _, ref := range template.References(raw) {
			v, ok := p.g.values[ref.ID]
			if before, had := p.deployed.values[ref.ID]; ok && had && !template.Equal(v, before) {
				return types.ChangeSourceParameterReference, aws.String(ref.ID)
			}
		}
	}
	return types.ChangeSourceDirectModification, nil
}

// attributeDetails are changes of what is not a property: metadata, policies, stack tags.
func (p *planner) attributeDetails(r *template.Resource, old *record) []types.ResourceChangeDetail {
	var out []types.ResourceChangeDetail
	before := old.definition
	if !template.Equal(before.Metadata, r.Metadata) {
		out = append(out, directly(types.ResourceAttributeMetadata, types.RequiresRecreationNever, types.EvaluationTypeStatic))
	}
	if before.DeletionPolicy != r.DeletionPolicy {
		out = append(out, directly(types.ResourceAttributeDeletionPolicy, types.RequiresRecreationNever, types.EvaluationTypeStatic))
	}
	if before.UpdateReplacePolicy != r.UpdateReplacePolicy {
		out = append(out, directly(types.ResourceAttributeUpdateReplacePolicy, types.RequiresRecreationNever, types.EvaluationTypeStatic))
	}
	if retagged(old, p.g.tags) {
		out = append(out, directly(types.ResourceAttributeTags, types.RequiresRecreationNever, types.EvaluationTypeStatic))
	}
	return out
}

func directly(a types.ResourceAttribute, r types.RequiresRecreation, e types.EvaluationType) types.ResourceChangeDetail {
	return types.ResourceChangeDetail{ChangeSource: types.ChangeSourceDirectModification, Evaluation: e,
		Target: &types.ResourceTargetDefinition{Attribute: a, RequiresRecreation: r}}
}

// replacementOf is the worst of the details, as the API reference puts it: Always and
// static is True, Always and dynamic is Conditional.
func replacementOf(details []types.ResourceChangeDetail) types.Replacement {
	out := types.ReplacementFalse
	for _, d := range details {
		switch {
		case d.Target.RequiresRecreation == types.RequiresRecreationAlways && certain(d):
			return types.ReplacementTrue
		case d.Target.RequiresRecreation != types.RequiresRecreationNever:
			out = types.ReplacementConditional
		}
	}
	return out
}

func scopeOf(details []types.ResourceChangeDetail) []types.ResourceAttribute {
	var out []types.ResourceAttribute
	for _, d := range details {
		if !slices.Contains(out, d.Target.Attribute) {
			out = append(out, d.Target.Attribute)
		}
	}
	slices.Sort(out)
	return out
}

// valueOf is a value as change sets show it: text as it is, the rest as JSON.
func valueOf(v any) *string {
	if v == nil {
		return nil
	}
	return aws.String(template.Text(v))
}

// certain says whether the value will surely change: a reference to a resource that is
// replaced surely does, an attribute of one changed in place may not.
func certain(d types.ResourceChangeDetail) bool {
	return d.Evaluation == types.EvaluationTypeStatic || d.ChangeSource == types.ChangeSourceResourceReference
}
