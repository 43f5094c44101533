package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	// queuePause is the time between two looks at an empty queue, unless a nudge comes
	// first. moto's long polling spins on a FIFO queue whose groups are all in flight, so
	// short polls it is: one costs moto 2 ms.
	queuePause = 100 * time.Millisecond
	// troublePause is the time after a look that failed.
	troublePause = time.Second
	// receiveLimit is what one ReceiveMessage returns (SQS quotas).
	receiveLimit = 10
)

// pollQueue receives messages and invokes the mapping's function with them until ctx
// ends. SQS itself keeps a FIFO group in order: it gives out no message of a group while
// another one is in flight.
func (s *Service) pollQueue(ctx context.Context, m mapping) {
	nudged, ignore := s.nudges.listen(sourceName(m.EventSourceArn))
	defer ignore()
	var batches sync.WaitGroup
	defer batches.Wait()
	concurrency := defaultConcurrency
	if m.ScalingConfig != nil && m.ScalingConfig.MaximumConcurrency > 0 {
		concurrency = int(m.ScalingConfig.MaximumConcurrency)
	}
	slots := make(chan struct{}, concurrency)
	url, err := s.queueURL(ctx, m.EventSourceArn)
	for ; err != nil; url, err = s.queueURL(ctx, m.EventSourceArn) {
		if !s.trouble(ctx, m, err) {
			return
		}
	}
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		messages, err := s.receive(ctx, url, m)
		if len(messages) > 0 {
			batches.Go(func() {
				s.batch(context.WithoutCancel(ctx), url, m, messages)
				<-slots
				s.Nudge(m.EventSourceArn) // its groups are free again
			})
			continue
		}
		<-slots
		if err != nil {
			if !s.trouble(ctx, m, err) {
				return
			}
			continue
		}
		pause := time.NewTimer(queuePause)
		select {
		case <-nudged:
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// trouble logs a source that cannot be read and waits before the next try; it reports
// false when ctx has ended.
func (s *Service) trouble(ctx context.Context, m mapping, err error) bool {
	if ctx.Err() == nil {
		s.config.Log.Warn("event source not readable", "source", m.EventSourceArn, "function", m.ref.name, "reason", err)
	}
	timer := time.NewTimer(troublePause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// receive takes a batch of messages: what is there, or what arrives within the batching
// window.
func (s *Service) receive(ctx context.Context, url string, m mapping) ([]sqstypes.Message, error) {
	var batch []sqstypes.Message
	window := time.Duration(m.MaximumBatchingWindowInSeconds) * time.Second
	end := s.config.Now().Add(window)
	for {
		out, err := s.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: aws.String(url), MaxNumberOfMessages: int32(min(int(m.BatchSize)-len(batch), receiveLimit)),
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
		})
		if err != nil {
			return batch, fmt.Errorf("receive from %s: %w", url, err)
		}
		batch = append(batch, out.Messages...)
		switch {
		case len(batch) == 0 || len(batch) >= int(m.BatchSize) || window == 0 || !s.config.Now().Before(end):
			return batch, nil
		case len(out.Messages) == 0:
			timer := time.NewTimer(queuePause)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return batch, nil
			}
		}
	}
}

// queueRecord is a message as Lambda hands it to functions.
type queueRecord struct {
	MessageID      string                      `json:"messageId"`
	ReceiptHandle  string                      `json:"receiptHandle"`
	Body           string                      `json:"body"`
	Attributes     map[string]string           `json:"attributes"`
	MessageAttrs   map[string]messageAttribute `json:"messageAttributes"`
	MD5OfBody      string                      `json:"md5OfBody"`
	MD5OfAttrs     string                      `json:"md5OfMessageAttributes,omitempty"`
	EventSource    string                      `json:"eventSource"`
	EventSourceARN string                      `json:"eventSourceARN"`
	AWSRegion      string                      `json:"awsRegion"`
}

type messageAttribute struct {
	StringValue      *string  `json:"stringValue,omitempty"`
	BinaryValue      []byte   `json:"binaryValue,omitempty"`
	StringListValues []string `json:"stringListValues"`
	BinaryListValues [][]byte `json:"binaryListValues"`
	DataType         string   `json:"dataType"`
}

func (s *Service) queueRecord(m mapping, message sqstypes.Message) queueRecord {
	r := queueRecord{
		MessageID: aws.ToString(message.MessageId), ReceiptHandle: aws.ToString(message.ReceiptHandle),
		Body: aws.ToString(message.Body), Attributes: message.Attributes, MessageAttrs: map[string]messageAttribute{},
		MD5OfBody: aws.ToString(message.MD5OfBody), MD5OfAttrs: aws.ToString(message.MD5OfMessageAttributes),
		EventSource: "aws:sqs", EventSourceARN: m.EventSourceArn, AWSRegion: s.config.Region,
	}
	for k, v := range message.MessageAttributes {
		r.MessageAttrs[k] = messageAttribute{
			StringValue: v.StringValue, BinaryValue: v.BinaryValue, DataType: aws.ToString(v.DataType),
			StringListValues: []string{}, BinaryListValues: [][]byte{},
		}
	}
	return r
}

// wantedMessage says whether a message fits the filters, which see a body that is JSON as
// what it means.
func wantedMessage(m mapping, r queueRecord) bool {
	document, err := json.Marshal(struct {
		queueRecord
		Body any `json:"body"`
	}{r, raw([]byte(r.Body))})
	return err == nil && m.passes(document)
}

// batch invokes the function with the messages that pass the filters and deletes those
// it handled. The others come back by themselves when their visibility timeout ends, and
// reach the dead-letter queue by the queue's own redrive policy.
func (s *Service) batch(ctx context.Context, url string, m mapping, messages []sqstypes.Message) {
	received := s.config.Now()
	var records []queueRecord
	for _, message := range messages {
		if r := s.queueRecord(m, message); wantedMessage(m, r) {
			records = append(records, r)
		}
	}
	failed := map[string]bool{}
	if len(records) > 0 {
		failed = s.handleRecords(ctx, m, records)
	}
	var handled, left []sqstypes.Message
	for _, message := range messages {
		if failed[aws.ToString(message.MessageId)] {
			left = append(left, message)
		} else {
			handled = append(handled, message)
		}
	}
	s.deleteMessages(ctx, url, handled)
	s.hasten(ctx, url, m, left, received)
}

// handleRecords invokes the function and returns which messages failed.
func (s *Service) handleRecords(ctx context.Context, m mapping, records []queueRecord) map[string]bool {
	all := map[string]bool{}
	for _, r := range records {
		all[r.MessageID] = true
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	if err != nil {
		s.config.Log.Error("event not written", "source", m.EventSourceArn, "reason", err)
		return all
	}
	result, err := s.run(ctx, call{ref: m.ref, id: wire.NewUUID(), payload: payload, wait: true})
	if err == nil {
		err = s.functionError(m.ref, result)
	}
	if err != nil {
		s.config.Log.Warn("batch failed", "source", m.EventSourceArn, "messages", len(records), "reason", err)
		return all
	}
	if !m.partial() {
		return nil
	}
	failed, ok := failures(result.Payload)
	for id := range failed {
		ok = ok && all[id]
	}
	if !ok {
		s.config.Log.Warn("batch failed", "source", m.EventSourceArn, "reason", "batchItemFailures names no message of the batch", "answer", string(result.Payload))
		return all
	}
	return failed
}

// failures reads which items a function reports as failed (Lambda developer guide,
// "Implementing partial batch responses"): none when the answer is empty, null or has no
// list; an empty or missing id, or an answer that is no object, fails the whole batch.
func failures(answer []byte) (map[string]bool, bool) {
	var report *struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) > 0 && json.Unmarshal(answer, &report) != nil {
		return nil, false
	}
	failed := map[string]bool{}
	if report == nil {
		return failed, true
	}
	for _, f := range report.BatchItemFailures {
		if f.ItemIdentifier == "" {
			return nil, false
		}
		failed[f.ItemIdentifier] = true
	}
	return failed, true
}

func (s *Service) deleteMessages(ctx context.Context, url string, messages []sqstypes.Message) {
	for len(messages) > 0 {
		n := min(len(messages), receiveLimit)
		in := &sqs.DeleteMessageBatchInput{QueueUrl: aws.String(url)}
		for _, message := range messages[:n] {
			in.Entries = append(in.Entries, sqstypes.DeleteMessageBatchRequestEntry{Id: message.MessageId, ReceiptHandle: message.ReceiptHandle})
		}
		messages = messages[n:]
		if _, err := s.sqs.DeleteMessageBatch(ctx, in); err != nil {
			s.config.Log.Warn("messages not deleted", "queue", url, "reason", err)
		}
	}
}

// hasten lets failed messages come back sooner by VisibilitySpeed. It changes the timeout
// only now, after the invocation: a shorter one from the start could let a message run
// twice at once.
func (s *Service) hasten(ctx context.Context, url string, m mapping, messages []sqstypes.Message, received time.Time) {
	if s.config.VisibilitySpeed == 1 || len(messages) == 0 {
		return
	}
	visibility, err := s.visibility(ctx, m.EventSourceArn)
	if err != nil {
		return
	}
	wait := time.Duration(float64(visibility)/s.config.VisibilitySpeed*float64(time.Second)) - s.config.Now().Sub(received)
	seconds := int32(max(0, wait.Round(time.Second).Seconds()))
	for _, message := range messages {
		if _, err := s.sqs.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
			QueueUrl: aws.String(url), ReceiptHandle: message.ReceiptHandle, VisibilityTimeout: seconds,
		}); err != nil {
			s.config.Log.Warn("visibility not changed", "queue", url, "reason", err)
		}
	}
}
