package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// target is what a stack is brought to: a template with its parameters, conditions and the
// order of its resources worked out.
type target struct {
	template *template.Template
	bound    map[string]string // parameters as given, defaults filled in
	values   map[string]any    // as Ref answers them
	resolved map[string]string // of SSM parameters
	tags     map[string]string
	active   []*template.Resource // those whose condition holds, in an order that satisfies needs
	needs    map[string][]string

	conditions map[string]bool
	pseudo     map[string]any
	imports    []string // names of exports that were asked for; guarded by Service.mu
}

// given merges a request's parameters with the stack's previous ones. A parameter that is
// not mentioned falls back to its default, as on AWS.
func given(deployed *target, parameters []types.Parameter) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range parameters {
		key := aws.ToString(p.ParameterKey)
		if !aws.ToBool(p.UsePreviousValue) {
			out[key] = aws.ToString(p.ParameterValue)
			continue
		}
		var v string
		ok := false
		if deployed != nil {
			v, ok = deployed.bound[key]
		}
		if !ok {
			return nil, invalid("Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", key)
		}
		out[key] = v
	}
	return out, nil
}

// request is what a call asks a stack to become.
type request struct {
	source
	parameters   []types.Parameter
	tags         []types.Tag
	capabilities []types.Capability
	direct       bool // without a change set to look at first
}

// requested returns the target that a request asks of a stack, deployed being what stands;
// nil for none.
func (s *Service) requested(ctx context.Context, st *stack, deployed *target, r request) (*target, error) {
	body, err := s.read(ctx, st.at, deployed, r.source)
	if err != nil {
		return nil, err
	}
	parameters, err := given(deployed, r.parameters)
	if err != nil {
		return nil, err
	}
	return s.newTarget(ctx, st, body, parameters, r.tags, r.capabilities, r.direct)
}

