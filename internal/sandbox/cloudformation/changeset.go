package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// changeSet is one change set of a stack.
type changeSet struct {
	stack                 *stack
	id, name, description string
	parent, root          string                // ARNs, of a nested stack's
	nested                map[string]*changeSet // of nested stacks, by the resource that stands for each
	include               bool                  // nested stacks are wanted
	clientToken           string                // of CreateChangeSet
	executeToken          string                // of ExecuteChangeSet
	kind                  types.ChangeSetType
	mode                  types.DeploymentMode
	created               time.Time
	status                types.ChangeSetStatus
	execution             types.ExecutionStatus
	reason                string
	target                *target
	plan                  plan
	capabilities          []types.Capability
	roleARN               string
	notifications         []string
	onFailure             types.OnStackFailure
	importExisting        *bool
	rollback              types.RollbackConfiguration
	operation             string
	events                []types.OperationEvent // early validation's findings, newest first
}

const (
	reasonNoChanges = "The submitted information didn't contain changes. Submit different information to create a change set."
	reasonNoUpdates = "No updates are to be performed."
	// maxChangeSets is a quota that is seen in the field (faults: "ChangeSet limit exceeded"
	// around 1000 per stack).
	maxChangeSets = 1000
)

var (
	stackName     = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
	changeSetName = regexp.MustCompile(`^[a-zA-Z][-a-zA-Z0-9]{0,127}$`)
)

func malformed(field, value, pattern string) error {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy regular expression pattern: %s", value, field, pattern)
}

func (s *Service) createChangeSet(ctx context.Context, at scope, in *cloudformation.CreateChangeSetInput) (*cloudformation.CreateChangeSetOutput, error) {
	if err := refused(in); err != nil {
		return nil, err
	}
	st, again, err := s.reviewed(at, in)
	if err != nil || again != nil {
		return again, err
	}
	s.mu.Lock()
	deployed := st.deployed
	s.mu.Unlock()
	g, err := s.requested(ctx, st, deployed, request{
		source{in.TemplateBody, in.TemplateURL, aws.ToBool(in.UsePreviousTemplate)}, in.Parameters, s.tagsFor(st, in.Tags), in.Capabilities, false})
	if err != nil {
		return nil, err
	}
	c := s.register(st, in, g, nil)
	s.launch(s.timing().ChangeSet, func(ctx context.Context) { s.prepare(ctx, st, c) })
	return &cloudformation.CreateChangeSetOutput{Id: aws.String(c.id), StackId: aws.String(st.id)}, nil
}

// refused are the requests that are bad in themselves.
func refused(in *cloudformation.CreateChangeSetInput) error {
	switch {
	case !changeSetName.MatchString(text(in.ChangeSetName)):
		return malformed("changeSetName", text(in.ChangeSetName), "[a-zA-Z][-a-zA-Z0-9]*")
	case in.ChangeSetType == types.ChangeSetTypeImport || len(in.ResourcesToImport) > 0:
		return invalid("The sandbox imports resources through ImportExistingResources alone, not by ResourcesToImport")
	case in.OnStackFailure == types.OnStackFailureDelete && in.ChangeSetType != types.ChangeSetTypeCreate:
		return invalid("OnStackFailure DELETE is only supported for change sets of type CREATE")
	case in.DeploymentMode == types.DeploymentModeRevertDrift && aws.ToBool(in.IncludeNestedStacks):
		return invalid("IncludeNestedStacks is not supported with DeploymentMode REVERT_DRIFT")
	case in.DeploymentMode == types.DeploymentModeRevertDrift && in.ChangeSetType == types.ChangeSetTypeCreate:
		return invalid("DeploymentMode REVERT_DRIFT is not supported for change sets of type CREATE")
	case len(in.Capabilities) > 0 && len(in.ResourceTypes) > 0:
		return invalid("Capabilities and ResourceTypes cannot be specified together")
	}
	return checkTriggers(in.RollbackConfiguration)
}

// reviewed returns the stack that the change set is for, or the answer to a repetition of a
// request whose ClientToken was seen.
func (s *Service) reviewed(at scope, in *cloudformation.CreateChangeSetInput) (*stack, *cloudformation.CreateChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := text(in.StackName)
	st := s.find(at, name)
	if st != nil && st.live() {
		if c := st.changeSet(text(in.ChangeSetName)); c != nil {
			if token := text(in.ClientToken); token != "" && token == c.clientToken {
				return nil, &cloudformation.CreateChangeSetOutput{Id: aws.String(c.id), StackId: aws.String(st.id)}, nil
			}
			return nil, nil, &wire.Error{Code: "AlreadyExistsException", Message: fmt.Sprintf("ChangeSet %s already exists for stack %s", c.name, st.name)}
		}
		if len(st.changeSets) >= maxChangeSets {
			return nil, nil, &wire.Error{Code: "LimitExceededException", Message: "ChangeSet limit exceeded"}
		}
	}
	exists := st != nil && st.live() && !st.inReview()
	if in.ChangeSetType == types.ChangeSetTypeCreate {
		switch {
		case exists:
			return nil, nil, invalid("Stack [%s] already exists and cannot be created again with the changeSet [%s].", name, text(in.ChangeSetName))
		case st != nil && st.live():
			return st, nil, nil
		case !stackName.MatchString(name):
			return nil, nil, malformed("stackName", name, "[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*")
		}
		// The stack is registered once the template is accepted.
		return &stack{name: name, at: at, id: s.arn(at, "stack/"+name+"/"+wire.NewUUID())}, nil, nil
	}
	if !exists {
		return nil, nil, invalid("Stack [%s] does not exist", name)
	}
	if !updatable(st) {
		return nil, nil, conflict(st, "updated")
	}
	return st, nil, nil
}

