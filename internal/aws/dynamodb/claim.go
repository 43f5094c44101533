package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const attributeOwner = "owner"

func claimKey(c reconcile.Claim) key { return key{"CLAIM#" + c.Kind + "#" + c.Key, "CLAIM"} }

// Owner implements reconcile.Claims.
func (s *Store) Owner(ctx context.Context, c reconcile.Claim) (string, error) {
	claim, err := read[struct {
		Owner string `json:"owner"`
	}](ctx, s, claimKey(c))
	return claim.Owner, err
}

// Move implements reconcile.Claims. To give up what somebody else holds, or nobody, is no
// error: a repeat finds it so.
func (s *Store) Move(ctx context.Context, owner string, take, give []reconcile.Claim) error {
	give = slices.DeleteFunc(slices.Clone(give), func(c reconcile.Claim) bool { return slices.Contains(take, c) })
	for {
		writes, err := s.moves(owner, take, give)
		if err != nil || len(writes) == 0 {
			return err
		}
		err = s.together(ctx, writes)
		failed := failures(err)
		switch {
		case err == nil:
			return nil
		case len(failed) == 0:
			return fmt.Errorf("move claims of %s: %w", owner, translate(err))
		case failed[0] < len(take):
			return s.claimed(ctx, owner, take[failed[0]], err)
		}
		for _, i := range slices.Backward(failed) { // somebody else's by now: nothing to give up
			give = slices.Delete(give, i-len(take), i-len(take)+1)
		}
	}
}

// moves returns the writes that take and give up claims, in that order.
func (s *Store) moves(owner string, take, give []reconcile.Claim) ([]types.TransactWriteItem, error) {
	var writes []types.TransactWriteItem
	for _, c := range take {
		w, err := s.take(owner, c)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	for _, c := range give {
		w, err := s.give(owner, c)
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	return writes, nil
}

// take is the write that takes a claim which is free, or the owner's already.
func (s *Store) take(owner string, c reconcile.Claim) (types.TransactWriteItem, error) {
	e, err := expression.NewBuilder().WithCondition(expression.Or(
		expression.Name(attributePK).AttributeNotExists(),
		expression.Name(attributeOwner).Equal(expression.Value(owner)),
	)).Build()
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("build claim: %w", err)
	}
	claim := claimKey(c).attributes()
	claim[attributeOwner] = text(owner)
	claim[attributeSchema] = number(schema)
	return types.TransactWriteItem{Put: &types.Put{
		TableName:                 &s.table,
		Item:                      claim,
		ConditionExpression:       e.Condition(),
		ExpressionAttributeNames:  e.Names(),
		ExpressionAttributeValues: e.Values(),
	}}, nil
}

// give is the write that gives up a claim of the owner's, or of nobody.
func (s *Store) give(owner string, c reconcile.Claim) (types.TransactWriteItem, error) {
	e, err := expression.NewBuilder().WithCondition(expression.Or(
		expression.Name(attributePK).AttributeNotExists(),
		expression.Name(attributeOwner).Equal(expression.Value(owner)),
	)).Build()
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("build claim: %w", err)
	}
	return types.TransactWriteItem{Delete: &types.Delete{
		TableName:                 &s.table,
		Key:                       claimKey(c).attributes(),
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
