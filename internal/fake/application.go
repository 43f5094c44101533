package fake

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Application implements reconcile.Applications.
func (s *Store) Application(_ context.Context, id string) (a gitops.Application, err error) {
	err = s.call("Application", func() error {
		a, err = read[gitops.Application](s.applications, id)
		return err
	})
	return a, err
}

// ApplicationsByID implements reconcile.Applications.
func (s *Store) ApplicationsByID(_ context.Context, ids []string) (found map[string]gitops.Application, err error) {
	err = s.call("ApplicationsByID", func() error {
		found = map[string]gitops.Application{}
		for _, id := range ids {
			a, err := read[gitops.Application](s.applications, id)
			if errors.Is(err, reconcile.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			found[id] = a
		}
		return nil
	})
	return found, err
}

// Register implements reconcile.Applications.
func (s *Store) Register(_ context.Context, a *gitops.Application, claims []reconcile.Claim) error {
	next := *a
	next.Version = 1
	err := s.call("Register", func() error {
		if _, ok := s.applications[a.ID]; ok {
			return fmt.Errorf("register %s: it exists: %w", a.ID, reconcile.ErrConflict)
		}
		if err := s.free(a.ID, claims); err != nil {
			return err
		}
		if err := change(s, s.applications, a.ID, next); err != nil {
			return err
		}
		for _, c := range claims {
			s.claims[c] = a.ID
		}
		return nil
	})
	if err == nil {
		a.Version = 1
	}
	return err
}

// PutApplication implements reconcile.Applications.
func (s *Store) PutApplication(_ context.Context, a *gitops.Application) error {
	next := *a
	next.Version++
	err := s.call("PutApplication", func() error {
		if err := s.applications.check(a.ID, a.Version); err != nil {
			return err
		}
		return change(s, s.applications, a.ID, next)
	})
	return answer(err, &a.Version)
}

// Retire implements reconcile.Applications.
func (s *Store) Retire(_ context.Context, a *gitops.Application, app gitops.Application) error {
	next := *a
	next.Version++
	err := s.call("Retire", func() error {
		if err := s.applications.check(app.ID, app.Version); err != nil {
			return err
		}
		if err := s.applications.check(a.ID, a.Version); err != nil {
			return err
		}
		return change(s, s.applications, a.ID, next)
	})
	return answer(err, &a.Version)
}

// ListApplications implements reconcile.Applications.
func (s *Store) ListApplications(_ context.Context, repository string) (found []gitops.Application, err error) {
	err = s.call("ListApplications", func() error {
		all, err := list[gitops.Application](s.applications, "")
		found = slices.DeleteFunc(all, func(a gitops.Application) bool {
			return repository != "" && a.Repository != repository
		})
		return err
	})
	return found, err
}

// Unfinished implements reconcile.Backlog.
func (s *Store) Unfinished(_ context.Context, now int64) (w reconcile.Waiting, err error) {
	err = s.call("Unfinished", func() error {
		at := map[string]int64{} // when drift fell due
		for _, id := range slices.Sorted(maps.Keys(s.repositories)) {
			if r := s.repositories[id].value.(gitops.Repository); r.Unfinished() {
				w.Repositories = append(w.Repositories, id)
			}
		}
		for _, id := range slices.Sorted(maps.Keys(s.applications)) {
			a := s.applications[id].value.(gitops.Application)
			if a.Unfinished() && !a.StillDue() {
				w.Applications = append(w.Applications, a.ID)
			}
			if a.Watched() && a.DriftDue.Unix() <= now {
				d := reconcile.Due{Application: a.ID, Account: a.Settings.Target.Account, Region: a.Settings.Target.Region}
				if a.Detection != nil {
					d.Began = a.Detection.Operation.At
				}
				w.DriftDue, at[a.ID] = append(w.DriftDue, d), a.DriftDue.Unix()
			}
		}
		slices.SortStableFunc(w.DriftDue, func(a, b reconcile.Due) int { return cmp.Compare(at[a.Application], at[b.Application]) })
		return nil
	})
	return w, err
}

// Watched implements reconcile.Backlog.
func (s *Store) Watched(_ context.Context) (ids []string, err error) {
	err = s.call("Watched", func() error {
		ids = slices.Sorted(maps.Keys(s.repositories))
		return nil
	})
	return ids, err
}

// Owner implements reconcile.Claims.
func (s *Store) Owner(_ context.Context, c reconcile.Claim) (owner string, err error) {
	err = s.call("Owner", func() error {
		var ok bool
		if owner, ok = s.claims[c]; !ok {
			return fmt.Errorf("owner of %s %s: %w", c.Kind, c.Key, reconcile.ErrNotFound)
		}
		return nil
	})
	return owner, err
}

// Holder returns who holds a claim, "" for nobody. It is no call of the port.
func (s *Store) Holder(c reconcile.Claim) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.claims[c]
}

// Take implements reconcile.Claims.
func (s *Store) Take(_ context.Context, owner string, claims []reconcile.Claim) error {
	return s.call("Take", func() error {
		if err := s.free(owner, claims); err != nil {
			return err
		}
		for _, c := range claims {
			s.claims[c] = owner
		}
		return nil
	})
}

// Yield implements reconcile.Claims.
func (s *Store) Yield(_ context.Context, a *gitops.Application, c reconcile.Claim) error {
	next := *a
	next.Version++
	err := s.call("Yield", func() error {
		if holder := s.claims[c]; holder != a.ID {
			return fmt.Errorf("%s is held by %q, not by %s: %w", c, holder, a.ID, reconcile.ErrConflict)
		}
		if err := s.applications.check(a.ID, a.Version); err != nil {
			return err
		}
		if err := change(s, s.applications, a.ID, next); err != nil {
			return err
		}
		delete(s.claims, c)
		return nil
	})
	return answer(err, &a.Version)
}

// free returns a *ClaimedError for the first claim that somebody else holds.
func (s *Store) free(owner string, claims []reconcile.Claim) error {
	for _, c := range claims {
		if holder, ok := s.claims[c]; ok && holder != owner {
			return &reconcile.ClaimedError{Claim: c, Owner: holder}
		}
	}
	return nil
}
