package trail_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/trail"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const account = "123456789012"

// recording is a trail whose events are kept, before a service that answers with a status and
// remembers what it was sent.
type recording struct {
	trail  *trail.Trail
	events []wire.Event
	status int
	got    string
}

func record(t *testing.T) *recording {
	t.Helper()
	r := &recording{status: http.StatusOK}
	r.trail = trail.New(trail.Config{Account: account, Log: slog.New(slog.DiscardHandler),
		Now:  func() time.Time { return time.Date(2026, 11, 21, 9, 41, 7, 0, time.UTC) },
		Emit: func(_ context.Context, e wire.Event) { r.events = append(r.events, e) },
		Identity: func(key string) (sts.Identity, bool) {
			switch key {
			case "AKIAANN":
				return sts.Identity{ARN: "arn:aws:iam::" + account + ":user/ann", Account: account, Credentials: sts.Credentials{AccessKey: key}}, true
			case "ASIAOPS":
				return sts.Identity{ARN: "arn:aws:sts::" + account + ":assumed-role/ops/ann", RoleARN: "arn:aws:iam::" + account + ":role/team/ops", Account: account,
					Credentials: sts.Credentials{AccessKey: key}}, true
			}
			return sts.Identity{}, false
		}})
	t.Cleanup(r.trail.Close)
	return r
}

func (r *recording) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.got = string(body)
	w.WriteHeader(r.status)
}

// request is one that was signed with a key for a service.
func request(key, service, method, path, body string, headers ...string) *http.Request {
	q := httptest.NewRequest(method, path, strings.NewReader(body))
	q.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261121/eu-west-1/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	return q
}

func jsonCall(service, target, body string) *http.Request {
	return request("AKIAANN", service, http.MethodPost, "/", body, "X-Amz-Target", target)
}

func form(service, body string) *http.Request {
	return request("AKIAANN", service, http.MethodPost, "/", body, "Content-Type", "application/x-www-form-urlencoded")
}

// detail reads the record of the only event.
func (r *recording) detail(t *testing.T) map[string]any {
	t.Helper()
	if len(r.events) != 1 {
		t.Fatalf("%d events: %+v", len(r.events), r.events)
	}
	var detail map[string]any
	if err := json.Unmarshal(r.events[0].Detail, &detail); err != nil {
		t.Fatal(err)
	}
	return detail
}

func TestACallThatChangesAResourceIsToldOf(t *testing.T) {
	const group = "Version=2016-11-15&GroupId=sg-0a1b2c3d4e5f60718&"
	for sentence, c := range map[string]struct {
		request    *http.Request
		name       string
		parameters string
	}{
		"an attribute of a queue":   {jsonCall("sqs", "AmazonSQS.SetQueueAttributes", `{"QueueUrl":"http://127.0.0.1/1/q","Attributes":{"VisibilityTimeout":"60"}}`), "SetQueueAttributes", `{"queueUrl":"http://127.0.0.1/1/q"}`},
		"a parameter":               {jsonCall("ssm", "AmazonSSM.PutParameter", `{"Name":"/limit","Value":"secret"}`), "PutParameter", `{"name":"/limit"}`},
		"parameters":                {jsonCall("ssm", "AmazonSSM.DeleteParameters", `{"Names":["a","b"]}`), "DeleteParameters", `{"names":["a","b"]}`},
		"a table":                   {jsonCall("dynamodb", "DynamoDB_20120810.UpdateTimeToLive", `{"TableName":"books","TimeToLiveSpecification":{}}`), "UpdateTimeToLive", `{"tableName":"books"}`},
		"a topic":                   {form("sns", "Action=SetTopicAttributes&TopicArn=arn:aws:sns:eu-west-1:1:t&AttributeName=DisplayName"), "SetTopicAttributes", `{"topicArn":"arn:aws:sns:eu-west-1:1:t"}`},
		"a rule of a group":         {form("ec2", "Action=AuthorizeSecurityGroupIngress&"+group), "AuthorizeSecurityGroupIngress", `{"groupId":"sg-0a1b2c3d4e5f60718"}`},
		"rules of a group":          {form("ec2", "Action=ModifySecurityGroupRules&"+group), "ModifySecurityGroupRules", `{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-0a1b2c3d4e5f60718"}}`},
		"tags":                      {form("ec2", "Action=CreateTags&ResourceId.1=vpc-1&ResourceId.2=vpc-2"), "CreateTags", `{"resourcesSet":{"items":[{"resourceId":"vpc-1"},{"resourceId":"vpc-2"}]}}`},
		"a role":                    {form("iam", "Action=PutRolePolicy&RoleName=worker&PolicyName=p"), "PutRolePolicy", `{"roleName":"worker"}`},
		"a bucket's tags":           {request("AKIAANN", "s3", http.MethodPut, "/books?tagging", "<Tagging/>"), "PutBucketTagging", `{"bucketName":"books","tagging":""}`},
		"a bucket's tags that go":   {request("AKIAANN", "s3", http.MethodDelete, "/books?tagging=", ""), "DeleteBucketTagging", `{"bucketName":"books","tagging":""}`},
		"a bucket that goes":        {request("AKIAANN", "s3", http.MethodDelete, "/books/", ""), "DeleteBucket", `{"bucketName":"books"}`},
		"a function's settings":     {request("AKIAANN", "lambda", http.MethodPut, "/2015-03-31/functions/worker/configuration", "{}"), "UpdateFunctionConfiguration20150331v2", `{"functionName":"worker"}`},
		"a function that goes away": {request("AKIAANN", "lambda", http.MethodDelete, "/2015-03-31/functions/worker", ""), "DeleteFunction20150331", `{"functionName":"worker"}`},
	} {
		t.Run(sentence, func(t *testing.T) {
			r := record(t)
			r.trail.Watch(r).ServeHTTP(httptest.NewRecorder(), c.request)
			got := r.detail(t)
			var want map[string]any
			if err := json.Unmarshal([]byte(c.parameters), &want); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got["requestParameters"]); diff != "" || got["eventName"] != c.name {
				t.Errorf("%s (-want +got):\n%s", got["eventName"], diff)
			}
			if strings.Contains(string(r.events[0].Detail), "secret") {
				t.Errorf("the value of a parameter stands in %s", r.events[0].Detail)
			}
		})
	}
}

