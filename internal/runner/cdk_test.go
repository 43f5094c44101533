package runner_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/runner"
)

const cdkVersion = "2.1148.1" // of the CDK's command line that these tests run

// newCDKWorld returns an empty one in which the CDK's command line is on the PATH.
func newCDKWorld(t *testing.T) *world {
	t.Helper()
	bin, err := filepath.Abs("../../node_modules/.bin")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "cdk")); err != nil {
		t.Skip("NOT TESTED with the real CDK: it is not installed (make node_modules)")
	}
	w := newBareWorld(t)
	w.environ["PATH"], w.environ["HOME"] = bin+":"+os.Getenv("PATH"), os.Getenv("HOME")
	return w
}

// synthesising returns the order to synthesise an app's files.
func (w *world) synthesising(files map[string]string) build.Order {
	w.Helper()
	o := w.order(gitops.OperationPlan, files)
	o.Job.Side, o.Terraform, o.CDK = build.SidePlan, gitops.Terraform{}, &gitops.CDK{Version: cdkVersion}
	return o
}

// script is an app that writes an assembly of its own, which is quicker than to have it made.
func script(files map[string]string) map[string]string {
	app := map[string]string{"cdk.json": `{"app": "cp -r made/. $CDK_OUTDIR && echo to $CDK_DEFAULT_ACCOUNT in $CDK_DEFAULT_REGION with $CDK_CONTEXT_JSON >&2"}`}
	for name, text := range files {
		app["made/"+name] = text
	}
	return app
}

// bootstrapped makes what cdk bootstrap makes in a target for assets.
func (w *world) bootstrapped() string {
	w.Helper()
	name, parameters := "/cdk-bootstrap/hnb659fds/version", ssm.NewFromConfig(awstest.At(emulator.URL()))
	_, err := parameters.PutParameter(w.Context(), &ssm.PutParameterInput{Name: &name, Value: aws.String("28"), Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true)})
	w.must(err)
	bucket := "cdk-hnb659fds-assets-123456789012-" + awstest.Region
	_, err = w.client.CreateBucket(w.Context(), &sdk.CreateBucketInput{Bucket: &bucket,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region}})
	w.must(err)
	w.Cleanup(func() {
		ctx := context.Background()
		out, err := w.client.ListObjectsV2(ctx, &sdk.ListObjectsV2Input{Bucket: &bucket})
		if err != nil {
			return
		}
		for _, o := range out.Contents {
			_, _ = w.client.DeleteObject(ctx, &sdk.DeleteObjectInput{Bucket: &bucket, Key: o.Key})
		}
		_, _ = w.client.DeleteBucket(ctx, &sdk.DeleteBucketInput{Bucket: &bucket})
	})
	return bucket
}

// published lists what is in a bucket, by the ends of the names.
func (w *world) published(bucket string) map[string]int {
	w.Helper()
	out, err := w.client.ListObjectsV2(w.Context(), &sdk.ListObjectsV2Input{Bucket: &bucket})
	w.must(err)
	kinds := map[string]int{}
	for _, o := range out.Contents {
		kinds[filepath.Ext(aws.ToString(o.Key))]++
	}
	return kinds
}

// stacks returns those of a report, after it made sure that each template is the one
// that its key says.
func (w *world) stacks(r build.Report) []gitops.Stack {
	w.Helper()
	for i, s := range r.Stacks {
		text := w.text(s.Template)
		if s.Template != r.Job.StackKey(sum(text)) || !strings.Contains(text, `"Resources"`) {
			w.Errorf("%s is at %s, which holds %.100s", s.Name, s.Template, text)
		}
		r.Stacks[i].Template = ""
	}
	return r.Stacks
}

// An assembly of an app with a stage, whose stack's asset is in the stage's own directory.
var staged = map[string]string{
	"manifest.json": `{"version": "36.0.0", "artifacts": {"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}}}}`,
	"assembly-Prod/manifest.json": `{"version": "36.0.0", "artifacts": {
		"ProdData.assets": {"type": "cdk:asset-manifest", "properties": {"file": "ProdData.assets.json", "requiresBootstrapStackVersion": 6, "bootstrapStackVersionSsmParameter": "/cdk-bootstrap/hnb659fds/version"}},
		"ProdData": {"type": "aws:cloudformation:stack", "environment": "aws://123456789012/eu-west-1", "dependencies": ["ProdData.assets"],
			"properties": {"templateFile": "ProdData.template.json", "stackName": "Prod-Data", "parameters": {"Size": "2"},
				"assumeRoleArn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds-deploy-role-${AWS::AccountId}-${AWS::Region}"}, "displayName": "Prod/Data"}}}`,
	"assembly-Prod/ProdData.template.json": `{"Resources": {}}`,
	"assembly-Prod/ProdData.assets.json": `{"version": "36.0.0", "files": {"abc": {"source": {"path": "list.csv", "packaging": "file"},
		"destinations": {"here": {"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "abc.csv",
			"assumeRoleArn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/cdk-hnb659fds-file-publishing-role-${AWS::AccountId}-${AWS::Region}"}}}}, "dockerImages": {}}`,
	"assembly-Prod/list.csv": "queue,price\n",
}

