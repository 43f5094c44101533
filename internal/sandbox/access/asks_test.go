package access_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/access"
)

// keys are those of a table "t" with an index "i".
func keys(table, index string) string {
	return map[string]string{"t": "PK", "t/i": "work"}[strings.Trim(table+"/"+index, "/")]
}

func TestWhatACallAsksFor(t *testing.T) {
	const project = "arn:aws:codebuild:eu-west-1:123456789012:project/jobs"
	const dynamo, cfn = "arn:aws:dynamodb:eu-west-1:123456789012:table/t", "arn:aws:cloudformation:eu-west-1:123456789012:stack/"
	for name, c := range map[string]struct {
		service, action, method, path, body string
		want                                []string // action, resource, keys
	}{
		"a message, by the queue's name": {service: "sqs", action: "SendMessage", body: `{"QueueUrl":"http://127.0.0.1:1/123456789012/work.fifo"}`,
			want: []string{"sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:work.fifo"}},
		"several messages, as one": {service: "sqs", action: "SendMessageBatch", body: `{"QueueUrl":"http://127.0.0.1:1/123456789012/work.fifo"}`,
			want: []string{"sqs:SendMessage arn:aws:sqs:eu-west-1:123456789012:work.fifo"}},
		"an item, by its partition": {service: "dynamodb", action: "GetItem", body: `{"TableName":"t","Key":{"PK":{"S":"APP#a"},"SK":{"S":"APP"}}}`,
			want: []string{"dynamodb:GetItem " + dynamo + " dynamodb:LeadingKeys=APP#a"}},
		"a new item, by its partition": {service: "dynamodb", action: "PutItem", body: `{"TableName":"t","Item":{"PK":{"S":"APP#a"},"x":{"N":"1"}}}`,
			want: []string{"dynamodb:PutItem " + dynamo + " dynamodb:LeadingKeys=APP#a"}},
		"a query, by what its condition names": {service: "dynamodb", action: "Query",
			body: `{"TableName":"t","KeyConditionExpression":"(#0 = :0) AND (begins_with (#1, :1))","ExpressionAttributeNames":{"#0":"PK","#1":"SK"},"ExpressionAttributeValues":{":0":{"S":"APP#a"},":1":{"S":"D"}}}`,
			want: []string{"dynamodb:Query " + dynamo + " dynamodb:LeadingKeys=APP#a"}},
		"a query of an index, by the index's key": {service: "dynamodb", action: "Query",
			body: `{"TableName":"t","IndexName":"i","KeyConditionExpression":"work = :0","ExpressionAttributeValues":{":0":{"S":"yes"}}}`,
			want: []string{"dynamodb:Query " + dynamo + "/index/i dynamodb:LeadingKeys=yes"}},
		"a scan, which has no partition": {service: "dynamodb", action: "Scan", body: `{"TableName":"t"}`,
			want: []string{"dynamodb:Scan " + dynamo}},
		"a transaction, part by part": {service: "dynamodb", action: "TransactWriteItems",
			body: `{"TransactItems":[{"Put":{"TableName":"t","Item":{"PK":{"S":"A"}}}},{"Update":{"TableName":"t","Key":{"PK":{"S":"B"}}}},{"ConditionCheck":{"TableName":"t","Key":{"PK":{"S":"C"}}}}]}`,
			want: []string{"dynamodb:PutItem " + dynamo + " dynamodb:LeadingKeys=A", "dynamodb:UpdateItem " + dynamo + " dynamodb:LeadingKeys=B", "dynamodb:ConditionCheckItem " + dynamo + " dynamodb:LeadingKeys=C"}},
		"several items, one by one": {service: "dynamodb", action: "BatchGetItem", body: `{"RequestItems":{"t":{"Keys":[{"PK":{"S":"A"}},{"PK":{"S":"B"}}]}}}`,
			want: []string{"dynamodb:BatchGetItem " + dynamo + " dynamodb:LeadingKeys=A", "dynamodb:BatchGetItem " + dynamo + " dynamodb:LeadingKeys=B"}},
		"a parameter, with or without its slash": {service: "ssm", action: "GetParameter", body: `{"Name":"/driftless/git/a"}`,
			want: []string{"ssm:GetParameter arn:aws:ssm:eu-west-1:123456789012:parameter/driftless/git/a"}},
		"a secret, whatever AWS appends to its name": {service: "secretsmanager", action: "GetSecretValue", body: `{"SecretId":"a/b"}`,
			want: []string{"secretsmanager:GetSecretValue arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-??????"}},
		"an event, by bus and source": {service: "events", action: "PutEvents", body: `{"Entries":[{"EventBusName":"b","Source":"s","DetailType":"d"}]}`,
			want: []string{"events:PutEvents arn:aws:events:eu-west-1:123456789012:event-bus/b events:detail-type=d events:source=s"}},
		"an object":              {service: "s3", method: "GET", path: "/b/k/1", want: []string{"s3:GetObject arn:aws:s3:::b/k/1 aws:ResourceAccount=123456789012 s3:ResourceAccount=123456789012"}},
		"an object that is made": {service: "s3", method: "PUT", path: "/b/k/1", want: []string{"s3:PutObject arn:aws:s3:::b/k/1 aws:ResourceAccount=123456789012 s3:ResourceAccount=123456789012"}},
		"what a bucket holds":    {service: "s3", method: "GET", path: "/b?list-type=2", want: []string{"s3:ListBucket arn:aws:s3:::b aws:ResourceAccount=123456789012 s3:ResourceAccount=123456789012"}},
		"a clone":                {service: "git", method: "GET", path: "/v1/repos/infra/info/refs?service=git-upload-pack", want: []string{"codecommit:GitPull arn:aws:codecommit:eu-west-1:123456789012:infra"}},
		"a push":                 {service: "git", method: "POST", path: "/v1/repos/infra/git-receive-pack", want: []string{"codecommit:GitPush arn:aws:codecommit:eu-west-1:123456789012:infra"}},
		"a role, and whom it is handed to": {service: "cloudformation", action: "CreateChangeSet", body: "StackName=prod&ChangeSetName=c&RoleARN=arn:aws:iam::123456789012:role/exec",
			want: []string{"cloudformation:CreateChangeSet " + cfn + "prod/* cloudformation:ChangeSetName=c cloudformation:RoleArn=arn:aws:iam::123456789012:role/exec",
				"iam:PassRole arn:aws:iam::123456789012:role/exec iam:PassedToService=cloudformation.amazonaws.com"}},
		"a change set, by the name in its ARN": {service: "cloudformation", action: "ExecuteChangeSet", body: "StackName=" + cfn + "prod/1&ChangeSetName=arn:aws:cloudformation:eu-west-1:123456789012:changeSet/c/2",
			want: []string{"cloudformation:ExecuteChangeSet " + cfn + "prod/1 cloudformation:ChangeSetName=c"}},
		"a detection, which has no stack": {service: "cloudformation", action: "DescribeStackDriftDetectionStatus", body: "StackDriftDetectionId=1",
			want: []string{"cloudformation:DescribeStackDriftDetectionStatus *"}},
		"a build, by its project, once for each variable": {service: "codebuild", action: "StartBuild",
			body: `{"projectName":"jobs","environmentVariablesOverride":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}`,
			want: []string{
				"codebuild:StartBuild " + project + " codebuild:environment.environmentVariables.name=A codebuild:environment.environmentVariables.value=1 codebuild:environment.environmentVariables/A.value=1",
				"codebuild:StartBuild " + project + " codebuild:environment.environmentVariables.name=B codebuild:environment.environmentVariables.value=2 codebuild:environment.environmentVariables/B.value=2"}},
		"a build with another buildspec and role": {service: "codebuild", action: "StartBuild",
			body: `{"projectName":"jobs","buildspecOverride":"x","serviceRoleOverride":"arn:aws:iam::1:role/r"}`,
			want: []string{"codebuild:StartBuild " + project + " codebuild:serviceRole=arn:aws:iam::1:role/r codebuild:source.buildspec=x",
				"iam:PassRole arn:aws:iam::1:role/r iam:PassedToService=codebuild.amazonaws.com"}},
		"builds, each by its project": {service: "codebuild", action: "BatchGetBuilds",
			body: `{"ids":["jobs:1","arn:aws:codebuild:eu-west-1:123456789012:build/others:2"]}`,
			want: []string{"codebuild:BatchGetBuilds " + project, "codebuild:BatchGetBuilds arn:aws:codebuild:eu-west-1:123456789012:project/others"}},
		"a build to be stopped": {service: "codebuild", action: "StopBuild", body: `{"id":"jobs:1"}`, want: []string{"codebuild:StopBuild " + project}},
		"a role, by the installation's id": {service: "sts", action: "AssumeRole", body: "RoleArn=arn:aws:iam::1:role/r&RoleSessionName=s&ExternalId=e",
			want: []string{"sts:AssumeRole arn:aws:iam::1:role/r sts:ExternalId=e sts:RoleSessionName=s"}},
		"a function that is invoked, by its name": {service: "lambda", method: "POST", path: "/2015-03-31/functions/driftless-verify-a/invocations",
			want: []string{"lambda:InvokeFunction arn:aws:lambda:eu-west-1:123456789012:function:driftless-verify-a"}},
		"a function that is invoked, by its ARN": {service: "lambda", method: "POST", path: "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Aa/invocations",
			want: []string{"lambda:InvokeFunction arn:aws:lambda:eu-west-1:1:function:a"}},
		"alarms, all of them":                 {service: "monitoring", action: "DescribeAlarms", body: `{"AlarmNames":["a"]}`, want: []string{"cloudwatch:DescribeAlarms *"}},
		"who one is, which nobody is refused": {service: "sts", action: "GetCallerIdentity", body: "Action=GetCallerIdentity"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := url.Parse(c.path)
			if err != nil {
				t.Fatal(err)
			}
			asked, known := access.Of(access.Call{Service: c.service, Action: c.action, Account: "123456789012", Region: "eu-west-1",
				Method: c.method, URL: at, Body: []byte(c.body)}, keys)
			var got []string
			for _, r := range asked {
				got = append(got, access.String(r))
			}
			if diff := cmp.Diff(c.want, got); diff != "" || !known {
				t.Errorf("known %v (-want +got):\n%s", known, diff)
			}
		})
	}
}

func TestOfWhatIsNotKnownNothingIsSaid(t *testing.T) {
	for _, c := range []access.Call{
		{Service: "kinesis", Action: "PutRecord", Body: []byte(`{}`)},
		{Service: "events", Action: "PutRule", Body: []byte(`{}`)},
		{Service: "s3", Method: "DELETE", URL: &url.URL{Path: "/bucket"}},
		{Service: "lambda", Method: "GET", URL: &url.URL{Path: "/2015-03-31/functions/a"}},
		{Service: "monitoring", Action: "PutMetricAlarm", Body: []byte(`{}`)},
		{Service: "dynamodb", Action: "GetItem", Body: []byte(`{"Key":1}`)},
	} {
		if asked, known := access.Of(c, keys); known || asked != nil {
			t.Errorf("%s %s asks for %v", c.Service, c.Action, asked)
		}
	}
}
