package conformance

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const (
	tableReference = "https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/"
	tableGuide     = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/"
	oneTable       = "a DynamoDB table, on demand"
)

func tables() []Expectation {
	return []Expectation{
		{Name: "ddb-condition", Makes: oneTable, Source: tableReference + "API_PutItem.html", Calls: condition,
			Says: "a write whose condition fails changes nothing, and tells the item where it is asked to",
			Answers: []string{
				"first: code=none",
				"second: error=ConditionalCheckFailedException The conditional request failed",
				"the item: as told=one as read=one",
				"no such table: error=ResourceNotFoundException Requested resource not found",
			}},
		{Name: "ddb-transaction", Makes: oneTable, Source: tableReference + "API_TransactWriteItems.html", Calls: transaction,
			Says: "a transaction of which one condition fails writes nothing and names a reason for each item, in order",
			Answers: []string{
				"cancelled: code=TransactionCanceledException reasons=[None ConditionalCheckFailed]",
				"message: says which=true",
				"the other item: there=false",
				"the same item twice: code=ValidationException",
				"a hundred and one: code=ValidationException",
			}},
		{Name: "ddb-transaction-token", Makes: oneTable, Source: tableReference + "API_TransactWriteItems.html", Calls: transactionToken,
			Says: "a transaction under a token that is repeated happens once; another one under that token is refused",
			Answers: []string{
				"again: code=none counted=1",
				"another: code=IdempotentParameterMismatchException",
			},
			Because: "moto does not look at the token of a transaction",
			Sandbox: []string{
				"again: code=none counted=2",
				"another: code=none",
			}},
		{Name: "ddb-item-size", Makes: oneTable, Source: tableGuide + "Constraints.html", Calls: itemSize,
			Says: "an item has at most 409,600 bytes, its attributes' names included",
			Answers: []string{
				"409,600 bytes: code=none",
				"409,601 bytes: error=ValidationException Item size has exceeded the maximum allowed size",
				"grown beyond: error=ValidationException Item size to update has exceeded the maximum allowed size",
			},
			Because: "moto's limit is 405,000 bytes",
			Sandbox: []string{
				"409,600 bytes: code=ValidationException",
				"409,601 bytes: error=ValidationException Item size has exceeded the maximum allowed size",
				"grown beyond: error=none",
			}},
	}
}

// table makes a table with the key PK that is deleted afterwards.
func (a *Account) table(ctx context.Context, stream *types.StreamSpecification) (*types.TableDescription, error) {
	name := aws.String(a.prefix)
	a.Later(func(ctx context.Context) error {
		var gone *types.ResourceNotFoundException
		if _, err := a.tables.DeleteTable(ctx, &dynamodb.DeleteTableInput{TableName: name}); err != nil && !errors.As(err, &gone) {
			return fmt.Errorf("delete table %s: %w", *name, err)
		}
		return a.until(ctx, "the table is gone", func() (bool, error) {
			_, err := a.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
			if errors.As(err, &gone) {
				return true, nil
			}
			return false, err
		})
	})
	if _, err := a.tables.CreateTable(ctx, &dynamodb.CreateTableInput{TableName: name, BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("PK"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  stream}); err != nil {
		return nil, fmt.Errorf("create table: %w", err)
	}
	var made *types.TableDescription
	err := a.until(ctx, "the table is active", func() (bool, error) {
		out, err := a.tables.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: name})
		if err == nil {
			made = out.Table
		}
		return err == nil && made.TableStatus == types.TableStatusActive, err
	})
	return made, err
}

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func key(pk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"PK": text(pk)}
}

// said is an attribute's text, "none" where it has none.
func said(item map[string]types.AttributeValue, name string) string {
	if s, ok := item[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return "none"
}

func (a *Account) get(ctx context.Context, pk string) (map[string]types.AttributeValue, error) {
	out, err := a.tables.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(a.prefix), Key: key(pk), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, fmt.Errorf("get item: %w", err)
	}
	return out.Item, nil
}

