// Package eventbridge puts events on Driftless's own bus, from where users fan them out.
//
// It only publishes: rules and targets are infra's. Events are delivered at least once and
// in no order, so a detail carries what its reader needs to tell old from new.
package eventbridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// Bus is an event bus.
type Bus struct {
	client *sdk.Client
	name   string
}

// New returns the bus of a name or ARN.
func New(cfg aws.Config, name string) *Bus {
	return &Bus{client: sdk.NewFromConfig(cfg), name: name}
}

// Publish puts one event on the bus, with detail as JSON. An error means that it was not
// taken, or that nobody knows; twice is harmless.
func (b *Bus) Publish(ctx context.Context, source, detailType string, detail any) error {
	data, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("encode event %q: %w", detailType, err)
	}
	out, err := b.client.PutEvents(ctx, &sdk.PutEventsInput{Entries: []types.PutEventsRequestEntry{{
		EventBusName: &b.name,
		Source:       &source,
		DetailType:   &detailType,
		Detail:       aws.String(string(data)),
	}}})
	if err != nil {
		return fmt.Errorf("put event %q: %w", detailType, translate(err))
	}
	// PutEvents succeeds although it refuses an entry, and says so in the entry alone.
	if out.FailedEntryCount > 0 {
		for _, e := range out.Entries {
			if e.ErrorCode != nil {
				return fmt.Errorf("put event %q: %w", detailType,
					translate(&smithy.GenericAPIError{Code: *e.ErrorCode, Message: aws.ToString(e.ErrorMessage)}))
			}
		}
		return fmt.Errorf("put event %q: not taken, for no reason given", detailType)
	}
	return nil
}

// translate turns what EventBridge says into reconcile's errors; the rest is transient.
func translate(err error) error {
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) {
		switch apiErr.ErrorCode() {
		case "AccessDeniedException", "NotAuthorizedForSourceException", "NotAuthorizedForDetailTypeException",
			"ResourceNotFoundException", "UnrecognizedClientException":
			return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
		}
	}
	return err
}
