package sandbox_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestCallsAreCountedByWhoAskedAndWhatFor(t *testing.T) {
	s := start(t, sandbox.Options{})
	cfg := admin(s)
	s.Calls()
	for range 2 {
		if _, err := sqs.NewFromConfig(cfg).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cloudformation.NewFromConfig(cfg).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s3.NewFromConfig(cfg).ListBuckets(t.Context(), &s3.ListBucketsInput{}); err != nil {
		t.Fatal(err)
	}
	got, sum := map[string]int64{}, int64(0)
	for end := time.Now().Add(10 * time.Second); sum < 4 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		for call, traffic := range s.Calls() { // a call is counted once its answer is out
			if call.By == "" || traffic.Out == 0 {
				t.Errorf("%+v: %+v; want a caller and an answer", call, traffic)
			}
			got[call.Service+" "+call.Action] += traffic.N
			sum += traffic.N
		}
	}
	want := map[string]int64{"sqs ListQueues": 2, "cloudformation DescribeStacks": 1, "s3 GET": 1}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if left := s.Calls(); len(left) != 0 {
		t.Errorf("counted before, and still there: %v", left)
	}
}
