package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
)

// newTable makes the one table, as the adapter that reads and writes it defines it. It has
// no name of its own and outlives the stack, so that a removed installation's records can
// be read, and a new one is never refused for them.
func newTable(scope constructs.Construct) awsdynamodb.Table {
	d := dynamodb.Table
	table := awsdynamodb.NewTable(scope, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:                     attribute(d.Partition),
		SortKey:                          attribute(d.Sort),
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		TimeToLiveAttribute:              jsii.String(d.TTL),
		Stream:                           awsdynamodb.StreamViewType(d.Stream),
		RemovalPolicy:                    awscdk.RemovalPolicy_RETAIN,
		// Without a key named, DynamoDB encrypts with its own: no charge, nothing to lose.
		Encryption: awsdynamodb.TableEncryption_DEFAULT,
	})
	for _, i := range d.Indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName:    jsii.String(i.Name),
			PartitionKey: attribute(i.Partition), SortKey: attribute(i.Sort),
			ProjectionType: awsdynamodb.ProjectionType_KEYS_ONLY,
		})
	}
	return table
}

func attribute(k dynamodb.Key) *awsdynamodb.Attribute {
	types := map[string]awsdynamodb.AttributeType{"S": awsdynamodb.AttributeType_STRING, "N": awsdynamodb.AttributeType_NUMBER}
	return &awsdynamodb.Attribute{Name: jsii.String(k.Name), Type: types[k.Type]}
}
