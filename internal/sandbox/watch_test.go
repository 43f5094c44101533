package sandbox_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func TestASessionMayDoWhatItsRoleMayAndEverybodyIsWatched(t *testing.T) {
	var mu sync.Mutex
	var seen []sandbox.Exchange
	s := start(t, sandbox.Options{Watch: func(x sandbox.Exchange) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, x)
	}})
	makeRole(t, s, "narrow", trustOf(`{"AWS":"123456789012"}`))
	cfg := admin(s)
	if _, err := iam.NewFromConfig(cfg).PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String("narrow"), PolicyName: aws.String("rights"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sqs:ListQueues","sqs:SendMessage"],"Resource":"arn:aws:sqs:*:*:mine"},{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`)}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"mine", "yours"} {
		if _, err := sqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s3.NewFromConfig(cfg).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("empty-bucket"),
		CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: sandbox.Region}}); err != nil {
		t.Fatal(err)
	}
	session, err := sts.NewFromConfig(cfg).AssumeRole(t.Context(), assume("narrow", "", 0))
	if err != nil {
		t.Fatal(err)
	}
	c := session.Credentials
	as := config(s, *c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	send := func(queue string) error {
		_, err := sqs.NewFromConfig(as).SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(s.URL() + "/123456789012/" + queue), MessageBody: aws.String("hello")})
		return err
	}
	for name, try := range map[string]struct {
		do   func() error
		code string
	}{
		"what its policy names": {func() error { return send("mine") }, ""},
		"another queue":         {func() error { return send("yours") }, "AccessDeniedException"},
		"another service, of the Query protocol": {func() error {
			_, err := cloudformation.NewFromConfig(as).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("a")})
			return err
		}, "AccessDenied"},
		"whether an object is there, without the right to list": {func() error {
			_, err := s3.NewFromConfig(as).GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("empty-bucket"), Key: aws.String("k")})
			return err
		}, "AccessDenied"},
	} {
		if got := errorCode(try.do()); got != try.code {
			t.Errorf("%s: error %q, want %q", name, got, try.code)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	denied, told := 0, 0
	for _, x := range seen {
		if x.Denied != "" && strings.HasSuffix(x.By.RoleARN, "role/narrow") {
			denied++
		}
		if x.Action == "SendMessage" && strings.Contains(string(x.In), "hello") && len(x.Out) > 0 && len(x.Asked) == 1 {
			told++
		}
	}
	if denied != 2 || told != 2 {
		t.Errorf("%d refusals and %d messages were seen, want 2 and 2", denied, told)
	}
}
