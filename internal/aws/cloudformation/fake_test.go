package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
)

const (
	stackName = "prod-jobs"
	stackARN  = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs/7f6c"
	token     = "driftless-01J0-1"
	nestedARN = "arn:aws:cloudformation:eu-west-1:111122223333:stack/prod-jobs-Vpc-1X/8a1b"
	setARN    = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/" + token + "/11"
)

// account is CloudFormation with one stack, as strict as AWS about states, names and
// tokens. What AWS does in its own time, a test does by hand (settle, emit).
type account struct {
	stack    *types.Stack
	again    *types.Stack                                       // the one that has the name by now, where stack was deleted
	sets     map[string]*cloudformation.DescribeChangeSetOutput // by name
	events   []types.StackEvent                                 // newest first
	findings map[string][]types.OperationEvent                  // of early validation, by change set's ARN
	inner    map[string][]types.StackEvent                      // of nested stacks, by ARN, newest first
	below    map[string]below                                   // the nested stacks themselves, likewise
	limit    int                                                // change sets that a stack can hold

	detection *cloudformation.DescribeStackDriftDetectionStatusOutput
	looks     map[string]*nestedDrift // of the nested stacks, by ARN
	asked     [][]string              // the resources that detections were asked for, nil for all
	live      live                    // what Cloud Control has
	resources []types.StackResourceSummary
	drifts    []types.StackResourceDrift

	slow  bool               // the deletion of a change set takes its time
	page  int                // items on a page
	fails map[string][]error // answers instead of the next calls of an operation
	loses map[string]bool    // the operation happens and its answer is lost
	calls []string
	now   time.Time

	created   *cloudformation.CreateChangeSetInput // the last one
	executed  int
	recovered recovered
}

func newAccount() *account {
	return &account{sets: map[string]*cloudformation.DescribeChangeSetOutput{}, limit: 1000, page: 100,
		findings: map[string][]types.OperationEvent{}, inner: map[string][]types.StackEvent{},
		fails: map[string][]error{}, loses: map[string]bool{}, now: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)}
}

// standing is an account whose stack is in a status.
func standing(s types.StackStatus) *account {
	a := newAccount()
	a.stack = &types.Stack{StackName: aws.String(stackName), StackId: aws.String(stackARN), StackStatus: s}
	return a
}

