package sandbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	awslambda "github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/codebuild"
	"github.com/driftless-gitops/driftless/internal/sandbox/codecommit"
	"github.com/driftless-gitops/driftless/internal/sandbox/events"
	"github.com/driftless-gitops/driftless/internal/sandbox/lambda"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/sts"
	"github.com/driftless-gitops/driftless/internal/sandbox/trail"
)

// Where the sandbox's own account is: moto's default account, a region of Europe.
const (
	Account     = "123456789012"
	Region      = "eu-west-1"
	DefaultAddr = "127.0.0.1:4566"
)

// Timing is how long CloudFormation takes beyond the work itself.
type Timing = cloudformation.Timing

// DefaultTiming is quick, and yet slow enough that every state can be seen.
var DefaultTiming = cloudformation.DefaultTiming

// Options are the sandbox's settings. The zero value of each has a default.
type Options struct {
	Addr            string  // loopback address to listen on, DefaultAddr when empty; port 0 takes a free one
	Dir             string  // state and logs; when empty a temporary one, removed by Close
	ScheduleSpeed   float64 // rules' schedules fire this many times as often; 1 when zero
	VisibilitySpeed float64 // functions' queues wait this many times shorter; 1 when zero
	DropEvents      bool    // lose every event of an AWS service until switched off
	Announce        bool    // be found by PrintEnv and PrintGitURL as the default sandbox, wherever Dir is
	GitFilter       bool    // allow git's partial clone, which is unverified on CodeCommit
	Timing          *Timing // DefaultTiming when nil; zero waits for nothing
	Now             func() time.Time
	Log             *slog.Logger // nothing is logged when nil
	// Watch is shown every request and its answer, from several goroutines. Nil: nobody watches.
	Watch func(Exchange)
}

// Sandbox is a running sandbox.
type Sandbox struct {
	o              Options
	url            string
	tempDir        string       // to be removed, empty when the caller chose the directory
	announced      []string     // state files
	moto, tables   *moto.Server // all services but DynamoDB, and DynamoDB
	sts            *sts.Service
	events         *events.Service
	git            *codecommit.Service
	builds         *codebuild.Service
	lambda         *lambda.Service
	cloudformation *cloudformation.Service
	admin          sts.Credentials
	client         *http.Client             // of calls to itself
	invoker        func() *awslambda.Client // made once there is an administrator
	calls          calls
	keys           tableKeys
	rights         *lambda.Decider
	trail          *trail.Trail
	server         *http.Server
	cancel         context.CancelFunc
	running        sync.WaitGroup
	turn           sync.RWMutex // of DynamoDB's requests
}

