package events

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
)

const (
	// maxHops ends a circle of buses that forward to each other.
	maxHops = 5
	// maxRetries bounds a target's RetryPolicy: AWS tries up to 185 times in a day, which
	// nobody waits for here. A target may ask for fewer.
	maxRetries = 3
	firstPause = 200 * time.Millisecond
)

var errTargetKind = errors.New("the sandbox delivers to Lambda functions, SQS queues and event buses only")

// ErrDenied says that a target's own policy does not let EventBridge reach it.
var ErrDenied = errors.New("the target's policy does not allow events.amazonaws.com")

// route delivers an event to all rules of its bus that match.
func (s *Service) route(ctx context.Context, e envelope) {
	rules, err := s.rules.of(ctx, e.bus)
	if err != nil {
		s.c.Log.Error("event not routed", "error", err)
		return
	}
	for _, r := range rules {
		if r.pattern == nil {
			continue
		}
		matched, err := r.pattern.Match(e.event)
		if err != nil {
			s.c.Log.Error("event not matched", "rule", r.name, "error", err)
			return
		}
		if matched {
			s.deliverAll(ctx, r, e)
		}
	}
}

// deliverAll starts a delivery to each of the rule's targets and waits for all of them.
func (s *Service) deliverAll(ctx context.Context, r rule, e envelope) {
	done := make(chan struct{}, len(r.targets))
	for _, t := range r.targets {
		go func() {
			s.deliver(ctx, r, t, e)
			done <- struct{}{}
		}()
	}
	for range r.targets {
		<-done
	}
}

// deliver tries a target until it takes the event or the retries are used up; then the
// event goes to the target's dead-letter queue, if it has one.
func (s *Service) deliver(ctx context.Context, r rule, t types.Target, e envelope) {
	arn := aws.ToString(t.Arn)
	retries := maxRetries
	if t.RetryPolicy != nil && t.RetryPolicy.MaximumRetryAttempts != nil {
		retries = min(retries, int(*t.RetryPolicy.MaximumRetryAttempts))
	}
	body, err := payload(t, r, e.event)
	for attempt := 0; err == nil; attempt++ {
		if err = s.attempt(ctx, r, t, body, e); err == nil {
			s.c.Log.Debug("event delivered", "rule", r.name, "target", arn)
			return
		}
		if attempt == retries || errors.Is(err, errTargetKind) || errors.Is(err, ErrDenied) {
			break
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(firstPause << attempt):
			err = nil
		}
	}
	s.c.Log.Warn("event not delivered", "rule", r.name, "target", arn, "error", err)
	if t.DeadLetterConfig == nil || aws.ToString(t.DeadLetterConfig.Arn) == "" {
		return
	}
	if err := s.bury(ctx, r, t, e, err); err != nil {
		s.c.Log.Error("dead letter not written", "rule", r.name, "error", err)
	}
}

func (s *Service) attempt(ctx context.Context, r rule, t types.Target, body []byte, e envelope) error {
	arn := aws.ToString(t.Arn)
	a, err := splitARN(arn)
	if err != nil {
		return err
	}
	switch {
	case a.service == "lambda":
		return s.c.Invoke(ctx, arn, r.arn, body)
	case a.service == "sqs":
		in := &sqs.SendMessageInput{MessageBody: aws.String(string(body))}
		if t.SqsParameters != nil {
			in.MessageGroupId = t.SqsParameters.MessageGroupId
		}
		return s.sendMessage(ctx, r, a, in)
	case a.service == "events" && strings.HasPrefix(a.resource, "event-bus/"):
		if e.hops++; e.hops > maxHops {
			return fmt.Errorf("forward to %s: over %d buses passed", arn, maxHops)
		}
		e.bus = busName{a.account, a.region, strings.TrimPrefix(a.resource, "event-bus/")}
		e.event = body
		s.put(e)
		return nil
	default:
		return fmt.Errorf("deliver to %s: %w", arn, errTargetKind)
	}
}

// bury writes the event to the dead-letter queue with the attributes that EventBridge adds
// (user guide, "Using dead-letter queues to process undelivered events").
func (s *Service) bury(ctx context.Context, r rule, t types.Target, e envelope, why error) error {
	a, err := splitARN(aws.ToString(t.DeadLetterConfig.Arn))
	if err != nil {
		return err
	}
	attributes := map[string]sqstypes.MessageAttributeValue{}
	for name, value := range map[string]string{
		"RULE_ARN": r.arn, "TARGET_ARN": aws.ToString(t.Arn),
		"ERROR_CODE": "SDK_CLIENT_ERROR", "ERROR_MESSAGE": why.Error(),
	} {
		attributes[name] = sqstypes.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(value)}
	}
	return s.sendMessage(ctx, r, a, &sqs.SendMessageInput{MessageBody: aws.String(string(e.event)), MessageAttributes: attributes})
}

// sendMessage sends without a deduplication id, as EventBridge does: a FIFO queue must have
// content-based deduplication or refuses the message. The queue's policy must let the rule:
// without that a rule on AWS matches and delivers nothing, and so it does here.
func (s *Service) sendMessage(ctx context.Context, r rule, queue arn, in *sqs.SendMessageInput) error {
	client := sqs.NewFromConfig(moto.Config(s.c.Moto, queue.account, queue.region))
	url, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(queue.resource)})
	if err != nil {
		return fmt.Errorf("find queue %s: %w", queue.resource, err)
	}
	got, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: url.QueueUrl, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNamePolicy},
	})
	if err != nil {
		return fmt.Errorf("read policy of queue %s: %w", queue.resource, err)
	}
	if !Allows(got.Attributes["Policy"], "sqs:SendMessage", queue.String(), r.arn) {
		return fmt.Errorf("send to queue %s: %w to send for rule %s", queue.resource, ErrDenied, r.name)
	}
	in.QueueUrl = url.QueueUrl
	if _, err := client.SendMessage(ctx, in); err != nil {
		return fmt.Errorf("send to queue %s: %w", queue.resource, err)
	}
	return nil
}

// Allows reports whether a target's policy lets EventBridge act on it for the rule.
func Allows(document, action, target, ruleARN string) bool {
	parsed, err := policy.Parse([]byte(document))
	a, badARN := splitARN(ruleARN)
	if err != nil || badARN != nil {
		return false
	}
	return sts.ServiceMay(parsed, "events.amazonaws.com", action, target,
		map[string]string{"aws:SourceArn": ruleARN, "aws:SourceAccount": a.account})
}

// arn is the parts of an ARN that a delivery needs.
type arn struct{ service, region, account, resource string }

// String is the whole ARN.
func (a arn) String() string {
	return "arn:aws:" + a.service + ":" + a.region + ":" + a.account + ":" + a.resource
}

func splitARN(text string) (arn, error) {
	p := strings.SplitN(text, ":", 6)
	if len(p) != 6 || p[0] != "arn" {
		return arn{}, fmt.Errorf("read ARN %q: must have six parts: %w", text, errTargetKind)
	}
	return arn{service: p[2], region: p[3], account: p[4], resource: p[5]}, nil
}
