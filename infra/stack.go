package main

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// installation is what the parts of the stack refer to each other by.
type installation struct {
	stack      awscdk.Stack
	settings   settings
	table      awsdynamodb.Table
	queues     queues
	data       awss3.Bucket
	states     awss3.Bucket
	bus        awsevents.EventBus
	externalID *string
}

// newStack makes one installation of Driftless.
func newStack(scope constructs.Construct, id string, s settings) (awscdk.Stack, error) {
	stack := awscdk.NewStack(scope, jsii.String(id), &awscdk.StackProps{
		Description: jsii.String("Driftless keeps AWS equal to git"),
		// The same template for everyone, without a resource that only counts installations.
		AnalyticsReporting: jsii.Bool(false),
	})
	data, states := newBuckets(stack)
	i := installation{
		stack: stack, settings: s,
		table: newTable(stack), queues: newQueues(stack), data: data, states: states, bus: newBus(stack),
		// The last part of the stack's ARN is a UUID of CloudFormation's: nobody chooses it,
		// and it is another one for every installation.
		externalID: awscdk.Fn_Select(jsii.Number(2), awscdk.Fn_Split(jsii.String("/"), stack.StackId(), nil)),
	}
	environment, err := i.environment()
	if err != nil {
		return nil, err
	}
	rights, lambdas := i.rights(), map[string]made{}
	for _, f := range functions {
		if s.Code[f.name] == "" {
			return nil, fmt.Errorf("function %s is not built", f.name)
		}
		lambdas[f.name] = newFunction(stack, f, s, environment[f.name], rights[f.name], i.queues.eventsDead)
	}
	builders, err := i.newBuilds()
	if err != nil {
		return nil, err
	}
	i.newTargetRoles(lambdas["reconciler"], builders)
	newMappings(stack, lambdas["reconciler"], lambdas["notifier"], i.queues, i.table.TableStreamArn(), s.MaxConcurrency)
	newRules(stack, lambdas["trigger"].lambda, i.queues.eventsDead, newInbound(stack, s.Targets))
	newSchedules(stack, lambdas["sweeper"].lambda, i.queues.eventsDead)
	newAlarm(stack, i.queues.workDead, i.queues.eventsDead)
	i.newOutputs(lambdas, builders)
	return stack, nil
}

// newOutputs makes the addresses and says where everything is.
func (i installation) newOutputs(lambdas map[string]made, builders map[string]awsiam.Role) {
	read, write := newAPIURLs(i.stack, lambdas["api"].lambda)
	for _, o := range []struct {
		name, description string
		value             *string
	}{
		{"ApiUrl", "For the command line; signed with IAM; looks only", read.Url()},
		{"ApiWriteUrl", "For the command line; signed with IAM; syncs, approves, suspends", write.Url()},
		{"WebhookUrl", "For forges: POST /<repository id>", newWebhookURL(lambdas["webhook"].lambda).Url()},
		{"TableName", "The records", i.table.TableName()},
		{"BusName", "Every change, as events", i.bus.EventBusName()},
		{"DataBucket", "Bundles and plans", i.data.BucketName()},
		{"StateBucket", "States of Terraform, where applications have no backend of their own", i.states.BucketName()},
		{"ExternalId", "For templates/target-role.yaml", i.externalID},
		{"ReconcilerRoleArn", "For templates/target-role.yaml", lambdas["reconciler"].role.RoleArn()},
		{"PlanBuildRoleArn", "For templates/target-role.yaml", builders["plan"].RoleArn()},
		{"ApplyBuildRoleArn", "For templates/target-role.yaml", builders["apply"].RoleArn()},
	} {
		awscdk.NewCfnOutput(i.stack, jsii.String(o.name), &awscdk.CfnOutputProps{Value: o.value, Description: jsii.String(o.description)})
	}
}
