package cloudformation

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	nestedStack = "AWS::CloudFormation::Stack"
	// maxDepth ends a template that nests itself. AWS documents no limit of depth.
	maxDepth = 8
)

// nested makes, changes, takes back or deletes the stack that a resource stands for, and
// waits for its end. A cancelled parent cancels it.
func (d *deployment) nested(ctx context.Context, r *record, action string) (wire.Made, error) {
	switch action {
	case "CREATE":
		return d.createNested(ctx, r)
	case "UPDATE":
		return d.updateNested(ctx, r)
	case "ROLLBACK":
		return wire.Made{}, d.rollbackNested(ctx, r)
	}
	return wire.Made{}, d.deleteNested(ctx, r)
}

// newNested is a stack below parent that is not registered yet, named as AWS names it.
func (s *Service) newNested(parent *stack, id string) (*stack, error) {
	if parent.depth+1 >= maxDepth {
		return nil, invalid("The sandbox nests stacks %d deep at most: %s of stack %s is below that", maxDepth, id, parent.name)
	}
	suffix := "-" + rand.Text()[:12]
	name := parent.name + "-" + id
	name = name[:min(len(name), 128-len(suffix))] + suffix
	return &stack{name: name, at: parent.at, id: s.arn(parent.at, "stack/"+name+"/"+wire.NewUUID()), parent: parent.id,
		root: cmp.Or(parent.root, parent.id), depth: parent.depth + 1}, nil
}

// embedding is what a parent gives a nested stack beside the properties of its resource.
type embedding struct {
	tags         map[string]string // the parent's, which its resources inherit
	capabilities []types.Capability
	body         string // the template as a change set took it, empty: what the URL holds now
}

// nestedTarget is what the properties of a resource ask its stack to become.
func (s *Service) nestedTarget(ctx context.Context, st *stack, properties map[string]any, e embedding) (*target, error) {
	body := e.body
	if body == "" {
		var err error
		if body, err = s.fetch(ctx, st.at, template.Text(properties["TemplateURL"])); err != nil {
			return nil, err
		}
	}
	parameters := map[string]string{}
	given, _ := properties["Parameters"].(map[string]any)
	for name, v := range given {
		if _, list := v.([]any); list {
			parameters[name] = strings.Join(template.Strings(v), ",")
		} else {
			parameters[name] = template.Text(v)
		}
	}
	tags := tagsOf(e.tags)
	own, _ := properties["Tags"].([]any)
	for _, t := range own {
		if m, ok := t.(map[string]any); ok {
			tags = append(tags, types.Tag{Key: aws.String(template.Text(m["Key"])), Value: aws.String(template.Text(m["Value"]))})
		}
	}
	return s.newTarget(ctx, st, body, parameters, tags, e.capabilities, true)
}

func (d *deployment) embedding(r *record) (embedding, *changeSet) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e := embedding{tags: d.g.tags, capabilities: d.st.capabilities}
	c := d.sets[r.id]
	if c != nil {
		e.body = c.target.template.Body
	}
	return e, c
}

func (d *deployment) createNested(ctx context.Context, r *record) (wire.Made, error) {
	e, c := d.embedding(r)
	var st *stack
	var err error
	if c != nil {
		st = c.stack
	} else if st, err = d.newNested(d.st, r.id); err != nil {
		return wire.Made{}, err
	}
	g, err := d.nestedTarget(ctx, st, r.properties, e)
	if err != nil {
		return wire.Made{}, err
	}
	d.mu.Lock()
	if c == nil {
		d.add(st)
	}
	child := d.child(st, g, c, r.properties)
	child.creating = true
	d.enter(child, d.st.token)
	d.mu.Unlock()
	return child.embedded(ctx)
}

// updateNested brings the stack to what its template and parameters are now. Where that
// changes nothing, the stack has no events.
func (d *deployment) updateNested(ctx context.Context, r *record) (wire.Made, error) {
	d.mu.Lock()
	st := d.find(d.st.at, r.physical)
	d.mu.Unlock()
	if st == nil || !st.live() {
		return wire.Made{}, invalid("Stack with id %s does not exist", r.physical)
	}
	e, c := d.embedding(r)
	g, err := d.nestedTarget(ctx, st, r.properties, e)
	if err != nil {
		return wire.Made{}, err
	}
	p, err := d.newPlan(ctx, st, g, false)
	if err != nil {
		return wire.Made{}, err
	}
	d.mu.Lock()
	switch {
	case !updatable(st):
		err = conflict(st, "updated")
	case p.plan.failed() != "":
		err = invalid("%s", p.plan.failed())
	}
	if err != nil || p.plan.empty(st, g) {
		made := wire.Made{PhysicalID: st.id, Attributes: st.attributes()}
		c.executed(err)
		d.mu.Unlock()
		return made, err
	}
	child := d.child(st, g, c, r.properties)
	if d.children == nil {
		d.children = map[string]*deployment{}
	}
	d.children[r.id] = child
	d.enter(child, d.st.token)
	d.mu.Unlock()
	return child.embedded(ctx)
}

