package lambda

import (
	"context"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

type urlKind struct{ s *Service }

type urlProperties struct {
	putURL
	TargetFunctionArn string
	Qualifier         string
}

func (k urlKind) read(r wire.Request) (urlProperties, reference, error) {
	var p urlProperties
	err := properties(r, &p)
	return p, parseReference(p.TargetFunctionArn).or(p.Qualifier), err
}

func (k urlKind) made(u functionURL) wire.Made {
	arn := k.s.arn(u.function, u.qualifier)
	return wire.Made{PhysicalID: arn, Attributes: map[string]any{"FunctionArn": arn, "FunctionUrl": k.s.url(u)}}
}

// Create gives the function or alias its address.
func (k urlKind) Create(_ context.Context, r wire.Request) (wire.Made, error) {
	p, ref, err := k.read(r)
	if err != nil {
		return wire.Made{}, err
	}
	u, err := k.s.createURL(ref, p.putURL)
	if err != nil {
		return wire.Made{}, err
	}
	return k.made(u), nil
}

// Update changes the authentication; another function or alias is another address.
func (k urlKind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	if changed(r, "TargetFunctionArn", "Qualifier") {
		return k.Create(ctx, r)
	}
	p, ref, err := k.read(r)
	if err != nil {
		return wire.Made{}, err
	}
	u, err := k.s.updateURL(ref, p.putURL)
	if err != nil {
		return wire.Made{}, err
	}
	return k.made(u), nil
}

// Delete removes the address.
func (k urlKind) Delete(_ context.Context, r wire.Request) error {
	return gone(k.s.removeURL(parseReference(r.PhysicalID)))
}

type invokesKind struct{ s *Service }

type invokesProperties struct {
	eventInvokeConfig
	FunctionName string
	Qualifier    string
}

func (k invokesKind) set(r wire.Request) (wire.Made, error) {
	var p invokesProperties
	if err := properties(r, &p); err != nil {
		return wire.Made{}, err
	}
	ref := reference{name: parseReference(p.FunctionName).name, qualifier: p.Qualifier}
	if _, err := k.s.configureInvokes(ref, p.eventInvokeConfig, false); err != nil {
		return wire.Made{}, err
	}
	return wire.Made{PhysicalID: ref.name + "|" + p.Qualifier}, nil
}

// Create sets how asynchronous invocations are treated.
func (k invokesKind) Create(_ context.Context, r wire.Request) (wire.Made, error) { return k.set(r) }

// Update sets it anew; the physical id changes with function and qualifier.
func (k invokesKind) Update(_ context.Context, r wire.Request) (wire.Made, error) { return k.set(r) }

// Delete leaves Lambda's defaults.
func (k invokesKind) Delete(_ context.Context, r wire.Request) error {
	name, qualifier, _ := strings.Cut(r.PhysicalID, "|")
	k.s.removeInvokes(reference{name, qualifier})
	return nil
}

type mappingKind struct{ s *Service }

func (k mappingKind) made(m mapping) wire.Made {
	return wire.Made{PhysicalID: m.UUID, Attributes: map[string]any{"Id": m.UUID, "EventSourceMappingArn": m.EventSourceMappingArn}}
}

// Create starts the polling of the source.
func (k mappingKind) Create(ctx context.Context, r wire.Request) (wire.Made, error) {
	var p putMapping
	if err := properties(r, &p); err != nil {
		return wire.Made{}, err
	}
	m, err := k.s.createMapping(ctx, p)
	if err != nil {
		return wire.Made{}, err
	}
	return k.made(m), nil
}

// Update changes the settings to what the template says; another source is another mapping.
func (k mappingKind) Update(ctx context.Context, r wire.Request) (wire.Made, error) {
	if changed(r, "EventSourceArn", "StartingPosition") {
		return k.Create(ctx, r)
	}
	m, err := k.s.updateMapping(ctx, r.PhysicalID, func(mapping) (putMapping, error) {
		p := putMapping{Enabled: new(boolean(true))}
		err := properties(r, &p)
		return p, err
	})
	if err != nil {
		return wire.Made{}, err
	}
	return k.made(m), nil
}

// Delete ends the polling.
func (k mappingKind) Delete(_ context.Context, r wire.Request) error {
	_, err := k.s.removeMapping(r.PhysicalID)
	return gone(err)
}
