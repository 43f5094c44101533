package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// reconcilerTimeout is in seconds; a step waits 30 s at most where AWS sends no event.
const reconcilerTimeout = 60

// notifierTimeout is in seconds: a batch with forges that are slow, each for ten seconds.
// The notifier counts on it being shorter than the two minutes for which it claims a place.
const notifierTimeout = 60

// function is one Lambda as this installation makes it. Its environment holds what it uses
// and nothing else, and its rights are those of rights.go.
type function struct {
	name, description string
	timeout, memory   float64 // seconds, MB
	async             bool    // invoked by rules: what fails three times ends in the dead-letter queue
	wildcards         string  // why its rights end in a star, where they do
}

// functions are the six, each a folder of functions/. None takes 128 MB, whatever it is given
// to do: more memory buys more of a processor, all of one at 1,769 MB (Lambda developer guide,
// "Configure Lambda function memory"). At 128 MB a start and a signature would take twice and
// four times as long, for the same price. The reconciler waits most of its time, for which
// memory is paid as well; it computes most where it reads a large repository.
var functions = []function{
	{name: "webhook", description: "Takes pushes from forges", timeout: 10, memory: 256,
		wildcards: "A parameter that holds a webhook's secret ends in its repository's id."},
	{name: "trigger", description: "Names what to look at after an event", timeout: 10, memory: 256, async: true},
	{name: "sweeper", description: "Wakes what is unfinished or due", timeout: 60, memory: 256, async: true},
	{name: "reconciler", description: "Takes one step of one repository or application", timeout: reconcilerTimeout, memory: 384,
		wildcards: "Objects are named by digest, parameters and secrets that hold credentials by their owner, and any CodeCommit repository of the account may be registered."},
	{name: "notifier", description: "Puts every change on the bus, and what became of a commit on its forge", timeout: notifierTimeout, memory: 256,
		wildcards: "IAM knows no resource for ListStreams, and parameters and secrets that hold credentials end in their repository's id."},
	{name: "api", description: "Answers the command line", timeout: 20, memory: 256,
		wildcards: "Objects are named by digest."},
}

// functionNames lists the folders of functions/ that are built.
func functionNames() []string {
	names := make([]string, 0, len(functions))
	for _, f := range functions {
		names = append(names, f.name)
	}
	return names
}

// made is a function with the role that it runs under.
type made struct {
	lambda awslambda.Function
	role   awsiam.Role
}

