package invoke

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	bustypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	blobs "github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/aws/vault"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/secret"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

const (
	region  = "eu-west-1"
	account = "123456789012" // moto's
	table   = "driftless"
	bucket  = "driftless-data"
	bus     = "driftless"
)

// World is an AWS in memory that holds what Driftless' stack makes, for functions to be run
// in. It is not safe for concurrent use.
type World struct {
	dir     string
	moto    *moto.Server
	cfg     aws.Config
	store   *dynamodb.Store
	work    string // URL of the queue
	overbus string // URL of the queue that takes what is put on the bus
}

// Open starts it, with logs and temporary files in a directory. Close it.
func Open(ctx context.Context, dir string) (*World, error) {
	server, err := moto.Start(ctx, moto.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	w := &World{dir: dir, moto: server, cfg: moto.Config(server.URL(), account, region)}
	if err := w.make(ctx); err != nil {
		server.Close()
		return nil, err
	}
	return w, nil
}

// Close ends it.
func (w *World) Close() { w.moto.Close() }

// Reset forgets everything that happened.
func (w *World) Reset(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.moto.URL()+"/moto-api/reset", nil)
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("reset: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("reset: %s, %w", resp.Status, err)
	}
	return w.make(ctx)
}

// make makes what the stack makes, as far as functions use it.
func (w *World) make(ctx context.Context) (err error) {
	if err := w.makeTable(ctx); err != nil {
		return err
	}
	w.store = dynamodb.New(w.cfg, table, blobs.New(w.cfg, bucket), time.Now)
	if w.work, err = w.makeQueue(ctx, "work.fifo", map[string]string{"FifoQueue": "true"}); err != nil {
		return err
	}
	if w.overbus, err = w.makeQueue(ctx, "overheard", nil); err != nil {
		return err
	}
	if _, err := s3.NewFromConfig(w.cfg).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}); err != nil {
		return fmt.Errorf("make bucket: %w", err)
	}
	return w.makeBus(ctx)
}

// makeTable makes the table as the adapter defines it.
func (w *World) makeTable(ctx context.Context) error {
	d, types := dynamodb.Table, map[string]string{}
	keys := func(partition, sort dynamodb.Key) []dynamotypes.KeySchemaElement {
		types[partition.Name], types[sort.Name] = partition.Type, sort.Type
		return []dynamotypes.KeySchemaElement{
			{AttributeName: &partition.Name, KeyType: dynamotypes.KeyTypeHash}, {AttributeName: &sort.Name, KeyType: dynamotypes.KeyTypeRange}}
	}
	in := &sdk.CreateTableInput{TableName: aws.String(table), BillingMode: dynamotypes.BillingModePayPerRequest, KeySchema: keys(d.Partition, d.Sort)}
	for _, i := range d.Indexes {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, dynamotypes.GlobalSecondaryIndex{
			IndexName: aws.String(i.Name), KeySchema: keys(i.Partition, i.Sort), Projection: &dynamotypes.Projection{ProjectionType: dynamotypes.ProjectionTypeKeysOnly}})
	}
	for name, kind := range types {
		in.AttributeDefinitions = append(in.AttributeDefinitions, dynamotypes.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: dynamotypes.ScalarAttributeType(kind)})
	}
	if _, err := sdk.NewFromConfig(w.cfg).CreateTable(ctx, in); err != nil {
		return fmt.Errorf("make table: %w", err)
	}
	return nil
}

func (w *World) makeQueue(ctx context.Context, name string, attributes map[string]string) (string, error) {
	out, err := sqs.NewFromConfig(w.cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", fmt.Errorf("make queue %s: %w", name, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// makeBus makes the bus, and has a queue take everything that is put on it.
func (w *World) makeBus(ctx context.Context) error {
	client := eventbridge.NewFromConfig(w.cfg)
	if _, err := client.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String(bus)}); err != nil {
		return fmt.Errorf("make bus: %w", err)
	}
	if _, err := client.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("overhear"), EventBusName: aws.String(bus),
		EventPattern: aws.String(`{"source":["driftless"]}`)}); err != nil {
		return fmt.Errorf("make rule: %w", err)
	}
	if _, err := client.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("overhear"), EventBusName: aws.String(bus),
		Targets: []bustypes.Target{{Id: aws.String("queue"), Arn: aws.String("arn:aws:sqs:" + region + ":" + account + ":overheard")}}}); err != nil {
		return fmt.Errorf("make target of rule: %w", err)
	}
	return nil
}

