package sandbox_test

import (
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// working invokes the test's function, which hangs, and returns a configuration that makes
// calls with its credentials, once; and how the invocation ends.
func working(t *testing.T, s *sandbox.Sandbox) (cfg aws.Config, ended func() string) {
	t.Helper()
	makeRole(t, s, "function", trustOf(`{"Service":"lambda.amazonaws.com"}`))
	if _, err := iam.NewFromConfig(admin(s)).AttachRolePolicy(t.Context(), &iam.AttachRolePolicyInput{
		RoleName: aws.String("function"), PolicyArn: aws.String("arn:aws:iam::aws:policy/AdministratorAccess"),
	}); err != nil {
		t.Fatal(err)
	}
	client := lambda.NewFromConfig(admin(s))
	function := aws.String(makeFunction(t, client))
	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: function, Payload: []byte(`{"do":"env"}`)})
	if err != nil {
		t.Fatal(err)
	}
	var environment []string
	if err := json.Unmarshal(out.Payload, &environment); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{}
	for _, v := range environment {
		name, value, _ := strings.Cut(v, "=")
		env[name] = value
	}
	var result string
	var running sync.WaitGroup
	running.Go(func() {
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: function, Payload: []byte(`{"do":"hang","for":"the test"}`)})
		if err == nil {
			result = string(out.Payload)
		}
	})
	cfg = admin(s)
	cfg.Credentials = credentials.NewStaticCredentialsProvider(env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"], env["AWS_SESSION_TOKEN"])
	cfg.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	return cfg, func() string { running.Wait(); return result }
}

// seen waits until a call of the function is taken for one.
func seen(t *testing.T, s *sandbox.Sandbox, cfg aws.Config) (last sandbox.Request) {
	t.Helper()
	var mu sync.Mutex
	s.Inject(func(r sandbox.Request) sandbox.Fault {
		mu.Lock()
		defer mu.Unlock()
		last = r
		return sandbox.FaultNone
	})
	for range 1000 { // until the invocation has begun
		if _, err := sqs.NewFromConfig(cfg).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		found := last.Function != ""
		mu.Unlock()
		if found {
			return last
		}
	}
	t.Fatal("no call was taken for the function's")
	return last
}

func TestAFunctionsCallsGoWrongAsTheyAreTold(t *testing.T) {
	s := start(t, sandbox.Options{})
	cfg, ended := working(t, s)
	first := seen(t, s, cfg)
	if first.Function != "echo" || first.Service != "sqs" || first.Action != "ListQueues" || first.ID == "" || !strings.Contains(string(first.Event), "the test") {
		t.Errorf("the call is shown as %+v of %s", first, first.Event)
	}
	if _, err := s3.NewFromConfig(admin(s), usePath).CreateBucket(t.Context(), bucket("things")); err != nil {
		t.Fatal(err)
	}

	var fault atomic.Value
	fault.Store(sandbox.FaultThrottled)
	s.Inject(func(sandbox.Request) sandbox.Fault { return fault.Load().(sandbox.Fault) })
	calls := map[string]func() error{
		"sqs": func() error {
			_, err := sqs.NewFromConfig(cfg).ListQueues(t.Context(), &sqs.ListQueuesInput{})
			return err
		},
		"dynamodb": func() error {
			_, err := dynamodb.NewFromConfig(cfg).ListTables(t.Context(), &dynamodb.ListTablesInput{})
			return err
		},
		"cloudformation": func() error {
			_, err := cloudformation.NewFromConfig(cfg).DescribeStacks(t.Context(), &cloudformation.DescribeStacksInput{})
			return err
		},
		"sts": func() error {
			_, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			return err
		},
		"ssm": func() error {
			_, err := ssm.NewFromConfig(cfg).DescribeParameters(t.Context(), &ssm.DescribeParametersInput{})
			return err
		},
		"s3": func() error {
			_, err := s3.NewFromConfig(cfg, usePath).ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("things")})
			return err
		},
	}
	for of, want := range map[string][3]string{
		"sqs":            {"RequestThrottled", "ServiceUnavailable", "AccessDeniedException"},
		"dynamodb":       {"ProvisionedThroughputExceededException", "InternalServerError", "AccessDeniedException"},
		"cloudformation": {"Throttling", "ServiceUnavailable", "AccessDenied"},
		"sts":            {"Throttling", "ServiceUnavailable", "AccessDenied"},
		"ssm":            {"ThrottlingException", "InternalServerError", "AccessDeniedException"},
		"s3":             {"SlowDown", "InternalError", "AccessDenied"},
	} {
		for i, f := range []sandbox.Fault{sandbox.FaultThrottled, sandbox.FaultUnavailable, sandbox.FaultDenied} {
			fault.Store(f)
			if got := errorCode(calls[of]()); got != want[i] {
				t.Errorf("%s, %s: the SDK understands %q, want %q", of, f, got, want[i])
			}
		}
	}

	queues := sqs.NewFromConfig(cfg)
	for name, c := range map[string]struct {
		fault sandbox.Fault
		made  bool
	}{
		"before": {sandbox.FaultReset, false},
		"after":  {sandbox.FaultLost, true},
	} {
		fault.Store(c.fault)
		if _, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name)}); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: the error is %v, want a reset connection", c.fault, err)
		}
		if _, err := sqs.NewFromConfig(admin(s)).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String(name)}); (err == nil) != c.made {
			t.Errorf("%s: that the queue is there is %t, want %t", c.fault, err == nil, c.made)
		}
	}

	fault.Store(sandbox.FaultKillAfter)
	if _, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("last")}); err == nil {
		t.Error("a call of a killed process was answered")
	}
	if got := ended(); !strings.Contains(got, "signal: killed") {
		t.Errorf("the invocation ended with %s", got)
	}
	s.Inject(nil)
	if _, err := sqs.NewFromConfig(admin(s)).GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("last")}); err != nil {
		t.Errorf("what the killed process asked for did not happen: %v", err)
	}
}

func TestCallsOfPeopleAreLeftAlone(t *testing.T) {
	s := start(t, sandbox.Options{})
	s.Inject(func(sandbox.Request) sandbox.Fault { return sandbox.FaultReset })
	if _, err := sqs.NewFromConfig(admin(s)).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err != nil {
		t.Error(err)
	}
}

func usePath(o *s3.Options) { o.UsePathStyle = true }

func bucket(name string) *s3.CreateBucketInput {
	return &s3.CreateBucketInput{Bucket: aws.String(name), CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: sandbox.Region}}
}
