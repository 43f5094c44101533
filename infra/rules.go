package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// wakers are the events after which something is worth a look. Each names its source and
// its detail types, so that nobody who may put an event of his own wakes anything.
var wakers = []struct {
	id          string
	sources     []string
	description string
	types       []string
	detail      map[string]any // nil: any
	own         bool           // happens in this account and region alone
}{
	{"Push", []string{"aws.codecommit"}, "A push to a CodeCommit repository", []string{"CodeCommit Repository State Change"}, nil, false},
	{"Stack", []string{"aws.cloudformation"}, "A stack that moved", []string{"CloudFormation Stack Status Change"}, nil, false},
	// That a detection began is no news: whoever began it knows.
	{"Detection", []string{"aws.cloudformation"}, "A drift detection that ended", []string{"CloudFormation Drift Detection Status Change"},
		map[string]any{"status-details": map[string]any{"detection-status": []string{"DETECTION_COMPLETE", "DETECTION_FAILED"}}}, false},
	// A build that reports wakes by itself; this is for the one that was killed, or never ran.
	{"Build", []string{"aws.codebuild"}, "A build of Driftless's that ended", []string{"CodeBuild Build State Change"},
		map[string]any{"project-name": []string{sides[0].project(), sides[1].project()},
			"build-status": []string{"SUCCEEDED", "FAILED", "FAULT", "TIMED_OUT", "STOPPED"}}, true},
	// Where the account has a trail. What the trigger makes of a call is internal/trigger's; the names
	// here keep out what applications do all day. A field that is not there is nothing but either
	// (EventBridge user guide, "Comparison operators").
	{"Change", []string{"aws.sqs", "aws.sns", "aws.ssm", "aws.dynamodb", "aws.lambda", "aws.s3", "aws.ec2", "aws.iam"},
		"A resource that somebody changed", []string{"AWS API Call via CloudTrail"}, map[string]any{
			"eventName": beginningWith(changes...), "readOnly": []bool{false}, "errorCode": []any{map[string]any{"exists": false}},
			"userIdentity": map[string]any{"invokedBy": []any{map[string]any{"exists": false}, map[string]any{"anything-but": "cloudformation.amazonaws.com"}}},
		}, false},
}

// changes are the beginnings of the names of calls that change what a stack has made. All of the
// pattern has to stay below 2,048 characters (EventBridge quotas).
var changes = []string{"SetQueue", "TagQueue", "UntagQueue", "AddPermission", "RemovePermission", "DeleteQueue", "SetTopic", "DeleteTopic",
	"TagResource", "UntagResource", "PutDataProtection", "PutParameter", "DeleteParameter", "AddTags", "RemoveTags", "UpdateTable",
	"UpdateTimeToLive", "UpdateContinuous", "DeleteTable", "PutResourcePolicy", "DeleteResourcePolicy", "UpdateFunction", "PutFunction",
	"DeleteFunction", "PutBucket", "DeleteBucket", "PutAccelerate", "AuthorizeSecurity", "RevokeSecurity", "UpdateSecurity", "DeleteSecurity",
	"ModifySecurity", "CreateTags", "DeleteTags", "CreateRoute", "ReplaceRoute", "DeleteRoute", "ModifyVpc", "DeleteVpc", "ModifySubnet",
	"DeleteSubnet", "UpdateAssumeRole", "PutRole", "AttachRole", "DetachRole", "UpdateRole", "DeleteRole", "TagRole", "UntagRole",
	"CreatePolicyVersion", "SetDefaultPolicy", "DeletePolicy", "TagPolicy", "UntagPolicy"}

func beginningWith(names ...string) []any {
	all := make([]any, 0, len(names))
	for _, n := range names {
		all = append(all, map[string]any{"prefix": n})
	}
	return all
}

// newRules makes the rules that hand events to the trigger: on the account's own bus, and
// the same on the inbound one where there is one.
func newRules(scope constructs.Construct, trigger awslambda.IFunction, dead awssqs.IQueue, inbound awsevents.EventBus) {
	for _, w := range wakers {
		pattern := &awsevents.EventPattern{Source: jsii.Strings(w.sources...), DetailType: jsii.Strings(w.types...)}
		if w.detail != nil {
			pattern.Detail = &w.detail
		}
		awsevents.NewRule(scope, jsii.String("On"+w.id), &awsevents.RuleProps{
			Description: jsii.String(w.description), EventPattern: pattern, Targets: invoke(trigger, dead, nil),
		})
		if inbound != nil && !w.own {
			awsevents.NewRule(scope, jsii.String("OnInbound"+w.id), &awsevents.RuleProps{
				Description: jsii.String(w.description + ", in another account or region"), EventBus: inbound, EventPattern: pattern, Targets: invoke(trigger, dead, nil),
			})
		}
	}
}

// invoke makes a rule's target: the function, with what it is given in place of the event
// when input is set. What cannot be handed over within an hour ends in the dead-letter
// queue, since by then the sweep has looked.
func invoke(f awslambda.IFunction, dead awssqs.IQueue, input map[string]any) *[]awsevents.IRuleTarget {
	props := &awseventstargets.LambdaFunctionProps{
		DeadLetterQueue: dead,
		MaxEventAge:     awscdk.Duration_Hours(jsii.Number(1)),
		RetryAttempts:   jsii.Number(8),
	}
	if input != nil {
		props.Event = awsevents.RuleTargetInput_FromObject(input)
	}
	return &[]awsevents.IRuleTarget{awseventstargets.NewLambdaFunction(f, props)}
}
