package cloudformation

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

func (s *Service) describeStacks(_ context.Context, at scope, in *cloudformation.DescribeStacksInput) (*cloudformation.DescribeStacksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.StackName != nil {
		st, err := s.must(at, in.StackName)
		if err != nil {
			return nil, err
		}
		return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{st.describe()}}, nil
	}
	var all []types.Stack
	for _, st := range slices.Backward(s.stacks) {
		if st.at == at && st.live() {
			all = append(all, st.describe())
		}
	}
	list, next, err := page(all, in.NextToken, pageSize)
	return &cloudformation.DescribeStacksOutput{Stacks: list, NextToken: next}, err
}

func (st *stack) describe() types.Stack {
	out := types.Stack{
		StackId: aws.String(st.id), StackName: aws.String(st.name), StackStatus: st.status, CreationTime: aws.Time(st.created),
		DisableRollback: aws.Bool(st.noRollback), EnableTerminationProtection: aws.Bool(st.protected), Outputs: st.outputs,
		Tags: tagsOf(st.tags), Capabilities: st.capabilities, NotificationARNs: st.notifications, TimeoutInMinutes: st.timeout,
		RollbackConfiguration: new(st.rollback), LastUpdatedTime: instant(st.updated), DeletionTime: instant(st.deleted),
		DriftInformation: &types.StackDriftInformation{StackDriftStatus: st.drift, LastCheckTimestamp: st.driftChecked},
	}
	if st.reason != "" {
		out.StackStatusReason = aws.String(st.reason)
	}
	if st.roleARN != "" {
		out.RoleARN = aws.String(st.roleARN)
	}
	if st.parent != "" {
		out.ParentId, out.RootId = aws.String(st.parent), aws.String(st.root)
	}
	if g := st.shown(); g != nil {
		out.Parameters = g.parameters()
		if d := g.template.Description; d != "" {
			out.Description = aws.String(d)
		}
	}
	return out
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func (s *Service) listStacks(_ context.Context, at scope, in *cloudformation.ListStacksInput) (*cloudformation.ListStacksOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []types.StackSummary
	for _, st := range slices.Backward(s.stacks) {
		if st.at != at || (len(in.StackStatusFilter) > 0 && !slices.Contains(in.StackStatusFilter, st.status)) {
			continue
		}
		d := st.describe()
		all = append(all, types.StackSummary{StackId: d.StackId, StackName: d.StackName, StackStatus: d.StackStatus,
			StackStatusReason: d.StackStatusReason, CreationTime: d.CreationTime, LastUpdatedTime: d.LastUpdatedTime,
			DeletionTime: d.DeletionTime, TemplateDescription: d.Description, ParentId: d.ParentId, RootId: d.RootId,
			DriftInformation: &types.StackDriftInformationSummary{StackDriftStatus: st.drift, LastCheckTimestamp: st.driftChecked}})
	}
	list, next, err := page(all, in.NextToken, pageSize)
	return &cloudformation.ListStacksOutput{StackSummaries: list, NextToken: next}, err
}

func (s *Service) describeStackEvents(_ context.Context, at scope, in *cloudformation.DescribeStackEventsInput) (*cloudformation.DescribeStackEventsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(at, text(in.StackName))
	if st == nil {
		return nil, invalid("Stack [%s] does not exist", text(in.StackName))
	}
	newest := slices.Clone(st.events)
	slices.Reverse(newest)
	list, next, err := page(newest, in.NextToken, pageSize)
	return &cloudformation.DescribeStackEventsOutput{StackEvents: list, NextToken: next}, err
}

// describeEvents tells of a change set's validation, or of a stack's resources that failed.
func (s *Service) describeEvents(_ context.Context, at scope, in *cloudformation.DescribeEventsInput) (*cloudformation.DescribeEventsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.ChangeSetName != nil {
		_, c, err := s.locate(at, in.StackName, in.ChangeSetName)
		if err != nil {
			return nil, err
		}
		list, next, err := page(c.events, in.NextToken, pageSize)
		return &cloudformation.DescribeEventsOutput{OperationEvents: list, NextToken: next}, err
	}
	if in.StackName == nil {
		return nil, invalid("One of ChangeSetName, OperationId or StackName must be specified; the sandbox keeps no operation ids")
	}
	st, err := s.must(at, in.StackName)
	if err != nil {
		return nil, err
	}
	var all []types.OperationEvent
	for _, e := range slices.Backward(st.events) {
		o := types.OperationEvent{EventId: e.EventId, EventType: types.EventTypeStackEvent, StackId: e.StackId, LogicalResourceId: e.LogicalResourceId,
			PhysicalResourceId: e.PhysicalResourceId, ResourceType: e.ResourceType, ResourceStatus: e.ResourceStatus, Timestamp: e.Timestamp,
			ResourceStatusReason: e.ResourceStatusReason, ResourceProperties: e.ResourceProperties, ClientRequestToken: e.ClientRequestToken}
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") {
			o.EventType = types.EventTypeProvisioningError
		}
		if in.Filters == nil || !aws.ToBool(in.Filters.FailedEvents) || o.EventType == types.EventTypeProvisioningError {
			all = append(all, o)
		}
	}
	list, next, err := page(all, in.NextToken, pageSize)
	return &cloudformation.DescribeEventsOutput{OperationEvents: list, NextToken: next}, err
}

