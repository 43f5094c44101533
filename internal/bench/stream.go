package bench

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
)

// stream reads the table's changes, from which follows what their writing costs: DynamoDB
// counts the size of an item, and of each index that the change shows in.
type stream struct {
	client   *dynamodbstreams.Client
	iterator *string
}

// newStream begins with what comes after now.
func newStream(ctx context.Context, cfg aws.Config, table string) (*stream, error) {
	described, err := sdk.NewFromConfig(cfg).DescribeTable(ctx, &sdk.DescribeTableInput{TableName: &table})
	if err != nil {
		return nil, fmt.Errorf("describe table: %w", err)
	}
	s := &stream{client: dynamodbstreams.NewFromConfig(cfg)}
	about, err := s.client.DescribeStream(ctx, &dynamodbstreams.DescribeStreamInput{StreamArn: described.Table.LatestStreamArn})
	if err != nil || len(about.StreamDescription.Shards) != 1 {
		return nil, fmt.Errorf("describe stream, which has one shard in the sandbox: %w", err)
	}
	at, err := s.client.GetShardIterator(ctx, &dynamodbstreams.GetShardIteratorInput{StreamArn: described.Table.LatestStreamArn,
		ShardId: about.StreamDescription.Shards[0].ShardId, ShardIteratorType: types.ShardIteratorTypeLatest})
	if err != nil {
		return nil, fmt.Errorf("find the end of the stream: %w", err)
	}
	s.iterator = at.ShardIterator
	return s, nil
}

// read returns the changes since it was last called.
func (s *stream) read(ctx context.Context) ([]change, error) {
	var all []change
	for {
		out, err := s.client.GetRecords(ctx, &dynamodbstreams.GetRecordsInput{ShardIterator: s.iterator})
		if err != nil {
			return nil, fmt.Errorf("read stream: %w", err)
		}
		s.iterator = out.NextShardIterator
		if len(out.Records) == 0 {
			return all, nil
		}
		for _, r := range out.Records {
			all = append(all, change{r.Dynamodb.OldImage, r.Dynamodb.NewImage})
		}
	}
}

// image is an item as it was or is; nil: there is none.
type image map[string]types.AttributeValue

// change is one write.
type change struct{ before, after image }

// units are the write units that the change costs: of the table, and of each index that it
// shows in. An index costs one write where an entry comes, goes or changes, two where it
// changes its place (DynamoDB developer guide, "Using Global Secondary Indexes", "Write
// capacity units").
func (c change) units() int {
	units := kilobytes(int64(max(c.before.size(), c.after.size())))
	for _, i := range dynamodb.Table.Indexes {
		before, after := c.before.entry(i), c.after.entry(i)
		switch {
		case before == nil && after == nil, reflect.DeepEqual(before, after):
		case before != nil && after != nil && !before.at(after, i):
			units += kilobytes(int64(before.size())) + kilobytes(int64(after.size()))
		default:
			units += kilobytes(int64(max(before.size(), after.size())))
		}
	}
	return units
}

// entry is what an index has of an item: nil where it has nothing.
func (m image) entry(i dynamodb.Index) image {
	for _, k := range []dynamodb.Key{i.Partition, i.Sort} {
		if m[k.Name] == nil {
			return nil
		}
	}
	entry := image{}
	for _, k := range []dynamodb.Key{i.Partition, i.Sort, dynamodb.Table.Partition, dynamodb.Table.Sort} {
		entry[k.Name] = m[k.Name]
	}
	return entry
}

// at reports whether two entries of an index have the same place.
func (m image) at(other image, i dynamodb.Index) bool {
	return reflect.DeepEqual(m[i.Partition.Name], other[i.Partition.Name]) && reflect.DeepEqual(m[i.Sort.Name], other[i.Sort.Name])
}

// grown is how many bytes the change adds to the table.
func (c change) grown() int {
	if len(c.before) > 0 || c.after["expires"] != nil {
		return 0
	}
	return c.after.size()
}

// told is 1 where the notifier tells of the change on Driftless' own bus: a deployment that
// came to another phase, a drift report that is news.
func (c change) told() int {
	sort, _ := c.after[dynamodb.Table.Sort.Name].(*types.AttributeValueMemberS)
	news, _ := c.after["news"].(*types.AttributeValueMemberBOOL)
	switch {
	case sort == nil:
		return 0
	case strings.HasPrefix(sort.Value, "DEPLOYMENT#") && !reflect.DeepEqual(c.before["phase"], c.after["phase"]),
		sort.Value == "DRIFT#latest" && news != nil && news.Value:
		return 1
	}
	return 0
}

// size is what DynamoDB counts of an item (developer guide, "DynamoDB item sizes and formats").
func (m image) size() int {
	n := 0
	for name, v := range m {
		n += len(name) + sizeOf(v)
	}
	return n
}

func sizeOf(v types.AttributeValue) int {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return (len(v.Value)+1)/2 + 1
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberL:
		n := 3
		for _, e := range v.Value {
			n += 1 + sizeOf(e)
		}
		return n
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + image(v.Value).size()
	}
	return 1 // a truth value, or none
}
