package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// The names of the two checks that fail a change set, as DescribeEvents and CDK's CLI spell
// them, and as the change set's reason does.
const (
	propertyValidation = "PROPERTY_VALIDATION"
	nameValidation     = "NAME_CONFLICT_VALIDATION"
)

var checkNames = map[string]string{
	propertyValidation: "AWS::EarlyValidation::PropertyValidation",
	nameValidation:     "AWS::EarlyValidation::ResourceExistenceCheck",
}

// problem is a finding of early validation.
type problem struct {
	resource      *template.Resource
	check         string // for example PROPERTY_VALIDATION
	mode          types.HookFailureMode
	path, message string // path is within the resource
}

func (p *planner) found(r *template.Resource, check string, mode types.HookFailureMode, path, message string) {
	p.plan.problems = append(p.plan.problems, problem{r, check, mode, path, message})
}

// checkProperties holds properties to the schemas.
func (p *planner) checkProperties(r *template.Resource, properties map[string]any) {
	if t := schema.Lookup(r.Type); t != nil {
		for _, f := range t.Validate(r.ID, properties) {
			p.found(r, propertyValidation, types.HookFailureModeFail, f.Path, f.Message)
		}
	}
}

// existing looks whether a resource that would be added is there already, under the name
// that the template gives it. It says whether the resource is taken care of. Of a type that
// is not Importable only its creation finds out, and then fails.
func (p *planner) existing(ctx context.Context, r *template.Resource, properties map[string]any) (bool, error) {
	property, known := resource.Importable[r.Type]
	name := template.Text(properties[property])
	if !known || name == "" || template.Unknown(properties[property]) {
		return false, nil
	}
	made, there, err := p.client.Existing(ctx, wire.Request{Account: p.st.at.account, Region: p.st.at.region,
		Type: r.Type, LogicalID: r.ID, Properties: properties})
	if err != nil || !there {
		return false, err
	}
	p.mu.Lock()
	holder := p.holder(p.st.at, made.PhysicalID)
	p.mu.Unlock()
	if p.imports && holder == nil {
		p.take(r, properties, made)
		return true, nil
	}
	p.found(r, nameValidation, types.HookFailureModeFail, "",
		"Resource of type '"+r.Type+"' with identifier '"+name+"' already exists.")
	return false, nil
}

// take plans an import: others see the resource as it is.
func (p *planner) take(r *template.Resource, properties map[string]any, made wire.Made) {
	if p.plan.imports == nil {
		p.plan.imports = map[string]wire.Made{}
	}
	p.plan.imports[r.ID] = made
	p.state[r.ID] = planned{physical: made.PhysicalID, attributes: (&record{properties: properties, attributes: made.Attributes}).answers()}
	p.change(types.ResourceChange{Action: types.ChangeActionImport, LogicalResourceId: aws.String(r.ID), ResourceType: aws.String(r.Type),
		PhysicalResourceId: aws.String(made.PhysicalID), Scope: []types.ResourceAttribute{}, Details: []types.ResourceChangeDetail{},
		AfterContext: p.context(r, properties)})
}

// checkImports refuses imports that a later deletion of the stack would destroy, in AWS's
// words (aws/aws-cdk-cli#1367).
func (p *planner) checkImports() error {
	var affected []string
	for _, id := range sortedKeys(p.plan.imports) {
		r := p.g.template.Resource(id)
		if !strings.HasPrefix(r.DeletionPolicy, "Retain") {
			property := resource.Importable[r.Type]
			affected = append(affected, id+" ({"+property+"="+template.Text(p.resolved[id][property])+"})")
		}
	}
	if len(affected) == 0 {
		return nil
	}
	return invalid("CloudFormation is attempting to import some resources because they already exist in your account. "+
		"The resources must have the DeletionPolicy attribute set to 'Retain' or 'RetainExceptOnCreate' in the template "+
		"for successful import. The affected resources are %s", strings.Join(affected, ", "))
}

// checkScripted adds the findings that a test asked for.
func (p *planner) checkScripted() {
	for _, r := range p.g.active {
		if f := p.due(p.st.name, r.ID, "VALIDATE"); f != nil {
			mode := types.HookFailureModeFail
			if f.Mode == string(types.HookFailureModeWarn) {
				mode = types.HookFailureModeWarn
			}
			p.found(r, f.check(), mode, f.Path, f.Reason)
		}
	}
}

// checks are the failed checks that a change set's reason lists, empty for none.
func (p plan) checks() string {
	var names []string
	for _, f := range p.problems {
		name, ok := checkNames[f.check]
		if !ok {
			name = "AWS::EarlyValidation::" + f.check
		}
		if f.mode == types.HookFailureModeFail && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// failed is the first finding that stops an operation, empty for none.
func (p plan) failed() string {
	for _, f := range p.problems {
		if f.mode == types.HookFailureModeFail {
			return f.message
		}
	}
	return ""
}

// validationEvents are what DescribeEvents tells about the findings.
func (s *Service) validationEvents(st *stack, c *changeSet) []types.OperationEvent {
	var out []types.OperationEvent
	for _, p := range c.plan.problems {
		out = append(out, types.OperationEvent{
			EventId: aws.String(wire.NewUUID()), EventType: types.EventTypeValidationError, StackId: aws.String(st.id), OperationId: aws.String(c.operation),
			OperationType: types.OperationTypeCreateChangeset, LogicalResourceId: aws.String(p.resource.ID), ResourceType: aws.String(p.resource.Type),
			Timestamp: aws.Time(s.Now()), ValidationFailureMode: p.mode, ValidationName: aws.String(p.check),
			ValidationPath: aws.String("/Resources/" + p.resource.ID + p.path), ValidationStatus: types.ValidationStatusFailed,
			ValidationStatusReason: aws.String(p.message)})
	}
	return out
}
