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

// tokens begins every token of Driftless's, as gitops.Token makes them.
const tokens = "driftless-"

// startRecover makes the one call that leads a stack out of what it is stuck in, under the
// token: the state says which one. A stack that takes updates, or on which somebody works, is
// left alone, and so is one on which the token was used before: Observe tells. What may not be
// done, or not by Driftless, is a refusal.
func (e *Engine) startRecover(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	op := w.Operation
	c, err := e.deploy(ctx, w)
	if err != nil {
		return op, err
	}
	stack, found, err := describe(ctx, c, stackOf(w))
	if err != nil || !found {
		return op, err
	}
	op.StackID = aws.ToString(stack.StackId)
	switch footingOf(stack.StackStatus) {
	case footingCreate, footingUpdate, footingBusy:
		return op, nil
	case footingUnknown:
		return op, unknownStack("recover stack "+aws.ToString(stack.StackName), stack.StackStatus)
	case footingDead, footingStuck:
	}
	h, err := operation(ctx, c, op.StackID, op.Token, op.At.Add(-clockSlack))
	if err != nil {
		return op, translate("describe events of stack "+op.StackID, err)
	}
	if len(h.events) > 0 { // an earlier try, whose answer was lost or whose end was bad
		return op, nil
	}
	if why := otherRole(stack, e.roleOf(w)); why != "" {
		return op, &gitops.Refusal{Reason: why}
	}
	return op, e.leadOut(ctx, c, w, stack)
}

// leadOut makes the call.
func (e *Engine) leadOut(ctx context.Context, c api, w reconcile.Work, stack types.Stack) error {
	token, role := aws.String(w.Operation.Token), (*string)(nil)
	if want := e.roleOf(w); want != "" && aws.ToString(stack.RoleARN) == "" {
		role = aws.String(want) // else CloudFormation acts with the rights of the deploy role, which has none
	}
	var doing string
	var err error
	switch meaningOf(stack.StackStatus).way {
	case wayContinue:
		if err := unskippable(ctx, c, w, stack); err != nil {
			return err
		}
		doing = "continue the rollback of stack "
		_, err = c.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: stack.StackId,
			ClientRequestToken: token, RoleARN: role, ResourcesToSkip: w.Operation.Skip})
	case wayRollback:
		doing = "roll back stack "
		_, err = c.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: stack.StackId, ClientRequestToken: token, RoleARN: role})
	case wayDelete:
		if err := keep(ctx, c, w, stack); err != nil {
			return err
		}
		doing = "delete stack "
		_, err = c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: stack.StackId, ClientRequestToken: token, RoleARN: role})
	case wayPerson:
		return unfit(ctx, c, w, stack)
	}
	return accepted(doing+w.Settings.CloudFormation.Stack, err)
}

// accepted returns what AWS's answer to a recovery means: nothing where it was begun, or where
// the stack has moved on, which the next look tells.
func accepted(doing string, err error) error {
	status, wrong := wrongState(err)
	moved := wrong && footingOf(status) != footingDead && footingOf(status) != footingStuck && footingOf(status) != footingUnknown
	switch {
	case err == nil, noStack(err), hasCode(err, codeTokenExists), moved:
		return nil
	case hasCode(err, codeValidation):
		return &gitops.Refusal{Reason: doing + ": " + message(err), Blocked: true}
	}
	return translate(doing, err)
}

// unskippable refuses to leave out what no rollback could, before AWS does in its own words.
// Where nothing is known of the resources, AWS is asked.
func unskippable(ctx context.Context, c stacks, w reconcile.Work, stack types.Stack) error {
	if len(w.Operation.Skip) == 0 {
		return nil
	}
	can, err := skippable(ctx, c, aws.ToString(stack.StackId), "")
	if err != nil || len(can) == 0 {
		return err
	}
	for _, id := range w.Operation.Skip {
		if !slices.Contains(can, id) {
			return &gitops.Refusal{Blocked: true, Stuck: &gitops.Stuck{Status: string(stack.StackStatus), Resources: can},
				Reason: fmt.Sprintf("--skip %s: a rollback can leave out only what could not be rolled back: %s", id, strings.Join(can, ", "))}
		}
	}
	return nil
}

// keep refuses to delete a stack, as late as can be: unless the application's settings say so,
// and its events tell that Driftless created it for this application, that it never was
// complete, and that it holds nothing that was there before it.
func keep(ctx context.Context, c stacks, w reconcile.Work, stack types.Stack) error {
	name := aws.ToString(stack.StackName)
	l, err := lifeOf(ctx, c, aws.ToString(stack.StackId))
	switch {
	case err != nil:
		return err
	case !w.Settings.Recover.Recreate, aws.ToBool(stack.EnableTerminationProtection):
		return unfit(ctx, c, w, stack)
	case !l.neverComplete:
		return kept(name, "its events do not tell that it never was complete")
	case !carries(stack.Tags, w.Application) || !strings.HasPrefix(l.token, tokens):
		return kept(name, "Driftless did not make it for "+w.Application)
	}
	return keepImported(ctx, c, name, aws.ToString(stack.StackId), l.imported)
}

func kept(stack, why string) error {
	return &gitops.Refusal{Blocked: true, Reason: fmt.Sprintf("stack %s is not deleted: %s", stack, why)}
}

// keepImported refuses to delete a stack that still holds a resource which it took over.
func keepImported(ctx context.Context, c stacks, name, stack string, imported map[string]bool) error {
	if len(imported) == 0 {
		return nil
	}
	resources, err := resourcesOf(ctx, c, stack)
	if err != nil {
		return translate("list resources of stack "+name, err)
	}
	for _, r := range resources {
		if id := aws.ToString(r.LogicalResourceId); imported[id] && stageOf(r.ResourceStatus) != stageGone {
			return kept(name, "it took over "+id+", which was there before, and which would go with it")
		}
	}
	return nil
}
