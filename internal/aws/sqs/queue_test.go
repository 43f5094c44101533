package sqs_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/sqs"
	"github.com/driftless-gitops/driftless/internal/porttest"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestQueueKeepsItsContract(t *testing.T) {
	cfg := awstest.Moto(t)
	client := sdk.NewFromConfig(cfg)
	var queues atomic.Int64
	porttest.TestQueue(t, func(t *testing.T) (reconcile.Queue, func() []reconcile.Message) {
		out, err := client.CreateQueue(t.Context(), &sdk.CreateQueueInput{
			QueueName:  aws.String(fmt.Sprintf("work-%d.fifo", queues.Add(1))),
			Attributes: map[string]string{"FifoQueue": "true", "ContentBasedDeduplication": "false"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return sqs.New(cfg, *out.QueueUrl, rand.Text), func() []reconcile.Message { return receive(t, client, *out.QueueUrl) }
	})
}

// receive takes all messages of a queue.
func receive(t *testing.T, client *sdk.Client, url string) []reconcile.Message {
	t.Helper()
	var all []reconcile.Message
	for {
		out, err := client.ReceiveMessage(t.Context(), &sdk.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			return all
		}
		for _, m := range out.Messages {
			var message reconcile.Message
			if err := json.Unmarshal([]byte(*m.Body), &message); err != nil {
				t.Fatal(err)
			}
			all = append(all, message)
			if _, err := client.DeleteMessage(t.Context(), &sdk.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// answering returns a queue whose requests are answered by respond, which gets the body.
func answering(t *testing.T, respond func(w http.ResponseWriter, body string)) *sqs.Queue {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		respond(w, string(body))
	}))
	t.Cleanup(server.Close)
	return sqs.New(awstest.At(server.URL), server.URL+"/1/work.fifo", rand.Text)
}

func TestAMessageRefusedInAnAcceptedBatchIsNamed(t *testing.T) {
	q := answering(t, func(w http.ResponseWriter, _ string) {
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[{"Id":"1","Code":"InternalError","Message":"try again","SenderFault":false}]}`)
	})
	err := q.Send(t.Context(), reconcile.Message{Application: "a"}, reconcile.Message{Application: "b"})
	if want := "send message for app-b: InternalError: try again"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %q", err, want)
	}
}

func TestABatchThatFailsDoesNotKeepTheNextBack(t *testing.T) {
	var groups []string
	q := answering(t, func(w http.ResponseWriter, body string) {
		groups = append(groups, body)
		if len(groups) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
	})
	var messages []reconcile.Message
	for i := range 11 {
		messages = append(messages, reconcile.Message{Application: fmt.Sprintf("app%d", i)})
	}
	err := q.Send(t.Context(), messages...)
	if err == nil {
		t.Error("a batch failed without an error")
	}
	if len(groups) != 2 || !strings.Contains(groups[1], "app-app10") {
		t.Errorf("the second batch was not sent: %d requests", len(groups))
	}
}

// refusing returns a queue that refuses every request with a code, and its name of the days
// before SQS spoke JSON where it has another.
func refusing(t *testing.T, code, former string) *sqs.Queue {
	t.Helper()
	return answering(t, func(w http.ResponseWriter, _ string) {
		if former != "" {
			w.Header().Set("X-Amzn-Query-Error", former+";Sender")
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazonaws.sqs#%s","message":"no"}`, code)
	})
}

func TestErrorsAreTranslated(t *testing.T) {
	for code, want := range map[string]error{
		"AccessDenied":                                reconcile.ErrDenied,
		"AccessDeniedException":                       reconcile.ErrDenied,
		"InvalidClientTokenId":                        reconcile.ErrDenied,
		"InvalidSecurity":                             reconcile.ErrDenied,
		"UnrecognizedClientException":                 reconcile.ErrDenied,
		"QueueDoesNotExist":                           reconcile.ErrDenied,
		"AWS.SimpleQueueService.NonExistentQueue":     reconcile.ErrDenied,
		"RequestThrottled":                            nil,
		"KmsThrottled":                                nil,
		"ServiceUnavailable":                          nil,
		"AWS.SimpleQueueService.BatchRequestTooLong":  nil,
		"ThisCodeWasMadeUpAfterTheAdapterWasCompiled": nil,
	} {
		t.Run(code, func(t *testing.T) {
			porttest.WantKind(t, refusing(t, code, "").Send(t.Context(), reconcile.Message{Application: "a"}), want)
		})
	}
}

func TestR60_AQueueWhoseKeyCannotBeUsedIsDenied(t *testing.T) {
	for code, former := range map[string]string{
		"KmsAccessDenied":    "KMS.AccessDeniedException",
		"KmsDisabled":        "KMS.DisabledException",
		"KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
		"KmsInvalidState":    "KMS.InvalidStateException",
		"KmsNotFound":        "KMS.NotFoundException",
		"KmsOptInRequired":   "KMS.OptInRequired",
	} {
		for _, former := range []string{"", former} {
			t.Run(code+" "+former, func(t *testing.T) {
				porttest.WantKind(t, refusing(t, code, former).Send(t.Context(), reconcile.Message{Application: "a"}), reconcile.ErrDenied)
			})
		}
	}
}

func TestEveryMessageIsSentUnderAnIdOfItsOwn(t *testing.T) {
	var entries struct {
		Entries []struct{ MessageGroupId, MessageDeduplicationId string }
	}
	q := answering(t, func(w http.ResponseWriter, body string) {
		if err := json.Unmarshal([]byte(body), &entries); err != nil {
			t.Error(err)
		}
		_, _ = io.WriteString(w, `{"Successful":[],"Failed":[]}`)
	})
	m := reconcile.Message{Repository: "r1", Reason: "push"}
	if err := q.Send(t.Context(), m, m); err != nil {
		t.Fatal(err)
	}
	if len(entries.Entries) != 2 || entries.Entries[0].MessageDeduplicationId == entries.Entries[1].MessageDeduplicationId {
		t.Errorf("two equal messages share a deduplication id: %+v", entries)
	}
	if diff := cmp.Diff("repo-r1", entries.Entries[0].MessageGroupId); diff != "" {
		t.Error(diff)
	}
}
