package cloudformation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

func (s *Service) createStack(ctx context.Context, at scope, in *cloudformation.CreateStackInput) (*cloudformation.CreateStackOutput, error) {
	name := text(in.StackName)
	if !stackName.MatchString(name) {
		return nil, malformed("stackName", name, "[a-zA-Z][-a-zA-Z0-9]*")
	}
	if err := checkTriggers(in.RollbackConfiguration); err != nil {
		return nil, err
	}
	st := &stack{name: name, at: at, id: s.arn(at, "stack/"+name+"/"+wire.NewUUID())}
	g, err := s.requested(ctx, st, nil, request{
		source{in.TemplateBody, in.TemplateURL, false}, in.Parameters, in.Tags, in.Capabilities, true})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if other := s.find(at, name); other != nil {
		if token := text(in.ClientRequestToken); token != "" && token == other.token {
			return &cloudformation.CreateStackOutput{StackId: aws.String(other.id)}, nil
		}
		return nil, &wire.Error{Code: "AlreadyExistsException", Message: fmt.Sprintf("Stack [%s] already exists", name)}
	}
	s.add(st)
	st.capabilities, st.roleARN, st.notifications, st.timeout = in.Capabilities, text(in.RoleARN), in.NotificationARNs, in.TimeoutInMinutes
	st.protected = aws.ToBool(in.EnableTerminationProtection)
	st.noRollback = aws.ToBool(in.DisableRollback) || in.OnFailure == types.OnFailureDoNothing
	st.onFailure, st.rollback = types.OnStackFailure(in.OnFailure), st.saved(in.RollbackConfiguration)
	s.begin(&deployment{st: st, g: g, creating: true, noRollback: st.noRollback}, text(in.ClientRequestToken))
	return &cloudformation.CreateStackOutput{StackId: aws.String(st.id)}, nil
}

func (s *Service) updateStack(ctx context.Context, at scope, in *cloudformation.UpdateStackInput) (*cloudformation.UpdateStackOutput, error) {
	s.mu.Lock()
	st := s.find(at, text(in.StackName))
	var deployed *target
	if st != nil {
		deployed = st.deployed
	}
	s.mu.Unlock()
	if st == nil || !st.live() || st.inReview() {
		return nil, invalid("Stack [%s] does not exist", text(in.StackName))
	}
	if err := checkTriggers(in.RollbackConfiguration); err != nil {
		return nil, err
	}
	g, err := s.requested(ctx, st, deployed, request{
		source{in.TemplateBody, in.TemplateURL, aws.ToBool(in.UsePreviousTemplate)}, in.Parameters, s.tagsFor(st, in.Tags), in.Capabilities, true})
	if err != nil {
		return nil, err
	}
	p, err := s.newPlan(ctx, st, g, false)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &cloudformation.UpdateStackOutput{StackId: aws.String(st.id)}
	switch token := text(in.ClientRequestToken); {
	case token != "" && token == st.token:
		return out, nil
	case !updatable(st):
		return nil, conflict(st, "updated")
	case p.plan.failed() != "":
		return nil, invalid("%s", p.plan.failed())
	case p.plan.empty(st, g):
		return nil, invalid("%s", reasonNoUpdates)
	}
	st.capabilities, st.noRollback, st.rollback = in.Capabilities, aws.ToBool(in.DisableRollback), st.saved(in.RollbackConfiguration)
	if in.RoleARN != nil {
		st.roleARN = text(in.RoleARN)
	}
	s.supersede(st, nil)
	s.begin(&deployment{st: st, g: g, noRollback: st.noRollback}, text(in.ClientRequestToken))
	return out, nil
}

func (s *Service) deleteStack(_ context.Context, at scope, in *cloudformation.DeleteStackInput) (*cloudformation.DeleteStackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.find(at, text(in.StackName))
	out := &cloudformation.DeleteStackOutput{}
	if st == nil || !st.live() || st.status == types.StackStatusDeleteInProgress {
		return out, nil // deleting what is not there, or twice, is no error
	}
	switch {
	case st.protected:
		return nil, invalid("Stack [%s] cannot be deleted while TerminationProtection is enabled", st.name)
	case st.busy() && (st.status != types.StackStatusCreateInProgress || st.cancelled == nil):
		return nil, invalid("Stack [%s] cannot be deleted while in status %s", st.id, st.status)
	case len(in.RetainResources) > 0 && st.status != types.StackStatusDeleteFailed:
		return nil, invalid("Invalid operation on stack [%s]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.", st.id)
	}
	if name, by := s.imported(st); name != "" {
		return nil, invalid("Export %s cannot be deleted as it is in use by %s", name, by)
	}
	if in.RoleARN != nil {
		st.roleARN = text(in.RoleARN)
	}
	st.token = text(in.ClientRequestToken)
	s.setStatus(st, types.StackStatusDeleteInProgress, "User Initiated")
	d := &deployment{Service: s, st: st}
	remove := func(ctx context.Context) {
		d.deleteAll(ctx, in.RetainResources, in.DeletionMode == types.DeletionModeForceDeleteStack)
	}
	if st.cancelled != nil {
		st.then = remove
		st.cancelled()
	} else {
		s.start(remove)
	}
	return out, nil
}

// imported finds an export of the stack that another stack imports.
func (s *Service) imported(st *stack) (name, by string) {
	for _, o := range st.outputs {
		if o.ExportName == nil {
			continue
		}
		if users := s.importers(st, *o.ExportName); len(users) > 0 {
			return *o.ExportName, strings.Join(users, ", ")
		}
	}
	return "", ""
}

// importers are the stacks whose deployed template imports that name.
func (s *Service) importers(owner *stack, name string) []string {
	var out []string
	for _, st := range s.stacks {
		if st != owner && st.at == owner.at && st.live() && slices.Contains(st.imports, name) {
			out = append(out, st.name)
		}
	}
	return out
}

func (d *deployment) deleteAll(ctx context.Context, retain []string, force bool) {
	d.pause(ctx, d.timing().Stack)
	d.mu.Lock()
	var records []*record
	for _, r := range d.st.sortedRecords() {
		if r.status != types.ResourceStatusDeleteComplete && r.status != types.ResourceStatusDeleteSkipped {
			records = append(records, r)
		}
	}
	d.mu.Unlock()
	failed := d.removeAll(ctx, records, func(r *record) bool {
		return strings.HasPrefix(r.definition.DeletionPolicy, "Retain") || slices.Contains(retain, r.id)
	}, false)
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(failed) > 0 && !force {
		d.setStatus(d.st, types.StackStatusDeleteFailed, "The following resource(s) failed to delete: "+quoted(failed)+". ")
		return
	}
	for _, c := range slices.Clone(d.st.changeSets) {
		d.discard(c)
	}
	d.st.outputs, d.st.imports = nil, nil
	d.setStatus(d.st, types.StackStatusDeleteComplete, "")
}

func (s *Service) updateTerminationProtection(_ context.Context, at scope, in *cloudformation.UpdateTerminationProtectionInput) (*cloudformation.UpdateTerminationProtectionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.must(at, in.StackName)
	if err != nil {
		return nil, err
	}
	st.protected = aws.ToBool(in.EnableTerminationProtection)
	return &cloudformation.UpdateTerminationProtectionOutput{StackId: aws.String(st.id)}, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
