package cloudformation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// rollbackCreate deletes what a failed creation made. With OnStackFailure DELETE the stack
// goes too.
func (d *deployment) rollbackCreate(ctx context.Context, reason string) {
	d.mu.Lock()
	d.enterRollback(reason)
	d.mu.Unlock()
	d.deleteMade(ctx)
}

// enterRollback puts a stack into the status in which what was done to it is undone. It needs
// the lock.
func (d *deployment) enterRollback(reason string) {
	begun := types.StackStatusUpdateRollbackInProgress
	switch {
	case d.creating && d.st.onFailure == types.OnStackFailureDelete:
		begun = types.StackStatusDeleteInProgress
	case d.creating:
		begun = types.StackStatusRollbackInProgress
	}
	d.setStatus(d.st, begun, reason)
}

// deleteMade does what rollbackCreate does, on a stack that is in its status already.
func (d *deployment) deleteMade(ctx context.Context) {
	done, bad := types.StackStatusRollbackComplete, types.StackStatusRollbackFailed
	d.mu.Lock()
	if d.st.onFailure == types.OnStackFailureDelete {
		done, bad = types.StackStatusDeleteComplete, types.StackStatusDeleteFailed
	}
	records := d.st.sortedRecords()
	d.mu.Unlock()
	d.pause(ctx, d.timing().CleanUp)
	failed := d.removeAll(ctx, records, func(r *record) bool { return r.imported || r.definition.DeletionPolicy == "Retain" }, false)
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(failed) > 0 {
		d.setStatus(d.st, bad, "The following resource(s) failed to delete: ["+strings.Join(failed, ", ")+"]. ")
	} else {
		d.st.undo = nil
		d.setStatus(d.st, done, "")
	}
	d.settle()
}

// rollbackUpdate takes back what a failed update did, then deletes what it added. skip are
// resources to leave as they are, those of a nested stack after its name and a dot.
func (d *deployment) rollbackUpdate(ctx context.Context, reason string, skip []string) {
	d.mu.Lock()
	d.enterRollback(reason)
	d.mu.Unlock()
	d.takeAllBack(ctx, skip)
}

// takeAllBack does what rollbackUpdate does, on a stack that is in its status already.
func (d *deployment) takeAllBack(ctx context.Context, skip []string) {
	d.skip = skip
	d.pause(ctx, d.timing().CleanUp)
	var failed []string
	for _, e := range slices.Backward(d.entries()) {
		if e.before == nil {
			continue // deleted below
		}
		if ok := d.takeBack(ctx, e, slices.Contains(skip, e.before.id)); !ok {
			failed = append(failed, e.before.id)
		}
	}
	if ctx.Err() != nil {
		return
	}
	if len(failed) > 0 {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.setStatus(d.st, types.StackStatusUpdateRollbackFailed, "The following resource(s) failed to update: ["+strings.Join(failed, ", ")+"]. ")
		d.settle()
		return
	}
	d.clean(ctx)
}

func (d *deployment) entries() []*entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.journal)
}

