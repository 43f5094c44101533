package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/template"
)

// tagApplication is the tag that every stack and, through it, every resource carries.
const tagApplication = "driftless:application"

// takesOver begins the description of a change set for a stack that has another origin. The
// description is where Start leaves it for Observe, and where people see it in the console.
const takesOver = "takes over stack "

// startPlan creates the change set that is named after the token. Two calls: the stack's
// state, and the change set; where the deployment plans again, those that remove the stale
// one, and those that put artefacts into their bucket.
func (e *Engine) startPlan(ctx context.Context, w reconcile.Work) (gitops.Operation, error) {
	want, err := e.prepare(ctx, w)
	if err != nil {
		return w.Operation, err
	}
	c, err := e.deploy(ctx, w)
	if err != nil {
		return w.Operation, err
	}
	// By name, not by ARN: a stack that was deleted by hand may have been made again.
	name := w.Settings.CloudFormation.Stack
	stack, found, err := describe(ctx, c, name)
	if err != nil {
		return w.Operation, err
	}
	in := changeSet(w, want, e.roleOf(w))
	in.RollbackConfiguration = stack.RollbackConfiguration // which begin judges
	if !found {
		return e.begin(ctx, c, w, want, in)
	}
	if w.Operation.N > 1 { // an earlier plan of this deployment went stale: nothing of it stays
		if _, err := makeRoom(ctx, c, name, w.Operation.Token); err != nil {
			return w.Operation, err
		}
	}
	switch footingOf(stack.StackStatus) {
	case footingBusy:
		return w.Operation, nil // Observe names it
	case footingUnknown:
		return w.Operation, unknownStack("plan on stack "+name, stack.StackStatus)
	case footingDead, footingStuck:
		return w.Operation, unfit(ctx, c, w, stack)
	case footingUpdate:
		if why := otherRole(stack, aws.ToString(in.RoleARN)); why != "" {
			return w.Operation, &gitops.Refusal{Reason: why}
		}
		in.ChangeSetType = types.ChangeSetTypeUpdate
		if !carries(stack.Tags, w.Application) {
			in.Description = aws.String(takesOver + name + ", which Driftless did not make")
		}
		if w.Kind.Reverts() {
			// Only a drift-aware change set compares with live. Not together with
			// IncludeNestedStacks: the CDK CLI never sends both.
			in.DeploymentMode, in.IncludeNestedStacks = types.DeploymentModeRevertDrift, nil
		}
	case footingCreate:
	}
	return e.begin(ctx, c, w, want, in)
}

// carries reports whether a stack has the tag that Driftless gives those of an application.
func carries(tags []types.Tag, application string) bool {
	return slices.ContainsFunc(tags, func(t types.Tag) bool {
		return aws.ToString(t.Key) == tagApplication && aws.ToString(t.Value) == application
	})
}

// begin puts the artefacts that the template names where it says they are, and creates the
// change set.
func (e *Engine) begin(ctx context.Context, c api, w reconcile.Work, want packaging.Prepared, in *cloudformation.CreateChangeSetInput) (gitops.Operation, error) {
	if in.ChangeSetType == types.ChangeSetTypeCreate {
		if problems := want.Values.Creatable(); len(problems) > 0 {
			return w.Operation, &gitops.Refusal{Reason: errors.Join(problems...).Error()}
		}
	}
	var err error
	if in.RollbackConfiguration, err = e.watched(ctx, w, want, in.RollbackConfiguration); err != nil {
		return w.Operation, err
	}
	if err := e.upload(ctx, w, want.Artefacts); err != nil {
		return w.Operation, err
	}
	return create(ctx, c, w, in)
}

