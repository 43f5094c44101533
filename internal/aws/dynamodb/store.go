package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Store keeps records in a table of the shape of Table.
type Store struct {
	client api
	table  string
	blobs  reconcile.Blobs
	now    func() time.Time
	known  known
}

// api is what the store calls, and so what its rights are.
type api interface {
	GetItem(context.Context, *sdk.GetItemInput, ...func(*sdk.Options)) (*sdk.GetItemOutput, error)
	BatchGetItem(context.Context, *sdk.BatchGetItemInput, ...func(*sdk.Options)) (*sdk.BatchGetItemOutput, error)
	PutItem(context.Context, *sdk.PutItemInput, ...func(*sdk.Options)) (*sdk.PutItemOutput, error)
	UpdateItem(context.Context, *sdk.UpdateItemInput, ...func(*sdk.Options)) (*sdk.UpdateItemOutput, error)
	DeleteItem(context.Context, *sdk.DeleteItemInput, ...func(*sdk.Options)) (*sdk.DeleteItemOutput, error)
	Query(context.Context, *sdk.QueryInput, ...func(*sdk.Options)) (*sdk.QueryOutput, error)
	Scan(context.Context, *sdk.ScanInput, ...func(*sdk.Options)) (*sdk.ScanOutput, error)
	TransactWriteItems(context.Context, *sdk.TransactWriteItemsInput, ...func(*sdk.Options)) (*sdk.TransactWriteItemsOutput, error)
}

var _ reconcile.Store = (*Store)(nil)

// New returns the store in a table. What does not fit into an item goes to blobs; now
// decides when what is kept for a while expires. A store without blobs only reads records,
// those fields empty that do not fit into an item, and remembers deliveries.
func New(cfg aws.Config, table string, blobs reconcile.Blobs, now func() time.Time) *Store {
	return &Store{client: sdk.NewFromConfig(cfg), table: table, blobs: blobs, now: now}
}

// key is the primary key of an item.
type key struct{ pk, sk string }

func (k key) attributes() item {
	return item{attributePK: text(k.pk), attributeSK: text(k.sk)}
}

// item is an item's attributes by name.
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
}

// get reads an item, consistently; ErrNotFound.
func (s *Store) get(ctx context.Context, k key) (item, error) {
	out, err := s.client.GetItem(ctx, &sdk.GetItemInput{
		TableName:      &s.table,
		Key:            k.attributes(),
		ConsistentRead: aws.Bool(true),
	})
	if err != nil {
		return nil, fmt.Errorf("get item %s %s: %w", k.pk, k.sk, translate(err))
	}
	if out.Item == nil {
		return nil, fmt.Errorf("get item %s %s: %w", k.pk, k.sk, reconcile.ErrNotFound)
	}
	return out.Item, nil
}

// What one BatchGetItem takes (API reference, BatchGetItem), and how often keys that it did
// not process are asked for again before the table counts as too busy.
const (
	batchKeys  = 100
	batchTries = 5
)

// getAll reads items, consistently, in no order; those that are not there are left out. The
// keys are distinct, as BatchGetItem demands.
func (s *Store) getAll(ctx context.Context, keys []item) ([]item, error) {
	var found []item
	for batch := range slices.Chunk(keys, batchKeys) {
		for try := 0; len(batch) > 0; try++ {
			if try == batchTries {
				return nil, fmt.Errorf("get %d items: the table is busy, %d are left", len(keys), len(batch))
			}
			out, err := s.client.BatchGetItem(ctx, &sdk.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{
				s.table: {Keys: batch, ConsistentRead: aws.Bool(true)}}})
			if err != nil {
				return nil, fmt.Errorf("get %d items: %w", len(batch), translate(err))
			}
			found = append(found, out.Responses[s.table]...)
			batch = out.UnprocessedKeys[s.table].Keys
		}
	}
	return found, nil
}

// read reads a record, consistently; ErrNotFound.
func read[T any](ctx context.Context, s *Store, k key) (T, error) {
	var record T
	stored, err := s.get(ctx, k)
	if err != nil {
		return record, err
	}
	return record, s.decode(ctx, stored, &record)
}

