package dynamodb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// named notes which attributes the last UpdateItem named, its condition's version left out.
type named struct {
	client aws.HTTPClient
	names  []string
}

func (n *named) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".UpdateItem") {
		var in struct{ ExpressionAttributeNames map[string]string }
		if err := json.Unmarshal(body, &in); err != nil {
			return nil, err
		}
		n.names = slices.Compact(slices.Sorted(maps.Values(in.ExpressionAttributeNames)))
	}
	return n.client.Do(r)
}

func TestAWriteNamesWhatItChangesOfWhatIsKnown(t *testing.T) {
	cfg := moto(t)
	table, blobs := newTable(t, cfg), fake.NewBlobs()
	seen := &named{client: cfg.HTTPClient}
	watched := cfg.Copy()
	watched.HTTPClient = seen
	ours, other := dynamodb.New(watched, table, blobs, time.Now), dynamodb.New(cfg, table, blobs, time.Now)
	a := gitops.Application{ID: "jobs", Repository: "r1", Ended: gitops.Ended{Reason: "none"}}
	must(t, other.Register(t.Context(), &a, nil))

	read := func(s *dynamodb.Store) gitops.Application {
		t.Helper()
		a, err := s.Application(t.Context(), "jobs")
		must(t, err)
		return a
	}
	mine := read(ours)
	mine.Fence++
	must(t, ours.PutApplication(t.Context(), &mine))
	wantEqual(t, seen.names, []string{"fence", "version"})
	mine.InFlight = "01A"
	must(t, ours.PutApplication(t.Context(), &mine)) // what was written is known too
	wantEqual(t, seen.names, []string{"inFlight", "version", "work"})
	mine.InFlight = ""
	must(t, ours.PutApplication(t.Context(), &mine))
	wantEqual(t, seen.names, []string{"inFlight", "version", "work"})

	theirs := read(other)
	theirs.Fence, theirs.Ended.Reason = 9, "theirs"
	must(t, other.PutApplication(t.Context(), &theirs))
	mine.Fence = 7
	if err := ours.PutApplication(t.Context(), &mine); !errors.Is(err, reconcile.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	wantEqual(t, read(other), theirs)
	byID, err := ours.ApplicationsByID(t.Context(), []string{"jobs"}) // of a version that is not the known one
	must(t, err)
	mine = byID["jobs"]
	mine.Ended.Reason = "mine"
	must(t, ours.PutApplication(t.Context(), &mine))
	if len(seen.names) < 10 {
		t.Errorf("a write over what is not known names %q only", seen.names)
	}
	wantEqual(t, read(other), mine)
}

// A store that knows what it read leaves in the table what one leaves that knows nothing.
func TestWhatIsKnownChangesNothingOfWhatIsStored(t *testing.T) {
	cfg := moto(t)
	client := sdk.NewFromConfig(cfg)
	known, plain := newTable(t, cfg), newTable(t, cfg)
	blobs := fake.NewBlobs()
	at := func(table string) *dynamodb.Store { return dynamodb.New(cfg, table, blobs, time.Now) }
	workers := []*dynamodb.Store{at(known), at(known)}
	a := gitops.Application{ID: "jobs", Repository: "r1"}
	for _, table := range []string{known, plain} {
		first := a
		must(t, at(table).Register(t.Context(), &first, nil))
	}
	draw := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // a seed that stays
	change := func(a *gitops.Application) {
		switch draw.IntN(7) {
		case 0:
			a.InFlight = []string{"", "01A", "01B"}[draw.IntN(3)]
		case 1:
			a.Removed = !a.Removed
		case 2:
			a.Ended.Reason = []string{"", "because", strings.Repeat("x", 400<<10)}[draw.IntN(3)]
		case 3:
			a.DriftDue = []time.Time{{}, time.Unix(1_800_000_000, 0).UTC()}[draw.IntN(2)]
		case 4:
			a.Drift.Drifted = draw.IntN(2)
		case 5:
			a.Settings.Drift.Ignore = []gitops.Ignore{{}, {Resource: "A"}}[:draw.IntN(3)]
		case 6:
			a.Fence++
		}
	}
	for range 80 {
		w := workers[draw.IntN(2)]
		mine, err := w.Application(t.Context(), "jobs")
		must(t, err)
		for range 1 + draw.IntN(2) {
			change(&mine)
			same := mine
			must(t, w.PutApplication(t.Context(), &mine))
			must(t, at(plain).PutApplication(t.Context(), &same))
		}
		got, want := stored(t, client, known, "APP#jobs", "APP"), stored(t, client, plain, "APP#jobs", "APP")
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("at version %d the table has\n%v, want\n%v", mine.Version, got, want)
		}
	}
}
