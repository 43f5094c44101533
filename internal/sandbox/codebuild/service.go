package codebuild

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	randv2 "math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	maxBody = 1 << 20
	target  = "CodeBuild_20161006."
)

// Credentials are a session of a role.
type Credentials struct {
	AccessKey, SecretKey, SessionToken string
	Expires                            time.Time
}

// Config is what the service needs of the sandbox.
type Config struct {
	Dir             string // where builds run and logs are kept; emptied by New
	Account, Region string
	Endpoint        func() string // the sandbox's URL
	// Caller names the account and region that a signed request belongs to.
	Caller func(*http.Request) (account, region string)
	// Initiator is the ARN of whoever signed a request.
	Initiator func(*http.Request) string
	// Trusted returns an error unless a role lets CodeBuild assume it for a project.
	Trusted func(ctx context.Context, roleARN, projectARN string) error
	// Session assumes a role for a project's build.
	Session func(ctx context.Context, roleARN, projectARN, session string, lasts time.Duration) (Credentials, error)
	Emit    wire.Emit
	Seed    uint64 // of the order in which queued builds start
	Now     func() time.Time
	Log     *slog.Logger
}

// Service is CodeBuild of all accounts and regions.
type Service struct {
	c       Config
	ctx     context.Context // of builds, which outlive the requests that start them
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex // guards all below, and everything they point to
	projects map[string]*project
	builds   []*build
	lines    map[place]*line
	settings settings
	random   *randv2.Rand
}

// place is where projects and builds are.
type place struct{ account, region string }

func (p place) arn(resource string) string {
	return "arn:aws:codebuild:" + p.region + ":" + p.account + ":" + resource
}

// New makes the service without projects. Close ends its builds.
func New(c Config) (*Service, error) {
	if err := os.RemoveAll(c.Dir); err != nil {
		return nil, fmt.Errorf("empty directory of builds: %w", err)
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory of builds: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Service{c: c, ctx: ctx, cancel: cancel, projects: map[string]*project{}, lines: map[place]*line{},
		settings: settings{timing: DefaultTiming, limit: DefaultLimit},
		random:   randv2.New(randv2.NewPCG(c.Seed, 0))}, nil
}

// Close kills what runs and waits for it.
func (s *Service) Close() {
	s.cancel()
	s.running.Wait()
}

// call is a request with whom it comes from.
type call struct {
	place
	initiator string
	body      []byte
}

// read decodes the request. A field that the sandbox does not know is refused by name.
func (c call) read(into any) error { return strict(c.body, into) }

func strict(body []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if field, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return invalid("the sandbox's CodeBuild does not support %s", field)
		}
		return &wire.Error{Code: "SerializationException", Message: err.Error()}
	}
	return nil
}

// ServeHTTP answers the CodeBuild API, and the switches and credentials under ControlPath.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, ControlPath) {
		s.control(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		wire.Refuse(w, &wire.Error{Code: "SerializationException", Message: err.Error()})
		return
	}
	in := call{initiator: s.c.Initiator(r), body: body}
	in.account, in.region = s.c.Caller(r)
	out, err := s.do(r.Context(), strings.TrimPrefix(r.Header.Get("X-Amz-Target"), target), in)
	if err != nil {
		wire.Refuse(w, err)
		return
	}
	wire.Answer(w, http.StatusOK, out)
}

func (s *Service) do(ctx context.Context, action string, in call) (any, error) {
	switch action {
	case "CreateProject":
		return s.createProject(ctx, in)
	case "UpdateProject":
		return s.updateProject(ctx, in)
	case "DeleteProject":
		return s.deleteProject(in)
	case "BatchGetProjects":
		return s.batchGetProjects(in)
	case "ListProjects":
		return s.listProjects(in)
	case "StartBuild":
		return s.startBuild(in)
	case "StopBuild":
		return s.stopBuild(in)
	case "BatchGetBuilds":
		return s.batchGetBuilds(in)
	case "ListBuildsForProject":
		return s.listBuildsForProject(in)
	default:
		return nil, &wire.Error{Code: "UnknownOperationException", Message: "the sandbox's CodeBuild has no " + action}
	}
}

// invalid is what CodeBuild says of a request that it understands and does not take.
func invalid(format string, args ...any) error {
	return &wire.Error{Code: "InvalidInputException", Message: fmt.Sprintf(format, args...)}
}

func notFound(format string, args ...any) error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...)}
}

// epoch is a moment as the JSON protocol writes it: seconds, with a fraction.
type epoch time.Time

// MarshalJSON writes milliseconds after the point.
func (e epoch) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%.3f", float64(time.Time(e).UnixMilli())/1000), nil
}