// changeSet returns the request for a change set that makes the stack. OnStackFailure is
// left out: it excludes DisableRollback at the execution (API reference).
func changeSet(w reconcile.Work, want packaging.Prepared, role string) *cloudformation.CreateChangeSetInput {
	s := w.Settings.CloudFormation
	in := &cloudformation.CreateChangeSetInput{
		ChangeSetName:       aws.String(w.Operation.Token),
		ClientToken:         aws.String(w.Operation.Token),
		ChangeSetType:       types.ChangeSetTypeCreate,
		StackName:           aws.String(s.Stack),
		IncludeNestedStacks: aws.Bool(true),
		Parameters:          parameters(want.Values),
		Tags:                tags(want.Tags, w.Application),
	}
	if want.URL != "" {
		in.TemplateURL = aws.String(want.URL)
	} else {
		in.TemplateBody = aws.String(string(want.Template))
	}
	if role != "" {
		in.RoleARN = aws.String(role)
	}
	if s.ImportExisting {
		in.ImportExistingResources = aws.Bool(true)
	}
	for _, c := range want.Capabilities {
		in.Capabilities = append(in.Capabilities, types.Capability(c))
	}
	return in
}

// parameters returns the values as CloudFormation takes them, sorted by name.
func parameters(v template.Values) []types.Parameter {
	var all []types.Parameter
	for _, k := range slices.Sorted(maps.Keys(v.Parameters)) {
		all = append(all, types.Parameter{ParameterKey: aws.String(k), ParameterValue: aws.String(v.Parameters[k])})
	}
	for _, k := range v.Previous {
		all = append(all, types.Parameter{ParameterKey: aws.String(k), UsePreviousValue: aws.Bool(true)})
	}
	return all
}

// tags returns the tags of a stack, the application's first, which nothing replaces.
func tags(given map[string]string, application string) []types.Tag {
	all := []types.Tag{{Key: aws.String(tagApplication), Value: aws.String(application)}}
	for _, k := range slices.Sorted(maps.Keys(given)) {
		if k != tagApplication {
			all = append(all, types.Tag{Key: aws.String(k), Value: aws.String(given[k])})
		}
	}
	return all
}

// create creates the change set, making room first where the stack is full of old ones.
func create(ctx context.Context, c api, w reconcile.Work, in *cloudformation.CreateChangeSetInput) (gitops.Operation, error) {
	op, doing := w.Operation, "create change set for stack "+aws.ToString(in.StackName)
	out, err := c.CreateChangeSet(ctx, in)
	if hasCode(err, codeLimit) {
		n, clean := makeRoom(ctx, c, aws.ToString(in.StackName), w.Operation.Token)
		if clean != nil {
			return op, clean
		}
		if n > 0 {
			out, err = c.CreateChangeSet(ctx, in)
		}
	}
	if err == nil {
		op.ID, op.StackID = aws.ToString(out.Id), aws.ToString(out.StackId)
		return op, nil
	}
	if hasCode(err, codeExists) {
		return op, nil // an earlier try of ours, whose answer was lost: Observe finds it by its name
	}
	if status, wrong := wrongState(err); wrong {
		return op, moved(ctx, c, w, status, translate(doing, err))
	}
	if noStack(err) || (hasCode(err, codeValidation) && strings.Contains(message(err), "already exists")) {
		return op, translate(doing, err) // deleted or made since it was described: look again
	}
	if r, ok := refused(doing, err); ok {
		return op, r
	}
	return op, translate(doing, err)
}

// room is how many old change sets one step removes at most: one is enough to go on, and
// a step has a minute.
const room = 50

// makeRoom deletes change sets of Driftless's that an earlier deployment left, and returns
// how many. A stack belongs to one application and an application has one deployment in
// flight, so every change set with our prefix but the token's own is a leftover. One that
// is being executed is refused by AWS and stays.
func makeRoom(ctx context.Context, c changeSets, stack, token string) (int, error) {
	in, n := &cloudformation.ListChangeSetsInput{StackName: aws.String(stack)}, 0
	for {
		out, err := c.ListChangeSets(ctx, in)
		if noStack(err) {
			return n, nil
		}
		if err != nil {
			return n, translate("list change sets of stack "+stack, err)
		}
		for _, s := range out.Summaries {
			name := aws.ToString(s.ChangeSetName)
			if !strings.HasPrefix(name, "driftless-") || name == token || n == room {
				continue
			}
			_, err := c.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: s.ChangeSetId})
			if hasCode(err, codeWrongStatus) {
				continue
			}
			if err != nil {
				return n, translate("delete change set "+name, err)
			}
			n++
		}
		if n == room || aws.ToString(out.NextToken) == "" {
			return n, nil
		}
		in.NextToken = out.NextToken
	}
}

