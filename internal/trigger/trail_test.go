package trigger_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/trail"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
	"github.com/driftless-gitops/driftless/internal/trigger"
)

// What the sandbox tells of a call, and what is read of it, are written apart.
func TestWhatTheSandboxesTrailTellsIsRead(t *testing.T) {
	const key = "AKIAANN"
	var told []wire.Event
	tr := trail.New(trail.Config{Account: "111122223333", Now: time.Now, Log: slog.New(slog.DiscardHandler),
		Emit: func(_ context.Context, e wire.Event) { told = append(told, e) },
		Identity: func(string) (sts.Identity, bool) {
			return sts.Identity{ARN: "arn:aws:iam::111122223333:user/ann", Account: "111122223333", Credentials: sts.Credentials{AccessKey: key}}, true
		}})
	done := tr.Watch(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for want, c := range map[string]struct{ service, method, path, target, body string }{
		"http://127.0.0.1:4566/111122223333/jobs":   {"sqs", "POST", "/", "AmazonSQS.SetQueueAttributes", `{"QueueUrl":"http://127.0.0.1:4566/111122223333/jobs"}`},
		"arn:aws:sns:eu-west-1:111122223333:alerts": {"sns", "POST", "/", "", "Action=SetTopicAttributes&TopicArn=arn:aws:sns:eu-west-1:111122223333:alerts"},
		"/limit":               {"ssm", "POST", "/", "AmazonSSM.PutParameter", `{"Name":"/limit"}`},
		"books":                {"dynamodb", "POST", "/", "DynamoDB_20120810.UpdateTimeToLive", `{"TableName":"books"}`},
		"prod-books":           {"s3", "PUT", "/prod-books?tagging", "", ""},
		"sg-0a1b2c3d4e5f60718": {"ec2", "POST", "/", "", "Action=AuthorizeSecurityGroupIngress&GroupId=sg-0a1b2c3d4e5f60718"},
		"sg-0f1b2c3d4e5f60718": {"ec2", "POST", "/", "", "Action=ModifySecurityGroupRules&GroupId=sg-0f1b2c3d4e5f60718"},
		"vpc-0a1b2c3d":         {"ec2", "POST", "/", "", "Action=CreateTags&ResourceId.1=vpc-0a1b2c3d"},
		"worker":               {"iam", "POST", "/", "", "Action=UpdateAssumeRolePolicy&RoleName=worker"},
		"function":             {"lambda", "PUT", "/2015-03-31/functions/function/configuration", "", "{}"},
	} {
		told = nil
		q := httptest.NewRequest(c.method, c.path, strings.NewReader(c.body))
		q.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20261121/eu-west-1/"+c.service+"/aws4_request, SignedHeaders=host, Signature=0")
		if c.target != "" {
			q.Header.Set("X-Amz-Target", c.target)
		} else {
			q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		done.ServeHTTP(httptest.NewRecorder(), q)
		if len(told) != 1 {
			t.Errorf("%s: told %d times", want, len(told))
			continue
		}
		event, err := json.Marshal(map[string]any{"source": told[0].Source, "detail-type": told[0].DetailType, "account": told[0].Account, "region": told[0].Region, "detail": told[0].Detail})
		if err != nil {
			t.Fatal(err)
		}
		got, err := trigger.Parse(event)
		if err != nil || len(got.Physical) != 1 || got.Physical[0] != want || got.Touch.By != "arn:aws:iam::111122223333:user/ann" {
			t.Errorf("%s: read %+v, %v", want, got, err)
		}
	}
}
