package eventbridge_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/eventbridge"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// answer is the bus of a server that answers every request so, and keeps the last one.
func answer(t *testing.T, status int, body string) (*eventbridge.Bus, *[]byte) {
	t.Helper()
	var asked []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return eventbridge.New(awstest.At(server.URL), "driftless"), &asked
}

func TestAnEventIsPutOnTheBusWithItsDetail(t *testing.T) {
	bus, asked := answer(t, http.StatusOK, `{"FailedEntryCount":0,"Entries":[{"EventId":"1"}]}`)
	if err := bus.Publish(t.Context(), "driftless", "Deployment Succeeded", map[string]string{"app": "jobs"}); err != nil {
		t.Fatal(err)
	}
	type entry struct{ EventBusName, Source, DetailType, Detail string }
	var got struct{ Entries []entry }
	if err := json.Unmarshal(*asked, &got); err != nil {
		t.Fatal(err)
	}
	want := []entry{{"driftless", "driftless", "Deployment Succeeded", `{"app":"jobs"}`}}
	if diff := cmp.Diff(want, got.Entries); diff != "" {
		t.Error(diff)
	}
}

func TestAnEventThatIsNotTakenIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		denied bool
	}{
		"a busy entry in an accepted request is transient":   {200, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"InternalFailure","ErrorMessage":"busy"}]}`, false},
		"a refused entry in an accepted request is denied":   {200, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForSourceException","ErrorMessage":"no"}]}`, true},
		"an entry that failed for no reason given is told":   {200, `{"FailedEntryCount":1,"Entries":[{}]}`, false},
		"a detail type that is refused is denied":            {200, `{"FailedEntryCount":1,"Entries":[{"ErrorCode":"NotAuthorizedForDetailTypeException","ErrorMessage":"no"}]}`, true},
		"credentials that nobody knows are denied":           {400, `{"__type":"UnrecognizedClientException","message":"no"}`, true},
		"a throttled request is transient":                   {400, `{"__type":"ThrottlingException","message":"no"}`, false},
		"a refused request is denied":                        {400, `{"__type":"AccessDeniedException","message":"no"}`, true},
		"a bus that is not there is denied, for infra to do": {400, `{"__type":"ResourceNotFoundException","message":"no"}`, true},
	} {
		t.Run(name, func(t *testing.T) {
			bus, _ := answer(t, c.status, c.body)
			err := bus.Publish(t.Context(), "driftless", "x", struct{}{})
			if err == nil {
				t.Fatal("no error")
			}
			if errors.Is(err, reconcile.ErrDenied) != c.denied {
				t.Errorf("denied is %v for %v, want %v", !c.denied, err, c.denied)
			}
		})
	}
}
