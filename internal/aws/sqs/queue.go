// Package sqs sends messages to work.fifo, the queue that wakes reconcilers.
//
// It only sends: Lambda receives, deletes and redrives. There is no delay per message, for
// FIFO queues have none, and what is to be looked at later is left to the sweep.
package sqs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// batch is how many messages one request may hold (SendMessageBatch, API reference).
const batch = 10

// Queue is a FIFO queue of messages.
type Queue struct {
	client *sdk.Client
	url    string
	newID  func() string
}

var _ reconcile.Queue = (*Queue)(nil)

// New returns the queue at a URL. Every message is sent under an id of newID's, which must
// never return one twice: SQS drops a message whose deduplication id it has seen within
// five minutes, even after that message was deleted, so that an id made from the message
// would silently lose the second push of an application.
func New(cfg aws.Config, url string, newID func() string) *Queue {
	return &Queue{client: sdk.NewFromConfig(cfg), url: url, newID: newID}
}

// Send implements reconcile.Queue. Its error names every message that was not sent.
func (q *Queue) Send(ctx context.Context, messages ...reconcile.Message) error {
	var errs []error
	for part := range slices.Chunk(messages, batch) {
		errs = append(errs, q.send(ctx, part))
	}
	return errors.Join(errs...)
}

func (q *Queue) send(ctx context.Context, messages []reconcile.Message) error {
	in := &sdk.SendMessageBatchInput{QueueUrl: &q.url}
	for i, m := range messages {
		body, err := json.Marshal(m)
		if err != nil {
			return fmt.Errorf("encode message for %s: %w", m.Group(), err)
		}
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id:                     aws.String(strconv.Itoa(i)),
			MessageBody:            aws.String(string(body)),
			MessageGroupId:         aws.String(m.Group()),
			MessageDeduplicationId: aws.String(q.newID()),
		})
	}
	out, err := q.client.SendMessageBatch(ctx, in)
	if err != nil {
		return fmt.Errorf("send %d messages from %s on: %w", len(messages), messages[0].Group(), translate(err))
	}
	// A batch that is accepted may still hold messages that are not.
	var errs []error
	for _, f := range out.Failed {
		i, err := strconv.Atoi(aws.ToString(f.Id))
		if err != nil || i < 0 || i >= len(messages) {
			errs = append(errs, fmt.Errorf("send messages: unknown entry %q failed", aws.ToString(f.Id)))
			continue
		}
		errs = append(errs, fmt.Errorf("send message for %s: %s: %s", messages[i].Group(), aws.ToString(f.Code), aws.ToString(f.Message)))
	}
	return errors.Join(errs...)
}

// denials are the codes of answers that stay the same until a person acts. A queue under a key of
// the customer's answers with what KMS says, under either name (SendMessageBatch, API reference,
// "Errors"; the SDK's AWSQueryError traits), its text naming the key.
var denials = []string{"AccessDenied", "AccessDeniedException", "InvalidClientTokenId", "InvalidSecurity", "UnrecognizedClientException",
	"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue",
	"KmsAccessDenied", "KMS.AccessDeniedException", "KmsDisabled", "KMS.DisabledException",
	"KmsInvalidKeyUsage", "KMS.InvalidKeyUsageException", "KmsInvalidState", "KMS.InvalidStateException",
	"KmsNotFound", "KMS.NotFoundException", "KmsOptInRequired", "KMS.OptInRequired"}

// translate turns what SQS says into reconcile's errors; the rest is transient.
func translate(err error) error {
	var apiErr smithy.APIError
	if errors.As(err, &apiErr) && slices.Contains(denials, apiErr.ErrorCode()) {
		return fmt.Errorf("%w: %w", reconcile.ErrDenied, err)
	}
	return err
}
