package dynamodb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/notify"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR18_WorkersWhoseClocksAreAnHourApartDeployOnce(t *testing.T) {
	cfg := moto(t)
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		t.Run(skew.String(), func(t *testing.T) {
			w := newWorld(t, cfg)
			w.push("9")
			must(t, w.queue.Send(t.Context(), reconcile.Message{Repository: w.repo.ID}))
			for range 10 {
				for m, ok := w.queue.Next(); ok; m, ok = w.queue.Next() {
					w.deliver(m)
					w.now = w.now.Add(skew) // the message comes again, to the other worker
					w.deliver(m)
					w.now = w.now.Add(-skew)
				}
				_, _ = w.sweep.Unfinished(t.Context())
			}
			w.settle()
			w.expect("9")
		})
	}
}

func TestR18_NoClockTakesALock(t *testing.T) {
	cfg := moto(t)
	table, blobs := newTable(t, cfg), fake.NewBlobs()
	at := func(skew time.Duration) *dynamodb.Store {
		return dynamodb.New(cfg, table, blobs, func() time.Time { return time.Now().Add(skew) })
	}
	a := gitops.Application{ID: "jobs", Repository: "r1"}
	must(t, at(0).Register(t.Context(), &a, nil))
	free := a
	a.InFlight = "01A"
	must(t, at(0).Open(t.Context(), &a, &gitops.Deployment{ID: "01A", Application: "jobs", StartedAt: time.Now()}))
	for _, skew := range []time.Duration{-time.Hour, time.Hour, 365 * 24 * time.Hour} {
		for name, seen := range map[string]gitops.Application{"who saw it free": free, "who sees it locked": a} {
			seen.InFlight = "01B"
			err := at(skew).Open(t.Context(), &seen, &gitops.Deployment{ID: "01B", Application: "jobs"})
			if !errors.Is(err, reconcile.ErrConflict) {
				t.Errorf("%s, %s off: the lock was taken: %v", name, skew, err)
			}
		}
	}
}

// A read that is behind is replayed, once for each read of a rollout: every write is conditional
// on the version that was read, so that nothing is decided twice.
func TestR23_AReadThatIsBehindIsDecidedOnInVain(t *testing.T) {
	w, before := newWorld(t, moto(t)), map[string]*answer{} // by request
	var version int64
	for n := 1; ; n++ {
		count, timeout := 0, fmt.Sprint(100+n)
		w.wire.replay = func(operation, request string, now *answer) *answer {
			if writes(operation) {
				if a := w.app(); a.Version < version {
					t.Errorf("a write went back to version %d from %d", a.Version, version)
				} else {
					version = a.Version
				}
			}
			if operation != "GetItem" && operation != "BatchGetItem" {
				return now
			}
			if !strings.Contains(request, `"ConsistentRead":true`) {
				t.Errorf("%s may be behind by itself: %s", operation, request)
			}
			request = ordered(t, request)
			last := before[request]
			before[request] = now
			if last == nil {
				return now
			}
			if count++; count == n {
				return last
			}
			return now
		}
		w.push(timeout)
		w.settle()
		w.wire.replay = nil
		w.settle()
		w.expect(timeout)
		if t.Failed() {
			t.Fatalf("after a read behind, the %d.", n)
		}
		if count < n {
			if n < 4 {
				t.Fatalf("a rollout reads again only %d times", count)
			}
			return
		}
	}
}

// ordered is JSON with its keys in order, which the SDK writes in any.
func ordered(t *testing.T, text string) string {
	t.Helper()
	var v any
	must(t, json.Unmarshal([]byte(text), &v))
	data, err := json.Marshal(v)
	must(t, err)
	return string(data)
}

// answer is one of DynamoDB's, as it came.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a *answer) response() *http.Response {
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body))}
}

