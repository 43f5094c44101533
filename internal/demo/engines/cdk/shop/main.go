// Program main is a CDK app of two stacks: the orders know the table of the data.
package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)

	data := awscdk.NewStack(app, jsii.String("ShopData"), nil)
	articles := awsdynamodb.NewTable(data, jsii.String("Articles"), &awsdynamodb.TableProps{
		PartitionKey: &awsdynamodb.Attribute{Name: jsii.String("id"), Type: awsdynamodb.AttributeType_STRING},
		BillingMode:  awsdynamodb.BillingMode_PAY_PER_REQUEST,
	})

	orders := awscdk.NewStack(app, jsii.String("ShopOrders"), nil)
	awssqs.NewQueue(orders, jsii.String("Orders"), &awssqs.QueueProps{
		QueueName: jsii.String("shop-orders"), RetentionPeriod: awscdk.Duration_Hours(jsii.Number(1)),
	})
	awsssm.NewStringParameter(orders, jsii.String("Table"), &awsssm.StringParameterProps{
		ParameterName: jsii.String("/shop/table"), StringValue: articles.TableName(),
	})

	app.Synth(nil)
}
