package eventbridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/eventbridge"
	"github.com/driftless-gitops/driftless/internal/notify"
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
	if n, err := bus.Publish(t.Context(), "driftless", []notify.Event{{Type: "Deployment Succeeded", Detail: map[string]string{"app": "jobs"}}}); err != nil || n != 1 {
		t.Fatal(n, err)
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
			n, err := bus.Publish(t.Context(), "driftless", []notify.Event{{Type: "x", Detail: struct{}{}}})
			if err == nil || n != 0 {
				t.Fatal("no error")
			}
			if errors.Is(err, reconcile.ErrDenied) != c.denied {
				t.Errorf("denied is %v for %v, want %v", !c.denied, err, c.denied)
			}
		})
	}
}

func TestEventsGoInAsFewRequestsAsTheyFitInto(t *testing.T) {
	var requests []int
	refuse := -1 // which entry of all is refused
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Entries []struct{ Detail string } }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		answers, failed := []string{}, 0
		for i := range in.Entries {
			answers = append(answers, `{"EventId":"1"}`)
			if sum(requests)+i == refuse {
				answers[i], failed = `{"ErrorCode":"InternalFailure"}`, 1
			}
		}
		requests = append(requests, len(in.Entries))
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprintf(w, `{"FailedEntryCount":%d,"Entries":[%s]}`, failed, strings.Join(answers, ","))
	}))
	t.Cleanup(server.Close)
	of := func(n, size int) (all []notify.Event) {
		for range n {
			all = append(all, notify.Event{Type: "x", Detail: strings.Repeat("y", size)})
		}
		return all
	}
	for name, c := range map[string]struct {
		events   []notify.Event
		refuse   int
		requests []int
		taken    int
	}{
		"no event asks nobody":                    {nil, -1, nil, 0},
		"ten fit into one":                        {of(10, 10), -1, []int{10}, 10},
		"eleven do not":                           {of(11, 10), -1, []int{10, 1}, 11},
		"large ones by their size":                {of(5, 100<<10), -1, []int{2, 2, 1}, 5},
		"one that is too large goes alone":        {of(2, 300<<10), -1, []int{1, 1}, 2},
		"what comes after a refused one is kept":  {of(25, 10), 13, []int{10, 10}, 13},
		"what cannot be encoded stops behind it":  {append(of(3, 10), notify.Event{Type: "x", Detail: func() {}}), -1, []int{3}, 3},
		"what cannot be encoded at once is alone": {[]notify.Event{{Type: "x", Detail: func() {}}}, -1, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			requests, refuse = nil, c.refuse
			taken, err := eventbridge.New(awstest.At(server.URL), "driftless").Publish(t.Context(), "driftless", c.events)
			if taken != c.taken || (err == nil) != (taken == len(c.events)) {
				t.Errorf("%d taken, want %d: %v", taken, c.taken, err)
			}
			if diff := cmp.Diff(c.requests, requests); diff != "" {
				t.Errorf("entries of each request (-want +got):\n%s", diff)
			}
		})
	}
}

func sum(all []int) (n int) {
	for _, i := range all {
		n += i
	}
	return n
}