// query is what query and scan ask for.
type query struct {
	index string                          // empty: the table itself
	where *expression.KeyConditionBuilder // nil: the whole index
	only  *expression.ConditionBuilder    // of what was found
	desc  bool
	limit int // zero: no limit
}

// find returns the items that a query finds. They may be a moment behind.
func (s *Store) find(ctx context.Context, q query) ([]item, error) {
	b := expression.NewBuilder()
	if q.where != nil {
		b = b.WithKeyCondition(*q.where)
	}
	if q.only != nil {
		b = b.WithFilter(*q.only)
	}
	e, err := b.Build()
	if err != nil {
		return nil, fmt.Errorf("build query: %w", err)
	}
	var index *string
	if q.index != "" {
		index = &q.index
	}
	var found []item
	var from item
	for {
		page, next, err := s.page(ctx, q, e, index, from)
		if err != nil {
			return nil, fmt.Errorf("query index %q: %w", q.index, translate(err))
		}
		found = append(found, page...)
		if q.limit > 0 && len(found) >= q.limit {
			return found[:q.limit], nil
		}
		if len(next) == 0 {
			return found, nil
		}
		from = next
	}
}

func (s *Store) page(ctx context.Context, q query, e expression.Expression, index *string, from item) (found []item, next item, err error) {
	if q.where == nil {
		out, err := s.client.Scan(ctx, &sdk.ScanInput{
			TableName:                 &s.table,
			IndexName:                 index,
			FilterExpression:          e.Filter(),
			ExpressionAttributeNames:  e.Names(),
			ExpressionAttributeValues: e.Values(),
			ExclusiveStartKey:         from,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.Items, out.LastEvaluatedKey, nil
	}
	in := &sdk.QueryInput{
		TableName:                 &s.table,
		IndexName:                 index,
		KeyConditionExpression:    e.KeyCondition(),
		FilterExpression:          e.Filter(),
		ExpressionAttributeNames:  e.Names(),
		ExpressionAttributeValues: e.Values(),
		ScanIndexForward:          aws.Bool(!q.desc),
		ExclusiveStartKey:         from,
	}
	if q.limit > 0 {
		in.Limit = aws.Int32(int32(min(q.limit, 1000))) //nolint:gosec // bounded
	}
	out, err := s.client.Query(ctx, in)
	if err != nil {
		return nil, nil, err
	}
	return out.Items, out.LastEvaluatedKey, nil
}

// listed reads the records of the items that an index finds. Which they are may be a moment
// behind; what they say is not.
func listed[T any](ctx context.Context, s *Store, q query) ([]T, error) {
	found, err := s.find(ctx, q)
	if err != nil {
		return nil, err
	}
	keys := make([]item, len(found))
	for i, f := range found {
		keys[i] = item{attributePK: f[attributePK], attributeSK: f[attributeSK]}
	}
	items, err := s.getAll(ctx, keys)
	if err != nil {
		return nil, err
	}
	return decodeAll[T](ctx, s, items)
}

// equal is the condition that an index's partition key has a value.
func equal(name, value string) *expression.KeyConditionBuilder {
	c := expression.Key(name).Equal(expression.Value(value))
	return &c
}

// translate turns what DynamoDB says into reconcile's errors. What is throttled, lost or
// unknown stays as it is: transient.
func translate(err error) error {
	var failed *types.ConditionalCheckFailedException
	var canceled *types.TransactionCanceledException
	var apiErr smithy.APIError
	switch {
	case errors.As(err, &failed):
		return fmt.Errorf("%w: %w", reconcile.ErrConflict, err)
	case errors.As(err, &canceled):
		for _, r := range canceled.CancellationReasons {
			if aws.ToString(r.Code) == "ConditionalCheckFailed" {
				return fmt.Errorf("%w: %w", reconcile.ErrConflict, err)
			}
		}
		return err // TransactionConflict, throttled: somebody else wrote at the same moment
	case !errors.As(err, &apiErr):
		return err
	}
	switch apiErr.ErrorCode() {
	case "AccessDeniedException", "UnrecognizedClientException", "ResourceNotFoundException",
		"InvalidSignatureException", "MissingAuthenticationToken", "ExpiredTokenException":
		return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
	}
	return err
}