// takeBack brings one changed resource to what it was, or says that it could not. What an
// earlier attempt took back stays so.
func (d *deployment) takeBack(ctx context.Context, e *entry, skip bool) bool {
	d.mu.Lock()
	if e.undone {
		d.mu.Unlock()
		return true
	}
	back := e.before.clone()
	back.skipped = skip
	d.st.put(back)
	if skip {
		defer d.mu.Unlock()
		e.undone = true
		d.setResource(d.st, back, types.ResourceStatusUpdateComplete, "")
		return true
	}
	d.setResource(d.st, back, types.ResourceStatusUpdateInProgress, "")
	d.mu.Unlock()
	_, err := d.attempt(ctx, back, "ROLLBACK", func(k wire.Kind) (wire.Made, error) {
		if e.tried == nil {
			return wire.Made{}, nil
		}
		r, err := d.request(back, e.tried)
		if err != nil {
			return wire.Made{}, err
		}
		return k.Update(d.ctx, r)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.setResource(d.st, back, types.ResourceStatusUpdateFailed, reasonOf(err))
		return false
	}
	e.undone = true
	d.setResource(d.st, back, types.ResourceStatusUpdateComplete, "")
	return true
}

// clean deletes what the failed update added and ends the rollback.
func (d *deployment) clean(ctx context.Context) {
	d.mu.Lock()
	d.setStatus(d.st, types.StackStatusUpdateRollbackCompleteCleanupInProgress, "")
	var added []*record
	for _, e := range d.journal {
		if e.before == nil || (e.tried == nil && e.after != e.before && e.after.physical != e.before.physical) {
			added = append(added, e.after)
		}
	}
	d.mu.Unlock()
	d.pause(ctx, d.timing().CleanUp)
	d.removeAll(ctx, added, func(r *record) bool { return r.imported }, true)
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if back := d.st.undo; back != nil {
		d.st.deployed, d.st.outputs = back.previous, back.outputs
		if back.previous != nil {
			d.st.tags = back.previous.tags
		}
	}
	d.st.undo, d.st.pending = nil, nil
	d.setStatus(d.st, types.StackStatusUpdateRollbackComplete, "")
	d.settle()
}

func (s *Service) rollbackStack(_ context.Context, at scope, in *cloudformation.RollbackStackInput) (*cloudformation.RollbackStackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.must(at, in.StackName)
	if err != nil {
		return nil, err
	}
	out := &cloudformation.RollbackStackOutput{StackId: aws.String(st.id)}
	if token := text(in.ClientRequestToken); token != "" && token == st.token {
		return out, nil // begun before, however it ended
	}
	failed := st.status == types.StackStatusUpdateFailed || st.status == types.StackStatusCreateFailed
	if !failed || st.undo == nil {
		return nil, invalid("Stack [%s] is in %s state. Rollback is only supported for stacks in CREATE_FAILED or UPDATE_FAILED state.", st.name, st.status)
	}
	d := st.undo.d
	st.token = text(in.ClientRequestToken)
	if in.RoleARN != nil {
		st.roleARN = text(in.RoleARN)
	}
	d.enterRollback("User Initiated")
	if d.creating {
		s.start(d.deleteMade)
	} else {
		s.start(func(ctx context.Context) { d.takeAllBack(ctx, nil) })
	}
	return out, nil
}

func (s *Service) continueUpdateRollback(_ context.Context, at scope, in *cloudformation.ContinueUpdateRollbackInput) (*cloudformation.ContinueUpdateRollbackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.must(at, in.StackName)
	if err != nil {
		return nil, err
	}
	if token := text(in.ClientRequestToken); token != "" && token == st.token {
		return &cloudformation.ContinueUpdateRollbackOutput{}, nil // begun before, however it ended
	}
	if st.status != types.StackStatusUpdateRollbackFailed || st.undo == nil {
		return nil, invalid("Stack:%s is in %s state and can not continue rollback.", st.id, st.status)
	}
	skip := in.ResourcesToSkip
	if aws.ToBool(in.ForceRollback) {
		if len(skip) > 0 {
			return nil, invalid("ForceRollback and ResourcesToSkip are mutually exclusive")
		}
		skip = s.unreturned(st, "")
	}
	for _, id := range skip {
		if !s.skippable(st, id) {
			return nil, invalid("Resource %s cannot be skipped: only resources in UPDATE_FAILED state because a rollback failed can be", id)
		}
	}
	st.token = text(in.ClientRequestToken)
	if in.RoleARN != nil {
		st.roleARN = text(in.RoleARN)
	}
	d := st.undo.d
	d.enterRollback("User Initiated")
	s.start(func(ctx context.Context) { d.takeAllBack(ctx, skip) })
	return &cloudformation.ContinueUpdateRollbackOutput{}, nil
}

// skippable says whether ContinueUpdateRollback may leave that resource as it is: one that
// could not be rolled back. One of a nested stack, however deep, is named after its stack,
// and a nested stack itself can be left only once it was deleted, or that failed (API
// reference, ContinueUpdateRollback; user guide, "Continue rolling back an update").
func (s *Service) skippable(st *stack, id string) bool {
	if name, within, ok := strings.Cut(id, "."); ok {
		child := s.find(st.at, name)
		return child != nil && child.root == cmp.Or(st.root, st.id) && !strings.Contains(within, ".") && s.skippable(child, within)
	}
	r := st.resources[id]
	if r == nil || r.status != types.ResourceStatusUpdateFailed || strings.HasSuffix(r.reason, " cancelled") {
		return false
	}
	child := s.find(st.at, r.physical)
	return r.kind != nestedStack || child == nil || strings.HasPrefix(string(child.status), "DELETE_")
}

// unreturned are the resources that could not be rolled back, as ResourcesToSkip names them.
func (s *Service) unreturned(st *stack, prefix string) []string {
	var out []string
	for _, r := range st.sortedRecords() {
		child := s.find(st.at, r.physical)
		switch {
		case s.skippable(st, r.id):
			out = append(out, prefix+r.id)
		case r.kind == nestedStack && r.status == types.ResourceStatusUpdateFailed && child != nil:
			out = append(out, s.unreturned(child, child.name+".")...)
		}
	}
	return out
}

func (s *Service) cancelUpdateStack(_ context.Context, at scope, in *cloudformation.CancelUpdateStackInput) (*cloudformation.CancelUpdateStackOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.must(at, in.StackName)
	if err != nil {
		return nil, err
	}
	if st.status != types.StackStatusUpdateInProgress || st.cancelled == nil {
		return nil, invalid("CancelUpdateStack cannot be called from current stack status")
	}
	st.cancelled()
	return &cloudformation.CancelUpdateStackOutput{}, nil
}

// conflict is the error about an operation in a state that does not allow it.
func conflict(st *stack, what string) error {
	return invalid("Stack:%s is in %s state and can not be %s.", st.id, st.status, what)
}

// quoted writes a list as AWS does: [a, b].
func quoted(list []string) string { return fmt.Sprintf("[%s]", strings.Join(list, ", ")) }