// newTarget checks a template against its parameters, the types that there are and the
// capabilities, all as AWS does before it accepts a request. direct says that nobody reviews
// what transforms make of the template. Else a template that calls a macro is not complete:
// the macro is run while the change set is made, as expanded does.
func (s *Service) newTarget(ctx context.Context, st *stack, body string, parameters map[string]string, tags []types.Tag, capabilities []types.Capability, direct bool) (*target, error) {
	t, err := s.parse(ctx, st.at, body)
	if err != nil {
		return nil, err
	}
	if t.Pending() == nil {
		if err := s.checkTypes(t); err != nil {
			return nil, err
		}
	}
	g := &target{template: t, tags: map[string]string{}}
	for _, tag := range tags {
		g.tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	if g.bound, err = t.Bind(parameters); err != nil {
		return nil, err
	}
	if g.values, g.resolved, err = t.Values(g.bound, func(name string) (string, error) { return s.parameter(ctx, st.at, name) }); err != nil {
		return nil, err
	}
	g.pseudo = map[string]any{
		"AWS::AccountId": st.at.account, "AWS::Region": st.at.region, "AWS::StackId": st.id, "AWS::StackName": st.name,
		"AWS::Partition": "aws", "AWS::URLSuffix": "amazonaws.com", "AWS::NotificationARNs": []any{},
	}
	if t.Pending() == nil {
		return g, s.complete(st, g, capabilities, direct)
	}
	if err := g.checkCapabilities(capabilities, direct); err != nil || !direct {
		return g, err
	}
	return s.expanded(ctx, st, g, capabilities)
}

// complete works out the target's conditions and the order of its resources.
func (s *Service) complete(st *stack, g *target, capabilities []types.Capability, direct bool) error {
	e := s.env(st, g, nil)
	if err := e.Evaluate(); err != nil {
		return err
	}
	g.conditions = e.Conditions
	var err error
	if g.needs, err = e.Graph(); err != nil {
		return err
	}
	g.sort()
	return g.checkCapabilities(capabilities, direct)
}

// sort fills active: the template's order, as far as needs allow.
func (g *target) sort() {
	done := map[string]bool{}
	var visit func(r *template.Resource)
	visit = func(r *template.Resource) {
		if done[r.ID] {
			return
		}
		done[r.ID] = true
		for _, n := range g.needs[r.ID] {
			visit(g.template.Resource(n))
		}
		g.active = append(g.active, r)
	}
	for _, r := range g.template.Resources {
		if _, ok := g.needs[r.ID]; ok {
			visit(r)
		}
	}
}

// checkTypes refuses types that AWS does not know, in its words, and those that the sandbox
// lacks, in its own.
func (s *Service) checkTypes(t *template.Template) error {
	var unknown, lacking []string
	for _, r := range t.Resources {
		if _, ok := s.kinds[r.Type]; ok || r.Type == nestedStack {
			continue
		}
		if schema.Known(r.Type) {
			lacking = append(lacking, r.Type)
		} else {
			unknown = append(unknown, r.Type)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		return invalid("Template format error: Unrecognized resource types: [%s]", strings.Join(slices.Compact(unknown), ", "))
	}
	if len(lacking) > 0 {
		slices.Sort(lacking)
		return invalid("The sandbox does not have these resource types, which AWS has: [%s]", strings.Join(slices.Compact(lacking), ", "))
	}
	return s.checkAttributes(t)
}

func (s *Service) checkAttributes(t *template.Template) error {
	var all []any
	for _, r := range t.Resources {
		all = append(all, r.Properties)
	}
	for _, o := range t.Outputs {
		all = append(all, o.Value, o.Export)
	}
	for _, ref := range template.References(all) {
		r := t.Resource(ref.ID)
		if r == nil || ref.Attribute == "" {
			continue
		}
		if d := schema.Lookup(r.Type); d != nil && !d.Attribute(ref.Attribute) {
			return invalid("Template error: resource %s does not support attribute type %s in Fn::GetAtt", r.ID, ref.Attribute)
		}
	}
	return nil
}

// env is the environment in which g is resolved. It takes resources from look; nil refuses
// them, as conditions must.
func (s *Service) env(st *stack, g *target, look func(id string) (physical string, attributes map[string]any, ok bool)) *template.Env {
	if look == nil {
		look = func(string) (string, map[string]any, bool) { return "", nil, false }
	}
	at := st.at
	return &template.Env{
		Template: g.template, Parameters: g.values, Pseudo: g.pseudo, Conditions: g.conditions,
		Ref: func(id string) (any, error) {
			physical, _, ok := look(id)
			if !ok {
				return nil, invalid("Unresolved resource dependencies [%s] in the Resources block of the template", id)
			}
			return physical, nil
		},
		GetAtt: func(id, attribute string) (any, error) {
			physical, attributes, ok := look(id)
			if !ok {
				return nil, invalid("Unresolved resource dependencies [%s] in the Resources block of the template", id)
			}
			if v, ok := attributes[attribute]; ok {
				return v, nil
			}
			if physical == template.KnownAfterApply {
				return template.KnownAfterApply, nil
			}
			return nil, invalid("The sandbox cannot tell attribute %s of resource %s", attribute, id)
		},
		Import: func(name string) (string, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if v, by, ok := s.export(at, name); ok && by != st {
				if !slices.Contains(g.imports, name) {
					g.imports = append(g.imports, name)
				}
				return v, nil
			}
			return "", invalid("No export named %s found.", name)
		},
		Zones: func(region string) []any {
			if region == "" {
				region = at.region
			}
			return s.zones(scope{at.account, region})
		},
	}
}

// recorded looks resources up in the stack's own records.
func (s *Service) recorded(st *stack) func(string) (string, map[string]any, bool) {
	return func(id string) (string, map[string]any, bool) {
		s.mu.Lock()
		defer s.mu.Unlock()
		r := st.resources[id]
		if r == nil || r.physical == "" {
			return "", nil, false
		}
		return r.physical, r.answers(), true
	}
}

// answers is what Fn::GetAtt gives for the resource: its attributes, and for some types its
// properties.
func (r *record) answers() map[string]any {
	out := maps.Clone(r.properties)
	if out == nil {
		out = map[string]any{}
	}
	maps.Copy(out, r.attributes)
	return out
}

// outputsOf resolves the outputs of g. Export names must be free.
func (s *Service) outputsOf(st *stack, g *target, e *template.Env) ([]types.Output, error) {
	var out []types.Output
	for _, o := range g.template.Outputs {
		if !e.Active(o.Condition) {
			continue
		}
		v, err := e.Resolve(o.Value)
		if err != nil {
			return nil, err
		}
		output := types.Output{OutputKey: aws.String(o.Key), OutputValue: aws.String(template.Text(v))}
		if o.Description != "" {
			output.Description = aws.String(o.Description)
		}
		if o.Export != nil {
			name, err := e.Resolve(o.Export)
			if err != nil {
				return nil, err
			}
			output.ExportName = aws.String(template.Text(name))
			if err := s.exportFree(st, template.Text(name)); err != nil {
				return nil, err
			}
		}
		out = append(out, output)
	}
	return out, nil
}

func (s *Service) exportFree(st *stack, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, by, ok := s.export(st.at, name); ok && by != st {
		return invalid("Export with name %s is already exported by stack %s. Rollback requested by user.", name, by.name)
	}
	return nil
}

// reasonOf is the sentence that a resource's event shows for an error.
func reasonOf(err error) string {
	var e *wire.Error
	if !errors.As(err, &e) {
		return "Internal Failure: " + err.Error()
	}
	if e.Code == "ValidationError" {
		return e.Message
	}
	code := "InvalidRequest"
	switch {
	case strings.Contains(e.Code, "Exist") && !strings.Contains(e.Code, "NonExist") && !strings.Contains(e.Code, "NotExist"),
		strings.Contains(e.Code, "InUse"), strings.Contains(e.Code, "NameExists"):
		code = "AlreadyExists"
	case strings.Contains(e.Code, "NotFound"), strings.Contains(e.Code, "NoSuch"), strings.Contains(e.Code, "NonExistent"):
		code = "NotFound"
	}
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)", e.Message, wire.NewUUID(), code)
}