func condition(ctx context.Context, a *Account) error {
	if _, err := a.table(ctx, nil); err != nil {
		return err
	}
	put := func(table, value string) error {
		_, err := a.tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(table),
			Item:                                map[string]types.AttributeValue{"PK": text("k"), "Value": text(value)},
			ConditionExpression:                 aws.String("attribute_not_exists(PK)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
		return err
	}
	a.Note("first", "code", put(a.prefix, "one"))
	err := put(a.prefix, "two")
	a.Note("second", "error", err)
	var failed *types.ConditionalCheckFailedException
	told := "none"
	if errors.As(err, &failed) {
		told = said(failed.Item, "Value")
	}
	item, err := a.get(ctx, "k")
	if err != nil {
		return err
	}
	a.Note("the item", "as told", told, "as read", said(item, "Value"))
	a.Note("no such table", "error", put(a.prefix+"-nowhere", "one"))
	return nil
}

// putNew is a transaction's write of an item that is not there yet.
func (a *Account) putNew(pk string) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: aws.String(a.prefix), Item: key(pk),
		ConditionExpression: aws.String("attribute_not_exists(PK)")}}
}

func (a *Account) transact(ctx context.Context, token *string, items ...types.TransactWriteItem) error {
	_, err := a.tables.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items, ClientRequestToken: token})
	return err
}

func transaction(ctx context.Context, a *Account) error {
	if _, err := a.table(ctx, nil); err != nil {
		return err
	}
	if err := a.transact(ctx, nil, a.putNew("there")); err != nil {
		return err
	}
	err := a.transact(ctx, nil, a.putNew("other"), a.putNew("there"))
	var reasons []string
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, r := range cancelled.CancellationReasons {
			reasons = append(reasons, aws.ToString(r.Code))
		}
	}
	a.Note("cancelled", "code", err, "reasons", reasons)
	a.Note("message", "says which", err != nil && strings.Contains(messageOf(err), "[None, ConditionalCheckFailed]"))
	item, err := a.get(ctx, "other")
	if err != nil {
		return err
	}
	a.Note("the other item", "there", item != nil)
	a.Note("the same item twice", "code", a.transact(ctx, nil, a.putNew("new"), a.putNew("new")))
	var many []types.TransactWriteItem
	for i := range 101 {
		many = append(many, a.putNew(fmt.Sprint("many", i)))
	}
	a.Note("a hundred and one", "code", a.transact(ctx, nil, many...))
	return nil
}

func transactionToken(ctx context.Context, a *Account) error {
	if _, err := a.table(ctx, nil); err != nil {
		return err
	}
	add := func(n string) types.TransactWriteItem {
		return types.TransactWriteItem{Update: &types.Update{TableName: aws.String(a.prefix), Key: key("k"), UpdateExpression: aws.String("ADD Counted :n"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":n": &types.AttributeValueMemberN{Value: n}}}}
	}
	token := aws.String("driftless-conformance")
	if err := a.transact(ctx, token, add("1")); err != nil {
		return err
	}
	again := a.transact(ctx, token, add("1"))
	item, err := a.get(ctx, "k")
	if err != nil {
		return err
	}
	counted := "none"
	if n, ok := item["Counted"].(*types.AttributeValueMemberN); ok {
		counted = n.Value
	}
	a.Note("again", "code", again, "counted", counted)
	a.Note("another", "code", a.transact(ctx, token, add("2")))
	return nil
}

func itemSize(ctx context.Context, a *Account) error {
	if _, err := a.table(ctx, nil); err != nil {
		return err
	}
	// "PK", "k" and "Value" are eight bytes.
	sized := func(bytes int) types.AttributeValue { return text(strings.Repeat("x", bytes-8)) }
	put := func(bytes int) error {
		_, err := a.tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(a.prefix),
			Item: map[string]types.AttributeValue{"PK": text("k"), "Value": sized(bytes)}})
		return err
	}
	a.Note("409,600 bytes", "code", put(409_600))
	a.Note("409,601 bytes", "error", put(409_601))
	_, err := a.tables.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: aws.String(a.prefix), Key: key("k"), UpdateExpression: aws.String("SET More = :v"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":v": text("a little more")}})
	a.Note("grown beyond", "error", err)
	return nil
}
