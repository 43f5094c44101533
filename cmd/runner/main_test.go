package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/runner"
)

// inBuild makes the environment that of a build.
func inBuild(t *testing.T, endpoint string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"AccessKeyId":"ASIABUILD","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-02T03:04:05Z"}`))
	}))
	t.Cleanup(server.Close)
	for name, value := range map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": server.URL, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token", "AWS_REGION": awstest.Region,
		"AWS_ENDPOINT_URL": endpoint, "CODEBUILD_BUILD_ID": "p:1", build.EnvBucket: "data", build.EnvOrder: "orders/driftless-1-1/plan.json"} {
		t.Setenv(name, value)
	}
}

func TestTheProgramsOwnCommandsAreTwo(t *testing.T) {
	inBuild(t, "http://127.0.0.1:1")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"credentials"}, &out); err != nil || !strings.Contains(out.String(), "ASIABUILD") {
		t.Errorf("%q, %v", out.String(), err)
	}
	if err := run(t.Context(), []string{"apply"}, &out); err == nil || !strings.Contains(err.Error(), `unknown arguments ["apply"]`) {
		t.Errorf("%v", err)
	}
	t.Setenv("CODEBUILD_BUILD_ID", "")
	if err := run(t.Context(), nil, &out); err == nil || err.Error() != "CODEBUILD_BUILD_ID is missing" {
		t.Errorf("%v", err)
	}
}

func TestAJobIsWiredToTheBucketAndTheQueue(t *testing.T) {
	cfg := awstest.Moto(t)
	inBuild(t, *cfg.BaseEndpoint)
	client, queues := s3.NewFromConfig(cfg), sqs.NewFromConfig(cfg)
	_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("data"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region}})
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("work.fifo"), Attributes: map[string]string{"FifoQueue": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	order := `{"schema":1,"job":{"side":"plan","token":"driftless-1-1","kind":"plan"},"application":"data","bundle":"bundles/none.zip","queue":"` + *queue.QueueUrl + `"}`
	_, err = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("data"), Key: aws.String("orders/driftless-1-1/plan.json"), Body: strings.NewReader(order)})
	if err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), nil, nil); err != runner.ErrUnsuccessful {
		t.Fatalf("it ended with %v", err)
	}
	out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != `{"application":"data","reason":"build plan"}` {
		t.Errorf("the queue has %+v, %v", out, err)
	}
	if err := run(t.Context(), nil, nil); err != nil {
		t.Errorf("a second time the build ended with %v", err)
	}
}
