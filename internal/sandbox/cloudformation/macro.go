package cloudformation

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/serverless"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/template"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// expanded is the target with what the macro makes of its template, checked as any template
// is. One on which nothing is to be run is returned as it is.
func (s *Service) expanded(ctx context.Context, st *stack, g *target, capabilities []types.Capability) (*target, error) {
	fragment := g.template.Pending()
	if fragment == nil {
		return g, nil
	}
	made, err := serverless.Transform(ctx, serverless.Request{Template: fragment, Parameters: g.bound, Region: st.at.region})
	var refused *serverless.Refused
	switch {
	case errors.As(err, &refused): // the words of aws/serverless-application-model#109
		return nil, invalid("Transform %s failed with: %s", template.Serverless, refused.Message)
	case errors.Is(err, serverless.ErrMissing):
		return nil, invalid("The sandbox cannot run a transform: %v", err)
	case err != nil:
		return nil, err
	}
	out := *g
	if out.template, err = g.template.Process(made); err != nil {
		return nil, err
	}
	if err := s.checkTypes(out.template); err != nil {
		return nil, err
	}
	return &out, s.complete(st, &out, capabilities, false)
}

// expand puts the target that the macro made into a change set. What is wrong with it fails
// the change set, a missing capability too (aws-samples/serverless-patterns#622).
func (s *Service) expand(ctx context.Context, c *changeSet) error {
	g, err := s.expanded(ctx, c.stack, c.target, c.capabilities)
	var refused *wire.Error
	if errors.As(err, &refused) {
		return invalid("%s", refused.Message)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.target = g
	return nil
}