func TestAStagesStackIsSynthesisedAndPublishedWithoutARoleThatDeploys(t *testing.T) {
	w := newCDKWorld(t)
	bucket := w.bootstrapped()
	var mu sync.Mutex
	entered := map[string]int{}
	w.gate.hold(func(out http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.Header.Get("Authorization"), "/sts/") {
			return false
		}
		body, err := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		form, parsed := url.ParseQuery(string(body))
		if err != nil || parsed != nil || form.Get("Action") != "AssumeRole" {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		_, role, _ := strings.Cut(form.Get("RoleArn"), "/")
		entered[role]++
		if !strings.Contains(role, "deploy-role") {
			return false
		}
		out.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(out, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>")
		return true
	})
	o := w.synthesising(script(staged))
	o.CDK.Context = map[string]string{"--app": "x", "team": "blue; touch /tmp/x"}
	r := w.do(o)
	w.want(r, build.OutcomeSynthesised)
	want := []gitops.Stack{{ID: "ProdData", Name: "Prod-Data", Account: "123456789012", Region: "eu-west-1", Parameters: map[string]string{"Size": "2"}}}
	if diff := cmp.Diff(want, w.stacks(r)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]int{".csv": 1}, w.published(bucket)); diff != "" {
		t.Errorf("published: %s", diff)
	}
	mu.Lock()
	defer mu.Unlock()
	publisher, deployer := "cdk-hnb659fds-file-publishing-role-123456789012-"+awstest.Region, "cdk-hnb659fds-deploy-role-123456789012-"+awstest.Region
	if entered["deploy"] == 0 || entered[publisher] == 0 || entered[deployer] == 0 {
		t.Errorf("the roles that were asked for are %v", entered)
	}
	log := w.text(o.Job.LogKey())
	for _, want := range []string{"to 123456789012 in " + awstest.Region, `"--app":"x"`, `"team":"blue; touch /tmp/x"`, "$ cdk synth --quiet", "$ cdk publish-assets"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %s:\n%s", want, log)
		}
	}
}

func TestAnAppWithADockerImageIsRefusedBeforeAnythingIsPublished(t *testing.T) {
	w := newCDKWorld(t)
	bucket := w.bootstrapped()
	files := map[string]string{}
	for name, text := range staged {
		files[name] = strings.Replace(text, `"dockerImages": {}`, `"dockerImages": {"d1": {"displayName": "Worker/Image", "source": {"directory": "."}, "destinations": {}}}`, 1)
	}
	r := w.do(w.synthesising(script(files)))
	w.want(r, build.OutcomeFailed)
	if want := "stack ProdData needs the Docker image asset Worker/Image: builds have no Docker"; !strings.HasSuffix(r.Reason, want) {
		t.Errorf("%q, want %s", r.Reason, want)
	}
	if got := w.published(bucket); len(got) > 0 || len(r.Stacks) > 0 {
		t.Errorf("published %v, told %v", got, r.Stacks)
	}
}

// one stack without assets.
var bare = map[string]string{
	"manifest.json":   `{"version": "36.0.0", "artifacts": {"A": {"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {"templateFile": "A.template.json"}}}}`,
	"A.template.json": `{"Resources": {}}`,
}

func TestAnAppThatTellsTheBuildsTokenTellsItToNobody(t *testing.T) {
	w := newCDKWorld(t)
	files := script(bare)
	files["cdk.json"] = `{"app": "env >&2; false"}`
	r := w.do(w.synthesising(files))
	w.want(r, build.OutcomeFailed)
	if log := w.text(r.Job.LogKey()); !strings.Contains(log, "AWS_CONTAINER_AUTHORIZATION_TOKEN=(sensitive)") || strings.Contains(log, "DRIFTLESS") {
		t.Errorf("the log says\n%s", log)
	}
}

func TestABuildThatIsStoppedEndsTheAppToo(t *testing.T) {
	w := newCDKWorld(t)
	files := script(bare)
	files["cdk.json"] = `{"app": "trap '' TERM; echo $$ > pid; touch begun; sleep 300"}`
	o := w.synthesising(files)
	r := w.runner("p:1")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx, w.place(o)) }()
	begun := filepath.Join(r.Dir, "bundle", o.Path, "pid")
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		if data, err := os.ReadFile(begun); err == nil && strings.HasSuffix(string(data), "\n") {
			break
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, runner.ErrUnsuccessful) {
		t.Errorf("it ended with %v", err)
	}
	report := w.report(o.Job)
	if report.Outcome != build.OutcomeFailed || !strings.HasPrefix(report.Reason, "the build was stopped: ") {
		t.Errorf("%s: %s", report.Outcome, report.Reason)
	}
	data, err := os.ReadFile(begun)
	w.must(err)
	for tick, end := time.NewTicker(20*time.Millisecond), time.Now().Add(5*time.Second); alive(strings.TrimSpace(string(data))); <-tick.C {
		if time.Now().After(end) {
			t.Fatal("the app still runs")
		}
	}
}

// alive reports whether a process runs.
func alive(pid string) bool {
	data, err := os.ReadFile("/proc/" + pid + "/stat")
	// proc_pid_stat(5): the name in parentheses, then the state.
	_, state, _ := strings.Cut(string(data), ") ")
	return err == nil && !strings.HasPrefix(state, "Z")
}