func (s *Service) describeStackResource(_ context.Context, at scope, in *cloudformation.DescribeStackResourceInput) (*cloudformation.DescribeStackResourceOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(at, text(in.StackName))
	if st == nil {
		return nil, invalid("Stack '%s' does not exist", text(in.StackName))
	}
	r := st.resources[text(in.LogicalResourceId)]
	if r == nil {
		return nil, invalid("Resource %s does not exist for stack %s", text(in.LogicalResourceId), st.name)
	}
	d := &types.StackResourceDetail{StackId: aws.String(st.id), StackName: aws.String(st.name), LogicalResourceId: aws.String(r.id),
		PhysicalResourceId: aws.String(r.physical), ResourceType: aws.String(r.kind), ResourceStatus: r.status, LastUpdatedTimestamp: aws.Time(r.changed),
		DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: r.drift, LastCheckTimestamp: r.driftChecked}}
	if r.reason != "" {
		d.ResourceStatusReason = aws.String(r.reason)
	}
	if m, err := json.Marshal(r.definition.Metadata); err == nil && r.definition.Metadata != nil {
		d.Metadata = aws.String(string(m))
	}
	return &cloudformation.DescribeStackResourceOutput{StackResourceDetail: d}, nil
}

func (s *Service) describeStackResources(_ context.Context, at scope, in *cloudformation.DescribeStackResourcesInput) (*cloudformation.DescribeStackResourcesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var st *stack
	switch {
	case in.PhysicalResourceId != nil:
		if st = s.holder(at, *in.PhysicalResourceId); st == nil {
			return nil, invalid("Stack for %s does not exist", *in.PhysicalResourceId)
		}
	case in.StackName != nil:
		var err error
		if st, err = s.must(at, in.StackName); err != nil {
			return nil, err
		}
	default:
		return nil, invalid("Either StackName or PhysicalResourceId must be specified")
	}
	out := &cloudformation.DescribeStackResourcesOutput{StackResources: []types.StackResource{}}
	for _, r := range st.sortedRecords() {
		if in.LogicalResourceId != nil && *in.LogicalResourceId != r.id {
			continue
		}
		if len(out.StackResources) == pageSize {
			break // the API shows the first hundred only
		}
		one := types.StackResource{StackId: aws.String(st.id), StackName: aws.String(st.name), LogicalResourceId: aws.String(r.id),
			PhysicalResourceId: aws.String(r.physical), ResourceType: aws.String(r.kind), ResourceStatus: r.status, Timestamp: aws.Time(r.changed),
			DriftInformation: &types.StackResourceDriftInformation{StackResourceDriftStatus: r.drift, LastCheckTimestamp: r.driftChecked}}
		if r.reason != "" {
			one.ResourceStatusReason = aws.String(r.reason)
		}
		out.StackResources = append(out.StackResources, one)
	}
	return out, nil
}

// holder is the stack that has a resource of that physical id.
func (s *Service) holder(at scope, physical string) *stack {
	for _, st := range s.stacks {
		for _, r := range st.resources {
			if st.at == at && st.live() && r.physical == physical {
				return st
			}
		}
	}
	return nil
}

func (s *Service) listStackResources(_ context.Context, at scope, in *cloudformation.ListStackResourcesInput) (*cloudformation.ListStackResourcesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.must(at, in.StackName)
	if err != nil {
		return nil, err
	}
	records, next, err := page(st.sortedRecords(), in.NextToken, pageSize)
	out := &cloudformation.ListStackResourcesOutput{NextToken: next, StackResourceSummaries: []types.StackResourceSummary{}}
	for _, r := range records {
		one := types.StackResourceSummary{LogicalResourceId: aws.String(r.id), PhysicalResourceId: aws.String(r.physical),
			ResourceType: aws.String(r.kind), ResourceStatus: r.status, LastUpdatedTimestamp: aws.Time(r.changed),
			DriftInformation: &types.StackResourceDriftInformationSummary{StackResourceDriftStatus: r.drift, LastCheckTimestamp: r.driftChecked}}
		if r.reason != "" {
			one.ResourceStatusReason = aws.String(r.reason)
		}
		out.StackResourceSummaries = append(out.StackResourceSummaries, one)
	}
	return out, err
}
