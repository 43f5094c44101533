package cloudformation_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// takes sets how long things take through the switch, and returns the status of the answer.
func (w *world) takes(body string) int {
	w.t.Helper()
	resp, err := http.Post(w.url+cloudformation.ControlPath+"timing", "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	return resp.StatusCode
}

func TestWhatTakesNoTimeIsDoneWhenItsCallAnswers(t *testing.T) {
	w := newWorld(t)
	if status := w.takes(`{}`); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	for _, body := range []string{oneQueue, twoQueues} {
		made, err := w.client.CreateChangeSet(t.Context(), w.request("jobs", body))
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id})
		if err != nil || out.Status != types.ChangeSetStatusCreateComplete {
			t.Fatalf("change set %v %v", out, err)
		}
		if _, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: made.Id}); err != nil {
			t.Fatal(err)
		}
		if st := w.find("jobs"); !strings.HasSuffix(string(st.StackStatus), "E_COMPLETE") {
			t.Errorf("stack is in %s", st.StackStatus)
		}
	}
}

func TestThingsTakeTheTimeThatIsSet(t *testing.T) {
	w := newWorld(t)
	if status := w.takes(`{"changeSet": "1h"}`); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	made, err := w.client.CreateChangeSet(t.Context(), w.request("jobs", oneQueue))
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: made.Id})
	if err != nil || out.ExecutionStatus != types.ExecutionStatusUnavailable || !strings.HasPrefix(string(out.Status), "CREATE_") || out.Status == types.ChangeSetStatusCreateComplete {
		t.Errorf("change set is %s %s, %v", out.Status, aws.ToString(out.StatusReason), err)
	}
	for _, bad := range []string{`{"changeSet": "soon"}`, `{"changeSet": "-1s"}`, `{"changeset2": "1s"}`} {
		if status := w.takes(bad); status != http.StatusBadRequest {
			t.Errorf("%s is answered %d", bad, status)
		}
	}
}
