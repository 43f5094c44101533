package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// index is a secondary index of the table. All but repository are sparse: an item is in
// one only while it has the index's partition attribute.
type index struct {
	name, partition, sort string
	sortType              awsdynamodb.AttributeType
	projection            awsdynamodb.ProjectionType
}

// indexes are what is asked of all records at once: what is unfinished, whose drift is due,
// the applications of a repository, the drifted ones.
var indexes = []index{
	{"work", "work", "id", awsdynamodb.AttributeType_STRING, awsdynamodb.ProjectionType_KEYS_ONLY},
	{"due", "due", "dueAt", awsdynamodb.AttributeType_NUMBER, awsdynamodb.ProjectionType_KEYS_ONLY},
	{"repository", "repository", "id", awsdynamodb.AttributeType_STRING, awsdynamodb.ProjectionType_ALL},
	{"drifted", "drifted", "id", awsdynamodb.AttributeType_STRING, awsdynamodb.ProjectionType_ALL},
}

// newTable makes the one table. It has no name of its own and outlives the stack, so that
// a removed installation's records can be read, and a new one is never refused for them.
func newTable(scope constructs.Construct) awsdynamodb.Table {
	key := func(name string, t awsdynamodb.AttributeType) *awsdynamodb.Attribute {
		return &awsdynamodb.Attribute{Name: jsii.String(name), Type: t}
	}
	table := awsdynamodb.NewTable(scope, jsii.String("Table"), &awsdynamodb.TableProps{
		PartitionKey:                     key("PK", awsdynamodb.AttributeType_STRING),
		SortKey:                          key("SK", awsdynamodb.AttributeType_STRING),
		BillingMode:                      awsdynamodb.BillingMode_PAY_PER_REQUEST,
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		TimeToLiveAttribute:              jsii.String("expires"),
		Stream:                           awsdynamodb.StreamViewType_NEW_AND_OLD_IMAGES,
		RemovalPolicy:                    awscdk.RemovalPolicy_RETAIN,
		// Without a key named, DynamoDB encrypts with its own: no charge, nothing to lose.
		Encryption: awsdynamodb.TableEncryption_DEFAULT,
	})
	for _, i := range indexes {
		table.AddGlobalSecondaryIndex(&awsdynamodb.GlobalSecondaryIndexProps{
			IndexName:      jsii.String(i.name),
			PartitionKey:   key(i.partition, awsdynamodb.AttributeType_STRING),
			SortKey:        key(i.sort, i.sortType),
			ProjectionType: i.projection,
		})
	}
	return table
}
