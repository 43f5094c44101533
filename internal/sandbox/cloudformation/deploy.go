package cloudformation

import (
	"context"
	"errors"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/schema"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// deployment is one operation that brings a stack to a target.
type deployment struct {
	*Service
	st         *stack
	g          *target
	env        *template.Env
	creating   bool                  // the stack is new
	noRollback bool                  // leave a failure as it stands
	revert     map[string]reversal   // resources to bring back though their template is unchanged
	parent     *deployment           // of which this one is a part, nil for an operation of its own
	sets       map[string]*changeSet // of nested stacks, by the resource that stands for each
	imports    map[string]wire.Made  // resources that exist already and are taken over

	journal  []*entry  // guarded by mu, as all of the stack
	obsolete []*record // replaced, to be deleted in the end
	failures []failure
	children map[string]*deployment // updates of nested stacks, by the resource that stands for each
	back     *undo
	skip     []string // what ContinueUpdateRollback leaves as it is
}

// entry says what became of a resource.
type entry struct {
	before *record // nil for one that was added
	after  *record
	tried  map[string]any // what an update in place sent, nil if it sent nothing
	undone bool
}

type failure struct{ action, id string }

// errCancelled ends what runs beside a failure.
var errCancelled = errors.New("cancelled")

// undo is what a failed update needs to go back.
type undo struct {
	d        *deployment
	previous *target
	outputs  []types.Output
}

// run carries the deployment out. The stack is in its _IN_PROGRESS status already.
func (d *deployment) run(ctx context.Context) {
	d.back = &undo{d: d, previous: d.st.deployed, outputs: d.st.outputs}
	walking, cancel := context.WithCancel(ctx)
	defer cancel()
	d.mu.Lock()
	d.st.cancelled = cancel
	d.mu.Unlock()
	var err error
	if !d.pause(walking, d.timing().Stack) {
		err = errCancelled
	} else {
		err = d.applyWatched(walking)
	}
	d.mu.Lock()
	then := d.st.then
	d.st.cancelled, d.st.then = nil, nil
	d.mu.Unlock()
	if ctx.Err() != nil {
		return // the service ends: the stack stays as it is
	}
	if then != nil {
		then(ctx)
		return
	}
	if err == nil {
		err = d.finish()
	}
	if err == nil {
		d.succeed(ctx)
		return
	}
	d.fail(ctx, err)
}

func (d *deployment) applyAll(ctx context.Context) error {
	var ids []string
	byID := map[string]*template.Resource{}
	for _, r := range d.g.active {
		ids = append(ids, r.ID)
		byID[r.ID] = r
	}
	return walk(ctx, ids, d.g.needs, func(ctx context.Context, id string) error { return d.apply(ctx, byID[id]) })
}

// finish computes the outputs.
func (d *deployment) finish() error {
	outputs, err := d.outputsOf(d.st, d.g, d.env)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.st.outputs = outputs
	return nil
}

// apply brings one resource to the target.
func (d *deployment) apply(ctx context.Context, r *template.Resource) error {
	resolved, err := d.env.Resolve(r.Properties)
	properties, _ := resolved.(map[string]any)
	d.mu.Lock()
	old := d.st.resources[r.ID]
	d.mu.Unlock()
	next := &record{id: r.ID, kind: r.Type, definition: r, properties: properties, tags: d.g.tags, needs: d.g.needs[r.ID],
		drift: types.StackResourceDriftStatusNotChecked}
	_, next.imported = d.imports[r.ID]
	if err == nil && properties != nil {
		err = validate(next)
	}
	back, reverted := d.revert[r.ID]
	switch {
	case err != nil:
		return d.refuseResource(next, old, err)
	case next.imported:
		return d.adopt(ctx, next, old)
	case old == nil || back.gone:
		return d.create(ctx, next, nil)
	case old.status == types.ResourceStatusCreateFailed, old.kind != next.kind, back.replace, recreates(old, next):
		return d.create(ctx, next, old)
	case reverted:
		return d.update(ctx, next, old, back.actual)
	case next.kind == nestedStack: // the template behind its URL may have changed
		return d.update(ctx, next, old, old.properties)
	case !template.Equal(old.properties, properties) || retagged(old, next.tags):
		return d.update(ctx, next, old, old.properties)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	old.definition, old.needs = next.definition, next.needs
	return nil
}

// validate judges the properties as a resource's handler does before it makes anything.
func validate(r *record) error {
	if t := schema.Lookup(r.kind); t != nil {
		for _, p := range t.Validate(r.id, r.properties) {
			return invalid("%s", p.Message)
		}
	}
	return nil
}

// recreates says whether a changed property forces a new physical resource. Where AWS says
// that it depends, the sandbox updates in place, and what cannot be so fails.
func recreates(old, next *record) bool {
	t := schema.Lookup(next.kind)
	if t == nil {
		return false
	}
	for _, l := range diff("", old.properties, next.properties) {
		if t.Recreation(l.dotted()) == "Always" {
			return true
		}
	}
	return false
}

// retagged says whether the stack's tags changed for a resource that carries them.
func retagged(old *record, tags map[string]string) bool {
	t := schema.Lookup(old.kind)
	return t != nil && t.Tags != "" && !maps.Equal(old.tags, tags)
}

// refuseResource records a resource that could not even be begun.
func (d *deployment) refuseResource(next, old *record, err error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	status := types.ResourceStatusCreateFailed
	if old != nil {
		status = types.ResourceStatusUpdateFailed
		next = old
	} else {
		d.st.put(next)
	}
	d.journal = append(d.journal, &entry{before: old, after: next})
	return d.failed(next, status, err)
}

// failed ends a resource's operation. It needs the lock.
func (d *deployment) failed(r *record, status types.ResourceStatus, err error) error {
	action := "create"
	if status == types.ResourceStatusUpdateFailed {
		action = "update"
	}
	reason := reasonOf(err)
	if errors.Is(err, errCancelled) {
		reason = "Resource " + map[string]string{"create": "creation", "update": "update"}[action] + " cancelled"
	}
	d.failures = append(d.failures, failure{action, r.id})
	d.setResource(d.st, r, status, reason)
	return err
}

// request is what a kind is told of a resource, with secrets in their places.
func (d *deployment) request(r *record, previous map[string]any) (wire.Request, error) {
	out := wire.Request{Account: d.st.at.account, Region: d.st.at.region, StackID: d.st.id, StackName: d.st.name,
		LogicalID: r.id, Type: r.kind, PhysicalID: r.physical, Tags: r.tags}
	look := func(reference string) (string, error) { return d.dynamic(d.ctx, d.st.at, reference) }
	properties, err := template.Reveal(r.properties, look)
	if err != nil {
		return out, err
	}
	out.Properties, _ = properties.(map[string]any)
	if previous == nil {
		return out, nil
	}
	before, err := template.Reveal(previous, look)
	out.Previous, _ = before.(map[string]any)
	return out, err
}

// create makes next. old is what it replaces, nil for an addition.
func (d *deployment) create(ctx context.Context, next, old *record) error {
	begun, initiated, done, bad := types.ResourceStatusCreateInProgress, types.ResourceStatusCreateInProgress, types.ResourceStatusCreateComplete, types.ResourceStatusCreateFailed
	reason := ""
	replaces := old != nil && old.status != types.ResourceStatusCreateFailed
	if replaces {
		begun, initiated, done, bad = types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateInProgress, types.ResourceStatusUpdateComplete, types.ResourceStatusUpdateFailed
		reason = "Requested update requires the creation of a new physical resource; hence creating one."
		next.physical = old.physical
	}
	d.mu.Lock()
	d.st.put(next)
	d.journal = append(d.journal, &entry{before: old, after: next})
	if old != nil && old.physical != "" {
		d.obsolete = append(d.obsolete, old)
	}
	d.setResource(d.st, next, begun, reason)
	next.physical = ""
	d.mu.Unlock()

	made, err := d.attempt(ctx, next, "CREATE", func(k wire.Kind) (wire.Made, error) {
		r, err := d.request(next, nil)
		if err != nil {
			return wire.Made{}, err
		}
		return k.Create(d.ctx, r)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	next.physical, next.attributes = made.PhysicalID, made.Attributes
	if err != nil {
		return d.failed(next, bad, err)
	}
	d.setResource(d.st, next, initiated, "Resource creation Initiated")
	d.setResource(d.st, next, done, "")
	return nil
}

// attempt waits the time that a resource takes and makes the call, unless a failure is
// scripted or the operation is cancelled meanwhile. A call once begun is not interrupted.
func (d *deployment) attempt(ctx context.Context, r *record, action string, call func(wire.Kind) (wire.Made, error)) (wire.Made, error) {
	if !d.pause(ctx, d.timing().Resource) {
		return wire.Made{}, errCancelled
	}
	if err := d.scripted(d.st.name, r.id, action); err != nil {
		return wire.Made{}, err
	}
	if r.kind == nestedStack {
		return d.nested(ctx, r, action)
	}
	return call(d.kinds[r.kind])
}

// adopt takes over a resource that exists, as it is. A rollback lets go of it again.
func (d *deployment) adopt(ctx context.Context, next, old *record) error {
	made := d.imports[next.id]
	next.physical, next.attributes = made.PhysicalID, made.Attributes
	d.mu.Lock()
	d.st.put(next)
	d.journal = append(d.journal, &entry{before: old, after: next})
	d.setResource(d.st, next, types.ResourceStatusImportInProgress, "Resource import started.")
	d.mu.Unlock()
	paused := d.pause(ctx, d.timing().Resource)
	d.mu.Lock()
	defer d.mu.Unlock()
	if !paused {
		return d.failed(next, types.ResourceStatusImportFailed, errCancelled)
	}
	d.setResource(d.st, next, types.ResourceStatusImportComplete, "Resource import completed.")
	return nil
}

// update changes a resource in place. previous are the properties that its kind is told to
// have been there: the last deployed ones, or, where drift is mended, the live ones.
func (d *deployment) update(ctx context.Context, next, old *record, previous map[string]any) error {
	next.physical, next.attributes = old.physical, maps.Clone(old.attributes)
	e := &entry{before: old, after: next}
	d.mu.Lock()
	d.st.put(next)
	d.journal = append(d.journal, e)
	d.setResource(d.st, next, types.ResourceStatusUpdateInProgress, "")
	d.mu.Unlock()
	made, err := d.attempt(ctx, next, "UPDATE", func(k wire.Kind) (wire.Made, error) {
		r, err := d.request(next, previous)
		if err != nil {
			return wire.Made{}, err
		}
		return k.Update(d.ctx, r)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if !errors.Is(err, errCancelled) {
		e.tried = next.properties
	}
	if err != nil {
		next.properties = old.properties
		return d.failed(next, types.ResourceStatusUpdateFailed, err)
	}
	if made.PhysicalID != "" && made.PhysicalID != old.physical {
		d.obsolete = append(d.obsolete, old)
	}
	d.accept(next, made)
	d.setResource(d.st, next, types.ResourceStatusUpdateComplete, "")
	return nil
}

// accept takes over what an update answered; what it does not mention stays.
func (d *deployment) accept(r *record, made wire.Made) {
	if made.PhysicalID != "" {
		r.physical = made.PhysicalID
	}
	if r.attributes == nil || r.kind == nestedStack { // an output may be gone
		r.attributes = map[string]any{}
	}
	maps.Copy(r.attributes, made.Attributes)
}

// begin starts the deployment. It needs the lock.
func (s *Service) begin(d *deployment, token string) {
	s.enter(d, token)
	s.start(d.run)
}

// enter puts the stack into its first status. It needs the lock.
func (s *Service) enter(d *deployment, token string) {
	d.Service = s
	d.env = s.env(d.st, d.g, s.recorded(d.st))
	d.st.token, d.st.pending = token, d.g
	if d.creating {
		d.st.tags = d.g.tags // shown whatever becomes of the creation
		s.setStatus(d.st, types.StackStatusCreateInProgress, "User Initiated")
	} else {
		d.st.updated = s.Now()
		s.setStatus(d.st, types.StackStatusUpdateInProgress, "User Initiated")
	}
}

func text(p *string) string { return aws.ToString(p) }
