package sandbox

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// CreateRepository makes a CodeCommit repository, as a person does before the first push.
func (s *Sandbox) CreateRepository(ctx context.Context, name string) error {
	_, err := codecommit.NewFromConfig(s.config()).CreateRepository(ctx, &codecommit.CreateRepositoryInput{RepositoryName: aws.String(name)})
	if err != nil {
		return fmt.Errorf("create repository %s: %w", name, err)
	}
	return nil
}

// SetQueueAttribute changes a live queue past its stack, as someone at the console does.
func (s *Sandbox) SetQueueAttribute(ctx context.Context, queue, attribute, value string) error {
	client, url, err := s.queue(ctx, queue)
	if err != nil {
		return err
	}
	if _, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{
		QueueUrl: url, Attributes: map[string]string{attribute: value},
	}); err != nil {
		return fmt.Errorf("set %s of queue %s: %w", attribute, queue, err)
	}
	return nil
}

// QueueAttribute reads an attribute of a live queue, empty when it has none of that name.
func (s *Sandbox) QueueAttribute(ctx context.Context, queue, attribute string) (string, error) {
	client, url, err := s.queue(ctx, queue)
	if err != nil {
		return "", err
	}
	out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeName(attribute)},
	})
	if err != nil {
		return "", fmt.Errorf("read %s of queue %s: %w", attribute, queue, err)
	}
	return out.Attributes[attribute], nil
}

// Messages takes all messages that a queue has and returns their bodies.
func (s *Sandbox) Messages(ctx context.Context, queue string) ([]string, error) {
	client, url, err := s.queue(ctx, queue)
	if err != nil {
		return nil, err
	}
	var bodies []string
	for {
		out, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
		if err != nil {
			return bodies, fmt.Errorf("receive from queue %s: %w", queue, err)
		}
		if len(out.Messages) == 0 {
			return bodies, nil
		}
		for _, m := range out.Messages {
			bodies = append(bodies, aws.ToString(m.Body))
			if _, err := client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: m.ReceiptHandle}); err != nil {
				return bodies, fmt.Errorf("delete message of queue %s: %w", queue, err)
			}
		}
	}
}

func (s *Sandbox) queue(ctx context.Context, name string) (client *sqs.Client, url *string, err error) {
	client = sqs.NewFromConfig(s.config())
	out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(name)})
	if err != nil {
		return nil, nil, fmt.Errorf("find queue %s: %w", name, err)
	}
	return client, out.QueueUrl, nil
}

// Count tells how many resources of each type a stack has.
func (s *Sandbox) Count(ctx context.Context, stack string) (map[string]int, error) {
	pages := cloudformation.NewListStackResourcesPaginator(cloudformation.NewFromConfig(s.config()),
		&cloudformation.ListStackResourcesInput{StackName: aws.String(stack)})
	count := map[string]int{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list resources of stack %s: %w", stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			count[aws.ToString(r.ResourceType)]++
		}
	}
	return count, nil
}
