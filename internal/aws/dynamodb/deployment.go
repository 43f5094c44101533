package dynamodb

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

const deploymentPrefix = "DEPLOYMENT#"

func deploymentKey(application, id string) key {
	return key{"APP#" + application, deploymentPrefix + id}
}

// deployment prepares the write of a deployment that follows the version d.Version.
func (s *Store) deployment(ctx context.Context, d gitops.Deployment) (update, error) {
	version := d.Version
	d.Version++
	return s.update(ctx, deploymentKey(d.Application, d.ID), version, d, nil)
}

// Deployment implements reconcile.Deployments.
func (s *Store) Deployment(ctx context.Context, application, id string) (gitops.Deployment, error) {
	return versioned[gitops.Deployment](ctx, s, deploymentKey(application, id))
}

// Open implements reconcile.Deployments.
func (s *Store) Open(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error {
	if a.InFlight != d.ID || d.ID == "" {
		return fmt.Errorf("open deployment %q of %s: the application names %q in flight", d.ID, a.ID, a.InFlight)
	}
	free := expression.Name("inFlight").AttributeNotExists()
	return s.exchange(ctx, a, d, &free)
}

// Close implements reconcile.Deployments.
func (s *Store) Close(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error {
	if a.InFlight != "" {
		return fmt.Errorf("close deployment %s of %s: the application still names %q in flight", d.ID, a.ID, a.InFlight)
	}
	return s.exchange(ctx, a, d, nil)
}

// Supersede implements reconcile.Deployments.
func (s *Store) Supersede(ctx context.Context, a *gitops.Application, d *gitops.Deployment) error {
	if !d.Phase.Done() || a.InFlight == d.ID {
		return fmt.Errorf("supersede deployment %s of %s: it is %s", d.ID, a.ID, d.Phase)
	}
	return s.exchange(ctx, a, d, nil)
}

// exchange stores an application and its deployment in one transaction.
func (s *Store) exchange(ctx context.Context, a *gitops.Application, d *gitops.Deployment, only *expression.ConditionBuilder) error {
	application, err := s.application(ctx, *a)
	if err != nil {
		return err
	}
	if only != nil {
		application.condition = application.condition.And(*only)
	}
	deployment, err := s.deployment(ctx, *d)
	if err != nil {
		return err
	}
	if err := s.together(ctx, []update{application, deployment}); err != nil {
		return fmt.Errorf("write items %s and %s: %w", application.key.sk, deployment.key.sk, translate(err))
	}
	a.Version++
	d.Version++
	return nil
}

// PutDeployment implements reconcile.Deployments.
func (s *Store) PutDeployment(ctx context.Context, d *gitops.Deployment) error {
	u, err := s.deployment(ctx, *d)
	if err != nil {
		return err
	}
	if err := s.run(ctx, u); err != nil {
		return err
	}
	d.Version++
	return nil
}

// Intend implements reconcile.Deployments.
func (s *Store) Intend(ctx context.Context, a gitops.Application, d *gitops.Deployment) error {
	if a.InFlight != d.ID || d.ID == "" {
		return fmt.Errorf("save the intent to apply %q of %s: the application names %q in flight", d.ID, a.ID, a.InFlight)
	}
	u, err := s.deployment(ctx, *d)
	if err != nil {
		return err
	}
	if err := s.where(ctx, a, u); err != nil {
		return err
	}
	d.Version++
	return nil
}

// ListDeployments implements reconcile.Deployments.
func (s *Store) ListDeployments(ctx context.Context, application string, limit int) ([]gitops.Deployment, error) {
	if limit <= 0 {
		return nil, nil
	}
	where := expression.Key(attributePK).Equal(expression.Value("APP#" + application)).
		And(expression.Key(attributeSK).BeginsWith(deploymentPrefix))
	items, err := s.find(ctx, query{where: &where, desc: true, limit: limit}) // ids are ULIDs: they sort by time
	if err != nil {
		return nil, err
	}
	return decodeAll[gitops.Deployment](ctx, s, items)
}
