package bench

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/aws/dynamodb"
	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// repositoryName is the CodeCommit repository that is pushed to.
const repositoryName = "bench"

// patience is how long one deployment may take.
const patience = 3 * time.Minute

// stage is a sandbox with Driftless in it, and a repository that it watches.
type stage struct {
	*demo.Stage
	store   *dynamodb.Store
	invoked *invocations
	stream  *stream
	made    []types.StackResource // of Driftless's own stack
	names   []string              // of the applications
	every   map[string]string     // how often drift is looked for, where not by default
	builds  map[string]string     // versions of Terraform, of the applications that are none of CloudFormation
	edits   int
}

// open makes the stage, once for all goals that need it.
func (b *bench) open(ctx context.Context) (*stage, error) {
	if b.stage != nil {
		return b.stage, nil
	}
	if err := b.ready(); err != nil {
		return nil, err
	}
	b.say("      installing Driftless into a sandbox")
	invoked := &invocations{}
	made, err := demo.Open(ctx, demo.Options{Root: b.o.Root, Sandbox: sandbox.Options{
		Addr: "127.0.0.1:0", Log: slog.New(invoked), ScheduleSpeed: 0.01}}) // sweeps come when they are asked for
	if err != nil {
		return nil, err
	}
	s := &stage{Stage: made, invoked: invoked}
	if err := s.begin(ctx); err != nil {
		made.Close()
		return nil, err
	}
	b.stage = s
	return s, nil
}

// ready says what has to be built before.
func (b *bench) ready() error {
	var errs []error
	for _, need := range []string{"node_modules/.bin/cdk", "bin/driftless"} {
		if _, err := os.Stat(filepath.Join(b.o.Root, need)); err != nil {
			errs = append(errs, fmt.Errorf("%s is missing: \"make bench\" makes it", need))
		}
	}
	return errors.Join(errs...)
}

// begin installs Driftless and watches the repository, which has no application yet.
func (s *stage) begin(ctx context.Context) error {
	if err := s.Install(ctx); err != nil {
		return err
	}
	if err := s.Sandbox.CreateRepository(ctx, repositoryName); err != nil {
		return err
	}
	resources, err := cloudformation.NewFromConfig(s.Sandbox.Config()).DescribeStackResources(ctx,
		&cloudformation.DescribeStackResourcesInput{StackName: aws.String("Driftless")})
	if err != nil {
		return fmt.Errorf("list what was installed: %w", err)
	}
	s.made = resources.StackResources
	table, err := s.resource("AWS::DynamoDB::Table", "")
	if err != nil {
		return err
	}
	s.store = dynamodb.New(s.Sandbox.Config(), table, nil, time.Now)
	s.stream, err = newStream(ctx, s.Sandbox.Config(), table)
	return err
}

// resource returns the name in AWS of the first resource of a type that was installed under a
// name that begins so.
func (s *stage) resource(kind, name string) (string, error) {
	for _, r := range s.made {
		if aws.ToString(r.ResourceType) == kind && strings.HasPrefix(aws.ToString(r.LogicalResourceId), name) {
			return aws.ToString(r.PhysicalResourceId), nil
		}
	}
	return "", fmt.Errorf("find %s %s: the stack Driftless has none", kind, name)
}

// pushed is a push, and when it was through.
type pushed struct {
	commit string
	took   time.Duration
	at     time.Time
}

// push commits what was written and pushes it.
func (s *stage) push(ctx context.Context, message string) (pushed, error) {
	commit, err := s.Commit(ctx, message)
	if err != nil {
		return pushed{}, err
	}
	began := time.Now()
	if _, _, err := runGit(ctx, s.Dir, "push", "-q", "--force", s.Sandbox.GitURL(repositoryName), "HEAD:main"); err != nil {
		return pushed{}, err
	}
	return pushed{commit: commit, took: time.Since(began), at: time.Now()}, nil
}

