package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
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

// Teller shows on forges what the records say that the subjects name; an error for each that
// has to be told again.
type Teller interface {
	Tell(ctx context.Context, subjects []notify.Subject) []error
}

// Notify handles the table's stream: each change of a deployment's phase becomes an event
// "Deployment <Phase>", each drift report an event "Drift Report", and whatever is shown on a
// commit is brought to what the record says by now. An event may come twice; its detail
// carries the record's version, which tells. The first record that fails is reported, from
// which on Lambda hands them over again: those before it are done (Lambda developer guide,
// "Configuring partial batch response with DynamoDB").
func Notify(bus Bus, tell Teller, log *slog.Logger) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	return func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		failed, err := publishAll(ctx, bus, e.Records)
		subjects, of := subjects(e.Records[:failed])
		for i, tellErr := range tell.Tell(ctx, subjects) {
			if tellErr != nil {
				failed, err = of[i], tellErr
				break // the subjects stand in the order of their records
			}
		}
		if err == nil {
			return events.DynamoDBEventResponse{}, nil
		}
		record := e.Records[failed]
		log.Error("notify", "record", record.EventID, "error", err.Error())
		return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{
			{ItemIdentifier: record.Change.SequenceNumber}}}, nil
	}
}

// publishAll puts the records on the bus, and returns how many it was until one failed.
func publishAll(ctx context.Context, bus Bus, records []events.DynamoDBEventRecord) (int, error) {
	for i, record := range records {
		if err := publish(ctx, bus, record); err != nil {
			return i, err
		}
	}
	return len(records), nil
}

func publish(ctx context.Context, bus Bus, record events.DynamoDBEventRecord) error {
	_, sort := keys(record)
	switch {
	case record.Change.NewImage == nil: // expired, or removed by hand: nothing happened to AWS
		return nil
	case strings.HasPrefix(sort, "DEPLOYMENT#"):
		return notifyDeployment(ctx, bus, record)
	case sort == "DRIFT#latest":
		return notifyDrift(ctx, bus, record)
	}
	return nil
}

// subjects returns what the records say to look at, and which record each is of. Where what
// is shown of a record is the same before and after, there is nothing to look at.
func subjects(records []events.DynamoDBEventRecord) (all []notify.Subject, of []int) {
	for i, record := range records {
		if s, ok := subject(record); ok {
			all, of = append(all, s), append(of, i)
		}
	}
	return all, of
}

// subject names things by their keys: what an image says is a hint, whether to look at all.
func subject(record events.DynamoDBEventRecord) (notify.Subject, bool) {
	partition, sort := keys(record)
	_, touched := record.Change.NewImage["touched"]
	switch {
	case record.Change.NewImage == nil:
		return notify.Subject{}, false
	case strings.HasPrefix(sort, "DEPLOYMENT#"):
		before, now, err := images[gitops.Deployment](record)
		return notify.Subject{About: notify.About{Repo: now.Repository,
				App: strings.TrimPrefix(partition, "APP#"), Deployment: strings.TrimPrefix(sort, "DEPLOYMENT#")}},
			now.Repository != "" && (err != nil || notify.Deployment(before) != notify.Deployment(now))
	case sort == "REPO":
		before, now, err := images[gitops.Repository](record)
		was, known := notify.Repository(before)
		is, ok := notify.Repository(now)
		again := before.Credentials != now.Credentials || before.Forge != now.Forge
		return notify.Subject{About: notify.About{Repo: strings.TrimPrefix(partition, "REPO#")}}, err != nil || ok && (!known || was != is || again)
	case sort == "NOTICE" && touched:
		return notify.Subject{Place: strings.TrimPrefix(partition, "NOTICE#")}, true
	}
	return notify.Subject{}, false
}

// notifyDeployment publishes a deployment that came to another phase.
func notifyDeployment(ctx context.Context, bus Bus, record events.DynamoDBEventRecord) error {
	before, now, err := images[gitops.Deployment](record)
	if err != nil {
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

// keys returns the partition and the sort key of a record.
func keys(record events.DynamoDBEventRecord) (partition, sort string) {
	k := record.Change.Keys
	return k["PK"].String(), k["SK"].String()
}

// images decodes a record of the stream as it was before and as it is now.
func images[T any](record events.DynamoDBEventRecord) (before, now T, err error) {
	if err = image(record.Change.NewImage, &now); err == nil {
		err = image(record.Change.OldImage, &before)
	}
	return before, now, err
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
