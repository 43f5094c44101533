package cloudformation

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// removeAll deletes resources, each after those that need it, and goes on where one fails.
// It returns the ids of those that could not be deleted. forget drops what is deleted from
// the stack's records; otherwise it stays there as deleted.
func (d *deployment) removeAll(ctx context.Context, records []*record, retained func(*record) bool, forget bool) []string {
	var keys []string
	byKey := map[string]*record{}
	holders := map[string][]string{} // logical id -> keys of the records that carry it
	for i, r := range records {
		k := strconv.Itoa(i)
		keys = append([]string{k}, keys...)
		byKey[k] = r
		holders[r.id] = append(holders[r.id], k)
	}
	needs := map[string][]string{}
	for k, r := range byKey {
		for _, n := range r.needs {
			for _, needed := range holders[n] {
				needs[needed] = append(needs[needed], k)
			}
		}
	}
	var failed []string
	// The only error is the service's end, which the callers look for themselves.
	_ = walk(ctx, keys, needs, func(ctx context.Context, k string) error {
		if !d.remove(ctx, byKey[k], retained(byKey[k]), forget) {
			d.mu.Lock()
			failed = append(failed, byKey[k].id)
			d.mu.Unlock()
		}
		return nil
	})
	return failed
}

// remove deletes one resource and says whether it is gone, or kept on purpose.
func (d *deployment) remove(ctx context.Context, r *record, retain, forget bool) bool {
	d.mu.Lock()
	if retain {
		d.setResource(d.st, r, types.ResourceStatusDeleteSkipped, "")
		d.forget(r, forget)
		d.mu.Unlock()
		return true
	}
	d.setResource(d.st, r, types.ResourceStatusDeleteInProgress, "")
	d.mu.Unlock()
	_, err := d.attempt(ctx, r, "DELETE", func(k wire.Kind) (wire.Made, error) {
		if r.physical == "" {
			return wire.Made{}, nil
		}
		request, err := d.request(r, nil)
		if err != nil {
			request.Properties = r.properties // the secret may be gone already
		}
		return wire.Made{}, k.Delete(d.ctx, request)
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		if ctx.Err() == nil {
			d.setResource(d.st, r, types.ResourceStatusDeleteFailed, reasonOf(err))
		}
		return false
	}
	d.setResource(d.st, r, types.ResourceStatusDeleteComplete, "")
	d.forget(r, forget)
	return true
}

// forget drops the record, unless another one has taken its logical id.
func (d *deployment) forget(r *record, forget bool) {
	if forget && d.st.resources[r.id] == r {
		d.st.drop(r.id)
	}
}