// settled are the states in which an update may begin (faults, section 3).
var settled = []types.StackStatus{types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
	types.StackStatusUpdateFailed, types.StackStatusImportComplete, types.StackStatusImportRollbackComplete}

// updatable says whether the stack can be updated now. A creation that failed without
// rollback left something to go on from.
func updatable(st *stack) bool {
	return slices.Contains(settled, st.status) || (st.status == types.StackStatusCreateFailed && st.deployed != nil)
}

// changeSet finds one by name or ARN.
func (st *stack) changeSet(nameOrID string) *changeSet {
	for _, c := range st.changeSets {
		if c.id == nameOrID || c.name == nameOrID {
			return c
		}
	}
	return nil
}

// tagsFor are the tags asked for, or the stack's own where none are named.
func (s *Service) tagsFor(st *stack, tags []types.Tag) []types.Tag {
	if tags != nil {
		return tags
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return tagsOf(st.tags)
}

// register adds the change set to its stack, and the stack itself when it is new. above is
// the parent's change set that it is a part of, nil for a root.
func (s *Service) register(st *stack, in *cloudformation.CreateChangeSetInput, g *target, above *changeSet) *changeSet {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st.status == "" {
		s.add(st)
		s.setStatus(st, types.StackStatusReviewInProgress, "User Initiated")
	}
	c := &changeSet{
		stack: st, include: aws.ToBool(in.IncludeNestedStacks),
		name: text(in.ChangeSetName), id: s.arn(st.at, "changeSet/"+text(in.ChangeSetName)+"/"+wire.NewUUID()),
		description: text(in.Description), clientToken: text(in.ClientToken), kind: in.ChangeSetType, mode: in.DeploymentMode,
		created: s.Now(), status: types.ChangeSetStatusCreatePending, execution: types.ExecutionStatusUnavailable,
		target: g, capabilities: in.Capabilities, roleARN: text(in.RoleARN), notifications: in.NotificationARNs,
		onFailure: in.OnStackFailure, importExisting: in.ImportExistingResources, operation: wire.NewUUID(),
		rollback: st.saved(in.RollbackConfiguration),
	}
	if c.kind == "" {
		c.kind = types.ChangeSetTypeUpdate
	}
	if c.roleARN == "" {
		c.roleARN = st.roleARN
	}
	if above != nil {
		c.parent, c.root = above.id, cmp.Or(above.root, above.id)
	}
	st.changeSets = append(st.changeSets, c)
	return c
}

// prepare works the change set out, in the background as AWS does.
func (s *Service) prepare(ctx context.Context, st *stack, c *changeSet) {
	s.mu.Lock()
	c.status = types.ChangeSetStatusCreateInProgress
	s.mu.Unlock()
	if s.pause(ctx, s.timing().ChangeSet) {
		s.work(ctx, st, c)
	}
}

// work plans the change set and those of nested stacks, which are done before it is.
func (s *Service) work(ctx context.Context, st *stack, c *changeSet) {
	var p *planner
	err := s.expand(ctx, c)
	if err == nil {
		p, err = s.newPlan(ctx, st, c.target, aws.ToBool(c.importExisting))
	}
	if err == nil {
		p.checkScripted()
	}
	if err == nil && c.mode == types.DeploymentModeRevertDrift {
		err = p.revertDrift(ctx)
	}
	if err == nil && c.include {
		err = p.nestedSets(ctx, c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if p != nil {
		c.plan = p.plan // shown even where the change set fails, as on AWS
		c.events = s.validationEvents(st, c)
	}
	switch empty := c.kind != types.ChangeSetTypeCreate && c.plan.empty(st, c.target); {
	case err != nil:
		c.fail(reasonOf(err))
	case c.plan.checks() != "":
		c.fail("The following hook(s)/validation failed: [" + c.plan.checks() + "]. " +
			"To troubleshoot Early Validation errors, use the DescribeEvents API for detailed failure information.")
	case empty && len(c.target.template.Transforms) > 0:
		c.fail(reasonNoUpdates)
	case empty:
		c.fail(reasonNoChanges)
	case c.root != "": // as in the user guide's example of a nested stack's change set
		c.status, c.execution, c.reason = types.ChangeSetStatusCreateComplete, types.ExecutionStatusUnavailable, "Executable from root change set"
	default:
		c.status, c.execution = types.ChangeSetStatusCreateComplete, types.ExecutionStatusAvailable
	}
}

func (c *changeSet) fail(reason string) {
	c.status, c.execution, c.reason = types.ChangeSetStatusFailed, types.ExecutionStatusUnavailable, reason
}

// locate finds a change set by ARN, or by name within a stack.
func (s *Service) locate(at scope, stackName, name *string) (*stack, *changeSet, error) {
	if strings.HasPrefix(text(name), "arn:") {
		for _, st := range s.stacks {
			if c := st.changeSet(text(name)); c != nil && st.at == at {
				return st, c, nil
			}
		}
		return nil, nil, changeSetNotFound(text(name))
	}
	if stackName == nil {
		return nil, nil, invalid("StackName must be specified if ChangeSetName is not specified as an ARN.")
	}
	st := s.find(at, text(stackName))
	if st == nil || !st.live() {
		return nil, nil, invalid("Stack [%s] does not exist", text(stackName))
	}
	c := st.changeSet(text(name))
	if c == nil {
		return st, nil, changeSetNotFound(text(name))
	}
	return st, c, nil
}

func changeSetNotFound(name string) error {
	return &wire.Error{Code: "ChangeSetNotFound", Message: fmt.Sprintf("ChangeSet [%s] does not exist", name), Status: 404}
}

func (s *Service) executeChangeSet(_ context.Context, at scope, in *cloudformation.ExecuteChangeSetInput) (*cloudformation.ExecuteChangeSetOutput, error) {
	d, err := s.executable(at, in)
	if d != nil {
		t := s.timing()
		s.launch(t.Stack+t.Resource+t.CleanUp, d.run)
	}
	return &cloudformation.ExecuteChangeSetOutput{}, err
}

// executable turns the change set into a deployment, or refuses. It returns nil for one that
// was begun under the same token.
func (s *Service) executable(at scope, in *cloudformation.ExecuteChangeSetInput) (*deployment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, c, err := s.locate(at, in.StackName, in.ChangeSetName)
	if err != nil {
		return nil, err
	}
	token := text(in.ClientRequestToken)
	if token != "" && token == c.executeToken {
		return nil, nil
	}
	if c.execution != types.ExecutionStatusAvailable {
		return nil, notExecutable(c)
	}
	if c.onFailure != "" && in.DisableRollback != nil {
		return nil, invalid("DisableRollback cannot be specified for a change set that was created with OnStackFailure")
	}
	if c.kind != types.ChangeSetTypeCreate && !updatable(st) {
		return nil, conflict(st, "updated")
	}
	return s.execute(st, c, token, in.DisableRollback), nil
}

func notExecutable(c *changeSet) error {
	if c.status != types.ChangeSetStatusCreateComplete {
		return &wire.Error{Code: "InvalidChangeSetStatus", Message: fmt.Sprintf("ChangeSet [%s] cannot be executed in its current status of [%s]", c.id, c.status)}
	}
	return &wire.Error{Code: "InvalidChangeSetStatus", Message: fmt.Sprintf("ChangeSet [%s] cannot be executed in its current execution status of [%s]", c.id, c.execution)}
}

// execute enters the deployment; the stack's other change sets are of the past from then.
func (s *Service) execute(st *stack, c *changeSet, token string, disableRollback *bool) *deployment {
	s.supersede(st, c)
	c.execution, c.executeToken = types.ExecutionStatusExecuteInProgress, token
	st.capabilities, st.roleARN, st.onFailure, st.rollback = c.capabilities, c.roleARN, c.onFailure, c.rollback
	if c.notifications != nil {
		st.notifications = c.notifications
	}
	st.noRollback = aws.ToBool(disableRollback) || c.onFailure == types.OnStackFailureDoNothing
	d := &deployment{st: st, g: c.target, creating: st.deployed == nil && st.inReview(), noRollback: st.noRollback,
		revert: c.plan.revert, imports: c.plan.imports, sets: c.nested}
	s.enter(d, token)
	return d
}

func (s *Service) deleteChangeSet(_ context.Context, at scope, in *cloudformation.DeleteChangeSetInput) (*cloudformation.DeleteChangeSetOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, c, err := s.locate(at, in.StackName, in.ChangeSetName)
	if c == nil {
		if st != nil || strings.HasPrefix(text(in.ChangeSetName), "arn:") {
			err = nil // nothing to delete is no error while the stack exists
		}
		return &cloudformation.DeleteChangeSetOutput{}, err
	}
	if c.execution == types.ExecutionStatusExecuteInProgress {
		return nil, &wire.Error{Code: "InvalidChangeSetStatus", Message: fmt.Sprintf("ChangeSet [%s] cannot be deleted in its current execution status of [%s]", c.id, c.execution)}
	}
	if c.root != "" {
		return nil, invalid("ChangeSet [%s] belongs to a nested stack: it can only be deleted from its root change set [%s]", c.id, c.root)
	}
	s.discard(c)
	return &cloudformation.DeleteChangeSetOutput{}, nil
}
