package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// Bus publishes events on Driftless' own event bus.
type Bus interface {
	// Publish puts one event on the bus; an error means that it was not taken.
	Publish(ctx context.Context, source, detailType string, detail any) error
}

// Source is the source of every event that Driftless publishes.
const Source = "driftless"

// maxResources is how many drifted resources an event names: its detail has to stay well
// under the 256 KB that PutEvents takes (EventBridge quotas).
const maxResources = 50

// Notify handles the table's stream: each change of a deployment's phase becomes an event
// "Deployment <Phase>", each drift report an event "Drift Report". An event may come twice;
// its detail carries the record's version, which tells. What fails is reported record by
// record, so that one that cannot be sent does not stop those before it.
func Notify(bus Bus, log *slog.Logger) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		for _, record := range e.Records {
			if err := notify(ctx, bus, record); err != nil {
				log.Error("notify", "record", record.EventID, "error", err.Error())
				return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{
					{ItemIdentifier: record.Change.SequenceNumber}}}, nil
			}
		}
		return events.DynamoDBEventResponse{}, nil
	}
}

func notify(ctx context.Context, bus Bus, record events.DynamoDBEventRecord) error {
	key := record.Change.Keys["SK"].String()
	switch {
	case record.Change.NewImage == nil: // expired, or removed by hand: nothing happened to AWS
		return nil
	case strings.HasPrefix(key, "DEPLOYMENT#"):
		return notifyDeployment(ctx, bus, record)
	case key == "DRIFT#latest":
		return notifyDrift(ctx, bus, record)
	}
	return nil
}

// notifyDeployment publishes a deployment that came to another phase.
func notifyDeployment(ctx context.Context, bus Bus, record events.DynamoDBEventRecord) error {
	var before, now gitops.Deployment
	if err := image(record.Change.NewImage, &now); err != nil {
		return err
	}
	if err := image(record.Change.OldImage, &before); err != nil {
		return err
	}
	if before.Phase == now.Phase {
		return nil
	}
	return bus.Publish(ctx, Source, "Deployment "+string(now.Phase), struct {
		Application string            `json:"application"`
		From        gitops.Phase      `json:"from,omitempty"`
		Deployment  gitops.Deployment `json:"deployment"`
	}{now.Application, before.Phase, now})
}

// notifyDrift publishes the latest drift report of an application.
func notifyDrift(ctx context.Context, bus Bus, record events.DynamoDBEventRecord) error {
	var now struct {
		gitops.DriftReport
		Summary gitops.DriftSummary `json:"summary"` // kept beside the resources, which a large report has elsewhere
	}
	if err := image(record.Change.NewImage, &now); err != nil {
		return err
	}
	drifted := []gitops.ResourceDrift{}
	for _, r := range now.Resources {
		if (r.Status == gitops.ResourceModified || r.Status == gitops.ResourceDeleted) && len(drifted) < maxResources {
			drifted = append(drifted, r)
		}
	}
	return bus.Publish(ctx, Source, "Drift Report", struct {
		Application string                 `json:"application"`
		Deployment  string                 `json:"deployment,omitempty"`
		StackID     string                 `json:"stackId,omitempty"`
		Summary     gitops.DriftSummary    `json:"summary"`
		Drifted     []gitops.ResourceDrift `json:"drifted"`
	}{now.Application, now.Deployment, now.StackID, now.Summary, drifted})
}

// image decodes a record of the stream by the names that the table's records have in JSON.
func image(attributes map[string]events.DynamoDBAttributeValue, into any) error {
	plain := map[string]any{}
	for name, v := range attributes {
		plain[name] = value(v)
	}
	data, err := json.Marshal(plain)
	if err != nil {
		return fmt.Errorf("encode image: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decode image: %w", err)
	}
	return nil
}

// value turns an attribute into what encoding/json would have read.
func value(v events.DynamoDBAttributeValue) any {
	switch v.DataType() {
	case events.DataTypeString:
		return v.String()
	case events.DataTypeNumber:
		return json.Number(v.Number())
	case events.DataTypeBoolean:
		return v.Boolean()
	case events.DataTypeBinary:
		return v.Binary()
	case events.DataTypeStringSet:
		return v.StringSet()
	case events.DataTypeList:
		out := []any{}
		for _, e := range v.List() {
			out = append(out, value(e))
		}
		return out
	case events.DataTypeMap:
		out := map[string]any{}
		for k, e := range v.Map() {
			out[k] = value(e)
		}
		return out
	case events.DataTypeNull, events.DataTypeBinarySet, events.DataTypeNumberSet: // no record holds such sets
		return nil
	}
	return nil
}
