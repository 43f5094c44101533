package dynamodb_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

var tables atomic.Int64

// newTable makes a table of the shape of dynamodb.Table.
func newTable(t *testing.T, cfg aws.Config) string {
	t.Helper()
	name := fmt.Sprintf("driftless-%d", tables.Add(1))
	d := dynamodb.Table
	attributes := map[string]string{d.Partition.Name: d.Partition.Type, d.Sort.Name: d.Sort.Type}
	in := &sdk.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: keySchema(d.Partition, d.Sort)}
	for _, i := range d.Indexes {
		attributes[i.Partition.Name], attributes[i.Sort.Name] = i.Partition.Type, i.Sort.Type
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(i.Name), KeySchema: keySchema(i.Partition, i.Sort), Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}})
	}
	for name, kind := range attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeType(kind)})
	}
	if _, err := sdk.NewFromConfig(cfg).CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return name
}

func keySchema(partition, sort dynamodb.Key) []types.KeySchemaElement {
	return []types.KeySchemaElement{
		{AttributeName: aws.String(partition.Name), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sort.Name), KeyType: types.KeyTypeRange},
	}
}

// oneByOne sends one request at a time. moto carries a transaction out on the live tables
// and puts a copy of them back when it is refused, so that what others wrote meanwhile is
// undone; DynamoDB's transactions are isolated.
type oneByOne struct {
	mu     sync.Mutex
	client aws.HTTPClient
}

func (o *oneByOne) Do(r *http.Request) (*http.Response, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	resp, err := o.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, err
}

// moto returns the configuration of an AWS whose transactions are isolated.
func moto(t *testing.T) aws.Config {
	t.Helper()
	cfg := awstest.Moto(t)
	cfg.HTTPClient = &oneByOne{client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
	return cfg
}

func TestStoreKeepsItsContract(t *testing.T) {
	cfg := moto(t)
	porttest.TestStore(t, func(t *testing.T) reconcile.Store {
		return dynamodb.New(cfg, newTable(t, cfg), fake.NewBlobs(), time.Now)
	})
	porttest.TestDeliveries(t, func(t *testing.T) porttest.Deliveries {
		return dynamodb.New(cfg, newTable(t, cfg), fake.NewBlobs(), time.Now)
	})
}
