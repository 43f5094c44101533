// Program main is a CDK app of two stacks, of which one uses the other's queue.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	orders := awscdk.NewStack(app, jsii.String("GoOrders"), nil)
	queue := awssqs.NewQueue(orders, jsii.String("Queue"), nil)
	billing := awscdk.NewStack(app, jsii.String("GoBilling"), nil)
	awsssm.NewStringParameter(billing, jsii.String("Orders"), &awsssm.StringParameterProps{StringValue: queue.QueueUrl()})
	app.Synth(nil)
}
