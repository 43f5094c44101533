package lambda_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

// table is a table with a stream, keyed by "id".
type table struct {
	w      *world
	client *dynamodb.Client
	name   string
	stream string
}

func (w *world) table() table {
	w.t.Helper()
	client := dynamodb.NewFromConfig(aws.Config{Region: region, BaseEndpoint: &w.gateway.URL, Credentials: w.sqs.Options().Credentials, APIOptions: moto.KeepAnswers()})
	out := must(client.CreateTable(w.t.Context(), &dynamodb.CreateTableInput{
		TableName:            aws.String(w.name + "-table"),
		AttributeDefinitions: []ddbtypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: ddbtypes.ScalarAttributeTypeS}},
		KeySchema:            []ddbtypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: ddbtypes.KeyTypeHash}},
		BillingMode:          ddbtypes.BillingModePayPerRequest,
		StreamSpecification:  &ddbtypes.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: ddbtypes.StreamViewTypeNewAndOldImages},
	}))(w.t)
	return table{w, client, *out.TableDescription.TableName, *out.TableDescription.LatestStreamArn}
}

// put writes items "id" or "id: kind".
func (d table) put(items ...string) {
	d.w.t.Helper()
	for _, i := range items {
		id, kind, _ := strings.Cut(i, ": ")
		must(d.client.PutItem(d.w.t.Context(), &dynamodb.PutItemInput{TableName: &d.name, Item: map[string]ddbtypes.AttributeValue{
			"id":   &ddbtypes.AttributeValueMemberS{Value: id},
			"kind": &ddbtypes.AttributeValueMemberS{Value: kind},
			"raw":  &ddbtypes.AttributeValueMemberB{Value: []byte{0, 1}},
		}}))(d.w.t)
	}
	d.w.service.Nudge(d.stream)
}

// ids are the ids of the records that the function handled.
func (w *world) ids() string {
	var ids []string
	for _, line := range w.handled() {
		ids = append(ids, decode[struct{ ID struct{ S string } }](w.t, []byte(line)).ID.S)
	}
	return strings.Join(ids, " ")
}

func from(position types.EventSourcePosition) func(*awslambda.CreateEventSourceMappingInput) {
	return func(in *awslambda.CreateEventSourceMappingInput) { in.StartingPosition = position }
}

func TestStreamRecordsReachTheFunctionInOrder(t *testing.T) {
	w := newWorld(t)
	d := w.table()
	d.put("1", "2")
	w.maps(d.stream, w.function("f"), from(types.EventSourcePositionTrimHorizon))
	d.put("3", "4")
	w.eventually("all four", func() bool { return w.ids() == "1 2 3 4" })
}

func TestLatestBeginsWithTheMapping(t *testing.T) {
	w := newWorld(t)
	d := w.table()
	d.put("before")
	w.maps(d.stream, w.function("f"), from(types.EventSourcePositionLatest))
	d.put("after")
	w.eventually("what came after", func() bool { return w.ids() == "after" })
}

func TestRecordsGoOnAfterATransactionWasCancelled(t *testing.T) {
	var turn sync.Mutex // as the gateway has it
	w := newWorld(t, func(c *lambda.Config) { c.Between = &turn })
	d := w.table()
	w.maps(d.stream, w.function("f"), from(types.EventSourcePositionTrimHorizon))
	d.put("1")
	w.eventually("the first", func() bool { return w.ids() == "1" })
	turn.Lock()
	_, err := d.client.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []ddbtypes.TransactWriteItem{
		{ConditionCheck: &ddbtypes.ConditionCheck{TableName: &d.name, Key: map[string]ddbtypes.AttributeValue{"id": &ddbtypes.AttributeValueMemberS{Value: "none"}},
			ConditionExpression: aws.String("attribute_exists(id)")}},
		{Put: &ddbtypes.Put{TableName: &d.name, Item: map[string]ddbtypes.AttributeValue{"id": &ddbtypes.AttributeValueMemberS{Value: "undone"}}}},
	}})
	turn.Unlock()
	if canceled := (*ddbtypes.TransactionCanceledException)(nil); !errors.As(err, &canceled) {
		t.Fatalf("the transaction was not cancelled: %v", err)
	}
	d.put("2")
	w.eventually("what came after", func() bool { return w.ids() == "1 2" })
}