func TestR24_ARecordGoesToTheBucketAsSoonAsItIsTooLarge(t *testing.T) {
	cfg := moto(t)
	client, table, blobs := sdk.NewFromConfig(cfg), newTable(t, cfg), fake.NewBlobs()
	store := dynamodb.New(cfg, table, blobs, time.Now)
	const most = 300 << 10
	for name, c := range map[string]struct {
		size   int
		spills bool
	}{
		"at the cap it stays in the item":     {most, false},
		"one byte above it goes":              {most + 1, true},
		"so does what DynamoDB would refuse":  {401 << 10, true},
		"and what is as large as two of them": {900 << 10, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := gitops.Repository{ID: fmt.Sprint(c.size), URL: "https://example.com/r1", Version: 0}
			stored1 := r
			stored1.Version, stored1.Note = 1, "x"
			data, err := json.Marshal(stored1)
			must(t, err)
			r.Note = strings.Repeat("x", c.size-len(data)+1)
			must(t, store.PutRepository(t.Context(), &r))
			got := stored(t, client, table, "REPO#"+r.ID, "REPO")
			_, inside := got["note"]
			_, points := got["spilled"]
			if inside == c.spills || points != c.spills {
				t.Errorf("the item holds it: %v, and points to the bucket: %v", inside, points)
			}
			back, err := store.Repository(t.Context(), r.ID)
			must(t, err)
			wantEqual(t, back, r)
		})
	}
	t.Run("a deployment and its application too, in their transaction", func(t *testing.T) {
		a := gitops.Application{ID: "jobs", Repository: "r1"}
		must(t, store.Register(t.Context(), &a, nil))
		a.InFlight = "01A"
		d := gitops.Deployment{ID: "01A", Application: "jobs", Reason: strings.Repeat("r", 500<<10)}
		must(t, store.Open(t.Context(), &a, &d))
		a.InFlight, d.Phase = "", gitops.PhaseFailed
		a.Ended = gitops.Ended{Deployment: "01A", Reason: strings.Repeat("e", 500<<10)}
		a.Deployed.Outputs = map[string]string{"Large": strings.Repeat("o", 500<<10)}
		must(t, store.Close(t.Context(), &a, &d))
		gotA, err := store.Application(t.Context(), "jobs")
		must(t, err)
		wantEqual(t, gotA, a)
		all, err := store.ListDeployments(t.Context(), "jobs", 1)
		must(t, err)
		wantEqual(t, all, []gitops.Deployment{d})
	})
	t.Run("DynamoDB refuses an item that was not taken apart", func(t *testing.T) {
		put := itemKey("REPO#large", "REPO")
		put["note"] = &types.AttributeValueMemberS{Value: strings.Repeat("x", 401<<10)}
		_, err := client.PutItem(t.Context(), &sdk.PutItemInput{TableName: &table, Item: put})
		var refused smithy.APIError
		if !errors.As(err, &refused) || refused.ErrorCode() != "ValidationException" {
			t.Errorf("the error is %v, want a ValidationException", err)
		}
	})
	t.Run("a blob that is gone is an error and no empty field", func(t *testing.T) {
		lost := dynamodb.New(cfg, table, fake.NewBlobs(), time.Now)
		_, err := lost.Repository(t.Context(), fmt.Sprint(401<<10))
		porttest.WantKind(t, err, reconcile.ErrNotFound)
	})
}