// child is the part of the operation that a nested stack has. It needs the lock.
func (d *deployment) child(st *stack, g *target, c *changeSet, properties map[string]any) *deployment {
	st.capabilities, st.roleARN, st.noRollback = d.st.capabilities, d.st.roleARN, d.noRollback
	st.notifications = template.Strings(properties["NotificationARNs"])
	child := &deployment{st: st, g: g, parent: d, noRollback: d.noRollback}
	d.supersede(st, c)
	if c != nil {
		c.execution = types.ExecutionStatusExecuteInProgress
		child.sets, child.imports = c.nested, c.plan.imports
	}
	return child
}

// embedded runs the nested stack's part and tells how it ended, in the words that the
// parent's resource shows (seen in the field: "Embedded stack ... was not successfully
// updated. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: ...").
func (d *deployment) embedded(ctx context.Context) (wire.Made, error) {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.st.cancelled != nil {
			d.st.cancelled()
		}
	})
	defer stop()
	d.run(d.ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	made := wire.Made{PhysicalID: d.st.id, Attributes: d.st.attributes()}
	switch {
	case d.st.status == types.StackStatusCreateComplete, d.st.status == types.StackStatusUpdateCompleteCleanupInProgress:
		return made, nil
	case ctx.Err() != nil:
		return made, errCancelled
	case d.creating:
		return made, invalid("Embedded stack %s was not successfully created: %s", d.st.id, d.st.reason)
	}
	status, reason := d.st.failure()
	return made, invalid("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", d.st.id, status, reason)
}

// failure is the latest event in which the stack itself says why its update failed.
func (st *stack) failure() (types.ResourceStatus, string) {
	for _, e := range slices.Backward(st.events) {
		if text(e.PhysicalResourceId) == st.id && (e.ResourceStatus == types.ResourceStatusUpdateFailed ||
			e.ResourceStatus == types.ResourceStatus(types.StackStatusUpdateRollbackInProgress)) {
			return e.ResourceStatus, text(e.ResourceStatusReason)
		}
	}
	return types.ResourceStatus(st.status), st.reason
}

// attributes are what Fn::GetAtt answers of a nested stack: Outputs.Name.
func (st *stack) attributes() map[string]any {
	out := map[string]any{}
	for _, o := range st.outputs {
		out["Outputs."+text(o.OutputKey)] = text(o.OutputValue)
	}
	return out
}

// returnable are the states in which a nested stack's update has still to be taken back.
var returnable = []types.StackStatus{types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateFailed,
	types.StackStatusUpdateRollbackFailed}

// rollbackNested takes back the nested stack's part of a failed update, unless it did so by
// itself or was not touched.
func (d *deployment) rollbackNested(ctx context.Context, r *record) error {
	child := d.children[r.id]
	if child == nil || r.skipped {
		return nil
	}
	d.mu.Lock()
	st := child.st
	if !slices.Contains(returnable, st.status) {
		d.mu.Unlock()
		return nil
	}
	st.undo, st.token = child.back, d.st.token
	var skip []string
	for _, id := range d.skip {
		switch name, within, below := strings.Cut(id, "."); {
		case below && name == st.name:
			skip = append(skip, within)
		case below: // of a stack further down, or of another one
			skip = append(skip, id)
		}
	}
	d.mu.Unlock()
	child.rollbackUpdate(ctx, "", skip)
	d.mu.Lock()
	defer d.mu.Unlock()
	if st.status != types.StackStatusUpdateRollbackComplete {
		return invalid("Embedded stack %s was not successfully updated. Currently in %s with reason: %s", st.id, st.status, st.reason)
	}
	return nil
}

func (d *deployment) deleteNested(ctx context.Context, r *record) error {
	d.mu.Lock()
	st := d.find(d.st.at, r.physical)
	if st == nil || !st.live() {
		d.mu.Unlock()
		return nil
	}
	if name, by := d.imported(st); name != "" {
		d.mu.Unlock()
		return invalid("Export %s cannot be deleted as it is in use by %s", name, by)
	}
	st.token = d.st.token
	d.setStatus(st, types.StackStatusDeleteInProgress, "")
	d.mu.Unlock()
	child := &deployment{Service: d.Service, st: st, parent: d}
	child.deleteAll(ctx, nil, false)
	d.mu.Lock()
	defer d.mu.Unlock()
	if st.status == types.StackStatusDeleteFailed {
		return invalid("Embedded stack %s was not successfully deleted: %s", st.id, st.reason)
	}
	if st.live() {
		return errors.New("the sandbox is closing")
	}
	return nil
}