// Prepare makes what an event is about: the repository that is watched and its secret, the
// stack's application, what the sweep is to find.
func (w *World) Prepare(ctx context.Context, e Expected) error {
	switch {
	case e.Repository != nil:
		if err := w.watch(ctx, *e.Repository); err != nil {
			return err
		}
		id := gitops.RepositoryID(e.Repository.URL, e.Repository.Ref())
		return vault.New(w.cfg, time.Now).Put(ctx, vault.Webhook(id), secret.New(e.Secret))
	case e.Kind == trigger.KindRepository:
		r := gitops.Repository{URL: e.RepositoryURL}
		r.Tag = strings.TrimPrefix(e.Ref, "refs/tags/")
		if branch, ok := strings.CutPrefix(e.Ref, "refs/heads/"); ok {
			r.Branch, r.Tag = branch, ""
		}
		return w.watch(ctx, r)
	case e.Kind == trigger.KindBuild:
		return w.store.Register(ctx, &gitops.Application{ID: e.Application}, []reconcile.Claim{reconcile.ClaimApplication(e.Application)})
	case e.Kind == trigger.KindStack:
		return w.store.Register(ctx, &gitops.Application{ID: e.Stack},
			[]reconcile.Claim{reconcile.ClaimApplication(e.Stack), reconcile.ClaimStack(e.Account, e.Region, e.Stack)})
	case e.Wakes != "":
		return w.watch(ctx, Swept)
	}
	return nil
}

// Swept is the repository that waits when a sweep is prepared.
var Swept = gitops.Repository{URL: "https://github.com/acme/infra", Branch: "main", Observing: gitops.Observing{N: 1}}

func (w *World) watch(ctx context.Context, r gitops.Repository) error {
	r.ID = gitops.RepositoryID(r.URL, r.Ref())
	if err := w.store.PutRepository(ctx, &r); err != nil {
		return fmt.Errorf("watch repository: %w", err)
	}
	return nil
}

// messages takes what lies in the work queue.
func (w *World) messages(ctx context.Context) (sent []reconcile.Message, err error) {
	err = w.take(ctx, w.work, func(body string) error {
		var m reconcile.Message
		err := json.Unmarshal([]byte(body), &m)
		sent = append(sent, m)
		return err
	})
	return sent, err
}

// heard takes what was put on the bus.
func (w *World) heard(ctx context.Context) (events []Event, err error) {
	err = w.take(ctx, w.overbus, func(body string) error {
		var e Event
		err := json.Unmarshal([]byte(body), &e)
		events = append(events, e)
		return err
	})
	return events, err
}

// take reads a queue until it is empty. Messages whose answer was lost on the way are in nobody's
// hands for a second, and come again.
func (w *World) take(ctx context.Context, queue string, read func(body string) error) error {
	client := sqs.NewFromConfig(w.cfg)
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, VisibilityTimeout: 1})
		if err != nil {
			return fmt.Errorf("read queue: %w", err)
		}
		if len(out.Messages) == 0 {
			hidden, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &queue,
				AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
			if err != nil {
				return fmt.Errorf("read queue: %w", err)
			}
			if hidden.Attributes[string(sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible)] == "0" {
				return nil
			}
			continue
		}
		for _, m := range out.Messages {
			if err := read(aws.ToString(m.Body)); err != nil {
				return fmt.Errorf("read message: %w", err)
			}
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return fmt.Errorf("delete message: %w", err)
			}
		}
	}
}

// request is the id of an invocation.
func request() string { return rand.Text() }
