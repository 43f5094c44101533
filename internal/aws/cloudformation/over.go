package cloudformation

import (
	"context"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Client is the SDK's client, as far as the engine uses it.
type Client interface{ api }

// Over returns the engine above one client, whatever the work's account, without an artefact
// bucket: for a CloudFormation in memory. Driftless itself uses New.
func Over(c Client) *Engine {
	none := func(reconcile.Work) string { return "" }
	over := func(context.Context, reconcile.Work) (api, error) { return c, nil }
	return &Engine{deploy: over, drift: over, role: none, bucket: none}
}
