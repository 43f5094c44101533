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
	Places  []Place // where stacks may be that have what is of no region
	Log     *slog.Logger
}

// Place is a target account with its regions, as the setting TARGETS has it.
type Place struct {
	Account string   `json:"account"`
	Regions []string `json:"regions"`
}

// Handle takes one event. What names nothing that is registered is ignored.
func (t *Trigger) Handle(ctx context.Context, event json.RawMessage) error {
	key, err := trigger.Parse(event)
	if err != nil {
		t.Log.Warn("trigger", "why", "the event contradicts itself", "error", err.Error())
		return nil
	}
	if key.Kind == trigger.KindResource {
		return t.touched(ctx, key)
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
	case trigger.KindResource:
	}
	return reconcile.Message{}, nil
}

// touched passes on that somebody changed resources: whose they are only CloudFormation can tell,
// which the trigger has no right to ask. Of a forged event that is a call for each resource.
func (t *Trigger) touched(ctx context.Context, k trigger.Key) error {
	var messages []reconcile.Message
	for _, region := range t.regions(k) {
		if t.Allowed(gitops.Target{Account: k.Account, Region: region}) != nil {
			continue
		}
		for _, id := range k.Physical {
			messages = append(messages, reconcile.Message{Reason: k.Reason,
				Resource: &reconcile.ResourceHint{Account: k.Account, Region: region, Physical: id, Touch: k.Touch}})
		}
	}
	if len(messages) == 0 {
		t.Log.Info("trigger", "step", "ignore", "why", k.Reason)
		return nil
	}
	t.Log.Info("trigger", "step", "touch", "resources", len(messages), "why", k.Reason)
	if err := t.Queue.Send(ctx, messages...); err != nil {
		return fmt.Errorf("pass on a change of %d resources: %w", len(messages), err)
	}
	return nil
}

// regions returns where the stack may be that has what the key names.
func (t *Trigger) regions(k trigger.Key) []string {
	if !k.Global {
		return []string{k.Region}
	}
	var all []string
	for _, p := range t.Places {
		if p.Account == k.Account {
			all = append(all, p.Regions...)
		}
	}
	return all
}
