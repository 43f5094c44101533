package dynamodb

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/fake"
	"github.com/driftless-gitops/driftless/internal/fuzzing"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/hostile"
)

// FuzzReport keeps any drift report as an item, what is too large in the bucket, and reads it
// back: it is what it was, and the item fits into the table.
func FuzzReport(f *testing.F) {
	add := func(r gitops.DriftReport, times int) {
		data, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, times)
	}
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	queue := gitops.DriftReport{Application: "jobs", At: at, Complete: true, Resources: []gitops.ResourceDrift{{LogicalID: "Queue", Type: "AWS::SQS::Queue",
		Status: gitops.ResourceModified, Since: at, Properties: []gitops.Difference{{Path: "/VisibilityTimeout", Declared: "5", Live: "60", Kind: "NOT_EQUAL"}}}}}
	add(queue, 1)
	add(queue, 2000) // which is more than an item holds
	for _, text := range hostile.Texts() {
		add(gitops.DriftReport{Application: text, Reason: text, Resources: []gitops.ResourceDrift{{LogicalID: text, Status: gitops.ResourceStatus(text)}}}, 1)
	}
	f.Add([]byte(`{"resources":null,"at":"0001-01-01T00:00:00Z","foreign":"\u0000"}`), 1)
	f.Fuzz(func(t *testing.T, data []byte, times int) {
		var report gitops.DriftReport
		if json.Unmarshal(data, &report) != nil || times < 1 || times > 5000 || len(report.Resources) > 10 || len(data)*times > 1<<20 {
			return
		}
		one := report.Resources
		for range times - 1 {
			report.Resources = append(report.Resources, one...)
		}
		s := &Store{blobs: fake.NewBlobs(), now: time.Now}
		var read gitops.DriftReport
		fuzzing.Bounded(t, len(data)*times, func() { roundTrip(t, s, report, &read) })
		// JSON is what the API gives of it: what it leaves out of the one it leaves out of the other.
		want, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(bytes.ReplaceAll(want, []byte(`"resources":null`), []byte(`"resources":[]`)), bytes.ReplaceAll(got, []byte(`"resources":null`), []byte(`"resources":[]`))) {
			t.Errorf("read back (-want +got):\n%s", cmp.Diff(string(want), string(got)))
		}
	})
}

// roundTrip encodes a record and decodes it again.
func roundTrip(t *testing.T, s *Store, record, into any) {
	t.Helper()
	attrs, err := s.encode(context.Background(), record)
	if err != nil {
		t.Fatal(err)
	}
	kept, err := json.Marshal(attrs)
	if err != nil {
		t.Fatal(err)
	}
	if _, spilled := attrs[attributeSpilled]; !spilled && len(kept) > 40*largest {
		t.Errorf("an item of %d bytes stays in the table", len(kept))
	}
	if err := s.decode(context.Background(), attrs, into); err != nil {
		t.Fatal(err)
	}
}
