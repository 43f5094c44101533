package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// newData makes the bucket of bundles and plans, and the one that takes its access log.
//
// Keys are digests of the content, so that nothing is ever overwritten, and versions would
// keep nothing more. Plans are gone after 90 days, when their change sets are long obsolete.
// Bundles stay: the one of a stack that nobody has touched for a year is what brings it
// back when it drifts, and a thousand of them cost less than a cent a month. So do parts of
// records under records/, which their records name.
func newData(scope constructs.Construct) awss3.Bucket {
	logs := awss3.NewBucket(scope, jsii.String("Logs"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:        jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules:    &[]*awss3.LifecycleRule{{Id: jsii.String("logs"), Expiration: awscdk.Duration_Days(jsii.Number(90))}},
	})
	return awss3.NewBucket(scope, jsii.String("Data"), &awss3.BucketProps{
		Encryption:             awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:             jsii.Bool(true),
		RemovalPolicy:          awscdk.RemovalPolicy_RETAIN,
		ServerAccessLogsBucket: logs,
		ServerAccessLogsPrefix: jsii.String("data/"),
		LifecycleRules: &[]*awss3.LifecycleRule{
			{Id: jsii.String("plans"), Prefix: jsii.String("plans/"), Expiration: awscdk.Duration_Days(jsii.Number(90))},
			{Id: jsii.String("uploads"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7))},
		},
	})
}
