package cloudformation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// shared is one moto for all tests of the package; each test works in an account of its own.
var shared struct {
	url      string
	accounts chan string
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "cloudformation")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	server, err := moto.Start(context.Background(), moto.Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, "these tests need moto_server:", err)
		return 1
	}
	defer server.Close()
	shared.url = server.URL()
	shared.accounts = make(chan string, 1000)
	for i := range 1000 {
		shared.accounts <- fmt.Sprintf("%012d", 100000000000+i)
	}
	return m.Run()
}

// world is a CloudFormation behind a small gateway, with a client of it.
type world struct {
	t       *testing.T
	service *cloudformation.Service
	client  *cfn.Client
	config  aws.Config
	url     string
	account string

	mu     sync.Mutex
	events []wire.Event
}

// quick makes everything take next to no time.
var quick = cloudformation.Timing{ChangeSet: time.Millisecond, Resource: time.Millisecond, Stack: time.Millisecond, CleanUp: time.Millisecond, Detection: time.Millisecond}

func newWorld(t *testing.T, change ...func(*cloudformation.Config)) *world {
	t.Helper()
	w := &world{t: t, account: <-shared.accounts}
	target, err := url.Parse(shared.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.Out.Header.Set("X-Moto-Account-Id", w.account)
	}}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Authorization"), "/cloudformation/aws4_request") || strings.HasPrefix(r.URL.Path, cloudformation.ControlPath) {
			w.service.ServeHTTP(rw, r)
			return
		}
		proxy.ServeHTTP(rw, r)
	}))
	timing := quick
	c := cloudformation.Config{Moto: shared.url, Endpoint: func() string { return server.URL }, Account: w.account, Timing: &timing,
		Emit: func(_ context.Context, e wire.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, e)
		}}
	for _, f := range change {
		f(&c)
	}
	w.account = c.Account
	w.service = cloudformation.New(c)
	t.Cleanup(w.service.Close)
	server.Start()
	t.Cleanup(server.Close)
	w.url = server.URL
	w.config = aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""), RetryMaxAttempts: 5, APIOptions: moto.KeepAnswers()}
	w.client = cfn.NewFromConfig(w.config)
	return w
}

// samples holds the real templates of others, beside the repository.
var samples = filepath.Join("..", "..", "..", "..", "shared", "real")

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(samples, name))
	if os.IsNotExist(err) {
		t.Skipf("the real templates are not here: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// eventually polls f until it is true; the test's own deadline bounds it.
func (w *world) eventually(what string, f func() bool) {
	w.t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(3 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-deadline.C:
			w.t.Fatalf("did not happen: %s", what)
		case <-tick.C:
		}
	}
}

// option changes a CreateChangeSet request.
type option func(*cfn.CreateChangeSetInput)

func withParameter(key, value string) option {
	return func(in *cfn.CreateChangeSetInput) {
		in.Parameters = append(in.Parameters, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(value)})
	}
}

func withIAM(in *cfn.CreateChangeSetInput) {
	in.Capabilities = []types.Capability{types.CapabilityCapabilityNamedIam}
}

func withMode(mode types.DeploymentMode) option {
	return func(in *cfn.CreateChangeSetInput) { in.DeploymentMode = mode }
}

func withTags(kv ...string) option {
	return func(in *cfn.CreateChangeSetInput) {
		for i := 0; i < len(kv); i += 2 {
			in.Tags = append(in.Tags, types.Tag{Key: aws.String(kv[i]), Value: aws.String(kv[i+1])})
		}
	}
}

func withType(kind types.ChangeSetType) option {
	return func(in *cfn.CreateChangeSetInput) { in.ChangeSetType = kind }
}

var changeSets struct {
	sync.Mutex
	n int
}

