package fake

import (
	"context"
	"fmt"
	"slices"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Deployment implements reconcile.Deployments.
func (s *Store) Deployment(_ context.Context, application, id string) (d gitops.Deployment, err error) {
	err = s.call("Deployment", func() error {
		d, err = read[gitops.Deployment](s.deployments, application+"/"+id)
		return err
	})
	return d, err
}

// Open implements reconcile.Deployments.
func (s *Store) Open(_ context.Context, a *gitops.Application, d *gitops.Deployment) error {
	err := s.call("Open", func() error {
		if a.InFlight != d.ID || d.ID == "" {
			return fmt.Errorf("open deployment %q of %s: the application names %q in flight", d.ID, a.ID, a.InFlight)
		}
		stored, err := read[gitops.Application](s.applications, a.ID)
		if err == nil && stored.InFlight != "" {
			return fmt.Errorf("open deployment %s: %s is in flight: %w", d.ID, stored.InFlight, reconcile.ErrConflict)
		}
		return s.both(*a, *d)
	})
	return answer(err, &a.Version, &d.Version)
}

// PutDeployment implements reconcile.Deployments.
func (s *Store) PutDeployment(_ context.Context, d *gitops.Deployment) error {
	next := *d
	next.Version++
	err := s.call("PutDeployment", func() error {
		key := d.Application + "/" + d.ID
		if err := s.deployments.check(key, d.Version); err != nil {
			return err
		}
		return change(s, s.deployments, key, next)
	})
	return answer(err, &d.Version)
}

// Intend implements reconcile.Deployments.
func (s *Store) Intend(_ context.Context, a gitops.Application, d *gitops.Deployment) error {
	next := *d
	next.Version++
	err := s.call("Intend", func() error {
		if a.InFlight != d.ID || d.ID == "" {
			return fmt.Errorf("save the intent to apply %q of %s: the application names %q in flight", d.ID, a.ID, a.InFlight)
		}
		if err := s.applications.check(a.ID, a.Version); err != nil {
			return err
		}
		key := d.Application + "/" + d.ID
		if err := s.deployments.check(key, d.Version); err != nil {
			return err
		}
		return change(s, s.deployments, key, next)
	})
	return answer(err, &d.Version)
}

// Close implements reconcile.Deployments.
func (s *Store) Close(_ context.Context, a *gitops.Application, d *gitops.Deployment) error {
	err := s.call("Close", func() error {
		if a.InFlight != "" {
			return fmt.Errorf("close deployment %s of %s: the application still names %q in flight", d.ID, a.ID, a.InFlight)
		}
		return s.both(*a, *d)
	})
	return answer(err, &a.Version, &d.Version)
}

// Supersede implements reconcile.Deployments.
func (s *Store) Supersede(_ context.Context, a *gitops.Application, d *gitops.Deployment) error {
	err := s.call("Supersede", func() error {
		if !d.Phase.Done() || a.InFlight == d.ID {
			return fmt.Errorf("supersede deployment %s of %s: it is %s", d.ID, a.ID, d.Phase)
		}
		return s.both(*a, *d)
	})
	return answer(err, &a.Version, &d.Version)
}

// ListDeployments implements reconcile.Deployments.
func (s *Store) ListDeployments(_ context.Context, application string, limit int) (latest []gitops.Deployment, err error) {
	err = s.call("ListDeployments", func() error {
		all, err := list[gitops.Deployment](s.deployments, application+"/")
		slices.Reverse(all)
		latest = all[:min(max(limit, 0), len(all))]
		return err
	})
	return latest, err
}

// both stores an application and its deployment, or neither.
func (s *Store) both(a gitops.Application, d gitops.Deployment) error {
	key := d.Application + "/" + d.ID
	if err := s.applications.check(a.ID, a.Version); err != nil {
		return err
	}
	if err := s.deployments.check(key, d.Version); err != nil {
		return err
	}
	a.Version++
	d.Version++
	if err := change(s, s.applications, a.ID, a); err != nil {
		return err
	}
	return change(s, s.deployments, key, d)
}
