package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/driftless-gitops/driftless/internal/aws/codebuild"
	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/aws/s3"
	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/forge/forgetest"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// schedules is how often the sandbox's rules fire by themselves: as good as never. They fire
// when somebody waits for them (see fire).
const schedules = 0.001

// visibility is how many times shorter what failed is waited for: a message comes back at once.
const visibility = 1000

// Lab is a sandbox with Driftless in it, and a forge, where lanes run side by side.
type Lab struct {
	*demo.Stage
	forge *forgetest.Server
	// service is what checks ask: it tells how the queue that its path names is set.
	service *httptest.Server
	store   *dynamodb.Store
	blobs   *s3.Blobs // of the data bucket

	states    *s3.Blobs // of the state bucket
	terraform string    // its version; empty where there is none

	token string // file with the forge's token
	dir   string // of lanes

	mu    sync.Mutex
	lanes []*Lane
	made  int
	fired map[string]time.Time // when a schedule did last, by a lane's wish
}

// Open starts the sandbox and installs Driftless from root, which is this project's. Close it.
func Open(ctx context.Context, root string) (*Lab, error) {
	for _, need := range []string{"node_modules/.bin/cdk", "bin/driftless"} {
		if _, err := os.Stat(filepath.Join(root, need)); err != nil {
			return nil, fmt.Errorf("%s is missing: \"make faults\" makes it", need)
		}
	}
	dir, err := os.MkdirTemp("", "driftless-faults-")
	if err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	l := &Lab{forge: forgetest.New(), fired: map[string]time.Time{}, dir: dir, token: filepath.Join(dir, "token")}
	l.service = httptest.NewServer(http.HandlerFunc(l.tell))
	if err := l.open(ctx, root); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) open(ctx context.Context, root string) (err error) {
	if err := os.WriteFile(l.token, []byte("forge-token\n"), 0o600); err != nil {
		return fmt.Errorf("write token: %w", err)
	}
	l.Stage, err = demo.Open(ctx, demo.Options{Root: root, PrivateHosts: []string{l.forge.Host(), l.service.Listener.Addr().String()}, Sandbox: sandbox.Options{
		Addr: "127.0.0.1:0", ScheduleSpeed: schedules, VisibilitySpeed: visibility, Timing: &sandbox.Timing{}}})
	if err != nil {
		return err
	}
	if err := l.Install(ctx); err != nil {
		return err
	}
	out, err := awslambda.NewFromConfig(l.Sandbox.Config()).GetFunctionConfiguration(ctx,
		&awslambda.GetFunctionConfigurationInput{FunctionName: aws.String("driftless-reconciler")})
	if err != nil {
		return fmt.Errorf("find table and bucket: %w", err)
	}
	env := out.Environment.Variables
	l.blobs = s3.New(l.Sandbox.Config(), env["DRIFTLESS_BUCKET"])
	l.store = dynamodb.New(l.Sandbox.Config(), env["DRIFTLESS_TABLE"], l.blobs, time.Now)
	if err := l.builds(ctx, env["DRIFTLESS_BUILDS"]); err != nil {
		return err
	}
	l.Sandbox.Inject(l.decide)
	return nil
}

// builds makes room for those of every lane, and finds where states are.
func (l *Lab) builds(ctx context.Context, settings string) (err error) {
	var s codebuild.Settings
	if err := json.Unmarshal([]byte(settings), &s); err != nil {
		return fmt.Errorf("find the bucket of states: %w", err)
	}
	l.states = s3.New(l.Sandbox.Config(), s.States)
	l.Sandbox.Builds().Limit(buildsAtOnce)
	if _, err := exec.LookPath("terraform"); err != nil {
		return nil
	}
	l.terraform, err = demo.TerraformVersion(ctx)
	return err
}

// buildsAtOnce is more than lanes have: what waits in CodeBuild's queue takes turns that differ.
const buildsAtOnce = 40

// Close ends everything.
func (l *Lab) Close() {
	if l.Stage != nil {
		l.Stage.Close()
	}
	l.forge.Close()
	l.service.Close()
	_ = os.RemoveAll(l.dir) // below the temporary directory, which is cleaned anyway
}

// tell answers a check.
func (l *Lab) tell(w http.ResponseWriter, r *http.Request) {
	visible, err := l.Sandbox.QueueAttribute(r.Context(), strings.Trim(r.URL.Path, "/"), "VisibilityTimeout")
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, visible) // who has left needs no answer
}

// decide hands a call to the lanes that it is made for. The sweeper works for all of them.
func (l *Lab) decide(r sandbox.Request) sandbox.Fault {
	l.mu.Lock()
	lanes := slices.Clone(l.lanes)
	l.mu.Unlock()
	for _, lane := range lanes {
		if fault := lane.watch.see(r); fault != sandbox.FaultNone {
			return fault
		}
	}
	return sandbox.FaultNone
}

// The schedules' rules, by a part of their names.
const (
	everyMinute      = "EveryMinute"
	everyFiveMinutes = "EveryFiveMinutes"
)

// fire is what time does: a schedule fires, though not again at once for another lane.
func (l *Lab) fire(ctx context.Context, rule string) error {
	l.mu.Lock()
	due := time.Since(l.fired[rule]) > mendAfter/2
	if due {
		l.fired[rule] = time.Now()
	}
	l.mu.Unlock()
	if !due {
		return nil
	}
	_, err := l.Sandbox.Fire(ctx, rule)
	return err
}

// deadQueues names the installation's queues, but that of work.
func (l *Lab) deadQueues(ctx context.Context) (names []string, err error) {
	out, err := cloudformation.NewFromConfig(l.Sandbox.Config()).DescribeStackResources(ctx, &cloudformation.DescribeStackResourcesInput{StackName: aws.String("Driftless")})
	if err != nil {
		return nil, fmt.Errorf("find the dead-letter queues: %w", err)
	}
	for _, r := range out.StackResources {
		name := path.Base(aws.ToString(r.PhysicalResourceId))
		if aws.ToString(r.ResourceType) == "AWS::SQS::Queue" && name != "driftless-work.fifo" {
			names = append(names, name)
		}
	}
	if len(names) < 2 {
		return names, fmt.Errorf("find the dead-letter queues: there are %v, want that of work and that of events", names)
	}
	return names, nil
}
