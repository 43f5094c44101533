package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// rights says what each function may do, and so what it may not: only the reconciler
// reaches git and other roles, and no function may touch a stack, a role or a secret that
// is not named here. Key ranges of the one table are told apart by dynamodb:LeadingKeys,
// which is the partition key of each item that a call names (DynamoDB guide, "Using IAM
// policy conditions for fine-grained access control"); a call of a transaction is
// authorised as the single call that it stands for.
func (i installation) rights() map[string][]*awsiam.PolicyStatementProps {
	table, work := i.table.TableArn(), i.queues.work.QueueArn()
	send := allow("Wake", acts("sqs:SendMessage"), work)
	return map[string][]*awsiam.PolicyStatementProps{
		"webhook": {
			send,
			allowKeys("Deliveries", acts("dynamodb:GetItem", "dynamodb:PutItem"), table, "DELIVERY#*"),
			allowKeys("Repositories", acts("dynamodb:GetItem"), table, "REPO#*"),
			// SecureStrings under the AWS-managed key, which admits whoever may read the
			// parameter: no right to a key is needed.
			allow("Secrets", acts("ssm:GetParameter"), i.arn("ssm", "parameter/driftless/webhook/*")),
		},
		"trigger": {
			send,
			allowKeys("Resolve", acts("dynamodb:GetItem"), table, "REPO#*", "CLAIM#*"),
		},
		"sweeper": {
			send,
			allow("Waiting", acts("dynamodb:Query"), i.indexes("work", "due", "repository")...),
			allowKeys("Due", acts("dynamodb:BatchGetItem"), table, "APP#*"),
			allowKeys("Touch", acts("dynamodb:UpdateItem"), table, "NOTICE#*"),
		},
		"reconciler": {
			send,
			allow("Work", acts("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"), work),
			allowKeys("Records", acts("dynamodb:GetItem", "dynamodb:UpdateItem"), table, "REPO#*", "APP#*"),
			allowKeys("Applications", acts("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:PutItem"), table, "APP#*"),
			allowKeys("Claims", acts("dynamodb:GetItem", "dynamodb:PutItem"), table, "CLAIM#*"),
			allow("List", acts("dynamodb:Query"), i.indexes("repository")...),
			allow("Blobs", acts("s3:GetObject", "s3:PutObject"), i.blobs("bundles/", "records/")...),
			allow("Plans", acts("s3:GetObject", "s3:PutObject"), i.blobs("plans/")...),
			allow("Orders", acts("s3:PutObject"), i.blobs("orders/", "builds/*/claim.json", "builds/*/word.json")...),
			allow("Reports", acts("s3:GetObject"), i.blobs("builds/", "tfplans/")...),
			i.startBuilds(),
			allow("Builds", acts("codebuild:BatchGetBuilds", "codebuild:StopBuild"), i.projects()...),
			allow("Locks", acts("s3:GetObject"), jsii.String(*i.states.BucketArn()+"/*.tflock")),
			allow("TellMissing", acts("s3:ListBucket"), i.data.BucketArn(), i.states.BucketArn()),
			allow("Targets", acts("sts:AssumeRole"), i.targetRoles()...),
			allow("Repositories", acts("codecommit:GetRepository", "codecommit:GitPull"), jsii.String("arn:"+*i.stack.Partition()+":codecommit:*:"+*i.stack.Account()+":*")),
			allow("Credentials", acts("ssm:GetParameter"), i.arn("ssm", "parameter/driftless/git/*")),
			allow("Secrets", acts("secretsmanager:GetSecretValue"), i.arn("secretsmanager", "secret:driftless/git/*")),
		},
		"notifier": {
			allow("Changes", acts("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"), i.table.TableStreamArn()),
			listStreams(),
			allow("Tell", acts("events:PutEvents"), i.bus.EventBusArn()),
			allowKeys("Records", acts("dynamodb:GetItem"), table, "REPO#*", "APP#*"),
			allowKeys("Notices", acts("dynamodb:GetItem", "dynamodb:UpdateItem"), table, "NOTICE#*"),
			allow("Credentials", acts("ssm:GetParameter"), i.arn("ssm", "parameter/driftless/git/*")),
			// Under the key of Secrets Manager's own, which admits whoever may read the secret.
			allow("Secrets", acts("secretsmanager:GetSecretValue"), i.arn("secretsmanager", "secret:driftless/git/*")),
			allow("DeadLetters", acts("sqs:SendMessage"), i.queues.eventsDead.QueueArn()),
		},
		"api": {
			send,
			allowKeys("Records", acts("dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:UpdateItem"), table, "REPO#*", "APP#*"),
			allowKeys("Histories", acts("dynamodb:Query"), table, "APP#*"),
			allowKeys("Repositories", acts("dynamodb:DeleteItem"), table, "REPO#*"),
			// All applications of the installation are the whole of that index.
			allow("List", acts("dynamodb:Query", "dynamodb:Scan"), i.indexes("repository")...),
			allow("Plans", acts("s3:GetObject"), i.blobs("plans/", "builds/*/log.txt")...),
			// A record that outgrows its item goes on in the bucket, whoever writes it.
			allow("Spilled", acts("s3:GetObject", "s3:PutObject"), i.blobs("records/")...),
			i.tellMissing(),
		},
	}
}

