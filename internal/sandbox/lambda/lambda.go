package lambda

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/policy"
	"github.com/driftless-gitops/driftless/internal/sandbox/moto"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Config is what the sandbox's Lambda needs of its surroundings.
type Config struct {
	Moto   string // moto's base URL
	Tables string // that of DynamoDB's streams; Moto when empty
	// Between is held while a stream is read, so that no transaction is seen that may yet be
	// cancelled. Nil: nothing is.
	Between         sync.Locker
	Endpoint        func() string // the gateway's base URL, which functions get as AWS_ENDPOINT_URL
	Account, Region string
	Dir             string // unpacked code, logs and temporary files
	// VisibilitySpeed divides waits: a failed message's visibility timeout, the pauses
	// before an asynchronous retry and between attempts at a stream's batch. Below 1: 1.
	VisibilitySpeed float64
	// Credentials returns a session of a function's role, valid for an hour. Nil: functions
	// get none.
	Credentials func(ctx context.Context, roleARN, session string) (accessKey, secret, token string, err error)
	// Principal says whose access key it is. Nil: nobody's, so that no signature holds.
	Principal func(accessKey string) (arn, secret string, ok bool)
	Now       func() time.Time // nil: the machine's clock
	Log       *slog.Logger
}

// Service is the Lambda of one account and region. Its methods may be called from several
// goroutines.
type Service struct {
	config Config
	api    http.Handler
	iam    *iam.Client
	s3     *s3.Client
	sns    *sns.Client
	sqs    *sqs.Client
	calls  *identities
	nudges nudges

	closing chan struct{}
	once    sync.Once
	running sync.WaitGroup // asynchronous invocations and pollers' invocations
	changed chan struct{}  // a mapping was made, changed or deleted; holds one

	mu        sync.Mutex
	functions map[string]*function
	urls      map[string]*functionURL // by id
	mappings  map[string]*mapping     // by UUID
	pending   map[string][]byte       // asynchronous invocations' payloads, by their ids
}

// New makes the service. It keeps nothing from an earlier one in the same directory.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.VisibilitySpeed < 1 {
		c.VisibilitySpeed = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	backend := aws.Config{
		Region:       c.Region,
		BaseEndpoint: aws.String(c.Moto),
		Credentials:  credentials.NewStaticCredentialsProvider("sandbox", "sandbox", ""),
		APIOptions:   moto.KeepAnswers(),
	}
	s := &Service{
		config: c,
		iam:    iam.NewFromConfig(backend),
		s3:     s3.NewFromConfig(backend, func(o *s3.Options) { o.UsePathStyle = true }),
		sns:    sns.NewFromConfig(backend),
		sqs:    sqs.NewFromConfig(backend),

		closing:   make(chan struct{}),
		changed:   make(chan struct{}, 1),
		functions: map[string]*function{},
		urls:      map[string]*functionURL{},
		mappings:  map[string]*mapping{},
		pending:   map[string][]byte{},
	}
	s.calls = &identities{iam: s.iam, now: c.Now, managed: map[string]policy.Document{}}
	s.api = s.routes()
	return s
}

// ServeHTTP answers Lambda's API and requests to function URLs, whose paths begin with
// /_lambda-url/<id>/.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, urlPrefix) {
		s.serveURL(w, r)
		return
	}
	s.api.ServeHTTP(w, r)
}

// Close ends all functions' processes and waits for what is under way to notice. It may
// be repeated.
func (s *Service) Close() {
	s.once.Do(func() { close(s.closing) })
	var ends []func()
	s.mu.Lock()
	for _, f := range s.functions {
		ends = append(ends, f.close())
	}
	s.mu.Unlock()
	for _, end := range ends {
		end()
	}
	s.running.Wait()
}

// background runs what outlives its caller, and reports false when the service is closing
// and nothing is run.
func (s *Service) background(ctx context.Context, work func(context.Context)) bool {
	s.mu.Lock()
	defer s.mu.Unlock() // Close waits only for what was added before it took the lock
	select {
	case <-s.closing:
		return false
	default:
	}
	ctx, cancel := s.detached(ctx)
	s.running.Go(func() {
		defer cancel()
		work(ctx)
	})
	return true
}

// detached is a context that outlives its request and ends with the service.
func (s *Service) detached(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// folder makes a directory under the service's own.
func (s *Service) folder(elements ...string) (string, error) {
	dir := filepath.Join(append([]string{s.config.Dir}, elements...)...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("make directory: %w", err)
	}
	return dir, nil
}

func invalid(format string, args ...any) error {
	return &wire.Error{Code: "InvalidParameterValueException", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...), Status: http.StatusNotFound}
}

func conflict(format string, args ...any) error {
	return &wire.Error{Code: "ResourceConflictException", Message: fmt.Sprintf(format, args...), Status: http.StatusConflict}
}
