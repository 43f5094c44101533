package dynamodb_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestItems(t *testing.T) {
	cfg := moto(t)
	client := sdk.NewFromConfig(cfg)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	world := func(t *testing.T) (*dynamodb.Store, string, *fake.Blobs) {
		table, blobs := newTable(t, cfg), fake.NewBlobs()
		return dynamodb.New(cfg, table, blobs, func() time.Time { return now }), table, blobs
	}

	t.Run("what a newer version wrote survives an older one's write", func(t *testing.T) {
		store, table, _ := world(t)
		a := gitops.Application{ID: "jobs", Repository: "r1"}
		must(t, store.Register(t.Context(), &a, nil))
		_, err := client.UpdateItem(t.Context(), &sdk.UpdateItemInput{
			TableName: &table, Key: itemKey("APP#jobs", "APP"), UpdateExpression: aws.String("SET tomorrow = :t"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":t": &types.AttributeValueMemberS{Value: "kept"}},
		})
		must(t, err)
		a, err = store.Application(t.Context(), "jobs")
		must(t, err)
		a.Fence++
		must(t, store.PutApplication(t.Context(), &a))
		got := stored(t, client, table, "APP#jobs", "APP")
		wantEqual(t, got["tomorrow"], types.AttributeValue(&types.AttributeValueMemberS{Value: "kept"}))
		wantEqual(t, got["schema"], types.AttributeValue(&types.AttributeValueMemberN{Value: "1"}))
	})

	t.Run("what does not fit into an item lies in the bucket, once", func(t *testing.T) {
		store, table, blobs := world(t)
		r := gitops.DriftReport{Application: "jobs", At: now, News: true}
		for i := range 12000 {
			r.Resources = append(r.Resources, gitops.ResourceDrift{LogicalID: fmt.Sprint(i)})
		}
		must(t, store.PutReport(t.Context(), r))
		must(t, store.PutReport(t.Context(), r))
		if keys := blobs.Keys(); len(keys) != 1 {
			t.Errorf("the bucket holds %q, want one key", keys)
		}
		got := stored(t, client, table, "APP#jobs", "DRIFT#latest")
		if _, ok := got["resources"]; ok {
			t.Error("the item holds what was put into the bucket")
		}
		if _, ok := got["expires"]; ok {
			t.Error("the latest report expires")
		}
		history := stored(t, client, table, "APP#jobs", "DRIFT#2026-11-21T12:00:00.000000000Z")
		wantEqual(t, history["expires"], types.AttributeValue(&types.AttributeValueMemberN{Value: fmt.Sprint(now.Add(30 * 24 * time.Hour).Unix())}))
	})

	t.Run("a report that is no news is the latest and nothing else", func(t *testing.T) {
		store, table, _ := world(t)
		must(t, store.PutReport(t.Context(), gitops.DriftReport{Application: "jobs", At: now}))
		out, err := client.Scan(t.Context(), &sdk.ScanInput{TableName: &table})
		must(t, err)
		wantEqual(t, len(out.Items), 1)
		wantEqual(t, out.Items[0]["SK"], types.AttributeValue(&types.AttributeValueMemberS{Value: "DRIFT#latest"}))
	})

	t.Run("what fits again is no longer read from the bucket", func(t *testing.T) {
		store, table, _ := world(t)
		r := gitops.Repository{ID: "r1", URL: "https://example.com/r1", Note: string(make([]byte, 400<<10))}
		must(t, store.PutRepository(t.Context(), &r))
		r.Note = "short"
		must(t, store.PutRepository(t.Context(), &r))
		got, err := store.Repository(t.Context(), "r1")
		must(t, err)
		wantEqual(t, got, r)
		if _, ok := stored(t, client, table, "REPO#r1", "REPO")["spilled"]; ok {
			t.Error("the item still points into the bucket")
		}
	})

	t.Run("a store without a bucket reads what fits, and writes no record", func(t *testing.T) {
		store, table, _ := world(t)
		r := gitops.Repository{ID: "r1", URL: "https://example.com/r1", Branch: "main", Note: string(make([]byte, 400<<10))}
		must(t, store.PutRepository(t.Context(), &r))
		reader := dynamodb.New(cfg, table, nil, func() time.Time { return now })
		got, err := reader.ListRepositories(t.Context())
		must(t, err)
		want := r
		want.Note = ""
		wantEqual(t, got, []gitops.Repository{want})
		if err := reader.PutRepository(t.Context(), &got[0]); err == nil {
			t.Error("the store lost what it could not read")
		}
		must(t, reader.MarkDelivery(t.Context(), "github.com", "1"))
	})

	t.Run("a delivery is forgotten after three days, whether DynamoDB deleted it or not", func(t *testing.T) {
		store, _, _ := world(t)
		defer func(before time.Time) { now = before }(now)
		must(t, store.MarkDelivery(t.Context(), "github.com", "1"))
		for _, c := range []struct {
			later time.Duration
			want  bool
		}{{3*24*time.Hour - time.Second, true}, {time.Second, false}} {
			now = now.Add(c.later)
			seen, err := store.SeenDelivery(t.Context(), "github.com", "1")
			must(t, err)
			if seen != c.want {
				t.Errorf("at %s it is seen: %v, want %v", now, seen, c.want)
			}
		}
	})

	t.Run("the index of what drifted holds what drifted", func(t *testing.T) {
		store, table, _ := world(t)
		drifted := gitops.Application{ID: "drifted", Repository: "r1", Drift: gitops.DriftSummary{At: now, Drifted: 1}}
		same := gitops.Application{ID: "same", Repository: "r1", Drift: gitops.DriftSummary{At: now, InSync: 1}}
		must(t, store.Register(t.Context(), &drifted, nil))
		must(t, store.Register(t.Context(), &same, nil))
		out, err := client.Query(t.Context(), &sdk.QueryInput{TableName: &table, IndexName: aws.String("drifted"),
			KeyConditionExpression:    aws.String("drifted = :a"),
			ExpressionAttributeValues: map[string]types.AttributeValue{":a": &types.AttributeValueMemberS{Value: "app"}}})
		must(t, err)
		if len(out.Items) != 1 || out.Items[0]["id"].(*types.AttributeValueMemberS).Value != "drifted" {
			t.Errorf("the index holds %v", out.Items)
		}
	})

	t.Run("a list that takes several pages is whole", func(t *testing.T) {
		store, _, _ := world(t)
		const many = 60
		for i := range many { // of 40 KB each: a page is 1 MB
			a := gitops.Application{ID: fmt.Sprintf("app-%02d", i), Repository: "r1", Ended: gitops.Ended{Reason: string(make([]byte, 40<<10))}}
			must(t, store.Register(t.Context(), &a, nil))
		}
		for _, repository := range []string{"", "r1"} {
			all, err := store.ListApplications(t.Context(), repository)
			must(t, err)
			if len(all) != many {
				t.Errorf("%d applications of %q are listed, want %d", len(all), repository, many)
			}
		}
	})
}

