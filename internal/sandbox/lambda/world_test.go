package lambda_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/internal/echotest"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

// machine is the architecture that functions must have here.
var machine = map[string]types.Architecture{"amd64": types.ArchitectureX8664, "arm64": types.ArchitectureArm64}[runtime.GOARCH]

// motoURL is the moto that all tests of the package share; names keep them apart.
var motoURL string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lambda-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	server, err := moto.Start(context.Background(), moto.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, "moto_server is needed:", err)
		return 1
	}
	defer server.Close()
	motoURL = server.URL()
	return m.Run()
}

// world is a Lambda of its own behind a gateway of its own, in front of the shared moto.
type world struct {
	t       *testing.T
	service *lambda.Service
	gateway *httptest.Server
	name    string // begins the names of what the test makes
	dir     string
	logs    *syncBuffer

	lambda *awslambda.Client
	sqs    *sqs.Client
	iam    *iam.Client
	keys   map[string]string // access key -> ARN; every secret is "secret"
}

func newWorld(t *testing.T, change ...func(*lambda.Config)) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), keys: map[string]string{}, logs: &syncBuffer{}}
	w.name = strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	if len(w.name) > 30 {
		w.name = w.name[:30]
	}
	c := lambda.Config{
		Moto: motoURL, Account: account, Region: region, Dir: w.dir,
		Endpoint: func() string { return w.gateway.URL },
		Credentials: func(_ context.Context, role, session string) (string, string, string, error) {
			return "ASIATEST", "secret of " + role, "token of " + session, nil
		},
		Principal: func(key string) (string, string, bool) {
			arn, ok := w.keys[key]
			return arn, "secret", ok
		},
		Log: slog.New(slog.NewTextHandler(w.logs, nil)),
	}
	for _, f := range change {
		f(&c)
	}
	w.service = lambda.New(c)
	w.gateway = httptest.NewServer(w.route())
	config := aws.Config{
		Region: region, BaseEndpoint: aws.String(w.gateway.URL),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		APIOptions:  moto.KeepAnswers(),
	}
	w.lambda, w.sqs, w.iam = awslambda.NewFromConfig(config), sqs.NewFromConfig(config), iam.NewFromConfig(config)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.service.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		w.service.Close()
		w.gateway.Close()
		if t.Failed() {
			t.Log(w.logs.String())
		}
	})
	return w
}

// route sends Lambda's calls to the service and all others to moto, as the sandbox's
// gateway does.
func (w *world) route() http.Handler {
	target, err := url.Parse(motoURL)
	if err != nil {
		w.t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/_lambda-url/") || strings.Contains(r.Header.Get("Authorization"), "/lambda/aws4_request") {
			w.service.ServeHTTP(rw, r)
			return
		}
		proxy.ServeHTTP(rw, r)
	})
}

// role makes a role that may do what the policy says, everything by default.
func (w *world) role(name string, statements ...string) string {
	w.t.Helper()
	name = w.name + "-" + name
	if len(statements) == 0 {
		statements = []string{`{"Effect":"Allow","Action":"*","Resource":"*"}`}
	}
	out := must(w.iam.CreateRole(w.t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`),
	}))(w.t)
	w.policy(name, statements...)
	return *out.Role.Arn
}

// policy gives a role its inline policy.
func (w *world) policy(role string, statements ...string) {
	w.t.Helper()
	must(w.iam.PutRolePolicy(w.t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String(role), PolicyName: aws.String("own"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`),
	}))(w.t)
}

// function deploys the test's function under a name.
func (w *world) function(name string, change ...func(*awslambda.CreateFunctionInput)) string {
	w.t.Helper()
	in := &awslambda.CreateFunctionInput{
		FunctionName: aws.String(w.name + "-" + name), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code:          &types.FunctionCode{ZipFile: echotest.Package(w.t)},
		Architectures: []types.Architecture{machine}, Timeout: aws.Int32(10),
		Environment: &types.Environment{Variables: map[string]string{"OUT": filepath.Join(w.dir, "out")}},
	}
	for _, f := range change {
		f(in)
	}
	if in.Role == nil {
		in.Role = aws.String(w.role(name))
	}
	out := must(w.lambda.CreateFunction(w.t.Context(), in))(w.t)
	return *out.FunctionArn
}

// invoke calls Lambda's Invoke.
func (w *world) invoke(name, payload string) *awslambda.InvokeOutput {
	w.t.Helper()
	return must(w.lambda.Invoke(w.t.Context(), &awslambda.InvokeInput{
		FunctionName: aws.String(name), Payload: []byte(payload), LogType: types.LogTypeTail,
	}))(w.t)
}

// queue makes a queue and returns its URL and ARN.
func (w *world) queue(name string, attributes map[string]string) (url, arn string) {
	w.t.Helper()
	out := must(w.sqs.CreateQueue(w.t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(w.name + "-" + name), Attributes: attributes}))(w.t)
	return *out.QueueUrl, "arn:aws:sqs:" + region + ":" + account + ":" + w.name + "-" + name
}

// send puts messages into a FIFO queue: "group: body".
func (w *world) send(url string, messages ...string) {
	w.t.Helper()
	for _, m := range messages {
		group, body, _ := strings.Cut(m, ": ")
		must(w.sqs.SendMessage(w.t.Context(), &sqs.SendMessageInput{
			QueueUrl: &url, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: aws.String(m + fmt.Sprint(time.Now().UnixNano())),
		}))(w.t)
	}
	w.service.Nudge(url)
}

// received takes what is in a queue.
func (w *world) received(url string) []sqstypes.Message {
	w.t.Helper()
	out := must(w.sqs.ReceiveMessage(w.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
	}))(w.t)
	return out.Messages
}

// handled is what the function wrote down, line by line.
func (w *world) handled() []string {
	b, err := os.ReadFile(filepath.Join(w.dir, "out"))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// eventually waits until something holds, for ten seconds at most.
func (w *world) eventually(what string, holds func() bool) {
	w.t.Helper()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			w.t.Fatalf("never happened: %s; handled %q", what, w.handled())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// code is the error code that the SDK saw, or that the service refused with.
func code(err error) string {
	var refused *wire.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	var api interface{ ErrorCode() string }
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return fmt.Sprint(err)
}

// must fails the test on an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func decode[T any](t *testing.T, b []byte) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("decode %s: %v", b, err)
	}
	return v
}

// syncBuffer is a log that goroutines may share.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func attributes(url string) *sqs.GetQueueAttributesInput {
	return &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll}}
}

// functionLog is what a function wrote.
func (w *world) functionLog(name string) string {
	w.t.Helper()
	return string(must(os.ReadFile(filepath.Join(w.dir, "logs", w.name+"-"+name+".log")))(w.t))
}
