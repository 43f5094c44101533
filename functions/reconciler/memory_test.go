package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	sdkdynamodb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	sdks3 "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	sdksqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/infra/build"
	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
)

const (
	account   = "123456789012" // moto's
	data      = "driftless-data"
	artefacts = "driftless-artefacts-" + account + "-" + awstest.Region
)

// What a function may take is fixed, whatever a repository holds. These applications are as
// large as is allowed: bundles of almost 50 MiB, each of which becomes an artefact of that
// size, and a template that nests many which are themselves as large as templates can be.
func TestR47_MemoryStaysUnder128MBWhateverTheRepository(t *testing.T) {
	cfg := awstest.Moto(t)
	store := installation(t, cfg)
	repo := watch(t, store, serve(t, hostile))
	process, _ := reconciler(t, cfg, "")
	invoke(t, process, reconcile.Message{Repository: repo.ID, Reason: "pushed"})
	t.Logf("after the look: %.1f MB", peak(t, process))
	for _, app := range []string{"code", "more", "nested"} {
		invoke(t, process, reconcile.Message{Application: app, Reason: "wanted"})
		t.Logf("after planning %s: %.1f MB", app, peak(t, process))
	}
	out, err := sdks3.NewFromConfig(cfg).ListObjectsV2(t.Context(), &sdks3.ListObjectsV2Input{Bucket: aws.String(artefacts)})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(out.Contents), 2+templates; got != want {
		t.Errorf("%d artefacts were made, want %d", got, want)
	}
	if most := peak(t, process); most >= 128 {
		t.Errorf("it took %.1f MB, want less than 128", most)
	}
}

// installation makes the table and the buckets, and returns the records.
func installation(t *testing.T, cfg aws.Config) *dynamodb.Store {
	t.Helper()
	for _, bucket := range []string{data, artefacts} {
		if _, err := sdks3.NewFromConfig(cfg).CreateBucket(t.Context(), &sdks3.CreateBucketInput{Bucket: &bucket,
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: awstest.Region}}); err != nil {
			t.Fatal(err)
		}
	}
	return dynamodb.New(cfg, table(t, cfg), s3.New(cfg, data), time.Now)
}

// watch stores a repository as one that is watched.
func watch(t *testing.T, store *dynamodb.Store, address string) gitops.Repository {
	t.Helper()
	repo := gitops.Repository{ID: gitops.RepositoryID(address, "main"), URL: address, Branch: "main"}
	if err := store.PutRepository(t.Context(), &repo); err != nil {
		t.Fatal(err)
	}
	return repo
}

// How large the repository is.
const (
	files     = 46 // of an application's code, of a megabyte that does not compress
	templates = 8  // that are nested, of a megabyte and a quarter of a million values
)

// hostile writes the commit as "git fast-import" reads it.
func hostile(w io.Writer) {
	noise := rand.NewChaCha8([32]byte{1})
	file := func(name string, content []byte) {
		fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", name, len(content), content)
	}
	fmt.Fprint(w, "commit refs/heads/main\ncommitter Ada <ada@example.com> 1763631667 +0000\ndata 1\nx\n")
	configuration := "version: 1\ndefaults:\n  target: { account: \"" + account + "\", region: " + awstest.Region + " }\napplications:\n"
	for _, app := range []string{"code", "more", "nested"} {
		configuration += "  - { name: " + app + ", path: " + app + ", cloudformation: { capabilities: [CAPABILITY_IAM] } }\n"
	}
	file("driftless.yaml", []byte(configuration))
	for _, app := range []string{"code", "more"} {
		file(app+"/template.yaml", []byte("Resources:\n  Code:\n    Type: AWS::Lambda::LayerVersion\n    Properties: { Content: src }\n"))
		content := make([]byte, 1<<20)
		for i := range files {
			_, _ = noise.Read(content) // it never fails
			file(fmt.Sprintf("%s/src/%d", app, i), content)
		}
	}
	var root strings.Builder
	root.WriteString("Resources:\n")
	for i := range templates {
		fmt.Fprintf(&root, "  Stack%d:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: part-%d.yaml }\n", i, i)
		var part strings.Builder
		fmt.Fprintf(&part, "Description: part %d\nMetadata:\n  Values: [%s]\n", i, strings.Repeat("abc,", 249_000))
		part.WriteString("Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n")
		file(fmt.Sprintf("nested/part-%d.yaml", i), []byte(part.String()))
	}
	file("nested/template.yaml", []byte(root.String()))
	fmt.Fprintln(w, "done")
}

