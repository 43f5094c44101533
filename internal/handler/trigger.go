package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

// Trigger turns an event of AWS into "look at X". An event is a hint, never data: all that
// is taken from it is the name of something that is registered, and whoever forges one
// makes Driftless look once at what it looks at anyway.
type Trigger struct {
	Repositories interface {
		Repository(ctx context.Context, id string) (gitops.Repository, error)
	}
	Claims interface {
		Owner(ctx context.Context, c reconcile.Claim) (string, error)
	}
	Queue reconcile.Queue
	// Allowed reports why an event's account and region are none of ours, nil when they are.
	Allowed func(gitops.Target) error
	Log     *slog.Logger
}

// Handle takes one event. What names nothing that is registered is ignored.
func (t *Trigger) Handle(ctx context.Context, event json.RawMessage) error {
	key, err := trigger.Parse(event)
	if err != nil {
		t.Log.Warn("trigger", "why", "the event contradicts itself", "error", err.Error())
		return nil
	}
	m, err := t.resolve(ctx, key)
	if errors.Is(err, reconcile.ErrNotFound) || err == nil && m == (reconcile.Message{}) {
		t.Log.Info("trigger", "step", "ignore", "why", key.Reason)
		return nil
	}
	if err != nil {
		return err
	}
	t.Log.Info("trigger", "step", "wake", "app", m.Application, "repo", m.Repository, "why", m.Reason)
	if err := t.Queue.Send(ctx, m); err != nil {
		return fmt.Errorf("wake %s: %w", m.Group(), err)
	}
	return nil
}

// resolve finds, by one read, who is registered for what the key names.
func (t *Trigger) resolve(ctx context.Context, k trigger.Key) (reconcile.Message, error) {
	switch k.Kind {
	case trigger.KindRepository:
		id := gitops.RepositoryID(k.RepositoryURL, k.Ref)
		if _, err := t.Repositories.Repository(ctx, id); err != nil {
			return reconcile.Message{}, fmt.Errorf("read repository %s: %w", id, err)
		}
		return reconcile.Message{Repository: id, Reason: k.Reason}, nil
	case trigger.KindStack:
		if err := t.Allowed(gitops.Target{Account: k.Account, Region: k.Region}); err != nil {
			return reconcile.Message{}, nil
		}
		owner, err := t.Claims.Owner(ctx, reconcile.ClaimStack(k.Account, k.Region, k.Stack))
		if err != nil {
			return reconcile.Message{}, fmt.Errorf("read claim of stack %s: %w", k.Stack, err)
		}
		return reconcile.Message{Application: owner, Reason: k.Reason}, nil
	case trigger.KindBuild:
		owner, err := t.Claims.Owner(ctx, reconcile.ClaimApplication(k.Application))
		if err != nil {
			return reconcile.Message{}, fmt.Errorf("read claim of application %s: %w", k.Application, err)
		}
		return reconcile.Message{Application: owner, Reason: k.Reason}, nil
	}
	return reconcile.Message{}, nil
}