func TestStreamFilterLetsThroughWhatFits(t *testing.T) {
	w := newWorld(t)
	d := w.table()
	w.maps(d.stream, w.function("f"), from(types.EventSourcePositionTrimHorizon), func(in *awslambda.CreateEventSourceMappingInput) {
		in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{
			{Pattern: aws.String(`{"eventName":["INSERT"],"dynamodb":{"NewImage":{"kind":{"S":[{"prefix":"dep"}]}}}}`)},
		}}
	})
	d.put("1: claim", "2: deployment", "3: claim", "4: deployment", "4: deployment again")
	d.put("5: deployment")
	w.eventually("the inserted deployments", func() bool { return w.ids() == "2 4 5" })
}

func TestRecordsWithinAWindowAreOneBatch(t *testing.T) {
	var log syncBuffer
	w := newWorld(t, func(c *lambda.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	d := w.table()
	w.maps(d.stream, w.function("f"), from(types.EventSourcePositionTrimHorizon), func(in *awslambda.CreateEventSourceMappingInput) {
		in.MaximumBatchingWindowInSeconds = aws.Int32(1)
		in.FilterCriteria = &types.FilterCriteria{Filters: []types.Filter{{Pattern: aws.String(`{"eventName":["INSERT"]}`)}}}
	})
	for _, id := range []string{"1", "2", "3", "3"} {
		d.put(id)
	}
	w.eventually("all three", func() bool { return w.ids() == "1 2 3" })
	w.eventually("an invocation that has ended", func() bool { return strings.Contains(log.String(), "function invoked") })
	if n := strings.Count(log.String(), "function invoked"); n != 1 {
		t.Errorf("the function was invoked %d times for three records within a second", n)
	}
	d.put("4")
	w.eventually("the next window", func() bool { return w.ids() == "1 2 3 4" })
}

func TestFailedStreamRecords(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*awslambda.CreateEventSourceMappingInput)
		handled string
		lost    string // the record the destination names first
	}{
		"a reported one is tried again, then given up with what follows it": {
			func(in *awslambda.CreateEventSourceMappingInput) {
				partial(in)
				in.MaximumRetryAttempts = aws.Int32(1)
				in.BisectBatchOnFunctionError = aws.Bool(true)
			}, "1 3", "bad2"},
		"a batch that throws is halved until the bad one is alone": {
			func(in *awslambda.CreateEventSourceMappingInput) {
				in.MaximumRetryAttempts = aws.Int32(1)
				in.BisectBatchOnFunctionError = aws.Bool(true)
			}, "1 3", "poison2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(c *lambda.Config) { c.VisibilitySpeed = 100 })
			w.name += name[2:5]
			d := w.table()
			deadURL, dead := w.queue("dead", nil)
			d.put("1", c.lost, "3")
			w.maps(d.stream, w.function("f"), from(types.EventSourcePositionTrimHorizon), c.change, func(in *awslambda.CreateEventSourceMappingInput) {
				in.DestinationConfig = &types.DestinationConfig{OnFailure: &types.OnFailure{Destination: &dead}}
			})
			var message string
			w.eventually("the failure is told", func() bool {
				for _, m := range w.received(deadURL) {
					message = *m.Body
				}
				return message != ""
			})
			told := decode[struct {
				RequestContext     struct{ Condition string }
				DDBStreamBatchInfo struct {
					StreamArn string
					BatchSize int
				}
			}](t, []byte(message))
			if told.RequestContext.Condition != "RetryAttemptsExhausted" || told.DDBStreamBatchInfo.StreamArn != d.stream || told.DDBStreamBatchInfo.BatchSize != 1 {
				t.Errorf("told %+v", told)
			}
			w.eventually("the others are handled", func() bool { return strings.HasPrefix(w.ids(), "1") && strings.HasSuffix(w.ids(), "3") })
			d.put("4")
			w.eventually("the stream goes on", func() bool { return strings.HasSuffix(w.ids(), "4") })
		})
	}
}

func TestStreamMappingThatLambdaRefusesIsRefused(t *testing.T) {
	w := newWorld(t)
	d := w.table()
	f := w.function("f")
	stranger := w.function("stranger", func(in *awslambda.CreateFunctionInput) {
		in.Role = aws.String(w.role("stranger", `{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"}`))
	})
	for name, c := range map[string]struct {
		source, function string
		position         types.EventSourcePosition
		want             string
	}{
		"no starting position":      {d.stream, f, "", "startingPosition"},
		"a stream that is not one":  {strings.Replace(d.stream, "-table/", "-missing/", 1), f, types.EventSourcePositionLatest, "Stream not found"},
		"a role without the rights": {d.stream, stranger, types.EventSourcePositionLatest, "Cannot access stream"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.lambda.CreateEventSourceMapping(t.Context(), &awslambda.CreateEventSourceMappingInput{EventSourceArn: &c.source, FunctionName: &c.function, StartingPosition: c.position})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
