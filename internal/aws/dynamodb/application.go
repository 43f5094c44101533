package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func applicationKey(id string) key { return key{"APP#" + id, "APP"} }

// applicationIndex returns the attributes by which the sparse indexes find an application.
func applicationIndex(a gitops.Application) item {
	index := item{}
	if a.Unfinished() && !a.StillDue() {
		index[attributeWork] = text(workApplication)
	}
	if a.Watched() {
		index[attributeDue] = text(dueDrift)
		index[attributeDueAt] = number(a.DriftDue.Unix())
	}
	if a.Drift.Drifted > 0 {
		index[attributeDrifted] = text(driftedAny)
	}
	return index
}

// application prepares the write of an application that follows the version a.Version.
func (s *Store) application(ctx context.Context, a gitops.Application) (update, error) {
	version := a.Version
	a.Version++
	return s.update(ctx, applicationKey(a.ID), version, a, applicationIndex(a))
}

// Application implements reconcile.Applications.
func (s *Store) Application(ctx context.Context, id string) (gitops.Application, error) {
	return versioned[gitops.Application](ctx, s, applicationKey(id))
}

// ApplicationsByID implements reconcile.Applications.
func (s *Store) ApplicationsByID(ctx context.Context, ids []string) (map[string]gitops.Application, error) {
	keys := make([]item, len(ids))
	for i, id := range ids {
		keys[i] = applicationKey(id).attributes()
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	all, err := decodeAll[gitops.Application](ctx, s, items)
	found := make(map[string]gitops.Application, len(all))
	for _, a := range all {
		found[a.ID] = a
	}
	return found, err
}

// Register implements reconcile.Applications.
func (s *Store) Register(ctx context.Context, a *gitops.Application, claims []reconcile.Claim) error {
	first := *a
	first.Version = 0
	u, err := s.application(ctx, first)
	if err != nil {
		return err
	}
	taken, err := s.takeAll(a.ID, claims)
	if err != nil {
		return err
	}
	if err := s.together(ctx, []update{u}, taken...); err != nil {
		failed := failures(err)
		if slices.Contains(failed, 0) || len(failed) == 0 {
			return fmt.Errorf("register %s: %w", a.ID, translate(err))
		}
		return s.claimed(ctx, a.ID, claims[failed[0]-1], err)
	}
	a.Version = 1
	return nil
}

// PutApplication implements reconcile.Applications.
func (s *Store) PutApplication(ctx context.Context, a *gitops.Application) error {
	u, err := s.application(ctx, *a)
	if err != nil {
		return err
	}
	if err := s.run(ctx, u); err != nil {
		return err
	}
	a.Version++
	return nil
}

// Retire implements reconcile.Applications.
func (s *Store) Retire(ctx context.Context, a *gitops.Application, app gitops.Application) error {
	u, err := s.application(ctx, *a)
	if err != nil {
		return err
	}
	if err := s.where(ctx, app, u); err != nil {
		return err
	}
	a.Version++
	return nil
}

// where writes a record if an application, which it is of, is unchanged.
func (s *Store) where(ctx context.Context, a gitops.Application, u update) error {
	check, err := s.unchanged(applicationKey(a.ID), a.Version)
	if err != nil {
		return err
	}
	if err := s.together(ctx, []update{u}, check); err != nil {
		return fmt.Errorf("write item %s of %s: %w", u.key.sk, u.key.pk, translate(err))
	}
	return nil
}

// ListApplications implements reconcile.Applications.
func (s *Store) ListApplications(ctx context.Context, repository string) ([]gitops.Application, error) {
	q := query{index: indexRepository}
	if repository == "" {
		only := expression.Name(attributePK).BeginsWith("APP#")
		q.only = &only
	} else {
		q.where = equal(attributeRepository, repository)
	}
	all, err := listed[gitops.Application](ctx, s, q)
	slices.SortFunc(all, func(a, b gitops.Application) int { return strings.Compare(a.ID, b.ID) })
	return all, err
}

// Unfinished implements reconcile.Backlog.
func (s *Store) Unfinished(ctx context.Context, now int64) (w reconcile.Waiting, err error) {
	due := expression.Key(attributeDue).Equal(expression.Value(dueDrift)).
		And(expression.Key(attributeDueAt).LessThanEqual(expression.Value(number(now))))
	var drifting []string
	for _, part := range []struct {
		into   *[]string
		prefix string
		query  query
	}{
		{&w.Repositories, "REPO#", query{index: indexWork, where: equal(attributeWork, workRepository)}},
		{&w.Applications, "APP#", query{index: indexWork, where: equal(attributeWork, workApplication)}},
		{&drifting, "APP#", query{index: indexDue, where: &due}},
	} {
		items, findErr := s.find(ctx, part.query)
		err = errors.Join(err, findErr)
		*part.into = ids(items, part.prefix)
	}
	var dueErr error
	w.DriftDue, dueErr = s.due(ctx, drifting, now)
	return w, errors.Join(err, dueErr)
}

// due returns where the applications go of which the index says that their drift is due, in its
// order, which is that of their due times. It reads them, a unit each, rather than have the index
// carry what every detection changes, a dearer write each time. What the index is behind with is
// left out. Where they cannot be read they are returned without.
func (s *Store) due(ctx context.Context, found []string, now int64) ([]reconcile.Due, error) {
	byID, err := s.ApplicationsByID(ctx, found)
	if err != nil {
		err = fmt.Errorf("read whose drift is due: %w", err)
	}
	var due []reconcile.Due
	for _, id := range found {
		d := reconcile.Due{Application: id}
		if a, there := byID[id]; err == nil {
			if !there || !a.Watched() || a.DriftDue.Unix() > now {
				continue
			}
			d.Account, d.Region = a.Settings.Target.Account, a.Settings.Target.Region
			if a.Detection != nil {
				d.Began = a.Detection.Operation.At
			}
		}
		due = append(due, d)
	}
	return due, err
}

// ids returns the ids in the keys of items.
func ids(items []item, prefix string) []string {
	var all []string
	for _, found := range items {
		if pk, ok := found[attributePK].(*types.AttributeValueMemberS); ok {
			all = append(all, strings.TrimPrefix(pk.Value, prefix))
		}
	}
	return all
}
