package lambda

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// eventInvokeConfig is how a function's asynchronous invocations are treated.
type eventInvokeConfig struct {
	MaximumRetryAttempts     *integer          `json:",omitempty"`
	MaximumEventAgeInSeconds *integer          `json:",omitempty"`
	DestinationConfig        destinationConfig `json:",omitzero"`
}

type destinationConfig struct {
	OnSuccess destination `json:",omitzero"`
	OnFailure destination `json:",omitzero"`
}

type destination struct {
	Destination string `json:",omitempty"`
}

// configureInvokes sets how a function, or one version or alias of it, is invoked
// asynchronously. With merge, what is not given stays.
func (s *Service) configureInvokes(ref reference, in eventInvokeConfig, merge bool) (eventInvokeConfig, error) {
	if n := in.MaximumRetryAttempts; n != nil && (*n < 0 || *n > 2) {
		return in, invalid("MaximumRetryAttempts is 0 to 2, not %d", *n)
	}
	if n := in.MaximumEventAgeInSeconds; n != nil && (*n < 60 || *n > 21600) {
		return in, invalid("MaximumEventAgeInSeconds is 60 to 21600, not %d", *n)
	}
	for _, d := range []destination{in.DestinationConfig.OnSuccess, in.DestinationConfig.OnFailure} {
		switch service(d.Destination) {
		case "", "sqs", "sns", "lambda":
		default:
			return in, invalid("the sandbox sends to SQS, SNS and Lambda, not to %s", d.Destination)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f, _, err := s.findLocked(ref)
	if err != nil {
		return in, err
	}
	ref = ref.or("$LATEST")
	if old := f.invokes[ref.qualifier]; merge && old != nil {
		in = old.overlaid(in)
	}
	f.invokes[ref.qualifier] = &in
	return in, nil
}

func (c eventInvokeConfig) overlaid(in eventInvokeConfig) eventInvokeConfig {
	if in.MaximumRetryAttempts != nil {
		c.MaximumRetryAttempts = in.MaximumRetryAttempts
	}
	if in.MaximumEventAgeInSeconds != nil {
		c.MaximumEventAgeInSeconds = in.MaximumEventAgeInSeconds
	}
	if in.DestinationConfig != (destinationConfig{}) {
		c.DestinationConfig = in.DestinationConfig
	}
	return c
}

// invokesOf returns the settings and whether there are any.
func (s *Service) invokesOf(ref reference) (eventInvokeConfig, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.functions[ref.name]
	if f == nil || f.invokes[ref.or("$LATEST").qualifier] == nil {
		return eventInvokeConfig{}, false
	}
	return *f.invokes[ref.or("$LATEST").qualifier], true
}

func (s *Service) removeInvokes(ref reference) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f := s.functions[ref.name]; f != nil {
		delete(f.invokes, ref.or("$LATEST").qualifier)
	}
}

// checkDeadLetter refuses a dead-letter target that could never be written to.
func (s *Service) checkDeadLetter(ctx context.Context, c settings) error {
	if c.DeadLetterConfig == nil || c.DeadLetterConfig.TargetArn == "" {
		return nil
	}
	target := c.DeadLetterConfig.TargetArn
	switch service(target) {
	case "sqs":
		return s.mayRole(ctx, c.Role, "SQS", target, "sqs:SendMessage")
	case "sns":
		return s.mayRole(ctx, c.Role, "SNS", target, "sns:Publish")
	}
	return invalid("a dead-letter target is an SQS queue or an SNS topic, not %s", target)
}

// send puts a message where a failed event or a finished invocation goes.
func (s *Service) send(ctx context.Context, target, body string, attributes map[string]string) error {
	switch service(target) {
	case "sqs":
		url, err := s.queueURL(ctx, target)
		if err != nil {
			return err
		}
		in := &sqs.SendMessageInput{QueueUrl: aws.String(url), MessageBody: aws.String(body), MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
		for k, v := range attributes {
			in.MessageAttributes[k] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(v)}
		}
		if _, err := s.sqs.SendMessage(ctx, in); err != nil {
			return fmt.Errorf("send to %s: %w", target, err)
		}
		s.Nudge(target)
		return nil
	case "sns":
		in := &sns.PublishInput{TopicArn: aws.String(target), Message: aws.String(body), MessageAttributes: map[string]snstypes.MessageAttributeValue{}}
		for k, v := range attributes {
			in.MessageAttributes[k] = snstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(v)}
		}
		if _, err := s.sns.Publish(ctx, in); err != nil {
			return fmt.Errorf("publish to %s: %w", target, err)
		}
		return nil
	case "lambda":
		s.InvokeAsync(ctx, target, []byte(body))
		return nil
	}
	return fmt.Errorf("send to %s: the sandbox sends to SQS, SNS and Lambda", target)
}

func (s *Service) queueURL(ctx context.Context, arn string) (string, error) {
	out, err := s.sqs.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(lastField(arn))})
	if err != nil {
		return "", fmt.Errorf("find queue %s: %w", arn, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// service is the service's field of an ARN, empty where there is none.
func service(arn string) string {
	fields := strings.Split(arn, ":")
	if len(fields) < 6 || fields[0] != "arn" {
		return ""
	}
	return fields[2]
}

// lastField is what follows the last colon of an ARN.
func lastField(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }
