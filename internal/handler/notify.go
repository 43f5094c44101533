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
	// Publish puts events on the bus in their order. It returns how many were taken before the
	// first that was not, and why that one was not.
	Publish(ctx context.Context, source string, events []notify.Event) (taken int, err error)
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
		records := make([]change, len(e.Records))
		for i, r := range e.Records {
			records[i] = read(r)
		}
		failed, err := publish(ctx, bus, records)
		subjects, of := subjects(records[:failed])
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

// change is a record of the stream; of a deployment, with what it was and is.
type change struct {
	events.DynamoDBEventRecord
	partition, sort string
	before, now     gitops.Deployment
	err             error // the deployment cannot be read
}

// read reads a record once, for the bus and for the forges.
func read(r events.DynamoDBEventRecord) change {
	c := change{DynamoDBEventRecord: r}
	c.partition, c.sort = keys(r)
	if c.isDeployment() {
		c.before, c.now, c.err = images[gitops.Deployment](r)
	}
	return c
}

// isDeployment reports whether a deployment was written. One without a new image expired, or
// was removed by hand: nothing happened to AWS.
func (c change) isDeployment() bool {
	return strings.HasPrefix(c.sort, "DEPLOYMENT#") && c.Change.NewImage != nil
}

// publish puts what the records tell on the bus, and returns how many records that were until
// one failed.
func publish(ctx context.Context, bus Bus, records []change) (int, error) {
	var all []notify.Event
	var of []int // which record each event is of
	read, readErr := len(records), error(nil)
	for i, record := range records {
		e, err := record.event()
		if err != nil {
			read, readErr = i, err
			break
		}
		if e.Type != "" {
			all, of = append(all, e), append(of, i)
		}
	}
	if taken, err := bus.Publish(ctx, Source, all); err != nil {
		return of[taken], err
	}
	return read, readErr
}

// event returns what the bus is told of a record; no type: nothing.
func (c change) event() (notify.Event, error) {
	switch {
	case c.isDeployment():
		return c.deployment()
	case c.sort == "DRIFT#latest" && c.Change.NewImage != nil:
		return c.drift()
	}
	return notify.Event{}, nil
}

// subjects returns what the records say to look at, and which record each is of. Where what
// is shown of a record is the same before and after, there is nothing to look at.
func subjects(records []change) (all []notify.Subject, of []int) {
	for i, record := range records {
		if s, ok := record.subject(); ok {
			all, of = append(all, s), append(of, i)
		}
	}
	return all, of
}

// subject names things by their keys: what an image says is a hint, whether to look at all.
func (c change) subject() (notify.Subject, bool) {
	_, touched := c.Change.NewImage["touched"]
	switch {
	case c.Change.NewImage == nil:
		return notify.Subject{}, false
	case c.isDeployment():
		return notify.Subject{About: notify.About{Repo: c.now.Repository,
				App: strings.TrimPrefix(c.partition, "APP#"), Deployment: strings.TrimPrefix(c.sort, "DEPLOYMENT#")}},
			c.now.Repository != "" && (c.err != nil || notify.Deployment(c.before) != notify.Deployment(c.now))
	case c.sort == "REPO":
		before, now, err := images[gitops.Repository](c.DynamoDBEventRecord)
		was, known := notify.Repository(before)
		is, ok := notify.Repository(now)
		again := before.Credentials != now.Credentials || before.Forge != now.Forge
		return notify.Subject{About: notify.About{Repo: strings.TrimPrefix(c.partition, "REPO#")}}, err != nil || ok && (!known || was != is || again)
	case c.sort == "NOTICE" && touched:
		return notify.Subject{Place: strings.TrimPrefix(c.partition, "NOTICE#")}, true
	}
	return notify.Subject{}, false
}

// deployment tells of a deployment that came to another phase.
func (c change) deployment() (notify.Event, error) {
	if c.err != nil || c.before.Phase == c.now.Phase {
		return notify.Event{}, c.err
	}
	return notify.Event{Type: "Deployment " + string(c.now.Phase), Detail: struct {
		Application string            `json:"application"`
		From        gitops.Phase      `json:"from,omitempty"`
		Deployment  gitops.Deployment `json:"deployment"`
	}{c.now.Application, c.before.Phase, c.now}}, nil
}

// drift tells of the latest drift report of an application.
func (c change) drift() (notify.Event, error) {
	var now struct {
		gitops.DriftReport
		Summary gitops.DriftSummary `json:"summary"` // kept beside the resources, which a large report has elsewhere
	}
	if err := image(c.Change.NewImage, &now); err != nil {
		return notify.Event{}, err
	}
	drifted := []gitops.ResourceDrift{}
	for _, r := range now.Resources {
		if (r.Status == gitops.ResourceModified || r.Status == gitops.ResourceDeleted) && len(drifted) < maxResources {
			drifted = append(drifted, r)
		}
	}
	return notify.Event{Type: "Drift Report", Detail: struct {
		Application string                 `json:"application"`
		Deployment  string                 `json:"deployment,omitempty"`
		StackID     string                 `json:"stackId,omitempty"`
		Summary     gitops.DriftSummary    `json:"summary"`
		Drifted     []gitops.ResourceDrift `json:"drifted"`
	}{now.Application, now.Deployment, now.StackID, now.Summary, drifted}}, nil
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
