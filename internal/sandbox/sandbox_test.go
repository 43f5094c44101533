package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
)

func TestOtherServicesReachMotoUnchanged(t *testing.T) {
	s := start(t, sandbox.Options{})
	cfg := admin(s)

	t.Run("S3 keeps a body and a key that needs escaping", func(t *testing.T) {
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
		bucket, key := aws.String("proxied"), aws.String("plans//a b+c/ü?.zip")
		if _, err := client.CreateBucket(t.Context(), newBucket(*bucket)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: bytes.NewReader(body)}); err != nil {
			t.Fatal(err)
		}
		out, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(out.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, body) {
			t.Errorf("read %d bytes that differ from the %d written", len(got), len(body))
		}
	})

	t.Run("S3 answers a presigned request", func(t *testing.T) {
		client := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
		bucket, key := aws.String("presigned"), aws.String("k")
		if _, err := client.CreateBucket(t.Context(), newBucket(*bucket)); err != nil {
			t.Fatal(err)
		}
		if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("v")}); err != nil {
			t.Fatal(err)
		}
		url, err := s3.NewPresignClient(client).PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: bucket, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		if status, body := get(t, url.URL); status != http.StatusOK || body != "v" {
			t.Errorf("status %d, body %q, want 200 and v", status, body)
		}
	})

	t.Run("DynamoDB refuses a failed condition with its own error", func(t *testing.T) {
		client := dynamodb.NewFromConfig(cfg)
		_, err := client.CreateTable(t.Context(), &dynamodb.CreateTableInput{
			TableName: aws.String("proxied"), BillingMode: dynamotypes.BillingModePayPerRequest,
			AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("PK"), AttributeType: "S"}},
			KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: "HASH"}},
		})
		if err != nil {
			t.Fatal(err)
		}
		put := &dynamodb.PutItemInput{
			TableName: aws.String("proxied"), ConditionExpression: aws.String("attribute_not_exists(PK)"),
			Item: map[string]dynamotypes.AttributeValue{"PK": &dynamotypes.AttributeValueMemberS{Value: "one"}},
		}
		if _, err := client.PutItem(t.Context(), put); err != nil {
			t.Fatal(err)
		}
		_, err = client.PutItem(t.Context(), put)
		if code := errorCode(err); code != "ConditionalCheckFailedException" {
			t.Errorf("second put: %v, want ConditionalCheckFailedException", err)
		}
	})

	t.Run("SQS gives queue URLs of the gateway", func(t *testing.T) {
		client := sqs.NewFromConfig(cfg)
		made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("proxied")})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(*made.QueueUrl, s.URL()) {
			t.Errorf("queue URL %s, want one below %s", *made.QueueUrl, s.URL())
		}
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: aws.String("hello")}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"hello"}, receive(t, client, *made.QueueUrl)); diff != "" {
			t.Error(diff)
		}
	})
}

func TestOnlyTheLoopbackIsListenedOn(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", "192.0.2.1:0", ":0", "example.com:0"} {
		if s, err := sandbox.Start(t.Context(), sandbox.Options{Addr: addr}); err == nil {
			s.Close()
			t.Errorf("%s was listened on", addr)
		}
	}
}

func TestCloseMayBeRepeatedAndEndsTheGateway(t *testing.T) {
	s := start(t, sandbox.Options{})
	s.Close()
	s.Close()
	if _, err := http.Get(s.URL() + "/_sandbox/health"); err == nil {
		t.Error("the gateway still answers after Close")
	}
}

func TestEnvIsPrintedWhileASandboxRuns(t *testing.T) {
	dir := t.TempDir()
	if err := sandbox.PrintEnv(t.Context(), io.Discard, dir); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("before the start: %v, want ErrNotRunning", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said, done := newWaiter("shell"), make(chan error, 1)
	go func() { done <- sandbox.Run(ctx, said, sandbox.Options{Addr: "127.0.0.1:0", Dir: dir}) }()
	select {
	case <-said.seen:
	case err := <-done:
		t.Fatal(err)
	}
	var env bytes.Buffer
	if err := sandbox.PrintEnv(t.Context(), &env, dir); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"export AWS_ACCESS_KEY_ID='AKIA", "export AWS_ENDPOINT_URL='http://127.0.0.1:", "export AWS_REGION='eu-west-1'"} {
		if !strings.Contains(env.String(), want) {
			t.Errorf("no %q in:\n%s", want, env.String())
		}
	}
	var address bytes.Buffer
	if err := sandbox.PrintGitURL(t.Context(), &address, "", dir, "infra"); err != nil {
		t.Fatal(err)
	}
	if got := address.String(); !strings.HasPrefix(got, "http://AKIA") || !strings.HasSuffix(got, "/v1/repos/infra\n") {
		t.Errorf("git URL %q", got)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "sandbox.json")); left != nil {
		t.Error("the state file is left behind")
	}
}

func TestAnAnnouncedSandboxIsFoundWithoutItsDirectory(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	open := func() *sandbox.Sandbox {
		s, err := sandbox.Start(t.Context(), sandbox.Options{Addr: "127.0.0.1:0", Dir: t.TempDir(), Announce: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	finds := func(s *sandbox.Sandbox) {
		t.Helper()
		var env bytes.Buffer
		if err := sandbox.PrintEnv(t.Context(), &env, ""); err != nil || !strings.Contains(env.String(), "'"+s.URL()+"'") {
			t.Errorf("%v, and not %s in:\n%s", err, s.URL(), env.String())
		}
	}
	first := open()
	finds(first)
	second := open()
	finds(second)
	first.Close()
	finds(second)
	second.Close()
	if err := sandbox.PrintEnv(t.Context(), io.Discard, ""); !errors.Is(err, sandbox.ErrNotRunning) {
		t.Errorf("after the end: %v, want ErrNotRunning", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.Getenv("XDG_CACHE_HOME"), "driftless", "*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// start starts a sandbox on a free port. Its tests run beside each other, since they mostly
// wait for moto.
func start(t *testing.T, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	t.Parallel()
	o.Addr, o.Dir = "127.0.0.1:0", t.TempDir()
	s, err := sandbox.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// admin is the SDK's configuration with what Env says.
func admin(s *sandbox.Sandbox) aws.Config {
	env := map[string]string{}
	for _, kv := range s.Env() {
		key, value, _ := strings.Cut(kv, "=")
		env[key] = value
	}
	return config(s, env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], "")
}

// newBucket names the region, without which S3 outside us-east-1 makes no bucket.
func newBucket(name string) *s3.CreateBucketInput {
	return &s3.CreateBucketInput{Bucket: aws.String(name), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
		LocationConstraint: sandbox.Region,
	}}
}

func config(s *sandbox.Sandbox, key, secret, token string) aws.Config {
	return aws.Config{
		Region:       sandbox.Region,
		BaseEndpoint: aws.String(s.URL()),
		Credentials:  credentials.NewStaticCredentialsProvider(key, secret, token),
		APIOptions:   moto.KeepAnswers(),
	}
}