// request is a CreateChangeSet request with a name of its own, for a new stack or an
// existing one as the case may be.
func (w *world) request(stack, body string, options ...option) *cfn.CreateChangeSetInput {
	changeSets.Lock()
	changeSets.n++
	name := fmt.Sprintf("set-%d", changeSets.n)
	changeSets.Unlock()
	in := &cfn.CreateChangeSetInput{StackName: aws.String(stack), ChangeSetName: aws.String(name), TemplateBody: aws.String(body), ChangeSetType: types.ChangeSetTypeUpdate}
	if st := w.find(stack); st == nil || st.StackStatus == types.StackStatusReviewInProgress {
		in.ChangeSetType = types.ChangeSetTypeCreate
	}
	for _, o := range options {
		o(in)
	}
	return in
}

// plan makes a change set, waits for it and describes it with its values.
func (w *world) plan(stack, body string, options ...option) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	made, err := w.client.CreateChangeSet(w.t.Context(), w.request(stack, body, options...))
	if err != nil {
		w.t.Fatalf("create change set of %s: %v", stack, err)
	}
	return w.described(made.Id)
}

func (w *world) described(id *string) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	var out *cfn.DescribeChangeSetOutput
	w.eventually("change set ends", func() bool {
		var err error
		out, err = w.client.DescribeChangeSet(w.t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: id, IncludePropertyValues: aws.Bool(true)})
		if err != nil {
			w.t.Fatalf("describe change set: %v", err)
		}
		return out.Status == types.ChangeSetStatusCreateComplete || out.Status == types.ChangeSetStatusFailed
	})
	return out
}

// refusal is the error with which a change set is refused, empty when it is not.
func (w *world) refusal(stack, body string, options ...option) string {
	w.t.Helper()
	_, err := w.client.CreateChangeSet(w.t.Context(), w.request(stack, body, options...))
	return message(err)
}

// deploy plans, executes and waits, and returns the status in which the stack ends.
func (w *world) deploy(stack, body string, options ...option) types.StackStatus {
	w.t.Helper()
	c := w.plan(stack, body, options...)
	if c.Status != types.ChangeSetStatusCreateComplete {
		w.t.Fatalf("change set of %s: %s %s", stack, c.Status, aws.ToString(c.StatusReason))
	}
	w.execute(c)
	return w.settled(aws.ToString(c.StackId))
}

func (w *world) execute(c *cfn.DescribeChangeSetOutput) {
	w.t.Helper()
	if _, err := w.client.ExecuteChangeSet(w.t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: c.ChangeSetId, ClientRequestToken: c.ChangeSetName}); err != nil {
		w.t.Fatalf("execute: %v", err)
	}
}

// must deploys and fails the test unless all is well.
func (w *world) must(stack, body string, options ...option) {
	w.t.Helper()
	if status := w.deploy(stack, body, options...); !strings.HasSuffix(string(status), "_COMPLETE") || strings.Contains(string(status), "ROLLBACK") {
		w.t.Fatalf("stack %s ended in %s\n%s", stack, status, w.history(stack))
	}
}

func (w *world) settled(stack string) types.StackStatus {
	w.t.Helper()
	var status types.StackStatus
	w.eventually("stack "+stack+" comes to rest", func() bool {
		st := w.find(stack)
		if st == nil {
			w.t.Fatalf("stack %s is gone", stack)
		}
		status = st.StackStatus
		return !strings.HasSuffix(string(status), "_IN_PROGRESS")
	})
	return status
}

func (w *world) find(stack string) *types.Stack {
	out, err := w.client.DescribeStacks(w.t.Context(), &cfn.DescribeStacksInput{StackName: aws.String(stack)})
	if err != nil {
		return nil
	}
	return &out.Stacks[0]
}

