package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// visibility is how long a message that a reconciler holds stays hidden: more than the
// function's time-out, or Lambda refuses the mapping.
const visibility = reconcilerTimeout + 30

// queues are the one that carries work, and where what cannot be handled ends.
type queues struct {
	work, workDead awssqs.Queue
	eventsDead     awssqs.Queue // of rules, asynchronous invocations and the stream
}

func newQueues(scope constructs.Construct) queues {
	workDead := awssqs.NewQueue(scope, jsii.String("WorkDead"), &awssqs.QueueProps{
		QueueName:       jsii.String("driftless-work-dlq.fifo"),
		Fifo:            jsii.Bool(true), // a FIFO queue's dead-letter queue must be FIFO too
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
	})
	work := awssqs.NewQueue(scope, jsii.String("Work"), &awssqs.QueueProps{
		QueueName: jsii.String("driftless-work.fifo"),
		Fifo:      jsii.Bool(true),
		// Off, since SQS remembers an id for five minutes, and one made from the content
		// would silently drop the second push.
		ContentBasedDeduplication: jsii.Bool(false),
		DeduplicationScope:        awssqs.DeduplicationScope_MESSAGE_GROUP,
		FifoThroughputLimit:       awssqs.FifoThroughputLimit_PER_MESSAGE_GROUP_ID,
		VisibilityTimeout:         awscdk.Duration_Seconds(jsii.Number(visibility)),
		// An hour and no more: a message only says where to look, and the sweep says it again.
		RetentionPeriod: awscdk.Duration_Hours(jsii.Number(1)),
		DeadLetterQueue: &awssqs.DeadLetterQueue{Queue: workDead, MaxReceiveCount: jsii.Number(5)},
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
	})
	eventsDead := awssqs.NewQueue(scope, jsii.String("EventsDead"), &awssqs.QueueProps{
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(14)),
		Encryption:      awssqs.QueueEncryption_SQS_MANAGED,
		EnforceSSL:      jsii.Bool(true),
	})
	suppress(eventsDead, "AwsSolutions-SQS3", "It is the dead-letter queue of rules, asynchronous invocations and the stream, which name it in other ways than a redrive policy.")
	return queues{work: work, workDead: workDead, eventsDead: eventsDead}
}
