package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"
)

// newBuckets makes the bucket of bundles and plans, the one of Terraform's states, the one of
// this region's artefacts, and the one that takes the access logs of all three.
//
// Keys are digests of the content, so that nothing is ever overwritten, and versions would
// keep nothing more. Plans are gone after 90 days, when their change sets are long obsolete.
// Bundles stay: the one of a stack that nobody has touched for a year is what brings it
// back when it drifts, and a thousand of them cost less than a cent a month. So do parts of
// records under records/, which their records name. A saved plan of Terraform holds secrets,
// and nobody applies it after a day.
func newBuckets(scope awscdk.Stack) (data, states awss3.Bucket) {
	logs := awss3.NewBucket(scope, jsii.String("Logs"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:        jsii.Bool(true),
		RemovalPolicy:     awscdk.RemovalPolicy_RETAIN,
		LifecycleRules:    &[]*awss3.LifecycleRule{{Id: jsii.String("logs"), Expiration: awscdk.Duration_Days(jsii.Number(90))}},
	})
	newArtefacts(scope, logs)
	data = awss3.NewBucket(scope, jsii.String("Data"), &awss3.BucketProps{
		Encryption:             awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:             jsii.Bool(true),
		RemovalPolicy:          awscdk.RemovalPolicy_RETAIN,
		ServerAccessLogsBucket: logs,
		ServerAccessLogsPrefix: jsii.String("data/"),
		LifecycleRules: &[]*awss3.LifecycleRule{
			{Id: jsii.String("plans"), Prefix: jsii.String("plans/"), Expiration: awscdk.Duration_Days(jsii.Number(90))},
			{Id: jsii.String("tfplans"), Prefix: jsii.String("tfplans/"), Expiration: awscdk.Duration_Days(jsii.Number(1))},
			{Id: jsii.String("orders"), Prefix: jsii.String("orders/"), Expiration: awscdk.Duration_Days(jsii.Number(90))},
			{Id: jsii.String("builds"), Prefix: jsii.String("builds/"), Expiration: awscdk.Duration_Days(jsii.Number(90))},
			{Id: jsii.String("uploads"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7))},
		},
	})
	return data, newStates(scope, logs)
}

// newStates makes the bucket of the states of applications that have no backend of their own.
// What a state was stays for 90 days, and the latest ten versions for ever: a state that was
// overwritten with nothing is got back by hand.
func newStates(scope awscdk.Stack, logs awss3.IBucket) awss3.Bucket {
	return awss3.NewBucket(scope, jsii.String("States"), &awss3.BucketProps{
		Encryption:             awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:             jsii.Bool(true),
		Versioned:              jsii.Bool(true),
		RemovalPolicy:          awscdk.RemovalPolicy_RETAIN,
		ServerAccessLogsBucket: logs,
		ServerAccessLogsPrefix: jsii.String("states/"),
		LifecycleRules: &[]*awss3.LifecycleRule{
			{Id: jsii.String("versions"), NoncurrentVersionExpiration: awscdk.Duration_Days(jsii.Number(90)), NoncurrentVersionsToRetain: jsii.Number(10)},
			{Id: jsii.String("uploads"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7)), ExpiredObjectDeleteMarker: jsii.Bool(true)},
		},
	})
}

// newArtefacts makes the bucket of what templates of the own account and region name: code,
// nested templates. It is the one that templates/target-events.yaml makes elsewhere, by the
// same name, which the deploy and exec roles know. Having a name, it would stand in the way
// of another try where the first deployment of the stack fails, so that it goes with that.
func newArtefacts(stack awscdk.Stack, logs awss3.IBucket) {
	awss3.NewBucket(stack, jsii.String("Artefacts"), &awss3.BucketProps{
		BucketName:             jsii.String("driftless-artefacts-" + *stack.Account() + "-" + *stack.Region()),
		Encryption:             awss3.BucketEncryption_S3_MANAGED,
		BlockPublicAccess:      awss3.BlockPublicAccess_BLOCK_ALL(),
		EnforceSSL:             jsii.Bool(true),
		RemovalPolicy:          awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
		ServerAccessLogsBucket: logs,
		ServerAccessLogsPrefix: jsii.String("artefacts/"),
		LifecycleRules: &[]*awss3.LifecycleRule{
			{Id: jsii.String("uploads"), AbortIncompleteMultipartUploadAfter: awscdk.Duration_Days(jsii.Number(7))},
		},
	})
}