func (w *world) outputs(stack string) map[string]string {
	out := map[string]string{}
	for _, o := range w.find(stack).Outputs {
		out[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return out
}

// history is a stack's events, oldest first, a line each.
func (w *world) history(stack string) string {
	w.t.Helper()
	out, err := w.client.DescribeStackEvents(w.t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String(stack)})
	if err != nil {
		w.t.Fatal(err)
	}
	var b strings.Builder
	for i := len(out.StackEvents) - 1; i >= 0; i-- {
		e := out.StackEvents[i]
		fmt.Fprintln(&b, aws.ToString(e.LogicalResourceId), e.ResourceStatus, aws.ToString(e.ResourceStatusReason))
	}
	return b.String()
}

func (w *world) delete(stack string) {
	w.t.Helper()
	id := aws.ToString(w.find(stack).StackId)
	if _, err := w.client.DeleteStack(w.t.Context(), &cfn.DeleteStackInput{StackName: aws.String(stack)}); err != nil {
		w.t.Fatalf("delete %s: %v", stack, err)
	}
	if status := w.settled(id); status != types.StackStatusDeleteComplete {
		w.t.Fatalf("deletion of %s ended in %s\n%s", stack, status, w.history(id))
	}
}

// detect runs drift detection and returns the drifted resources, each with its differences.
func (w *world) detect(stack string) (types.StackDriftStatus, map[string][]string) {
	w.t.Helper()
	begun, err := w.client.DetectStackDrift(w.t.Context(), &cfn.DetectStackDriftInput{StackName: aws.String(stack)})
	if err != nil {
		w.t.Fatalf("detect drift of %s: %v", stack, err)
	}
	var status *cfn.DescribeStackDriftDetectionStatusOutput
	w.eventually("detection ends", func() bool {
		status, err = w.client.DescribeStackDriftDetectionStatus(w.t.Context(), &cfn.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: begun.StackDriftDetectionId})
		if err != nil {
			w.t.Fatal(err)
		}
		return status.DetectionStatus != types.StackDriftDetectionStatusDetectionInProgress
	})
	drifts, err := w.client.DescribeStackResourceDrifts(w.t.Context(), &cfn.DescribeStackResourceDriftsInput{StackName: aws.String(stack)})
	if err != nil {
		w.t.Fatal(err)
	}
	out := map[string][]string{}
	for _, d := range drifts.StackResourceDrifts {
		if d.StackResourceDriftStatus == types.StackResourceDriftStatusInSync {
			continue
		}
		id := aws.ToString(d.LogicalResourceId)
		out[id] = append(out[id], string(d.StackResourceDriftStatus))
		for _, p := range d.PropertyDifferences {
			if p.DifferenceType == types.DifferenceTypeRemove { // what was expected may hold random names
				out[id] = append(out[id], "REMOVE "+aws.ToString(p.PropertyPath))
				continue
			}
			out[id] = append(out[id], fmt.Sprintf("%s %s %s -> %s", p.DifferenceType, aws.ToString(p.PropertyPath), aws.ToString(p.ExpectedValue), aws.ToString(p.ActualValue)))
		}
	}
	return status.StackDriftStatus, out
}

// inSync fails the test unless nothing drifted.
func (w *world) inSync(stack string) {
	w.t.Helper()
	if status, drifts := w.detect(stack); status != types.StackDriftStatusInSync {
		w.t.Errorf("stack %s is %s: %v", stack, status, drifts)
	}
}

// changes is a plan as short lines: action, resource, replacement, paths.
func changes(c *cfn.DescribeChangeSetOutput) []string {
	var out []string
	for _, ch := range c.Changes {
		r := ch.ResourceChange
		line := fmt.Sprintf("%s %s %s", r.Action, aws.ToString(r.LogicalResourceId), r.Replacement)
		for _, d := range r.Details {
			line += fmt.Sprintf(" %s:%s->%s", aws.ToString(d.Target.Path), aws.ToString(d.Target.BeforeValue), aws.ToString(d.Target.AfterValue))
		}
		out = append(out, strings.TrimSpace(line))
	}
	return out
}

// message is an API error as code and text.
func message(err error) string {
	if err == nil {
		return ""
	}
	var api interface {
		ErrorCode() string
		ErrorMessage() string
	}
	if !errors.As(err, &api) {
		return err.Error()
	}
	return api.ErrorCode() + ": " + api.ErrorMessage()
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// moto is for calls past the gateway.
func (w *world) moto() *resource.Client {
	return &resource.Client{URL: shared.url, Endpoint: func() string { return w.url }, HTTP: http.DefaultClient}
}
