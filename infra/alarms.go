package main

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newAlarm makes the one alarm: something lies in a dead-letter queue. It has no action;
// its change of state is an event on the account's bus, like that of every alarm.
func newAlarm(scope constructs.Construct, dead ...awssqs.Queue) {
	metrics, names := map[string]awscloudwatch.IMetric{}, []string{}
	for i, q := range dead {
		name := fmt.Sprintf("q%d", i)
		names = append(names, name)
		metrics[name] = q.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{
			Period: awscdk.Duration_Minutes(jsii.Number(5)), Statistic: jsii.String("Maximum"),
		})
	}
	awscloudwatch.NewAlarm(scope, jsii.String("DeadLetters"), &awscloudwatch.AlarmProps{
		AlarmDescription: jsii.String("Something could not be handled: look into the dead-letter queues of Driftless"),
		Metric: awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
			Expression: jsii.String(strings.Join(names, " + ")), Label: jsii.String("messages in dead-letter queues"),
			UsingMetrics: &metrics, Period: awscdk.Duration_Minutes(jsii.Number(5)),
		}),
		Threshold:          jsii.Number(1),
		EvaluationPeriods:  jsii.Number(1),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
}