func apiError(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

var errLost = errors.New("connection reset by peer")

func (a *account) call(name string) error {
	a.calls = append(a.calls, name)
	if q := a.fails[name]; len(q) > 0 {
		a.fails[name] = q[1:]
		return q[0]
	}
	return nil
}

func (a *account) answer(name string) error {
	if a.loses[name] {
		delete(a.loses, name)
		return errLost
	}
	return nil
}

func (a *account) isStack(name *string) bool {
	return a.stack != nil && (aws.ToString(name) == stackName || aws.ToString(name) == stackARN)
}

func (a *account) busy() bool { return strings.HasSuffix(string(a.stack.StackStatus), "_IN_PROGRESS") }

// emit moves time on and records an event of a resource, or of the stack itself.
func (a *account) emit(token, logical, status, reason string) {
	a.now = a.now.Add(time.Second)
	e := types.StackEvent{
		StackId: aws.String(stackARN), StackName: aws.String(stackName), Timestamp: aws.Time(a.now),
		LogicalResourceId: aws.String(logical), ResourceStatus: types.ResourceStatus(status),
		ResourceType: aws.String("AWS::SQS::Queue"), PhysicalResourceId: aws.String(logical + "-1"),
	}
	if token != "" {
		e.ClientRequestToken = aws.String(token)
	}
	if reason != "" {
		e.ResourceStatusReason = aws.String(reason)
	}
	if logical == stackName {
		e.ResourceType, e.PhysicalResourceId = aws.String("AWS::CloudFormation::Stack"), aws.String(stackARN)
		if a.stack != nil {
			a.stack.StackStatus = types.StackStatus(status)
		}
	}
	a.events = slices.Insert(a.events, 0, e)
}

// settle ends the creation of a change set.
func (a *account) settle(name string, changes ...types.Change) {
	s := a.sets[name]
	s.Status, s.ExecutionStatus, s.Changes = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable, changes
}

func (a *account) settleFailed(name, reason string) {
	s := a.sets[name]
	s.Status, s.ExecutionStatus, s.StatusReason = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable, aws.String(reason)
}

// nest makes the change set of a nested stack, ready, and returns the parent's change of it.
func (a *account) nest(parent, logical string, action types.ChangeAction, changes ...types.Change) types.Change {
	id := "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/" + parent + "-" + logical + "/22"
	a.sets[parent+"-"+logical] = &cloudformation.DescribeChangeSetOutput{
		ChangeSetId: &id, ChangeSetName: aws.String(parent + "-" + logical), StackId: aws.String(nestedARN),
		ParentChangeSetId: a.sets[parent].ChangeSetId, RootChangeSetId: aws.String(setARN),
		Status: types.ChangeSetStatusCreateComplete, ExecutionStatus: types.ExecutionStatusAvailable, Changes: changes,
	}
	return types.Change{ResourceChange: &types.ResourceChange{Action: action, LogicalResourceId: &logical,
		ResourceType: aws.String("AWS::CloudFormation::Stack"), ChangeSetId: &id}}
}

func (a *account) find(name, stack *string) (*cloudformation.DescribeChangeSetOutput, error) {
	for n, s := range a.sets {
		if aws.ToString(name) == aws.ToString(s.ChangeSetId) {
			return s, nil
		}
		if aws.ToString(name) == n && a.isStack(stack) {
			return s, nil
		}
	}
	if !strings.HasPrefix(aws.ToString(name), "arn:") && !a.isStack(stack) {
		return nil, apiError("ValidationError", "Stack [%s] does not exist", aws.ToString(stack))
	}
	return nil, apiError("ChangeSetNotFound", "ChangeSet [%s] does not exist", aws.ToString(name))
}

func (a *account) CreateChangeSet(_ context.Context, in *cloudformation.CreateChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.CreateChangeSetOutput, error) {
	if err := a.call("CreateChangeSet"); err != nil {
		return nil, err
	}
	name := aws.ToString(in.ChangeSetName)
	switch {
	case a.sets[name] != nil:
		return nil, apiError("AlreadyExistsException", "ChangeSet %s cannot be created due to a mismatch with existing attribute Template", name)
	case len(a.sets) >= a.limit:
		return nil, apiError("LimitExceededException", "ChangeSet limit exceeded for stack %s", stackARN)
	case in.ChangeSetType == types.ChangeSetTypeUpdate && a.stack == nil:
		return nil, apiError("ValidationError", "Stack [%s] does not exist", stackName)
	case in.ChangeSetType == types.ChangeSetTypeUpdate && footingOf(a.stack.StackStatus) != footingUpdate:
		return nil, apiError("ValidationError", "Stack:%s is in %s state and can not be updated.", stackARN, a.stack.StackStatus)
	case in.ChangeSetType == types.ChangeSetTypeCreate && a.stack != nil && a.stack.StackStatus != types.StackStatusReviewInProgress:
		return nil, apiError("ValidationError", "Stack [%s] already exists and cannot be created again with the changeSet [%s].", stackName, name)
	case in.DeploymentMode != "" && aws.ToBool(in.IncludeNestedStacks):
		return nil, apiError("ValidationError", "IncludeNestedStacks cannot be used with DeploymentMode")
	}
	a.created = in
	if a.stack == nil {
		a.stack = &types.Stack{StackName: in.StackName, StackId: aws.String(stackARN), RoleARN: in.RoleARN}
		a.emit(aws.ToString(in.ClientToken), stackName, "REVIEW_IN_PROGRESS", "User Initiated")
	}
	id := "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/" + name + "/11"
	a.sets[name] = &cloudformation.DescribeChangeSetOutput{
		ChangeSetId: aws.String(id), ChangeSetName: aws.String(name), StackId: aws.String(stackARN),
		Status: types.ChangeSetStatusCreatePending, ExecutionStatus: types.ExecutionStatusUnavailable, Description: in.Description,
	}
	return &cloudformation.CreateChangeSetOutput{Id: aws.String(id), StackId: aws.String(stackARN)}, a.answer("CreateChangeSet")
}

func (a *account) DescribeChangeSet(_ context.Context, in *cloudformation.DescribeChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeChangeSetOutput, error) {
	if err := a.call("DescribeChangeSet"); err != nil {
		return nil, err
	}
	s, err := a.find(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	out := *s
	out.Changes, out.NextToken = paged(s.Changes, in.NextToken, a.page)
	return &out, nil
}

func (a *account) ExecuteChangeSet(_ context.Context, in *cloudformation.ExecuteChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.ExecuteChangeSetOutput, error) {
	if err := a.call("ExecuteChangeSet"); err != nil {
		return nil, err
	}
	s, err := a.find(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	switch {
	case s.ExecutionStatus != types.ExecutionStatusAvailable:
		return nil, apiError("InvalidChangeSetStatus", "ChangeSet [%s] cannot be executed in its current execution status of [%s]", aws.ToString(s.ChangeSetId), s.ExecutionStatus)
	case a.busy() && a.stack.StackStatus != types.StackStatusReviewInProgress:
		return nil, apiError("ValidationError", "Stack:%s is in %s state and can not be updated.", stackARN, a.stack.StackStatus)
	case in.DisableRollback == nil || *in.DisableRollback:
		return nil, apiError("ValidationError", "this test wants DisableRollback said and false")
	}
	a.executed++
	s.ExecutionStatus = types.ExecutionStatusExecuteInProgress
	status := "UPDATE_IN_PROGRESS"
	if a.stack.StackStatus == types.StackStatusReviewInProgress {
		status = "CREATE_IN_PROGRESS"
	}
	for n, other := range a.sets {
		if other != s {
			delete(a.sets, n)
		}
	}
	a.emit(aws.ToString(in.ClientRequestToken), stackName, status, "User Initiated")
	return &cloudformation.ExecuteChangeSetOutput{}, a.answer("ExecuteChangeSet")
}

func (a *account) DeleteChangeSet(_ context.Context, in *cloudformation.DeleteChangeSetInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteChangeSetOutput, error) {
	if err := a.call("DeleteChangeSet"); err != nil {
		return nil, err
	}
	s, err := a.find(in.ChangeSetName, in.StackName)
	if hasCode(err, codeNoChangeSet) { // AWS says yes to the deletion of what is not there
		return &cloudformation.DeleteChangeSetOutput{}, nil
	}
	if err != nil {
		return nil, err
	}
	if s.ExecutionStatus == types.ExecutionStatusExecuteInProgress || s.ExecutionStatus == types.ExecutionStatusExecuteComplete ||
		judge(s) == changeSetPending {
		return nil, apiError("InvalidChangeSetStatus", "ChangeSet [%s] cannot be deleted in its current status of [%s]", aws.ToString(s.ChangeSetId), s.Status)
	}
	if s.RootChangeSetId != nil {
		return nil, apiError("ValidationError", "a nested change set is deleted with its root")
	}
	if a.slow {
		s.Status, s.ExecutionStatus = types.ChangeSetStatusDeleteInProgress, types.ExecutionStatusUnavailable
		return &cloudformation.DeleteChangeSetOutput{}, nil
	}
	delete(a.sets, aws.ToString(s.ChangeSetName))
	maps.DeleteFunc(a.sets, func(_ string, n *cloudformation.DescribeChangeSetOutput) bool {
		return aws.ToString(n.RootChangeSetId) == aws.ToString(s.ChangeSetId)
	})
	return &cloudformation.DeleteChangeSetOutput{}, nil
}

func (a *account) ListChangeSets(_ context.Context, in *cloudformation.ListChangeSetsInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListChangeSetsOutput, error) {
	if err := a.call("ListChangeSets"); err != nil {
		return nil, err
	}
	var all []types.ChangeSetSummary
	for n, s := range a.sets {
		if s.RootChangeSetId != nil { // a nested stack's, whose list is another one
			continue
		}
		all = append(all, types.ChangeSetSummary{ChangeSetId: s.ChangeSetId, ChangeSetName: aws.String(n), Status: s.Status})
	}
	out := &cloudformation.ListChangeSetsOutput{}
	out.Summaries, out.NextToken = paged(all, in.NextToken, len(all)+1)
	return out, nil
}

func (a *account) DescribeStacks(_ context.Context, in *cloudformation.DescribeStacksInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStacksOutput, error) {
	if err := a.call("DescribeStacks"); err != nil {
		return nil, err
	}
	if a.again != nil && aws.ToString(in.StackName) == stackName {
		return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{*a.again}}, nil
	}
	if n, ok := a.below[aws.ToString(in.StackName)]; ok {
		return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{n.stack}}, nil
	}
	if !a.isStack(in.StackName) {
		return nil, apiError("ValidationError", "Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	return &cloudformation.DescribeStacksOutput{Stacks: []types.Stack{*a.stack}}, nil
}

func (a *account) DescribeStackEvents(_ context.Context, in *cloudformation.DescribeStackEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeStackEventsOutput, error) {
	if err := a.call("DescribeStackEvents"); err != nil {
		return nil, err
	}
	events, nested := a.inner[aws.ToString(in.StackName)]
	if !nested && !a.isStack(in.StackName) {
		return nil, apiError("ValidationError", "Stack [%s] does not exist", aws.ToString(in.StackName))
	}
	if !nested {
		events = a.events
	}
	out := &cloudformation.DescribeStackEventsOutput{}
	out.StackEvents, out.NextToken = paged(events, in.NextToken, a.page)
	return out, nil
}

func (a *account) DescribeEvents(_ context.Context, in *cloudformation.DescribeEventsInput, _ ...func(*cloudformation.Options)) (*cloudformation.DescribeEventsOutput, error) {
	if err := a.call("DescribeEvents"); err != nil {
		return nil, err
	}
	s, err := a.find(in.ChangeSetName, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.DescribeEventsOutput{}
	out.OperationEvents, out.NextToken = paged(a.findings[aws.ToString(s.ChangeSetId)], in.NextToken, a.page)
	return out, nil
}

func (a *account) ListStackResources(_ context.Context, in *cloudformation.ListStackResourcesInput, _ ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error) {
	if err := a.call("ListStackResources"); err != nil {
		return nil, err
	}
	if _, nested := a.below[aws.ToString(in.StackName)]; !nested && !a.isStack(in.StackName) {
		return nil, apiError("ValidationError", "Stack with id %s does not exist", aws.ToString(in.StackName))
	}
	all := a.resources
	if n, ok := a.below[aws.ToString(in.StackName)]; ok {
		all = n.resources
	}
	out := &cloudformation.ListStackResourcesOutput{}
	out.StackResourceSummaries, out.NextToken = paged(all, in.NextToken, a.page)
	return out, nil
}

// paged returns one page of a list, the token being the index of its first item.
func paged[T any](all []T, from *string, size int) ([]T, *string) {
	start := 0
	if from != nil {
		_, _ = fmt.Sscan(*from, &start)
	}
	end := min(start+size, len(all))
	if end == len(all) {
		return all[start:end], nil
	}
	return all[start:end], aws.String(fmt.Sprint(end))
}
