package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newBus makes the bus on which Driftless says what it does, for anyone's rules.
func newBus(scope constructs.Construct) awsevents.EventBus {
	return awsevents.NewEventBus(scope, jsii.String("Bus"), &awsevents.EventBusProps{
		EventBusName: jsii.String("driftless"),
		Description:  jsii.String("What Driftless does: every change of a deployment and of drift"),
	})
}

// newInbound makes the bus that other accounts and regions forward their events to, or
// returns nil where every target is in this account and region. Its policy lists the
// accounts; the trigger still drops what no target or repository of the record accounts for.
func newInbound(scope constructs.Construct, targets []target) awsevents.EventBus {
	principals, far := []*string{}, false
	for _, t := range targets {
		if t.own() {
			far = far || len(t.Regions) > 0
			continue
		}
		far = true
		principals = append(principals, jsii.String(t.Account))
	}
	if !far {
		return nil
	}
	bus := awsevents.NewEventBus(scope, jsii.String("Inbound"), &awsevents.EventBusProps{
		EventBusName: jsii.String("driftless-inbound"),
		Description:  jsii.String("Events that templates/target-events.yaml forwards from other accounts and regions"),
	})
	if len(principals) > 0 {
		awsevents.NewCfnEventBusPolicy(scope, jsii.String("InboundPolicy"), &awsevents.CfnEventBusPolicyProps{
			EventBusName: bus.EventBusName(),
			StatementId:  jsii.String("targets"),
			Statement: map[string]any{
				"Sid": "targets", "Effect": "Allow", "Action": "events:PutEvents",
				"Principal": map[string]any{"AWS": principals}, "Resource": bus.EventBusArn(),
			},
		})
	}
	awscdk.NewCfnOutput(scope, jsii.String("InboundBusArn"), &awscdk.CfnOutputProps{
		Value: bus.EventBusArn(), Description: jsii.String("Where templates/target-events.yaml forwards to"),
	})
	return bus
}