// ended waits until an application has ended a deployment of a commit, and returns it.
func (s *stage) ended(ctx context.Context, app, commit string) (gitops.Deployment, error) {
	var latest []gitops.Deployment
	for tick := range ticks(ctx, 100*time.Millisecond, patience) {
		if tick != nil {
			return gitops.Deployment{}, fmt.Errorf("wait for %s of %s, last seen %+v: %w", app, gitops.Short(commit), latest, tick)
		}
		var err error
		latest, err = s.store.ListDeployments(ctx, app, 1)
		if err != nil || len(latest) == 0 || latest[0].Revision.Commit != commit || !latest[0].Phase.Done() {
			continue
		}
		if latest[0].Phase != gitops.PhaseSucceeded {
			return latest[0], fmt.Errorf("%s of %s ended %s: %s", app, gitops.Short(commit), latest[0].Phase, latest[0].Reason)
		}
		break
	}
	return latest[0], nil
}

// began returns when a deployment entered a phase, or left it for what came after.
func began(d gitops.Deployment, phase gitops.Phase) time.Time {
	for _, t := range d.Times {
		if t.Phase == phase {
			return t.At
		}
	}
	return d.EndedAt
}

// calls returns how often CloudFormation was asked since the last time, by functions and by
// people; not what verify asks, which is all about drift.
func (s *stage) calls() (functions, people int64) {
	for call, traffic := range s.Sandbox.Calls() {
		switch {
		case call.Service != "cloudformation" || strings.Contains(call.Action, "Drift"):
		case strings.Contains(call.By, ":assumed-role/"):
			functions += traffic.N
		default:
			people += traffic.N
		}
	}
	return functions, people
}

// add makes applications, each of a small stack or configuration, and waits until they are
// deployed.
func (s *stage) add(ctx context.Context, names ...string) error {
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(s.names, n) })
	if len(names) == 0 {
		return nil
	}
	first := len(s.names) == 0
	s.names = append(s.names, names...)
	if err := s.Write(ctx, fstest.MapFS{"driftless.yaml": {Data: []byte(s.applications())}}); err != nil {
		return err
	}
	for _, n := range names {
		if err := s.edit(n); err != nil {
			return err
		}
	}
	p, err := s.push(ctx, "add "+strings.Join(names, ", "))
	if err != nil {
		return err
	}
	if first {
		if _, err := s.Run(ctx, "repository", "add", "codecommit::"+sandbox.Region+"://"+repositoryName, "--branch", "main"); err != nil {
			return err
		}
	}
	for _, n := range names {
		if _, err := s.ended(ctx, n, p.commit); err != nil {
			return err
		}
	}
	return nil
}

// edit changes an application's template or configuration as no edit before.
func (s *stage) edit(name string) error {
	s.edits++
	if s.builds[name] != "" {
		return s.Set("stacks/"+name+"/main.tf", configuration(name, s.edits))
	}
	return s.Set("stacks/"+name+"/template.yaml", template(name, s.edits))
}

// applications is the driftless.yaml, in which each application is at stacks/<name>.
func (s *stage) applications() string {
	text := fmt.Sprintf("version: 1\ndefaults:\n  target: { account: %q, region: %s }\napplications:\n", sandbox.Account, sandbox.Region)
	for _, n := range slices.Sorted(slices.Values(s.names)) {
		engine := fmt.Sprintf("cloudformation: { stack: %s }", n)
		if version := s.builds[n]; version != "" {
			engine = fmt.Sprintf("terraform: { version: %s }", version)
		}
		text += fmt.Sprintf("  - name: %s\n    path: stacks/%s\n    %s\n", n, n, engine)
		if every := s.every[n]; every != "" {
			text += fmt.Sprintf("    drift: { every: %s }\n", every)
		}
	}
	return text
}

// wait waits for d, or until ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// ticks yields nil every so often, and in the end why it ends: ctx, or that the time is up.
func ticks(ctx context.Context, every, most time.Duration) iter.Seq[error] {
	return func(yield func(error) bool) {
		for end := time.Now().Add(most); time.Now().Before(end); {
			if !yield(nil) {
				return
			}
			if err := wait(ctx, every); err != nil {
				yield(err)
				return
			}
		}
		yield(fmt.Errorf("not within %s", most))
	}
}
