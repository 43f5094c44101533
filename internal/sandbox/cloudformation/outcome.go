package cloudformation

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// succeed ends an operation that went well: an update first deletes what it left behind. A
// nested stack's update waits with that until the whole hierarchy went well.
func (d *deployment) succeed(ctx context.Context) {
	d.mu.Lock()
	d.st.deployed, d.st.pending, d.st.tags, d.st.undo, d.st.imports = d.g, nil, d.g.tags, nil, d.g.imports
	d.st.drift = types.StackDriftStatusNotChecked
	if d.creating {
		d.setStatus(d.st, types.StackStatusCreateComplete, "")
		d.settle()
		d.mu.Unlock()
		return
	}
	d.setStatus(d.st, types.StackStatusUpdateCompleteCleanupInProgress, "")
	d.mu.Unlock()
	if d.parent == nil {
		d.cleanUp(ctx)
	}
}

// cleanUp deletes what an update left behind, in nested stacks first.
func (d *deployment) cleanUp(ctx context.Context) {
	for _, id := range sortedKeys(d.children) {
		child := d.children[id]
		d.mu.Lock()
		due := child.st.status == types.StackStatusUpdateCompleteCleanupInProgress
		d.mu.Unlock()
		if due {
			child.cleanUp(ctx)
		}
	}
	d.mu.Lock()
	left := slices.Clone(d.obsolete)
	for _, r := range d.st.sortedRecords() {
		if _, kept := d.g.needs[r.id]; !kept {
			left = append(left, r)
		}
	}
	d.mu.Unlock()
	d.pause(ctx, d.timing().CleanUp)
	bad := d.removeAll(ctx, left, d.retained, true)
	if ctx.Err() != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	reason := ""
	if len(bad) > 0 {
		reason = "Update successful. One or more resources could not be deleted."
	}
	d.st.updated = d.Now()
	d.setStatus(d.st, types.StackStatusUpdateComplete, reason)
	d.settle()
}

// settle ends the change set that ran.
func (d *deployment) settle() {
	for _, c := range d.st.changeSets {
		if c.execution == types.ExecutionStatusExecuteInProgress {
			c.execution = types.ExecutionStatusExecuteComplete
			if strings.Contains(string(d.st.status), "ROLLBACK") || strings.HasSuffix(string(d.st.status), "FAILED") {
				c.execution = types.ExecutionStatusExecuteFailed
			}
		}
	}
}

// fail ends an operation that did not go well. What a nested stack's creation left is for
// the rollback of its parent to delete.
func (d *deployment) fail(ctx context.Context, err error) {
	reason := d.failureReason(err)
	d.mu.Lock()
	status := types.StackStatusUpdateFailed
	if d.creating {
		status = types.StackStatusCreateFailed
	}
	if d.noRollback || (d.creating && d.parent != nil) {
		d.st.deployed, d.st.pending, d.st.tags, d.st.undo = d.g, nil, d.g.tags, d.back
		d.setStatus(d.st, status, reason)
		d.settle()
		d.mu.Unlock()
		return
	}
	d.st.undo = d.back
	d.mu.Unlock()
	if d.creating {
		d.rollbackCreate(ctx, reason+"Rollback requested by user.")
		return
	}
	d.rollbackUpdate(ctx, reason, nil)
}

// failureReason is the stack's sentence about the resources that failed.
func (d *deployment) failureReason(err error) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := ""
	for _, action := range []string{"create", "update"} {
		var ids []string
		for _, f := range d.failures {
			if f.action == action {
				ids = append(ids, f.id)
			}
		}
		if len(ids) > 0 {
			out += "The following resource(s) failed to " + action + ": [" + strings.Join(ids, ", ") + "]. "
		}
	}
	var e *wire.Error
	if out == "" && errors.As(err, &e) {
		return e.Message + " "
	}
	return out
}

// retained says whether the resource's policy keeps it when it leaves the stack: the update
// policy for one that was replaced, the deletion policy otherwise.
func (d *deployment) retained(r *record) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if slices.Contains(d.obsolete, r) {
		return r.definition.UpdateReplacePolicy == "Retain"
	}
	return strings.HasPrefix(r.definition.DeletionPolicy, "Retain")
}