// newFunction makes one Lambda: its log group, so that the retention is ours; its role with
// exactly these rights, which nothing that is wired to it later can widen; the function.
func newFunction(scope constructs.Construct, f function, s settings, environment map[string]*string, rights []*awsiam.PolicyStatementProps, dead awssqs.Queue) made {
	scope = constructs.NewConstruct(scope, jsii.String(f.name))
	logs := awslogs.NewLogGroup(scope, jsii.String("Logs"), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String("/aws/lambda/driftless-" + f.name),
		Retention:     awslogs.RetentionDays_ONE_MONTH,
		RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	rights = append(rights, allow("Log", acts("logs:CreateLogStream", "logs:PutLogEvents"), logs.LogGroupArn()))
	if f.async {
		rights = append(rights, allow("DeadLetters", acts("sqs:SendMessage"), dead.QueueArn()))
	}
	role := newRole(scope, rights)
	if f.wildcards != "" {
		suppress(role, "AwsSolutions-IAM5", f.wildcards)
	}
	architecture := awslambda.Architecture_ARM_64()
	if s.Architecture == "x86_64" {
		architecture = awslambda.Architecture_X86_64()
	}
	lambda := awslambda.NewFunction(scope, jsii.String("Function"), &awslambda.FunctionProps{
		FunctionName: jsii.String("driftless-" + f.name),
		Description:  jsii.String(f.description),
		Runtime:      awslambda.Runtime_PROVIDED_AL2023(),
		Architecture: architecture,
		Handler:      jsii.String("bootstrap"),
		Code:         awslambda.Code_FromAsset(jsii.String(s.Code[f.name]), nil),
		Timeout:      awscdk.Duration_Seconds(jsii.Number(f.timeout)),
		MemorySize:   jsii.Number(f.memory),
		Environment:  &environment,
		LogGroup:     logs,
		Role:         role.WithoutPolicyUpdates(nil),
	})
	if f.async {
		awslambda.NewCfnEventInvokeConfig(scope, jsii.String("Async"), &awslambda.CfnEventInvokeConfigProps{
			FunctionName: lambda.FunctionName(), Qualifier: jsii.String("$LATEST"),
			MaximumRetryAttempts: jsii.Number(2), MaximumEventAgeInSeconds: jsii.Number(3600),
			DestinationConfig: map[string]any{"onFailure": map[string]any{"destination": dead.QueueArn()}},
		})
	}
	return made{lambda: lambda, role: role}
}

// newMappings wires what Lambda polls: the queue to the reconciler, the table's stream to
// the notifier.
func newMappings(scope constructs.Construct, reconciler, notifier made, q queues, streamARN *string, maxConcurrency float64) {
	partial := jsii.Strings("ReportBatchItemFailures")
	awslambda.NewCfnEventSourceMapping(scope, jsii.String("WorkMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName:   reconciler.lambda.FunctionName(),
		EventSourceArn: q.work.QueueArn(),
		// One message is one step; more would let one slow application hold up others.
		BatchSize:             jsii.Number(1),
		ScalingConfig:         map[string]any{"maximumConcurrency": maxConcurrency},
		FunctionResponseTypes: partial,
	})
	awslambda.NewCfnEventSourceMapping(scope, jsii.String("ChangesMapping"), &awslambda.CfnEventSourceMappingProps{
		FunctionName:   notifier.lambda.FunctionName(),
		EventSourceArn: streamARN,
		FilterCriteria: map[string]any{"filters": streamed()},
		// Not LATEST: a mapping takes a while to start, and what is written meanwhile would
		// never be told (Lambda guide, "Polling and stream starting positions").
		StartingPosition: jsii.String("TRIM_HORIZON"),
		BatchSize:        jsii.Number(25),
		// A deployment is a dozen records within seconds: they are told together, at most a
		// second later, for a third of the invocations.
		MaximumBatchingWindowInSeconds: jsii.Number(1),
		BisectBatchOnFunctionError:     true,
		FunctionResponseTypes:          partial,
		MaximumRetryAttempts:           jsii.Number(5),
		MaximumRecordAgeInSeconds:      jsii.Number(3600),
		DestinationConfig:              map[string]any{"onFailure": map[string]any{"destination": q.eventsDead.QueueArn()}},
	})
}

// streamed are the records of the stream that the notifier is woken for: deployments and
// drift reports, repositories of forges that show statuses, and notices that the sweeper
// touched; not those that the notifier itself wrote. A record that passes none costs nothing
// (Lambda developer guide, "Using event filtering with a DynamoDB event source").
func streamed() []any {
	var filters []any
	for _, pattern := range []string{
		`{"dynamodb":{"Keys":{"SK":{"S":[{"prefix":"DEPLOYMENT#"}]}}}}`,
		`{"dynamodb":{"Keys":{"SK":{"S":["DRIFT#latest"]}},"NewImage":{"news":{"BOOL":[true]}}}}`,
		`{"dynamodb":{"Keys":{"SK":{"S":["REPO"]}},"NewImage":{"forge":{"S":["github","gitlab"]}}}}`,
		`{"dynamodb":{"Keys":{"SK":{"S":["NOTICE"]}},"NewImage":{"touched":{"N":[{"exists":true}]}}}}`,
	} {
		filters = append(filters, map[string]any{"pattern": pattern})
	}
	return filters
}
