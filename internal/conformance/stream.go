package conformance

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

func streams() []Expectation {
	return []Expectation{
		{Name: "ddb-stream", Makes: oneTable + ", with a stream", Source: tableReference + "API_streams_Record.html", Calls: stream,
			Says: "a stream has one record for each change, in order, with the images before and after, and none for a write that changes nothing",
			Answers: []string{
				"record: event=INSERT before=none after=one",
				"record: event=MODIFY before=one after=two",
				"record: event=REMOVE before=two after=none",
			},
			Because: "moto writes a record for a write that changes nothing too",
			Sandbox: []string{
				"record: event=INSERT before=none after=one",
				"record: event=MODIFY before=one after=two",
				"record: event=MODIFY before=two after=two",
				"record: event=REMOVE before=two after=none",
			}},
	}
}

func stream(ctx context.Context, a *Account) error {
	made, err := a.table(ctx, &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages})
	if err != nil {
		return err
	}
	for _, value := range []string{"one", "two", "two"} {
		if _, err := a.tables.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(a.prefix),
			Item: map[string]types.AttributeValue{"PK": text("k"), "Value": text(value)}}); err != nil {
			return fmt.Errorf("put item: %w", err)
		}
	}
	if _, err := a.tables.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: aws.String(a.prefix), Key: key("k")}); err != nil {
		return fmt.Errorf("delete item: %w", err)
	}
	records, err := a.records(ctx, made.LatestStreamArn)
	if err != nil {
		return err
	}
	for _, r := range records {
		a.Note("record", "event", r.EventName, "before", image(r.Dynamodb.OldImage), "after", image(r.Dynamodb.NewImage))
	}
	return nil
}

func image(item map[string]streamtypes.AttributeValue) string {
	if s, ok := item["Value"].(*streamtypes.AttributeValueMemberS); ok {
		return s.Value
	}
	return "none"
}

// records reads a stream of one shard until the removal.
func (a *Account) records(ctx context.Context, arn *string) (all []streamtypes.Record, err error) {
	var at *string
	err = a.until(ctx, "the stream has a shard", func() (bool, error) {
		out, err := a.streams.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: arn})
		if err != nil || len(out.StreamDescription.Shards) == 0 {
			return false, err
		}
		got, err := a.streams.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: arn,
			ShardId: out.StreamDescription.Shards[0].ShardId, ShardIteratorType: streamtypes.ShardIteratorTypeTrimHorizon})
		if err == nil {
			at = got.ShardIterator
		}
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	err = a.until(ctx, "the removal is in the stream", func() (bool, error) {
		out, err := a.streams.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: at})
		if err != nil {
			return false, err
		}
		all, at = append(all, out.Records...), out.NextShardIterator
		return at == nil || len(all) > 0 && all[len(all)-1].EventName == streamtypes.OperationTypeRemove, nil
	})
	return all, err
}
