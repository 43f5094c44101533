package reconcile

import "context"

// Touch takes the step of a message that names a resource.
func (r *Reconciler) Touch(ctx context.Context, at Locator, h ResourceHint) error {
	return r.touch(ctx, at, h)
}