func TestErrorsAreTranslated(t *testing.T) {
	reasons := func(codes string) string {
		return `{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"no","CancellationReasons":[` + codes + `]}`
	}
	simple := func(code string) string {
		return fmt.Sprintf(`{"__type":"com.amazonaws.dynamodb.v20120810#%s","message":"no"}`, code)
	}
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"a condition that did not hold":              {simple("ConditionalCheckFailedException"), reconcile.ErrConflict},
		"a transaction whose condition did not hold": {reasons(`{"Code":"None"},{"Code":"ConditionalCheckFailed"}`), reconcile.ErrConflict},
		"a transaction that met another":             {reasons(`{"Code":"TransactionConflict"},{"Code":"None"}`), nil},
		"a transaction that was throttled":           {reasons(`{"Code":"ThrottlingError"},{"Code":"None"}`), nil},
		"a right that is missing":                    {simple("AccessDeniedException"), reconcile.ErrDenied},
		"a table that is not there":                  {simple("ResourceNotFoundException"), reconcile.ErrDenied},
		"a table that is asked for too much":         {simple("ProvisionedThroughputExceededException"), nil},
		"credentials that nobody knows":              {simple("UnrecognizedClientException"), reconcile.ErrDenied},
		"a signature that is wrong":                  {simple("InvalidSignatureException"), reconcile.ErrDenied},
		"a token that is missing":                    {simple("MissingAuthenticationToken"), reconcile.ErrDenied},
		"credentials that expired":                   {simple("ExpiredTokenException"), reconcile.ErrDenied},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/x-amz-json-1.0")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(c.body))
			}))
			defer server.Close()
			store := dynamodb.New(awstest.At(server.URL), "t", fake.NewBlobs(), time.Now)
			a, d := gitops.Application{ID: "jobs", InFlight: "01B", Version: 4}, gitops.Deployment{ID: "01B", Application: "jobs"}
			err := store.Open(t.Context(), &a, &d)
			if err == nil {
				t.Fatal("no error")
			}
			for _, sentinel := range []error{reconcile.ErrConflict, reconcile.ErrDenied, reconcile.ErrNotFound} {
				if errors.Is(err, sentinel) != (sentinel == c.want) {
					t.Errorf("%v: is %v: %v", err, sentinel, sentinel != c.want)
				}
			}
			wantEqual(t, []int64{a.Version, d.Version}, []int64{4, 0})
		})
	}
}

func itemKey(pk, sk string) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: pk}, "SK": &types.AttributeValueMemberS{Value: sk}}
}

func stored(t *testing.T, client *sdk.Client, table, pk, sk string) map[string]types.AttributeValue {
	t.Helper()
	out, err := client.GetItem(t.Context(), &sdk.GetItemInput{TableName: &table, Key: itemKey(pk, sk)})
	must(t, err)
	if out.Item == nil {
		t.Fatalf("there is no item %s %s", pk, sk)
	}
	return out.Item
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantEqual(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(types.AttributeValueMemberS{}, types.AttributeValueMemberN{})); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