// blobs returns the objects under prefixes of the data bucket, or of a name where it is one.
func (i installation) blobs(prefixes ...string) []*string {
	var arns []*string
	for _, p := range prefixes {
		if strings.HasSuffix(p, "/") {
			p += "*"
		}
		arns = append(arns, jsii.String(*i.data.BucketArn()+"/"+p))
	}
	return arns
}

// tellMissing lets S3 say of an object that it is not there: without the right to list the
// bucket it answers that access is denied (S3 API reference, GetObject, "Permissions").
func (i installation) tellMissing() *awsiam.PolicyStatementProps {
	return allow("TellMissing", acts("s3:ListBucket"), i.data.BucketArn())
}

// targetRoles lists the roles that the reconciler may assume: two per target.
func (i installation) targetRoles() []*string {
	var roles []*string
	for _, t := range i.targets() {
		roles = append(roles, jsii.String(t.DeployRole), jsii.String(t.DriftRole))
	}
	return roles
}

// indexes returns the ARNs of some of the table's indexes.
func (i installation) indexes(names ...string) []*string {
	var arns []*string
	for _, n := range names {
		arns = append(arns, jsii.String(*i.table.TableArn()+"/index/"+n))
	}
	return arns
}

// arn names something of this account and region.
func (i installation) arn(service, resource string) *string {
	return jsii.String("arn:" + *i.stack.Partition() + ":" + service + ":" + *i.stack.Region() + ":" + *i.stack.Account() + ":" + resource)
}

// listStreams is the one right of a function that takes no resource: Lambda asks for it of
// a stream's reader, and IAM knows no resource for ListStreams (Service Authorization
// Reference, DynamoDB). It tells names of streams, nothing of what is in them.
func listStreams() *awsiam.PolicyStatementProps {
	return allow("ListStreams", acts("dynamodb:ListStreams"), jsii.String("*"))
}

func acts(names ...string) *[]*string { return jsii.Strings(names...) }

func allow(sid string, actions *[]*string, resources ...*string) *awsiam.PolicyStatementProps {
	return &awsiam.PolicyStatementProps{Sid: jsii.String(sid), Actions: actions, Resources: &resources}
}

// allowKeys allows actions on the items of the table whose partition key is like one of
// the patterns.
func allowKeys(sid string, actions *[]*string, table *string, keys ...string) *awsiam.PolicyStatementProps {
	s := allow(sid, actions, table)
	s.Conditions = &map[string]any{"ForAllValues:StringLike": map[string]any{"dynamodb:LeadingKeys": keys}}
	return s
}

// newRole makes a function's role. Lambda acts for this account alone (aws/agent-toolkit-for-aws,
// lambda-trust-policy.json). No aws:SourceArn: that Lambda sends one when it assumes a role is
// documented nowhere.
func newRole(scope constructs.Construct, rights []*awsiam.PolicyStatementProps) awsiam.Role {
	return newServiceRole(scope, "lambda.amazonaws.com", map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Aws_ACCOUNT_ID()}}, rights)
}

// newServiceRole makes a role of a service with these rights and no others.
func newServiceRole(scope constructs.Construct, service string, trusted map[string]any, rights []*awsiam.PolicyStatementProps) awsiam.Role {
	document := awsiam.NewPolicyDocument(nil)
	for _, r := range rights {
		document.AddStatements(awsiam.NewPolicyStatement(r))
	}
	return awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy:      awsiam.NewServicePrincipal(jsii.String(service), &awsiam.ServicePrincipalOpts{Conditions: &trusted}),
		InlinePolicies: &map[string]awsiam.PolicyDocument{"rights": document},
	})
}

// suppress takes a resource out of a cdk-nag rule, with the reason, which stays in the
// template as metadata.
func suppress(of constructs.IConstruct, rule, reason string) {
	cdknag.NagSuppressions_AddResourceSuppressions(of, &[]*cdknag.NagPackSuppression{{Id: jsii.String(rule), Reason: jsii.String(reason)}}, nil)
}
