package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// recovered says what ended a stack's trouble, as the last call that did.
type recovered struct {
	call  string
	token string
	role  string
	skip  []string
}

func (a *account) ContinueUpdateRollback(_ context.Context, in *cloudformation.ContinueUpdateRollbackInput, _ ...func(*cloudformation.Options)) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	if err := a.call("ContinueUpdateRollback"); err != nil {
		return nil, err
	}
	switch {
	case !a.isStack(in.StackName):
		return nil, apiError("ValidationError", "Stack [%s] does not exist", aws.ToString(in.StackName))
	case a.stack.StackStatus != types.StackStatusUpdateRollbackFailed:
		return nil, apiError("ValidationError", "Stack:%s is in %s state and can not continue rollback.", stackARN, a.stack.StackStatus)
	}
	for _, id := range in.ResourcesToSkip {
		if !slices.ContainsFunc(a.resources, func(r types.StackResourceSummary) bool {
			return aws.ToString(r.LogicalResourceId) == id && r.ResourceStatus == types.ResourceStatusUpdateFailed
		}) && !strings.Contains(id, ".") {
			return nil, apiError("ValidationError", "Resource %s cannot be skipped", id)
		}
	}
	a.recovered = recovered{"continue", aws.ToString(in.ClientRequestToken), aws.ToString(in.RoleARN), in.ResourcesToSkip}
	a.emit(aws.ToString(in.ClientRequestToken), stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	return &cloudformation.ContinueUpdateRollbackOutput{}, a.answer("ContinueUpdateRollback")
}

func (a *account) RollbackStack(_ context.Context, in *cloudformation.RollbackStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.RollbackStackOutput, error) {
	if err := a.call("RollbackStack"); err != nil {
		return nil, err
	}
	if !a.isStack(in.StackName) || a.stack.StackStatus != types.StackStatusUpdateFailed {
		return nil, apiError("ValidationError", "Stack:%s is in %s state and can not be rolled back.", stackARN, a.stack.StackStatus)
	}
	a.recovered = recovered{"roll back", aws.ToString(in.ClientRequestToken), aws.ToString(in.RoleARN), nil}
	a.emit(aws.ToString(in.ClientRequestToken), stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
	return &cloudformation.RollbackStackOutput{StackId: aws.String(stackARN)}, a.answer("RollbackStack")
}

// DeleteStack deletes at once where no token is given, and else begins to, as for a stack that
// holds something.
func (a *account) DeleteStack(_ context.Context, in *cloudformation.DeleteStackInput, _ ...func(*cloudformation.Options)) (*cloudformation.DeleteStackOutput, error) {
	if err := a.call("DeleteStack"); err != nil {
		return nil, err
	}
	switch {
	case !a.isStack(in.StackName):
	case aws.ToBool(a.stack.EnableTerminationProtection):
		return nil, apiError("ValidationError", "Stack [%s] cannot be deleted while TerminationProtection is enabled", stackName)
	case in.ClientRequestToken == nil:
		a.stack = nil
	default:
		a.recovered = recovered{"delete", aws.ToString(in.ClientRequestToken), aws.ToString(in.RoleARN), nil}
		a.emit(aws.ToString(in.ClientRequestToken), stackName, "DELETE_IN_PROGRESS", "User Initiated")
	}
	return &cloudformation.DeleteStackOutput{}, a.answer("DeleteStack")
}

// below is a nested stack and its resources.
type below struct {
	stack     types.Stack
	resources []types.StackResourceSummary
}

// embed adds a nested stack and returns the parent's resource that it is.
func (a *account) embed(id, name, status string, resources ...types.StackResourceSummary) types.StackResourceSummary {
	arn := "arn:aws:cloudformation:eu-west-1:111122223333:stack/" + name + "/8a1b"
	if a.below == nil {
		a.below = map[string]below{}
	}
	a.below[arn] = below{types.Stack{StackName: aws.String(name), StackId: aws.String(arn), StackStatus: types.StackStatus(status)}, resources}
	r := summary(id, gitops.TypeNestedStack, types.ResourceStatusUpdateFailed, "Embedded stack was not successfully updated")
	r.PhysicalResourceId = aws.String(arn)
	return r
}

// stillborn is an account whose stack is in a status after its creation, by Driftless for the
// application jobs, failed.
func stillborn(s types.StackStatus) *account {
	a := standing("REVIEW_IN_PROGRESS")
	a.stack.Tags = []types.Tag{{Key: aws.String(tagApplication), Value: aws.String("jobs")}}
	a.emit("driftless-01A0-1", stackName, "REVIEW_IN_PROGRESS", "User Initiated")
	a.emit("driftless-01A0-1", stackName, "CREATE_IN_PROGRESS", "User Initiated")
	a.emit("driftless-01A0-1", "Queue", "CREATE_FAILED", "name is taken")
	a.emit("driftless-01A0-1", stackName, "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [Queue].")
	a.emit("driftless-01A0-1", stackName, string(s), "")
	return a
}

// stranded is an account whose update, by Driftless, could not be rolled back.
func stranded() *account {
	a := standing("CREATE_COMPLETE")
	a.emit("driftless-01A0-2", stackName, "UPDATE_IN_PROGRESS", "User Initiated")
	a.emit("driftless-01A0-2", "Topic", "UPDATE_FAILED", "Resource update cancelled")
	a.emit("driftless-01A0-2", "Queue", "UPDATE_FAILED", "no such delay")
	a.emit("driftless-01A0-2", stackName, "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Queue].")
	a.emit("driftless-01A0-2", "Queue", "UPDATE_FAILED", "the queue is gone")
	a.emit("driftless-01A0-2", stackName, "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Queue].")
	a.resources = []types.StackResourceSummary{
		summary("Topic", "AWS::SNS::Topic", "UPDATE_FAILED", "Resource update cancelled"),
		summary("Queue", "AWS::SQS::Queue", "UPDATE_FAILED", "the queue is gone"),
		summary("Table", "AWS::DynamoDB::Table", "UPDATE_COMPLETE", ""),
	}
	return a
}

func summary(id, kind string, s types.ResourceStatus, reason string) types.StackResourceSummary {
	return types.StackResourceSummary{LogicalResourceId: aws.String(id), PhysicalResourceId: aws.String(id + "-1"),
		ResourceType: aws.String(kind), ResourceStatus: s, ResourceStatusReason: aws.String(reason)}
}
