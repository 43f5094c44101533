package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	sqsGuide     = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/"
	sqsReference = "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/"
	fifoQueue    = "an SQS FIFO queue"
)

var everyAttribute = []types.QueueAttributeName{types.QueueAttributeNameAll}

func queues() []Expectation {
	return []Expectation{
		{Name: "sqs-deduplication", Makes: fifoQueue, Source: sqsGuide + "using-messagededuplicationid-property.html", Calls: deduplication,
			Says: "within five minutes a second message with the same deduplication id is accepted and not delivered, even once the first one is received and deleted",
			Answers: []string{
				"second send: code=none",
				"received: bodies=[one]",
				"third send: code=none",
				"received: bodies=[]",
				"another id: bodies=[four]",
			},
			Because: "moto forgets a deduplication id with the message that carried it",
			Sandbox: []string{
				"second send: code=none",
				"received: bodies=[one]",
				"third send: code=none",
				"received: bodies=[three]",
				"another id: bodies=[]",
			}},
		{Name: "sqs-group-order", Makes: fifoQueue, Source: sqsGuide + "FIFO-queues-understanding-logic.html", Calls: groupOrder,
			Says: "a group's messages come in order, and none of a group while an earlier one is in flight; other groups go on",
			Answers: []string{
				"first: bodies=[a1]",
				"while it is in flight: bodies=[b1]",
				"after its deletion: bodies=[a2]",
			}},
		{Name: "sqs-batch-limits", Makes: fifoQueue, Source: sqsReference + "API_SendMessageBatch.html", Calls: batchLimits,
			Says: "a batch has one to ten entries with ids of their own",
			Answers: []string{
				"eleven: code=AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
				"none: code=AWS.SimpleQueueService.EmptyBatchRequest",
				"the same id twice: code=AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
				"ten: successful=10 failed=0",
			}},
		{Name: "sqs-fifo-refusals", Makes: fifoQueue, Source: sqsReference + "API_SendMessage.html", Calls: fifoRefusals,
			Says: "a FIFO queue takes no message without a group or a deduplication id, and none with a delay of its own; its name ends with .fifo",
			Answers: []string{
				"without a group: code=MissingParameter",
				"without a deduplication id: code=InvalidParameterValue",
				"with a delay: code=InvalidParameterValue",
				"another name: code=InvalidParameterValue",
				"no such queue: code=AWS.SimpleQueueService.NonExistentQueue",
			}},
		{Name: "sqs-dead-letter", Makes: "two SQS FIFO queues", Source: sqsGuide + "sqs-dead-letter-queues.html", Calls: deadLetter,
			Says: "a message that was received as often as the redrive policy says goes to the dead-letter queue, in its group",
			Answers: []string{
				"first: bodies=[poison]",
				"second: bodies=[]",
				"dead letters: bodies=[poison] groups=[a]",
			}},
	}
}

// queue makes a FIFO queue that is deleted afterwards.
func (a *Account) queue(ctx context.Context, suffix string, attributes map[string]string) (string, error) {
	name := a.prefix + suffix + ".fifo"
	a.Later(func(ctx context.Context) error {
		found, err := a.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
		if isAnswer(err) && strings.Contains(codeOf(err), "NonExistentQueue") {
			return nil
		}
		if err == nil {
			_, err = a.queues.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: found.QueueUrl})
		}
		if err != nil {
			return fmt.Errorf("delete queue %s: %w", name, err)
		}
		return nil
	})
	all := map[string]string{"FifoQueue": "true"}
	for k, v := range attributes {
		all[k] = v
	}
	made, err := a.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(name), Attributes: all})
	if err != nil {
		return "", fmt.Errorf("create queue %s: %w", name, err)
	}
	return aws.ToString(made.QueueUrl), nil
}

func (a *Account) send(ctx context.Context, queue, body, group, id string) error {
	_, err := a.queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(queue), MessageBody: aws.String(body),
		MessageGroupId: aws.String(group), MessageDeduplicationId: aws.String(id)})
	return err
}

// receive returns the messages that a look of a second finds, at most so many.
func (a *Account) receive(ctx context.Context, queue string, most int32) ([]types.Message, error) {
	out, err := a.queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(queue), MaxNumberOfMessages: most, WaitTimeSeconds: 1,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameMessageGroupId}})
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return out.Messages, nil
}

// arrive returns the messages of the first look that finds some, of five: what a queue moves, or
// sets free, is not there at once.
func (a *Account) arrive(ctx context.Context, queue string) (got []types.Message, err error) {
	for look := 0; look < 5 && len(got) == 0 && err == nil; look++ {
		got, err = a.receive(ctx, queue, 10)
	}
	return got, err
}

func (a *Account) delete(ctx context.Context, queue string, messages []types.Message) error {
	for _, m := range messages {
		if _, err := a.queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(queue), ReceiptHandle: m.ReceiptHandle}); err != nil {
			return fmt.Errorf("delete message: %w", err)
		}
	}
	return nil
}

func bodies(messages []types.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, aws.ToString(m.Body))
	}
	return all
}