// observePlan looks at the change set: one call, and once it is ready or failed one for every
// further page, two for every nested one, and one for what early validation found.
func (e *Engine) observePlan(ctx context.Context, w reconcile.Work) (gitops.Sighting, error) {
	c, err := e.deploy(ctx, w)
	if err != nil {
		return gitops.Sighting{}, err
	}
	out, err := describeChangeSet(ctx, c, w)
	if hasCode(err, codeNoChangeSet) || noStack(err) {
		return noPlan(ctx, c, w)
	}
	if err != nil {
		return gitops.Sighting{}, translate("describe change set "+w.Operation.Token, err)
	}
	s := gitops.Sighting{Operation: w.Operation}
	s.Operation.ID, s.Operation.StackID = aws.ToString(out.ChangeSetId), aws.ToString(out.StackId)
	switch v := judge(out); v {
	case changeSetPending:
		s.State, s.Progress = gitops.OperationRunning, "change set "+string(out.Status)
	case changeSetReady:
		return plan(ctx, c, w, s, out)
	case changeSetEmpty:
		s.State, s.Reason, s.At = gitops.OperationNoChange, aws.ToString(out.StatusReason), aws.ToTime(out.CreationTime)
	case changeSetFailed:
		why, err := failure(ctx, c, out)
		if err != nil {
			return gitops.Sighting{}, err
		}
		s.State, s.Reason, s.Cause = gitops.OperationFailed, everyLine(why), &why[0]
	case changeSetExecuting:
		s.State, s.Reason = gitops.OperationForeign, "somebody executes the change set "+w.Operation.Token
	case changeSetExecuted:
		s.State, s.Reason = gitops.OperationStale, "somebody executed the change set "+w.Operation.Token
	case changeSetObsolete:
		s.State, s.Reason = gitops.OperationStale, "the stack changed since the plan was made"
	case changeSetDeleted:
		s.State, s.Reason = gitops.OperationStale, "somebody deleted the change set "+w.Operation.Token
	case changeSetUnknown:
		return s, fmt.Errorf("observe change set %s: status %s, %s is not known to this version",
			w.Operation.Token, out.Status, out.ExecutionStatus)
	}
	return s, nil
}

// plan returns the plan that a ready change set is, or what one of a nested stack is instead
// of ready.
func plan(ctx context.Context, c api, w reconcile.Work, s gitops.Sighting, out *cloudformation.DescribeChangeSetOutput) (gitops.Sighting, error) {
	var part *unready
	p, err := planOf(ctx, c, w, out)
	switch {
	case errors.As(err, &part) && part.state == gitops.OperationRunning:
		s.State, s.Progress = part.state, part.reason
	case errors.As(err, &part):
		s.State, s.Reason, s.Cause = part.state, part.reason, part.cause
	case err != nil:
		return gitops.Sighting{}, err
	default:
		s.State, s.Plan = gitops.OperationReady, p
	}
	return s, nil
}

// noPlan tells a plan that can be started from one that has to wait for somebody else.
func noPlan(ctx context.Context, c stacks, w reconcile.Work) (gitops.Sighting, error) {
	s := gitops.Sighting{State: gitops.OperationAbsent, Operation: w.Operation}
	stack, found, err := describe(ctx, c, w.Settings.CloudFormation.Stack)
	if err != nil {
		return gitops.Sighting{}, err
	}
	if !found {
		return s, nil
	}
	switch footingOf(stack.StackStatus) {
	case footingBusy:
		s.State, s.Reason = gitops.OperationForeign, foreign(stack.StackStatus, w)
	case footingUnknown:
		return gitops.Sighting{}, unknownStack("look for the plan on stack "+aws.ToString(stack.StackName), stack.StackStatus)
	case footingCreate, footingUpdate, footingDead, footingStuck: // Start tells what can be planned on it
	}
	return s, nil
}

func foreign(status types.StackStatus, w reconcile.Work) string {
	return fmt.Sprintf("another operation is under way: stack %s is in %s", w.Settings.CloudFormation.Stack, status)
}
