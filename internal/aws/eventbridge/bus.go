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

	"github.com/driftless-gitops/driftless/internal/notify"
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

// The most that one request takes (EventBridge API reference, "PutEvents"): ten entries of
// 256 KB together. A little is left for names.
const (
	entries = 10
	size    = 240 << 10
)

// Publish puts events on the bus, in their order and as few requests as they fit into. It
// returns how many were taken before the first that was not, or of which nobody knows, and
// what is wrong with that one; twice is harmless.
func (b *Bus) Publish(ctx context.Context, source string, events []notify.Event) (taken int, err error) {
	for taken < len(events) {
		batch, err := b.batch(source, events[taken:])
		if len(batch) > 0 {
			n, err := b.put(ctx, batch)
			if taken += n; err != nil {
				return taken, fmt.Errorf("put event %q: %w", events[taken].Type, err)
			}
		}
		if err != nil {
			return taken, fmt.Errorf("encode event %q: %w", events[taken].Type, err)
		}
	}
	return taken, nil
}

// batch encodes events for one request; the error is of the first that is not in it.
func (b *Bus) batch(source string, events []notify.Event) (batch []types.PutEventsRequestEntry, err error) {
	room := size
	for _, e := range events {
		data, err := json.Marshal(e.Detail)
		if err != nil {
			return batch, err
		}
		if room -= len(data); len(batch) > 0 && (room < 0 || len(batch) == entries) {
			break
		}
		batch = append(batch, types.PutEventsRequestEntry{EventBusName: &b.name, Source: &source,
			DetailType: aws.String(e.Type), Detail: aws.String(string(data))})
	}
	return batch, nil
}

// put sends one request, and returns how many entries were taken before the first that was
// not. PutEvents succeeds although it refuses an entry, and says so in the entry alone.
func (b *Bus) put(ctx context.Context, batch []types.PutEventsRequestEntry) (taken int, err error) {
	out, err := b.client.PutEvents(ctx, &sdk.PutEventsInput{Entries: batch})
	if err != nil {
		return 0, translate(err)
	}
	for i, e := range out.Entries {
		if e.ErrorCode != nil {
			return i, translate(&smithy.GenericAPIError{Code: *e.ErrorCode, Message: aws.ToString(e.ErrorMessage)})
		}
	}
	if out.FailedEntryCount > 0 {
		return 0, errors.New("not taken, for no reason given")
	}
	return len(batch), nil
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