func deduplication(ctx context.Context, a *Account) error {
	queue, err := a.queue(ctx, "", nil)
	if err != nil {
		return err
	}
	if err = a.send(ctx, queue, "one", "a", "same"); err != nil {
		return err
	}
	a.Note("second send", "code", a.send(ctx, queue, "two", "a", "same"))
	got, err := a.receive(ctx, queue, 10)
	if err != nil {
		return err
	}
	a.Note("received", "bodies", bodies(got))
	if err = a.delete(ctx, queue, got); err != nil {
		return err
	}
	a.Note("third send", "code", a.send(ctx, queue, "three", "a", "same"))
	if got, err = a.receive(ctx, queue, 10); err != nil {
		return err
	}
	a.Note("received", "bodies", bodies(got))
	if err = a.send(ctx, queue, "four", "a", "another"); err != nil {
		return err
	}
	got, err = a.receive(ctx, queue, 10)
	a.Note("another id", "bodies", bodies(got))
	return err
}

func groupOrder(ctx context.Context, a *Account) error {
	queue, err := a.queue(ctx, "", nil)
	if err != nil {
		return err
	}
	for _, m := range []struct{ body, group string }{{"a1", "a"}, {"a2", "a"}, {"b1", "b"}} {
		if err = a.send(ctx, queue, m.body, m.group, m.body); err != nil {
			return err
		}
	}
	first, err := a.receive(ctx, queue, 1)
	if err != nil {
		return err
	}
	a.Note("first", "bodies", bodies(first))
	other, err := a.receive(ctx, queue, 10)
	if err != nil {
		return err
	}
	a.Note("while it is in flight", "bodies", bodies(other))
	if err = a.delete(ctx, queue, first); err != nil {
		return err
	}
	next, err := a.arrive(ctx, queue)
	a.Note("after its deletion", "bodies", bodies(next))
	return err
}

func batchLimits(ctx context.Context, a *Account) error {
	queue, err := a.queue(ctx, "", nil)
	if err != nil {
		return err
	}
	batch := func(n int, id func(int) string) (*sqs.SendMessageBatchOutput, error) {
		in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(queue), Entries: []types.SendMessageBatchRequestEntry{}}
		for i := range n {
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(id(i)), MessageBody: aws.String("m"),
				MessageGroupId: aws.String("a"), MessageDeduplicationId: aws.String(fmt.Sprint(n, i))})
		}
		return a.queues.SendMessageBatch(ctx, in)
	}
	own := func(i int) string { return fmt.Sprint("m", i) }
	_, err = batch(11, own)
	a.Note("eleven", "code", err)
	_, err = batch(0, own)
	a.Note("none", "code", err)
	_, err = batch(2, func(int) string { return "m" })
	a.Note("the same id twice", "code", err)
	out, err := batch(10, own)
	if err != nil {
		return err
	}
	a.Note("ten", "successful", len(out.Successful), "failed", len(out.Failed))
	return nil
}

func fifoRefusals(ctx context.Context, a *Account) error {
	queue, err := a.queue(ctx, "", nil)
	if err != nil {
		return err
	}
	try := func(in *sqs.SendMessageInput) error {
		in.QueueUrl, in.MessageBody = aws.String(queue), aws.String("m")
		_, err := a.queues.SendMessage(ctx, in)
		return err
	}
	a.Note("without a group", "code", try(&sqs.SendMessageInput{MessageDeduplicationId: aws.String("1")}))
	a.Note("without a deduplication id", "code", try(&sqs.SendMessageInput{MessageGroupId: aws.String("a")}))
	a.Note("with a delay", "code", try(&sqs.SendMessageInput{MessageGroupId: aws.String("a"), MessageDeduplicationId: aws.String("2"), DelaySeconds: 5}))
	_, err = a.queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(a.prefix), Attributes: map[string]string{"FifoQueue": "true"}})
	a.Note("another name", "code", err)
	_, err = a.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(a.prefix + "-nowhere.fifo")})
	a.Note("no such queue", "code", err)
	return nil
}

func deadLetter(ctx context.Context, a *Account) error {
	dead, err := a.queue(ctx, "-dead", nil)
	if err != nil {
		return err
	}
	out, err := a.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(dead), AttributeNames: everyAttribute})
	if err != nil {
		return fmt.Errorf("read queue: %w", err)
	}
	queue, err := a.queue(ctx, "", map[string]string{"VisibilityTimeout": "0",
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, out.Attributes["QueueArn"])})
	if err != nil {
		return err
	}
	if err = a.send(ctx, queue, "poison", "a", "1"); err != nil {
		return err
	}
	for _, label := range []string{"first", "second"} {
		got, err := a.receive(ctx, queue, 10)
		if err != nil {
			return err
		}
		a.Note(label, "bodies", bodies(got))
	}
	got, err := a.arrive(ctx, dead)
	if err != nil {
		return err
	}
	groups := []string(nil)
	for _, m := range got {
		groups = append(groups, m.Attributes["MessageGroupId"])
	}
	a.Note("dead letters", "bodies", bodies(got), "groups", groups)
	return nil
}
