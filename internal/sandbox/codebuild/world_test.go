package codebuild_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awscodebuild "github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/smithy-go"

	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	account, region = "123456789012", "eu-west-1"
	role            = "arn:aws:iam::123456789012:role/build"
)

// world is a CodeBuild behind an SDK client, with roles that exist by name alone.
type world struct {
	t       *testing.T
	client  *awscodebuild.Client
	service *codebuild.Service
	url     string

	mu       sync.Mutex
	changed  chan struct{} // closed and renewed with every event
	events   []event
	now      time.Time
	sessions int
}

type event struct {
	kind   string
	detail map[string]any
}

func newWorld(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	return makeWorld(t)
}

func makeWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, changed: make(chan struct{}), now: time.Now()}
	var handler http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { handler.ServeHTTP(rw, r) }))
	t.Cleanup(server.Close)
	w.url = server.URL
	var err error
	if w.service, err = codebuild.New(codebuild.Config{
		Dir: t.TempDir(), Account: account, Region: region, Endpoint: func() string { return server.URL },
		Caller:    func(*http.Request) (string, string) { return account, region },
		Initiator: func(*http.Request) string { return "arn:aws:sts::123456789012:assumed-role/reconciler/one" },
		Trusted: func(_ context.Context, roleARN, _ string) error {
			if roleARN != role {
				return errors.New("it does not trust CodeBuild")
			}
			return nil
		},
		Session: w.session, Emit: w.emit, Now: w.time, Log: slog.New(slog.DiscardHandler),
	}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.service.Close)
	handler = w.service
	w.client = awscodebuild.NewFromConfig(aws.Config{Region: region, BaseEndpoint: aws.String(server.URL),
		RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""), APIOptions: moto.KeepAnswers()})
	return w
}

func (w *world) session(_ context.Context, roleARN, projectARN, session string, lasts time.Duration) (codebuild.Credentials, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if roleARN != role {
		return codebuild.Credentials{}, errors.New("it does not trust CodeBuild")
	}
	w.sessions++
	return codebuild.Credentials{AccessKey: fmt.Sprint("ASIA", w.sessions), SecretKey: "s", SessionToken: "t", Expires: w.now.Add(lasts)}, nil
}

func (w *world) emit(_ context.Context, e wire.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var detail map[string]any
	if err := json.Unmarshal(e.Detail, &detail); err != nil || e.Source != "aws.codebuild" {
		w.t.Errorf("event of %s: %v", e.Source, err)
	}
	w.events = append(w.events, event{e.DetailType, detail})
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time pass for tokens and credentials; what runs does not notice.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// project makes a project with a buildspec.
func (w *world) project(name, buildspec string, change ...func(*awscodebuild.CreateProjectInput)) {
	w.t.Helper()
	in := projectInput(name, buildspec)
	for _, c := range change {
		c(in)
	}
	if _, err := w.client.CreateProject(w.t.Context(), in); err != nil {
		w.t.Fatal(err)
	}
}

func projectInput(name, buildspec string) *awscodebuild.CreateProjectInput {
	return &awscodebuild.CreateProjectInput{
		Name: aws.String(name), ServiceRole: aws.String(role),
		Source:    &types.ProjectSource{Type: types.SourceTypeNoSource, Buildspec: aws.String(buildspec)},
		Artifacts: &types.ProjectArtifacts{Type: types.ArtifactsTypeNoArtifacts},
		Environment: &types.ProjectEnvironment{Type: types.EnvironmentTypeArmContainer, Image: aws.String("aws/codebuild/amazonlinux-aarch64-standard:3.0"),
			ComputeType: types.ComputeTypeBuildGeneral1Small},
	}
}

// spec is a buildspec with these commands in its build phase.
func spec(commands ...string) string {
	text := "version: 0.2\nphases:\n  build:\n    commands:\n"
	for _, c := range commands {
		text += fmt.Sprintf("      - %q\n", c)
	}
	return text
}

func (w *world) start(project string, change ...func(*awscodebuild.StartBuildInput)) *types.Build {
	w.t.Helper()
	in := &awscodebuild.StartBuildInput{ProjectName: aws.String(project)}
	for _, c := range change {
		c(in)
	}
	out, err := w.client.StartBuild(w.t.Context(), in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Build
}

func (w *world) get(id string) *types.Build {
	w.t.Helper()
	out, err := w.client.BatchGetBuilds(w.t.Context(), &awscodebuild.BatchGetBuildsInput{Ids: []string{id}})
	if err != nil || len(out.Builds) != 1 {
		w.t.Fatalf("build %s: %v, error %v", id, out, err)
	}
	return &out.Builds[0]
}

// until waits for an event and returns the build that it is of.
func (w *world) until(b *types.Build, what string, is func(event) bool) *types.Build {
	w.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		w.mu.Lock()
		happened := slices.ContainsFunc(w.events, func(e event) bool { return e.detail["build-id"] == *b.Arn && is(e) })
		changed := w.changed
		w.mu.Unlock()
		if happened {
			return w.get(*b.Id)
		}
		select {
		case <-changed:
		case <-limit:
			w.t.Fatalf("build %s was never %s: %+v", *b.Id, what, w.get(*b.Id))
		}
	}
}

// end waits until a build is over.
func (w *world) end(b *types.Build) *types.Build {
	w.t.Helper()
	return w.until(b, "over", func(e event) bool {
		return e.kind == "CodeBuild Build State Change" && e.detail["build-status"] != "IN_PROGRESS"
	})
}

// running waits until a build's commands run.
func (w *world) running(b *types.Build) {
	w.t.Helper()
	w.until(b, "running", func(e event) bool { return e.detail["completed-phase"] == "PRE_BUILD" })
}

func (w *world) log(b *types.Build) string {
	w.t.Helper()
	text, err := w.service.Log(*b.Id)
	if err != nil {
		w.t.Fatal(err)
	}
	return text
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// phases are the types and statuses of a build's phases.
func phases(b *types.Build) []string {
	var list []string
	for _, p := range b.Phases {
		list = append(list, fmt.Sprint(p.PhaseType, " ", p.PhaseStatus))
	}
	return list
}
