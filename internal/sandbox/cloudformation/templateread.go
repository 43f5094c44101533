package cloudformation

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
)

// getTemplate shows a template as it was sent, or what Serverless made of it, which is what
// is shown unless a request says otherwise (API reference, GetTemplate, TemplateStage).
func (s *Service) getTemplate(_ context.Context, at scope, in *cloudformation.GetTemplateInput) (*cloudformation.GetTemplateOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var g *target
	if in.ChangeSetName != nil {
		_, c, err := s.locate(at, in.StackName, in.ChangeSetName)
		if err != nil {
			return nil, err
		}
		g = c.target
	} else {
		st, err := s.must(at, in.StackName)
		if err != nil {
			return nil, err
		}
		g = st.shown()
	}
	out := &cloudformation.GetTemplateOutput{StagesAvailable: []types.TemplateStage{types.TemplateStageOriginal}}
	if g == nil {
		return out, nil
	}
	body := g.template.Body
	if g.template.Pending() == nil {
		out.StagesAvailable = append(out.StagesAvailable, types.TemplateStageProcessed)
		if in.TemplateStage != types.TemplateStageOriginal {
			body = cmp.Or(g.template.Processed, body)
		}
	}
	out.TemplateBody = aws.String(body)
	return out, nil
}

// parsed reads the template that a request names: a stack's, or one of its own.
func (s *Service) parsed(ctx context.Context, at scope, name *string, from source) (*template.Template, error) {
	if name != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		st, err := s.must(at, name)
		if err != nil {
			return nil, err
		}
		if g := st.shown(); g != nil {
			return g.template, nil
		}
		return nil, invalid("Stack [%s] has no template", st.name)
	}
	body, err := s.read(ctx, at, nil, from)
	if err != nil {
		return nil, err
	}
	return s.parse(ctx, at, body)
}

func (s *Service) getTemplateSummary(ctx context.Context, at scope, in *cloudformation.GetTemplateSummaryInput) (*cloudformation.GetTemplateSummaryOutput, error) {
	t, err := s.parsed(ctx, at, in.StackName, source{in.TemplateBody, in.TemplateURL, false})
	if err != nil {
		return nil, err
	}
	out := &cloudformation.GetTemplateSummaryOutput{DeclaredTransforms: t.Transforms, Version: aws.String("2010-09-09"),
		Parameters: []types.ParameterDeclaration{}, ResourceTypes: []string{}}
	if t.Description != "" {
		out.Description = aws.String(t.Description)
	}
	for _, p := range t.Parameters {
		d := types.ParameterDeclaration{ParameterKey: aws.String(p.Name), ParameterType: aws.String(p.Type), DefaultValue: p.Default,
			NoEcho: aws.Bool(p.NoEcho), ParameterConstraints: &types.ParameterConstraints{AllowedValues: p.AllowedValues}}
		if p.Description != "" {
			d.Description = aws.String(p.Description)
		}
		out.Parameters = append(out.Parameters, d)
	}
	var because []string
	if out.Capabilities, because = needed(t); len(out.Capabilities) > 0 {
		out.CapabilitiesReason = aws.String("The following resource(s) require capabilities: " + quoted(because))
	}
	for _, r := range t.Resources {
		if !slices.Contains(out.ResourceTypes, r.Type) {
			out.ResourceTypes = append(out.ResourceTypes, r.Type)
		}
	}
	return out, nil
}

func (s *Service) validateTemplate(ctx context.Context, at scope, in *cloudformation.ValidateTemplateInput) (*cloudformation.ValidateTemplateOutput, error) {
	t, err := s.parsed(ctx, at, nil, source{in.TemplateBody, in.TemplateURL, false})
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ValidateTemplateOutput{DeclaredTransforms: t.Transforms, Parameters: []types.TemplateParameter{}}
	if t.Description != "" {
		out.Description = aws.String(t.Description)
	}
	for _, p := range t.Parameters {
		out.Parameters = append(out.Parameters, types.TemplateParameter{ParameterKey: aws.String(p.Name), DefaultValue: p.Default,
			NoEcho: aws.Bool(p.NoEcho), Description: aws.String(p.Description)})
	}
	var because []string
	if out.Capabilities, because = needed(t); len(out.Capabilities) > 0 {
		out.CapabilitiesReason = aws.String("The following resource(s) require capabilities: " + quoted(because))
	}
	return out, nil
}

// getStackPolicy answers that there is none: the sandbox keeps no stack policies.
func (s *Service) getStackPolicy(_ context.Context, at scope, in *cloudformation.GetStackPolicyInput) (*cloudformation.GetStackPolicyOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.must(at, in.StackName)
	return &cloudformation.GetStackPolicyOutput{}, err
}

func (s *Service) listExports(_ context.Context, at scope, in *cloudformation.ListExportsInput) (*cloudformation.ListExportsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []types.Export
	for _, st := range s.stacks {
		if st.at != at || !st.live() {
			continue
		}
		for _, o := range st.outputs {
			if o.ExportName != nil {
				all = append(all, types.Export{ExportingStackId: aws.String(st.id), Name: o.ExportName, Value: o.OutputValue})
			}
		}
	}
	list, next, err := page(all, in.NextToken, pageSize)
	return &cloudformation.ListExportsOutput{Exports: list, NextToken: next}, err
}

func (s *Service) listImports(_ context.Context, at scope, in *cloudformation.ListImportsInput) (*cloudformation.ListImportsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, owner, ok := s.export(at, text(in.ExportName))
	if !ok {
		return nil, invalid("Export '%s' does not exist", text(in.ExportName))
	}
	names := s.importers(owner, text(in.ExportName))
	if len(names) == 0 {
		return nil, invalid("Export '%s' is not imported by any stack.", text(in.ExportName))
	}
	return &cloudformation.ListImportsOutput{Imports: names}, nil
}
