package dynamodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

const (
	keepReports    = 30 * 24 * time.Hour // the history; the latest stays
	keepDeliveries = 3 * 24 * time.Hour  // GitHub lets a delivery be sent again for three days

	attributeMoment  = "moment"  // a report's time as a number, which compares
	attributeSummary = "summary" // gitops.DriftSummary
)

func reportKey(application, which string) key { return key{"APP#" + application, "DRIFT#" + which} }

// PutReport implements reconcile.Reports. A report that is older than the latest goes to
// the history alone.
func (s *Store) PutReport(ctx context.Context, r gitops.DriftReport) error {
	attrs, err := s.encode(ctx, r)
	if err != nil {
		return fmt.Errorf("encode report of %s: %w", r.Application, err)
	}
	moment := number(0)
	if !r.At.IsZero() {
		moment = number(r.At.UnixNano())
	}
	attrs[attributeMoment] = moment
	// The summary stands beside the resources, so that who reads the stream has it even where
	// a large report's resources are in the bucket.
	summary, err := attributevalue.MarshalMapWithOptions(r.Summary(), func(o *attributevalue.EncoderOptions) { o.TagKey = "json" })
	if err != nil {
		return fmt.Errorf("encode summary of %s: %w", r.Application, err)
	}
	attrs[attributeSummary] = &types.AttributeValueMemberM{Value: summary}
	newest := expression.Or(
		expression.Name(attributePK).AttributeNotExists(),
		expression.Name(attributeMoment).LessThanEqual(expression.Value(moment)),
	)
	err = s.put(ctx, reportKey(r.Application, "latest"), attrs, &newest)
	if err != nil && !errors.Is(err, reconcile.ErrConflict) {
		return err
	}
	if !r.News {
		return nil
	}
	attrs[attributeExpires] = number(s.now().Add(keepReports).Unix())
	return s.put(ctx, reportKey(r.Application, r.At.UTC().Format("2006-01-02T15:04:05.000000000Z")), attrs, nil)
}

// LatestReport implements reconcile.Reports.
func (s *Store) LatestReport(ctx context.Context, application string) (gitops.DriftReport, error) {
	return read[gitops.DriftReport](ctx, s, reportKey(application, "latest"))
}

// put stores an item as it is, in place of what stands there.
func (s *Store) put(ctx context.Context, k key, attrs item, condition *expression.ConditionBuilder) error {
	in := &sdk.PutItemInput{TableName: &s.table, Item: k.attributes()}
	for name, value := range attrs {
		in.Item[name] = value
	}
	if condition != nil {
		e, err := expression.NewBuilder().WithCondition(*condition).Build()
		if err != nil {
			return fmt.Errorf("build condition: %w", err)
		}
		in.ConditionExpression = e.Condition()
		in.ExpressionAttributeNames, in.ExpressionAttributeValues = e.Names(), e.Values()
	}
	if _, err := s.client.PutItem(ctx, in); err != nil {
		return fmt.Errorf("put item %s %s: %w", k.pk, k.sk, translate(err))
	}
	return nil
}

func deliveryKey(host, id string) key { return key{"DELIVERY#" + host + "#" + id, "DELIVERY"} }

// SeenDelivery reports whether a webhook's delivery was marked within the last three days.
func (s *Store) SeenDelivery(ctx context.Context, host, id string) (bool, error) {
	mark, err := read[struct {
		Expires int64 `json:"expires"`
	}](ctx, s, deliveryKey(host, id))
	if errors.Is(err, reconcile.ErrNotFound) {
		return false, nil
	}
	// DynamoDB deletes what expired within days, not at once (Developer Guide, "TTL").
	return err == nil && mark.Expires > s.now().Unix(), err
}

// MarkDelivery remembers a webhook's delivery for three days. A repeat is harmless.
func (s *Store) MarkDelivery(ctx context.Context, host, id string) error {
	return s.put(ctx, deliveryKey(host, id), item{
		attributeSchema:  number(schema),
		attributeExpires: number(s.now().Add(keepDeliveries).Unix()),
	}, nil)
}