// Start starts a sandbox, which runs until ctx ends or Close is called, and returns once
// everything answers. Its world is empty and lives in memory, repositories aside.
func Start(ctx context.Context, o Options) (*Sandbox, error) {
	o = o.withDefaults()
	listener, err := listen(ctx, o.Addr)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Sandbox{o: o, url: "http://" + listener.Addr().String(), cancel: cancel,
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	s.invoker = sync.OnceValue(func() *awslambda.Client { return awslambda.NewFromConfig(s.config()) })
	if err := s.start(ctx, listener); err != nil {
		_ = listener.Close()
		s.Close()
		return nil, fmt.Errorf("start sandbox: %w", err)
	}
	if o.Announce {
		if err := s.announce(""); err != nil {
			s.Close()
			return nil, fmt.Errorf("start sandbox: %w", err)
		}
	}
	return s, nil
}

// URL is the endpoint of every service, without a trailing slash.
func (s *Sandbox) URL() string { return s.url }

// MotoVersion is the version of the moto behind the gateway.
func (s *Sandbox) MotoVersion() string { return s.moto.Version() }

// Dir is where the logs and repositories are.
func (s *Sandbox) Dir() string { return s.o.Dir }

// Env is what a process needs in its environment to work with the sandbox as its
// administrator, as KEY=value.
func (s *Sandbox) Env() []string {
	return []string{
		"AWS_ACCESS_KEY_ID=" + s.admin.AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + s.admin.SecretKey,
		"AWS_REGION=" + Region,
		"AWS_DEFAULT_REGION=" + Region,
		"AWS_ENDPOINT_URL=" + s.url,
	}
}

// GitURL is the URL of a CodeCommit repository with the administrator's credential in it,
// for a plain git client. It is good for fifteen minutes.
func (s *Sandbox) GitURL(repository string) string {
	return s.git.SignedURL(repository, s.admin, s.o.Now())
}

// DropEvents switches the loss of every AWS service's event on or off.
func (s *Sandbox) DropEvents(on bool) { s.events.Drop(on) }

// Fire fires a scheduled rule now, by its name or a part of it that is its alone, and
// returns the rule's name.
func (s *Sandbox) Fire(ctx context.Context, rule string) (string, error) {
	return s.events.Fire(ctx, rule)
}

// Pending reports whether a function still runs, or is to be tried again, for an event that
// matches and for whose end nobody waits.
func (s *Sandbox) Pending(matches func(event []byte) bool) bool { return s.lambda.Pending(matches) }

// Script makes a resource's next operation in CloudFormation fail.
func (s *Sandbox) Script(f cloudformation.Failure) { s.cloudformation.Script(f) }

// Close ends everything that Start started and waits for it. It may be repeated.
func (s *Sandbox) Close() {
	s.cancel()
	s.withdraw()
	if s.server != nil {
		_ = s.server.Close()
	}
	if s.cloudformation != nil {
		s.cloudformation.Close()
	}
	if s.builds != nil {
		s.builds.Close()
	}
	if s.lambda != nil {
		s.lambda.Close()
	}
	if s.trail != nil {
		s.trail.Close()
	}
	s.running.Wait()
	s.client.CloseIdleConnections()
	for _, m := range []*moto.Server{s.moto, s.tables} {
		if m != nil {
			m.Close()
		}
	}
	if s.tempDir != "" {
		if err := os.RemoveAll(s.tempDir); err != nil {
			s.o.Log.Warn("directory left behind", "error", err)
		}
	}
}

func (s *Sandbox) start(ctx context.Context, listener net.Listener) (err error) {
	if err := s.makeDir(); err != nil {
		return err
	}
	if err := s.startMoto(ctx); err != nil {
		return err
	}
	handler, err := s.wire(ctx)
	if err != nil {
		return err
	}
	if s.admin, err = s.sts.MakeAdmin(ctx); err != nil {
		return err
	}
	s.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(s.o.Log.Handler(), slog.LevelWarn)}
	s.running.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.o.Log.Error("gateway stopped", "error", err)
		}
	})
	s.running.Go(func() {
		<-ctx.Done()
		_ = s.server.Close()
	})
	s.running.Go(func() { s.events.Run(ctx) })
	s.running.Go(func() {
		if err := s.lambda.Run(ctx); err != nil {
			s.o.Log.Error("function sources no longer polled", "error", err)
		}
	})
	return nil
}

// startMoto starts one moto for DynamoDB and one for all else, side by side: a Python process
// does one thing at a time, and half of all that waits for moto waits for DynamoDB.
func (s *Sandbox) startMoto(ctx context.Context) error {
	tables := make(chan error, 1)
	go func() {
		var err error
		s.tables, err = moto.Start(ctx, moto.Options{Dir: s.o.Dir, Log: "dynamodb.log"})
		tables <- err
	}()
	var err error
	s.moto, err = moto.Start(ctx, moto.Options{Dir: s.o.Dir})
	return errors.Join(err, <-tables)
}

func (s *Sandbox) makeDir() error {
	if s.o.Dir != "" {
		dir, err := filepath.Abs(s.o.Dir)
		if err != nil {
			return fmt.Errorf("find directory: %w", err)
		}
		s.o.Dir = dir
		return os.MkdirAll(dir, 0o700)
	}
	dir, err := os.MkdirTemp("", "driftless-sandbox-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	s.o.Dir, s.tempDir = dir, dir
	return nil
}

func (o Options) withDefaults() Options {
	if o.Addr == "" {
		o.Addr = DefaultAddr
	}
	if o.ScheduleSpeed <= 0 {
		o.ScheduleSpeed = 1
	}
	if o.VisibilitySpeed <= 0 {
		o.VisibilitySpeed = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// listen refuses every address but the loopback: the sandbox checks few permissions and
// runs code on the machine.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %q: %w", addr, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("listen on %q: must be an address of the loopback, such as %s", addr, DefaultAddr)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}