// A newer version beside this one writes records with a greater schema number, and fields and
// values that this one does not know.
func TestR59_WhatANewerVersionWroteIsReadAndSurvivesAWrite(t *testing.T) {
	cfg := moto(t)
	client, table := sdk.NewFromConfig(cfg), newTable(t, cfg)
	store := dynamodb.New(cfg, table, fake.NewBlobs(), time.Now)
	r := gitops.Repository{ID: "r1", URL: "https://example.com/r1"}
	must(t, store.PutRepository(t.Context(), &r))
	a := gitops.Application{ID: "jobs", Repository: "r1"}
	must(t, store.Register(t.Context(), &a, []reconcile.Claim{reconcile.ClaimApplication("jobs")}))
	a.InFlight = "01A"
	d := gitops.Deployment{ID: "01A", Application: "jobs"}
	must(t, store.Open(t.Context(), &a, &d))
	n := notify.Notice{Place: "p1"}
	must(t, store.PutNotice(t.Context(), &n))
	for name, c := range map[string]struct {
		pk, sk string
		write  func() error // reads the record and writes it
	}{
		"a repository": {"REPO#r1", "REPO", func() error {
			r, err := store.Repository(t.Context(), "r1")
			return errors.Join(err, store.PutRepository(t.Context(), &r))
		}},
		"an application": {"APP#jobs", "APP", func() error {
			a, err := store.Application(t.Context(), "jobs")
			return errors.Join(err, store.PutApplication(t.Context(), &a))
		}},
		"a deployment": {"APP#jobs", "DEPLOYMENT#01A", func() error {
			d, err := store.Deployment(t.Context(), "jobs", "01A")
			return errors.Join(err, store.PutDeployment(t.Context(), &d))
		}},
		"a notice": {"NOTICE#p1", "NOTICE", func() error {
			n, err := store.Notice(t.Context(), "p1")
			return errors.Join(err, store.PutNotice(t.Context(), &n))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tomorrow := map[string]types.AttributeValue{
				"tomorrow": &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"list": &types.AttributeValueMemberSS{Value: []string{"kept"}}}},
				"spare":    &types.AttributeValueMemberB{Value: []byte{0, 1}},
			}
			_, err := client.UpdateItem(t.Context(), &sdk.UpdateItemInput{TableName: &table, Key: itemKey(c.pk, c.sk),
				UpdateExpression: aws.String("SET tomorrow = :t, spare = :s, #s = :n"), ExpressionAttributeNames: map[string]string{"#s": "schema"},
				ExpressionAttributeValues: map[string]types.AttributeValue{":t": tomorrow["tomorrow"], ":s": tomorrow["spare"],
					":n": &types.AttributeValueMemberN{Value: "2"}}})
			must(t, err)
			must(t, c.write())
			must(t, c.write())
			got := stored(t, client, table, c.pk, c.sk)
			for name, want := range tomorrow {
				if !cmp.Equal(plain(got[name]), plain(want)) {
					t.Errorf("%s is %v after an older version's write, want %v", name, plain(got[name]), plain(want))
				}
			}
		})
	}
	if owner, err := store.Owner(t.Context(), reconcile.ClaimApplication("jobs")); err != nil || owner != "jobs" {
		t.Errorf("the claim is %q's, %v", owner, err)
	}
}

// plain is an attribute as JSON, which can be compared.
func plain(v types.AttributeValue) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// An application may have a hundred thousand deployments: what is asked of the table for a list
// of them does not grow with that.
func TestR61_AListOfDeploymentsIsReadByThePage(t *testing.T) {
	cfg, wire := awstest.At("http://127.0.0.1:1"), &wire{}
	cfg.HTTPClient = wire
	store := dynamodb.New(cfg, "driftless", fake.NewBlobs(), time.Now)
	for _, limit := range []int{1, 20, 100} {
		var asked []string
		wire.before = func(operation string) (*http.Response, error) {
			var items []string
			for i := range limit {
				items = append(items, fmt.Sprintf(`{"PK":{"S":"APP#jobs"},"SK":{"S":"DEPLOYMENT#%06d"},"id":{"S":"%06d"}}`, 100_000-i, 100_000-i))
			}
			asked = append(asked, operation)
			return (&answer{http.StatusOK, http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, fmt.Appendf(nil,
				`{"Items":[%s],"Count":%d,"LastEvaluatedKey":{"PK":{"S":"APP#jobs"},"SK":{"S":"DEPLOYMENT#1"}}}`, strings.Join(items, ","), limit)}).response(), nil
		}
		all, err := store.ListDeployments(t.Context(), "jobs", limit)
		must(t, err)
		if len(all) != limit || all[0].ID != "100000" {
			t.Errorf("%d deployments are listed, from %s on; want the newest %d", len(all), all[0].ID, limit)
		}
		wantEqual(t, asked, []string{"Query"})
	}
}
