package dynamodb

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// update is the conditional write of one record.
type update struct {
	key       key
	condition expression.ConditionBuilder
	attrs     item     // to set
	gone      []string // to remove
	record    item     // all that the item then says, of what is known here
}

// isVersion is the condition that a record has the version that was read; zero: that
// there is none.
func isVersion(v int64) expression.ConditionBuilder {
	if v == 0 {
		return expression.Name(attributePK).AttributeNotExists()
	}
	return expression.Name(attributeVersion).Equal(expression.Value(number(v)))
}

// update prepares the write of a record, with the values of the indexes' attributes: those
// missing from index are removed, which takes the item out of the sparse index.
func (s *Store) update(ctx context.Context, k key, version int64, record any, index item) (update, error) {
	attrs, err := s.encode(ctx, record)
	if err != nil {
		return update{}, fmt.Errorf("encode %s %s: %w", k.pk, k.sk, err)
	}
	maps.Copy(attrs, index)
	u := update{key: k, condition: isVersion(version), attrs: item{}, record: attrs}
	before := s.known.at(k, version)
	for name, value := range attrs {
		if !same(before[name], value) {
			u.attrs[name] = value
		}
	}
	for _, name := range append(fields(record), attributeSpilled, attributeWork, attributeDue, attributeDueAt, attributeDrifted) {
		_, has := attrs[name]
		_, had := before[name]
		if !has && (had || before == nil) {
			u.gone = append(u.gone, name)
		}
	}
	return u, nil
}

// written notes what a write that was carried out has left.
func (s *Store) written(u update) {
	if u.record != nil {
		s.known.keep(u.key, u.record)
	}
}

// expression returns the update's expression. Attributes that it does not name stay.
func (u update) expression() (expression.Expression, error) {
	var b expression.UpdateBuilder
	for _, name := range slices.Sorted(maps.Keys(u.attrs)) {
		b = b.Set(expression.Name(name), expression.Value(u.attrs[name]))
	}
	for _, name := range u.gone {
		b = b.Remove(expression.Name(name))
	}
	e, err := expression.NewBuilder().WithUpdate(b).WithCondition(u.condition).Build()
	if err != nil {
		return e, fmt.Errorf("build update of %s %s: %w", u.key.pk, u.key.sk, err)
	}
	return e, nil
}

// run writes one record.
func (s *Store) run(ctx context.Context, u update) error {
	e, err := u.expression()
	if err != nil {
		return err
	}
	_, err = s.client.UpdateItem(ctx, &sdk.UpdateItemInput{
		TableName:                 &s.table,
		Key:                       u.key.attributes(),
		UpdateExpression:          e.Update(),
		ConditionExpression:       e.Condition(),
		ExpressionAttributeNames:  e.Names(),
		ExpressionAttributeValues: e.Values(),
	})
	if err != nil {
		return fmt.Errorf("update item %s %s: %w", u.key.pk, u.key.sk, translate(err))
	}
	s.written(u)
	return nil
}

// transactional returns the update as a part of a transaction.
func (s *Store) transactional(u update) (types.TransactWriteItem, error) {
	e, err := u.expression()
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return types.TransactWriteItem{Update: &types.Update{
		TableName:                 &s.table,
		Key:                       u.key.attributes(),
		UpdateExpression:          e.Update(),
		ConditionExpression:       e.Condition(),
		ExpressionAttributeNames:  e.Names(),
		ExpressionAttributeValues: e.Values(),
	}}, nil
}

// unchanged returns the part of a transaction that holds only while a record, which it does
// not write, has a version. It needs dynamodb:ConditionCheckItem (developer guide, "Using IAM
// with DynamoDB transactions").
func (s *Store) unchanged(k key, version int64) (types.TransactWriteItem, error) {
	e, err := expression.NewBuilder().WithCondition(isVersion(version)).Build()
	if err != nil {
		return types.TransactWriteItem{}, fmt.Errorf("build check of %s %s: %w", k.pk, k.sk, err)
	}
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName:                 &s.table,
		Key:                       k.attributes(),
		ConditionExpression:       e.Condition(),
		ExpressionAttributeNames:  e.Names(),
		ExpressionAttributeValues: e.Values(),
	}}, nil
}

// together writes records, and what else goes with them, in one transaction, in that order. The SDK
// gives it a token, so that its own retries of one call are carried out once (TransactWriteItems,
// ClientRequestToken).
func (s *Store) together(ctx context.Context, updates []update, others ...types.TransactWriteItem) error {
	var writes []types.TransactWriteItem
	for _, u := range updates {
		w, err := s.transactional(u)
		if err != nil {
			return err
		}
		writes = append(writes, w)
	}
	if _, err := s.client.TransactWriteItems(ctx, &sdk.TransactWriteItemsInput{TransactItems: append(writes, others...)}); err != nil {
		return err
	}
	for _, u := range updates {
		s.written(u)
	}
	return nil
}

// fields returns the names under which a record's fields are stored.
func fields(record any) []string {
	t := reflect.TypeOf(record)
	var names []string
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}
