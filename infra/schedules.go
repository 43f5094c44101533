package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newSchedules makes the two clocks of an installation: what is unfinished every minute,
// every repository each five. The input says which, so that the sweeper reads no event.
func newSchedules(scope constructs.Construct, sweeper awslambda.IFunction, dead awssqs.IQueue) {
	for _, s := range []struct {
		id, sweep, description string
		minutes                float64
	}{
		{"EveryMinute", "unfinished", "Wakes what is unfinished and whose drift is due", 1},
		{"EveryFiveMinutes", "repositories", "Wakes every repository", 5},
	} {
		awsevents.NewRule(scope, jsii.String(s.id), &awsevents.RuleProps{
			Description: jsii.String(s.description),
			Schedule:    awsevents.Schedule_Rate(awscdk.Duration_Minutes(jsii.Number(s.minutes))),
			Targets:     invoke(sweeper, dead, map[string]any{"sweep": s.sweep}),
		})
	}
}
