package dynamodb

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

func repositoryKey(id string) key { return key{"REPO#" + id, "REPO"} }

// repositoryIndex returns the attributes by which the indexes find a repository.
func repositoryIndex(r gitops.Repository) item {
	index := item{attributeRepository: text(allRepositories)}
	if r.Unfinished() {
		index[attributeWork] = text(workRepository)
	}
	return index
}

// Repository implements reconcile.Repositories.
func (s *Store) Repository(ctx context.Context, id string) (gitops.Repository, error) {
	return versioned[gitops.Repository](ctx, s, repositoryKey(id))
}

// PutRepository implements reconcile.Repositories.
func (s *Store) PutRepository(ctx context.Context, r *gitops.Repository) error {
	next := *r
	next.Version++
	u, err := s.update(ctx, repositoryKey(r.ID), r.Version, next, repositoryIndex(next))
	if err != nil {
		return err
	}
	if err := s.run(ctx, u); err != nil {
		return err
	}
	r.Version = next.Version
	return nil
}

// ListRepositories implements reconcile.Repositories.
func (s *Store) ListRepositories(ctx context.Context) ([]gitops.Repository, error) {
	all, err := listed[gitops.Repository](ctx, s, query{index: indexRepository, where: equal(attributeRepository, allRepositories)})
	slices.SortFunc(all, func(a, b gitops.Repository) int {
		return strings.Compare(a.URL+"\x00"+a.Branch, b.URL+"\x00"+b.Branch)
	})
	return all, err
}

// Watched implements reconcile.Backlog.
func (s *Store) Watched(ctx context.Context) ([]string, error) {
	found, err := s.find(ctx, query{index: indexRepository, where: equal(attributeRepository, allRepositories)})
	return ids(found, "REPO#"), err
}

// DeleteRepository implements reconcile.Repositories.
func (s *Store) DeleteRepository(ctx context.Context, id string) error {
	k := repositoryKey(id)
	if _, err := s.client.DeleteItem(ctx, &sdk.DeleteItemInput{TableName: &s.table, Key: k.attributes()}); err != nil {
		return fmt.Errorf("delete item %s: %w", k.pk, translate(err))
	}
	return nil
}
