package cloudformation

import (
	"context"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// pageSize is how many entries an answer holds at most.
const pageSize = 100

// page cuts a list at the token, and returns the next one.
func page[T any](list []T, token *string, size int) ([]T, *string, error) {
	from := 0
	if token != nil {
		n, err := strconv.Atoi(*token)
		if err != nil || n < 0 || n > len(list) {
			return nil, nil, invalid("The specified next token is invalid")
		}
		from = n
	}
	end := min(from+size, len(list))
	if end < len(list) {
		return list[from:end], aws.String(strconv.Itoa(end)), nil
	}
	return list[from:end], nil, nil
}

func (s *Service) describeChangeSet(_ context.Context, at scope, in *cloudformation.DescribeChangeSetInput) (*cloudformation.DescribeChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, c, err := s.locate(at, in.StackName, in.ChangeSetName)
	if err != nil {
		return nil, err
	}
	changes, next, err := page(c.plan.changes, in.NextToken, pageSize)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeChangeSetOutput{
		ChangeSetId: aws.String(c.id), ChangeSetName: aws.String(c.name), StackId: aws.String(st.id), StackName: aws.String(st.name),
		CreationTime: aws.Time(c.created), Status: c.status, ExecutionStatus: c.execution, Parameters: c.target.parameters(),
		Tags: tagsOf(c.target.tags), Capabilities: c.capabilities, NotificationARNs: c.notifications, OnStackFailure: c.onFailure,
		IncludeNestedStacks: aws.Bool(c.include), NextToken: next, DeploymentMode: c.mode, Changes: []types.Change{},
		RollbackConfiguration: &c.rollback, ImportExistingResources: c.importExisting,
	}
	if c.description != "" {
		out.Description = aws.String(c.description)
	}
	if c.reason != "" {
		out.StatusReason = aws.String(c.reason)
	}
	if c.root != "" {
		out.ParentChangeSetId, out.RootChangeSetId = aws.String(c.parent), aws.String(c.root)
	}
	for _, change := range changes {
		if !aws.ToBool(in.IncludePropertyValues) {
			change = withoutValues(change)
		}
		out.Changes = append(out.Changes, change)
	}
	return out, nil
}

// withoutValues is a change as it is shown without IncludePropertyValues: one detail for
// each property, no values, no contexts.
func withoutValues(c types.Change) types.Change {
	r := *c.ResourceChange
	r.BeforeContext, r.AfterContext, r.PreviousDeploymentContext = nil, nil, nil
	r.Details = []types.ResourceChangeDetail{}
	for _, d := range c.ResourceChange.Details {
		t := types.ResourceTargetDefinition{Attribute: d.Target.Attribute, Name: d.Target.Name, RequiresRecreation: d.Target.RequiresRecreation}
		d.Target = &t
		if !slices.ContainsFunc(r.Details, func(o types.ResourceChangeDetail) bool {
			return o.Target.Attribute == t.Attribute && text(o.Target.Name) == text(t.Name)
		}) {
			r.Details = append(r.Details, d)
		}
	}
	c.ResourceChange = &r
	return c
}

func (s *Service) listChangeSets(_ context.Context, at scope, in *cloudformation.ListChangeSetsInput) (*cloudformation.ListChangeSetsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(at, text(in.StackName))
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", text(in.StackName))
	}
	list, next, err := page(st.changeSets, in.NextToken, pageSize)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.ListChangeSetsOutput{NextToken: next, Summaries: []types.ChangeSetSummary{}}
	for _, c := range list {
		summary := types.ChangeSetSummary{ChangeSetId: aws.String(c.id), ChangeSetName: aws.String(c.name), StackId: aws.String(st.id),
			StackName: aws.String(st.name), CreationTime: aws.Time(c.created), Status: c.status, ExecutionStatus: c.execution,
			IncludeNestedStacks: aws.Bool(c.include)}
		if c.root != "" {
			summary.ParentChangeSetId, summary.RootChangeSetId = aws.String(c.parent), aws.String(c.root)
		}
		if c.reason != "" {
			summary.StatusReason = aws.String(c.reason)
		}
		if c.description != "" {
			summary.Description = aws.String(c.description)
		}
		out.Summaries = append(out.Summaries, summary)
	}
	return out, nil
}

// parameters are the target's as the APIs show them: NoEcho ones masked.
func (g *target) parameters() []types.Parameter {
	var out []types.Parameter
	for _, p := range g.template.Parameters {
		v := g.bound[p.Name]
		shown := types.Parameter{ParameterKey: aws.String(p.Name), ParameterValue: aws.String(v)}
		if p.NoEcho {
			shown.ParameterValue = aws.String(masked)
		}
		if r, ok := g.resolved[p.Name]; ok {
			shown.ResolvedValue = aws.String(r)
		}
		out = append(out, shown)
	}
	return out
}

func tagsOf(tags map[string]string) []types.Tag {
	var out []types.Tag
	for _, k := range sortedKeys(tags) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	return out
}