func TestAnEventSaysWhoDidItFromWhereAndWhen(t *testing.T) {
	r := record(t)
	q := jsonCall("sqs", "AmazonSQS.DeleteQueue", `{"QueueUrl":"u"}`)
	q.RemoteAddr = "127.0.0.1:5000"
	q.Header.Set("User-Agent", "aws-cli/2")
	r.trail.Watch(r).ServeHTTP(httptest.NewRecorder(), q)
	got := r.detail(t)
	for _, id := range []string{"requestID", "eventID"} {
		if s, _ := got[id].(string); len(s) != 36 {
			t.Errorf("%s is %v", id, got[id])
		}
		delete(got, id)
	}
	want := map[string]any{"eventVersion": "1.11", "eventTime": "2026-11-21T09:41:07Z", "eventSource": "sqs.amazonaws.com", "eventName": "DeleteQueue",
		"awsRegion": "eu-west-1", "sourceIPAddress": "127.0.0.1", "userAgent": "aws-cli/2", "requestParameters": map[string]any{"queueUrl": "u"},
		"responseElements": nil, "readOnly": false, "eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": account, "eventCategory": "Management",
		"userIdentity": map[string]any{"type": "IAMUser", "arn": "arn:aws:iam::" + account + ":user/ann", "accountId": account, "accessKeyId": "AKIAANN", "userName": "ann"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
	if e := r.events[0]; e.Source != "aws.sqs" || e.DetailType != "AWS API Call via CloudTrail" || e.Account != account || e.Region != "eu-west-1" {
		t.Errorf("the event is %+v", e)
	}
	if r.got != `{"QueueUrl":"u"}` {
		t.Errorf("the service was sent %q", r.got)
	}
}

func TestASessionIsToldWithItsRoleAndAnUnknownKeyAsAnAccount(t *testing.T) {
	for key, want := range map[string]map[string]any{
		"ASIAOPS": {"type": "AssumedRole", "arn": "arn:aws:sts::" + account + ":assumed-role/ops/ann", "accountId": account, "accessKeyId": "ASIAOPS",
			"sessionContext": map[string]any{"sessionIssuer": map[string]any{"type": "Role", "arn": "arn:aws:iam::" + account + ":role/team/ops", "accountId": account, "userName": "ops"}}},
		"AKIANOBODY": {"type": "AWSAccount", "accountId": account},
	} {
		r := record(t)
		r.trail.Watch(r).ServeHTTP(httptest.NewRecorder(), request(key, "iam", http.MethodPost, "/", "Action=DeleteRole&RoleName=w", "Content-Type", "application/x-www-form-urlencoded"))
		if diff := cmp.Diff(want, r.detail(t)["userIdentity"]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
		if e := r.events[0]; e.Region != "us-east-1" { // IAM's are told of nowhere else
			t.Errorf("the event is of %s", e.Region)
		}
	}
}

func TestWhatChangesNothingIsNotToldOf(t *testing.T) {
	for sentence, c := range map[string]struct {
		request *http.Request
		status  int
	}{
		"a call that is refused":        {jsonCall("sqs", "AmazonSQS.DeleteQueue", `{"QueueUrl":"u"}`), http.StatusBadRequest},
		"a call that reads":             {jsonCall("sqs", "AmazonSQS.GetQueueAttributes", `{"QueueUrl":"u"}`), http.StatusOK},
		"a message":                     {jsonCall("sqs", "AmazonSQS.SendMessage", `{"QueueUrl":"u"}`), http.StatusOK},
		"an item of a table":            {jsonCall("dynamodb", "DynamoDB_20120810.PutItem", `{"TableName":"t"}`), http.StatusOK},
		"an object":                     {request("AKIAANN", "s3", http.MethodPut, "/books/a/b", "x"), http.StatusOK},
		"a bucket that is listed":       {request("AKIAANN", "s3", http.MethodGet, "/books?tagging", ""), http.StatusOK},
		"a function that is invoked":    {request("AKIAANN", "lambda", http.MethodPost, "/2015-03-31/functions/worker/invocations", "{}"), http.StatusOK},
		"a service that is not watched": {jsonCall("kms", "TrentService.DisableKey", `{"KeyId":"k"}`), http.StatusOK},
		"what is no JSON":               {jsonCall("sqs", "AmazonSQS.DeleteQueue", `{`), http.StatusOK},
		"a request without a signature": {httptest.NewRequest(http.MethodDelete, "/books", nil), http.StatusOK},
	} {
		t.Run(sentence, func(t *testing.T) {
			r := record(t)
			r.status = c.status
			answer := httptest.NewRecorder()
			r.trail.Watch(r).ServeHTTP(answer, c.request)
			if len(r.events) != 0 || answer.Code != c.status {
				t.Errorf("told %+v, answered %d", r.events, answer.Code)
			}
		})
	}
}

func TestLargeRequestsComeThrough(t *testing.T) {
	large := strings.Repeat("x", 2<<20)
	for sentence, q := range map[string]*http.Request{
		"the code of a function": request("AKIAANN", "lambda", http.MethodPost, "/2015-03-31/functions", large+large+large+large+large+large+large+large+large),
		"an object":              request("AKIAANN", "s3", http.MethodPut, "/books/a", large+large+large+large+large+large+large+large+large),
		"items of a table":       jsonCall("dynamodb", "DynamoDB_20120810.BatchWriteItem", `{"RequestItems":"`+large+`"}`),
	} {
		r := record(t)
		answer := httptest.NewRecorder()
		r.trail.Watch(r).ServeHTTP(answer, q)
		if answer.Code != http.StatusOK || len(r.got) < len(large) {
			t.Errorf("%s: %d, of which the service got %d bytes", sentence, answer.Code, len(r.got))
		}
	}
}

// What the sandbox's CloudFormation does for a stack is told as CloudFormation's doing.
func TestWhatComesBeneathCloudFormationIsOfItsDoing(t *testing.T) {
	r := record(t)
	server := httptest.NewServer(r)
	defer server.Close()
	url, err := r.trail.Beneath(t.Context(), server.URL)
	if err != nil {
		t.Fatal(err)
	}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/", strings.NewReader(`{"QueueUrl":"u"}`))
	if err != nil {
		t.Fatal(err)
	}
	q.Header = jsonCall("sqs", "AmazonSQS.SetQueueAttributes", "").Header
	q.Header.Set("X-Moto-Account-Id", "444455556666")
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	got := r.detail(t)
	if diff := cmp.Diff(map[string]any{"type": "AWSService", "accountId": "444455556666", "invokedBy": "cloudformation.amazonaws.com"}, got["userIdentity"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got["sourceIPAddress"] != "cloudformation.amazonaws.com" || got["recipientAccountId"] != "444455556666" || r.got != `{"QueueUrl":"u"}` {
		t.Errorf("the record is %v; the service was sent %q", got, r.got)
	}
	r.trail.Close()
	r.trail.Close()
	if again, err := http.DefaultClient.Do(q.Clone(t.Context())); err == nil {
		_ = again.Body.Close()
		t.Error("it answers after Close")
	}
}
