package runner_test

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/driftless-gitops/driftless/internal/aws/awstest"
	"github.com/driftless-gitops/driftless/internal/aws/container"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/build"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
	"github.com/driftless-gitops/driftless/internal/runner"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/secret"
)

const version = "1.11.4" // of the terraform that these tests run

// scratch is a directory that lasts as long as the tests.
var scratch string

// emulator is the one moto_server of all tests here; nil where there is none.
var emulator *moto.Server

func TestMain(m *testing.M) {
	// Terraform asks this very program for the build's credentials, as it asks cmd/runner.
	if len(os.Args) == 2 && os.Args[1] == "credentials" {
		if err := container.Print(context.Background(), os.LookupEnv, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "provider" {
		fmt.Fprintln(os.Stderr, serveProvider())
		os.Exit(1)
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "driftless-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	scratch = dir
	emulator, err = moto.Start(context.Background(), moto.Options{Dir: dir})
	if err != nil && !errors.Is(err, moto.ErrMissing) {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if emulator != nil {
		defer emulator.Close()
	}
	return m.Run()
}

// world is one application's AWS, and the build that is let loose on it.
type world struct {
	*testing.T
	gate    *gate
	blobs   *s3.Blobs
	client  *sdk.Client
	bucket  string
	state   string
	environ map[string]string
	secrets map[string]string
	site    *site // of releases; nil: there are none
	n       int

	mu    *sync.Mutex
	woken []string
}

// newWorld returns an empty one. It skips the test where the programs are missing.
func newWorld(t *testing.T) *world {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("NOT TESTED with the real terraform: there is none on the PATH")
	}
	return newBareWorld(t)
}

// newBareWorld returns an empty one in which nothing but AWS is needed.
func newBareWorld(t *testing.T) *world {
	t.Helper()
	if emulator == nil {
		t.Skipf("NOT TESTED against AWS's interfaces: %v", moto.ErrMissing)
	}
	w := &world{T: t, gate: newGate(t), secrets: map[string]string{}, mu: &sync.Mutex{}}
	id := strings.ToLower(rand.Text()[:10])
	w.bucket, w.state = "data-"+id, "state-"+id
	cfg := awstest.At(w.gate.URL)
	w.client = sdk.NewFromConfig(cfg)
	for _, b := range []string{w.bucket, w.state} {
		_, err := w.client.CreateBucket(t.Context(), &sdk.CreateBucketInput{Bucket: &b,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: awstest.Region}})
		w.must(err)
	}
	w.blobs = s3.New(cfg, w.bucket)
	w.environ = map[string]string{"PATH": os.Getenv("PATH"), "USER": "build", "AWS_ENDPOINT_URL": w.gate.URL,
		"AWS_CONTAINER_CREDENTIALS_FULL_URI": w.gate.URL + "/credentials", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "token-of-the-build",
		"AWS_REGION": awstest.Region, "DRIFTLESS_BUCKET": w.bucket, "TF_CLI_CONFIG_FILE": cliConfig(t)}
	return w
}

// cliConfig is terraform's configuration: without network its providers come from a mirror on
// this machine.
func cliConfig(t *testing.T) string {
	t.Helper()
	const mirror = "/opt/tf-plugins"
	text := ""
	if _, err := os.Stat(mirror); err == nil {
		text = fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", mirror)
	}
	name := filepath.Join(t.TempDir(), "terraformrc")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// bundle stores files as the reconciler does, and returns the key.
func (w *world) bundle(files map[string]string) string {
	w.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		f, err := z.Create(name)
		w.must(err)
		_, err = f.Write([]byte(files[name]))
		w.must(err)
	}
	w.must(z.Close())
	sum := sha256.Sum256(b.Bytes())
	key := "bundles/" + hex.EncodeToString(sum[:]) + ".zip"
	w.must(w.blobs.Put(w.Context(), key, b.Bytes()))
	return key
}

// order returns one for a job on files, of a token of its own.
func (w *world) order(kind gitops.OperationKind, files map[string]string) build.Order {
	w.Helper()
	w.n++
	o := build.Order{Schema: build.Schema, Job: build.Job{Side: build.SideApply, Token: fmt.Sprintf("driftless-%s-%d", w.bucket, w.n), Kind: kind},
		Application: "data", Path: "terraform/data",
		Terraform: gitops.Terraform{Flavor: gitops.FlavorTerraform, Version: version},
		Access:    build.Access{Region: awstest.Region, Role: "arn:aws:iam::123456789012:role/deploy", ExternalID: "external"},
		State:     build.State{Bucket: w.state, Key: "data/terraform.tfstate", Region: awstest.Region},
		Queue:     "https://sqs/work.fifo"}
	inside := map[string]string{}
	for name, text := range files {
		inside[cmp.Or(o.Path, ".")+"/"+name] = text
	}
	o.Bundle = w.bundle(inside)
	return o
}

// place stores an order, and returns its key.
func (w *world) place(o build.Order) string {
	w.Helper()
	data, err := json.Marshal(o)
	w.must(err)
	w.must(w.blobs.Put(w.Context(), o.Job.OrderKey(), data))
	return o.Job.OrderKey()
}

// runner returns a build of its own id.
func (w *world) runner(id string) *runner.Runner {
	w.Helper()
	self, err := os.Executable()
	w.must(err)
	host, err := os.Hostname()
	w.must(err)
	dir, err := os.MkdirTemp(scratch, "b") // a socket's path has 107 bytes at most, and a test's name may be long
	w.must(err)
	w.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &runner.Runner{Blobs: w.blobs, Build: id, Who: "root@" + host, Dir: dir, Self: self,
		Secrets:   map[string]runner.Secrets{"ssm": given(w.secrets), "secretsmanager": given(w.secrets)},
		Installer: w.installer(dir),
		Wake: func(_ context.Context, queue, application, reason string) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.woken = append(w.woken, queue+" "+application+" "+reason)
			return nil
		},
		Lookup: func(name string) (string, bool) { v, ok := w.environ[name]; return v, ok },
		Now:    time.Now, Log: slog.New(slog.NewTextHandler(testLog{w.T}, nil)), LockTimeout: time.Second}
}

// do runs an order in a build, and returns its report.
func (w *world) do(o build.Order) build.Report {
	w.Helper()
	err := w.runner("p:"+o.Job.Token).Run(w.Context(), w.place(o))
	if err != nil && !errors.Is(err, runner.ErrUnsuccessful) {
		w.Fatal(err)
	}
	return w.report(o.Job)
}

// plan plans files and wants there to be changes.
func (w *world) plan(files map[string]string) (build.Order, build.Report) {
	w.Helper()
	o := w.order(gitops.OperationPlan, files)
	r := w.do(o)
	w.want(r, build.OutcomePlanned)
	return o, r
}

// applying returns the order to apply what was planned.
func (w *world) applying(planned build.Order, r build.Report) build.Order {
	o := planned
	o.Job.Kind, o.Plan, o.StaySeconds = gitops.OperationApply, r.PlanFile, 0
	return o
}

// want fails the test where a report has another outcome; it shows what terraform said.
func (w *world) want(r build.Report, outcome build.Outcome) {
	w.Helper()
	if r.Outcome != outcome {
		w.Fatalf("the outcome is %q, want %q: %s\n%s", r.Outcome, outcome, r.Reason, w.text(r.Job.LogKey()))
	}
}

func (w *world) report(job build.Job) build.Report {
	w.Helper()
	var r build.Report
	w.read(job.ReportKey(), &r)
	return r
}

func (w *world) read(key string, into any) {
	w.Helper()
	w.must(json.Unmarshal([]byte(w.text(key)), into))
}

// text returns what stands under a key, or that nothing does.
func (w *world) text(key string) string {
	w.Helper()
	data, err := w.blobs.Get(w.Context(), key)
	if errors.Is(err, reconcile.ErrNotFound) {
		return "(nothing)"
	}
	w.must(err)
	return string(data)
}

// object reads one of any bucket.
func (w *world) object(bucket, key string) ([]byte, error) {
	out, err := w.client.GetObject(w.Context(), &sdk.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return nil, err
	}
	defer out.Body.Close()
	return io.ReadAll(out.Body)
}

func unmarshal(data []byte, into any) error { return json.Unmarshal(data, into) }

// given are secrets by their names.
type given map[string]string

func (g given) Read(_ context.Context, name string) (secret.Secret, error) {
	if v, ok := g[name]; ok {
		return secret.New(v), nil
	}
	return secret.Secret{}, reconcile.ErrNotFound
}

// testLog shows a log where the test fails.
type testLog struct{ *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.Log(strings.TrimSpace(string(p)))
	return len(p), nil
}

// gate stands before the emulator: it hands out the build's credentials, and fails what a test
// has it fail.
type gate struct {
	*httptest.Server
	mu     sync.Mutex
	before func(w http.ResponseWriter, r *http.Request) (done bool)
	after  func(*http.Response) error
	issued int
	life   time.Duration
	made   func(key string)
}

func newGate(t *testing.T) *gate {
	t.Helper()
	to, err := url.Parse(emulator.URL())
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{life: time.Hour}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to); r.Out.Host = r.In.Host },
		ModifyResponse: func(r *http.Response) error {
			g.mu.Lock()
			after := g.after
			g.mu.Unlock()
			if after != nil {
				return after(r)
			}
			return nil
		},
		ErrorLog: slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError),
	}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/credentials":
			g.credentials(w, r)
			return
		case strings.HasPrefix(r.URL.Path, "/releases/"): // none is had here
			http.NotFound(w, r)
			return
		}
		g.mu.Lock()
		before := g.before
		g.mu.Unlock()
		if before == nil || !before(w, r) {
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.Close)
	return g
}

// credentials answers as the endpoint of containers does.
func (g *gate) credentials(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "token-of-the-build" {
		http.Error(w, "who are you", http.StatusForbidden)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.issued++
	key := fmt.Sprintf("ASIABUILD%07d", g.issued)
	if g.made != nil {
		g.made(key)
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"AccessKeyId": key, "SecretAccessKey": "secret", "Token": "token",
		"Expiration": time.Now().Add(g.life).UTC().Format(time.RFC3339)})
}

// failing has the gate answer requests for which it holds with an error.
func (g *gate) failing(holds func(*http.Request) bool, status int, code string) {
	g.hold(func(w http.ResponseWriter, r *http.Request) bool {
		if !holds(r) {
			return false
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
		return true
	})
}

func (g *gate) hold(before func(w http.ResponseWriter, r *http.Request) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.before = before
}
