package dynamodb

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const attributeOwner = "owner"

func claimKey(c reconcile.Claim) key { return key{"CLAIM#" + c.Kind + "#" + c.Key, "CLAIM"} }

// Owner implements reconcile.Claims. A claim that was given up names nobody.
func (s *Store) Owner(ctx context.Context, c reconcile.Claim) (string, error) {
	claim, err := read[struct {
		Owner string `json:"owner"`
	}](ctx, s, claimKey(c))
	if err == nil && claim.Owner == "" {
		return "", fmt.Errorf("owner of %s: %w", c, reconcile.ErrNotFound)
	}
	return claim.Owner, err
}

// Take implements reconcile.Claims.
func (s *Store) Take(ctx context.Context, owner string, claims []reconcile.Claim) error {
	taken, err := s.takeAll(owner, claims)
	if err != nil || len(taken) == 0 {
		return err
	}
	err = s.together(ctx, nil, taken...)
	switch failed := failures(err); {
	case err == nil:
		return nil
	case len(failed) == 0:
		return fmt.Errorf("take claims of %s: %w", owner, translate(err))
	default:
		return s.claimed(ctx, owner, claims[failed[0]], err)
	}
}

// Yield implements reconcile.Claims.
func (s *Store) Yield(ctx context.Context, a *gitops.Application, c reconcile.Claim) error {
	u, err := s.application(ctx, *a)
	if err != nil {
		return err
	}
	give, err := s.claim(c, "", expression.Name(attributeOwner).Equal(expression.Value(a.ID)))
	if err != nil {
		return err
	}
	if err := s.together(ctx, []update{u}, give); err != nil {
		return fmt.Errorf("give up %s of %s: %w", c, a.ID, translate(err))
	}
	a.Version++
	return nil
}

// takeAll returns the writes that take claims, in their order.
func (s *Store) takeAll(owner string, claims []reconcile.Claim) (writes []types.TransactWriteItem, err error) {
	for _, c := range claims {
		w, err := s.take(owner, c)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// take is the write that takes a claim which is free, or the owner's already.
func (s *Store) take(owner string, c reconcile.Claim) (types.TransactWriteItem, error) {
	return s.claim(c, owner, expression.Or(
		expression.Name(attributeOwner).AttributeNotExists(),
		expression.Name(attributeOwner).Equal(expression.Value(owner)),
	))
}

// claim is the write that gives a claim an owner, or none, on a condition.
func (s *Store) claim(c reconcile.Claim, owner string, only expression.ConditionBuilder) (types.TransactWriteItem, error) {
	e, err := expression.NewBuilder().WithCondition(only).Build()
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("build claim: %w", err)
	}
	claim := claimKey(c).attributes()
	claim[attributeSchema] = number(schema)
	if owner != "" {
		claim[attributeOwner] = text(owner)
	}
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                 &s.table,
		Item:                      claim,
		ConditionExpression:       e.Condition(),
		ExpressionAttributeNames:  e.Names(),
		ExpressionAttributeValues: e.Values(),
	}}, nil
}

// failures returns which writes of a transaction were refused by their conditions: the
// reasons stand in the order of the writes (TransactionCanceledException).
func failures(err error) []int {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return nil
	}
	var failed []int
	for i, r := range canceled.CancellationReasons {
		if aws.ToString(r.Code) == "ConditionalCheckFailed" {
			failed = append(failed, i)
		}
	}
	return failed
}

// claimed names who holds the claim that a transaction was refused for.
func (s *Store) claimed(ctx context.Context, owner string, c reconcile.Claim, refused error) error {
	holder, err := s.Owner(ctx, c)
	if err != nil || holder == owner { // given up, or taken by ourselves, in between: look again later
		return fmt.Errorf("claim %s %s: %w", c.Kind, c.Key, refused)
	}
	return &reconcile.ClaimedError{Claim: c, Owner: holder}
}