// serve serves a repository over HTTP, and returns its address.
func serve(t *testing.T, write func(io.Writer)) string {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "infra.git")
	git := func(args ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-c", "core.compression=0"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		return cmd
	}
	for _, args := range [][]string{
		{"init", "-q", "--bare", "-b", "main", dir},
		{"-C", dir, "config", "uploadpack.allowFilter", "true"},
		{"-C", dir, "config", "uploadpack.allowAnySHA1InWant", "true"},
		{"-C", dir, "config", "pack.window", "0"},
	} {
		if said, err := git(args...).CombinedOutput(); err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, said)
		}
	}
	in, out := io.Pipe()
	go func() {
		w := bufio.NewWriterSize(out, 1<<20)
		write(w)
		_ = out.CloseWithError(w.Flush())
	}()
	load := git("-C", dir, "fast-import", "--quiet", "--done", "--depth=0")
	load.Stdin = in
	if said, err := load.CombinedOutput(); err != nil {
		t.Fatalf("git fast-import: %v\n%s", err, said)
	}
	path, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Fatalf("find git: %v", err)
	}
	server := httptest.NewServer(&cgi.Handler{Path: filepath.Join(strings.TrimSpace(string(path)), "git-http-backend"),
		Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_GLOBAL=/dev/null"}})
	t.Cleanup(server.Close)
	return server.URL + "/infra.git"
}

// reconciler starts the function as it is deployed, under a limit of the
// shell's; empty: under none. The second answer reads its log.
func reconciler(t *testing.T, cfg aws.Config, limit string) (*bootstrap.Process, func() string) {
	t.Helper()
	queue, err := sdksqs.NewFromConfig(cfg).CreateQueue(t.Context(), &sdksqs.CreateQueueInput{
		QueueName: aws.String("work.fifo"), Attributes: map[string]string{"FifoQueue": "true"}})
	if err != nil {
		t.Fatal(err)
	}
	code := program(t, limit)
	role := "arn:aws:iam::" + account + ":role/"
	targets := fmt.Sprintf(`[{"account":%q,"regions":[%q],"deployRole":"%sdeploy","driftRole":"%sdrift","execRole":"%sexec","artefacts":[%q]}]`,
		account, awstest.Region, role, role, role, awstest.Region)
	dir := t.TempDir()
	process, err := bootstrap.Start(bootstrap.Spec{
		Dir: code, Temp: dir, Log: filepath.Join(dir, "log"), Timeout: time.Minute, Now: time.Now,
		Env: []string{
			"AWS_REGION=" + awstest.Region, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=secret",
			"AWS_ENDPOINT_URL=" + withoutPlans(t, cfg), "DRIFTLESS_TABLE=driftless", "DRIFTLESS_BUCKET=" + data,
			"DRIFTLESS_QUEUE_URL=" + aws.ToString(queue.QueueUrl), "DRIFTLESS_TARGETS=" + targets, "DRIFTLESS_EXTERNAL_ID=example",
			"DRIFTLESS_ALLOW_PRIVATE_HOSTS=127.0.0.1", "DRIFTLESS_LIMITS={}", `DRIFTLESS_BUILDS={"plan":"p","apply":"a","states":"s"}`,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	logged := func() string {
		said, err := os.ReadFile(filepath.Join(dir, "log"))
		if err != nil {
			t.Errorf("read the function's log: %v", err)
		}
		return string(said)
	}
	t.Cleanup(func() {
		process.Close()
		if t.Failed() {
			t.Logf("the function says:\n%s", logged())
		}
	})
	return process, logged
}

// built is the directory of the function as it is deployed, for this machine.
var built string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "reconciler-")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		architecture := map[string]string{"arm64": "arm64", "amd64": "x86_64"}[runtime.GOARCH]
		code, err := build.Functions(context.Background(), "../..", dir, architecture, []string{"reconciler"})
		if err != nil {
			log.Fatal(err)
		}
		built = code["reconciler"]
		return m.Run()
	}())
}

// program returns the directory with what starts the function under a limit.
func program(t *testing.T, limit string) string {
	t.Helper()
	if limit == "" {
		return built
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\n%s && exec %s\n", limit, filepath.Join(built, "bootstrap"))
	if err := os.WriteFile(filepath.Join(dir, "bootstrap"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// withoutPlans returns the address of what hands everything on to AWS, but for change sets: a
// step ends there, once the artefacts are in their bucket.
func withoutPlans(t *testing.T, cfg aws.Config) string {
	t.Helper()
	to, err := url.Parse(aws.ToString(cfg.BaseEndpoint))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
			body, err := io.ReadAll(r.Body)
			if err != nil || strings.Contains(string(body), "ChangeSet&") {
				w.WriteHeader(http.StatusForbidden)
				_, _ = io.WriteString(w, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no plans</Message></Error></ErrorResponse>")
				return
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// invoke hands a message to the function, which has to take it.
func invoke(t *testing.T, process *bootstrap.Process, m reconcile.Message) {
	t.Helper()
	body, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", Body: string(body)}}})
	if err != nil {
		t.Fatal(err)
	}
	result, err := process.Invoke(t.Context(), bootstrap.Invocation{ID: "1", ARN: "arn:aws:lambda:::function:reconciler", Payload: payload})
	if err != nil || result.Failed || strings.Contains(string(result.Payload), "itemIdentifier") {
		t.Fatalf("it answers %s, %v", result.Payload, err)
	}
}

// peak returns the most memory that the function had at any time, in megabytes.
func peak(t *testing.T, process *bootstrap.Process) float64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.ID()))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			kib, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
			if err != nil {
				t.Fatal(err)
			}
			return kib * 1024 / 1e6
		}
	}
	t.Fatalf("no VmHWM in %s", status)
	return 0
}

// table makes a table of the shape of dynamodb.Table.
func table(t *testing.T, cfg aws.Config) string {
	t.Helper()
	d := dynamodb.Table
	attributes := map[string]string{d.Partition.Name: d.Partition.Type, d.Sort.Name: d.Sort.Type}
	schema := func(partition, sort dynamodb.Key) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &partition.Name, KeyType: types.KeyTypeHash}, {AttributeName: &sort.Name, KeyType: types.KeyTypeRange}}
	}
	in := &sdkdynamodb.CreateTableInput{TableName: aws.String("driftless"), BillingMode: types.BillingModePayPerRequest, KeySchema: schema(d.Partition, d.Sort)}
	for _, i := range d.Indexes {
		attributes[i.Partition.Name], attributes[i.Sort.Name] = i.Partition.Type, i.Sort.Type
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: &i.Name,
			KeySchema: schema(i.Partition, i.Sort), Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll}})
	}
	for name, kind := range attributes {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{
			AttributeName: aws.String(name), AttributeType: types.ScalarAttributeType(kind)})
	}
	if _, err := sdkdynamodb.NewFromConfig(cfg).CreateTable(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	return "driftless"
}
