package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

// Config is what a Service needs. Moto alone is required.
type Config struct {
	Moto     string        // base URL of moto_server
	Tables   string        // base URL of the one that has DynamoDB; Moto when empty
	Endpoint func() string // the gateway's base URL, which clients use in template URLs
	Account  string        // of requests whose caller is unknown; default 123456789012
	Region   string        // of requests without a signature; default us-east-1
	// Caller names the account and region that a request belongs to; without it they are
	// the default account and the region of the request's signature.
	Caller func(*http.Request) (account, region string)
	Emit   wire.Emit
	Kinds  map[string]wire.Kind // types made by others, ahead of the built-in ones
	Now    func() time.Time
	Timing *Timing // nil: DefaultTiming
}

// Timing is how long things take beyond the work itself. What takes no time is done when the
// call that begins it answers: a change set where ChangeSet is zero, a stack that a change set
// makes or changes where Stack, Resource and CleanUp are.
type Timing struct {
	ChangeSet time.Duration // until a change set is planned; those of nested stacks wait no more
	Resource  time.Duration // every resource
	Stack     time.Duration // before the first resource of a stack that is made, changed or deleted
	CleanUp   time.Duration // before what an update or rollback left behind is deleted
	Detection time.Duration // until a drift detection has its results
	Minute    time.Duration // each minute for which rollback triggers are monitored in the end
}

// DefaultTiming is quick, and yet slow enough that every state can be seen.
var DefaultTiming = Timing{
	ChangeSet: 150 * time.Millisecond,
	Resource:  60 * time.Millisecond,
	Stack:     60 * time.Millisecond,
	CleanUp:   60 * time.Millisecond,
	Detection: 150 * time.Millisecond,
	Minute:    100 * time.Millisecond,
}

// Service is one CloudFormation for all accounts and regions.
type Service struct {
	Config
	times   atomic.Pointer[Timing]
	client  *resource.Client
	kinds   map[string]wire.Kind
	actions map[string]action
	ctx     context.Context // of operations, which outlive the requests that start them
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu         sync.Mutex // guards all below, and everything they point to
	stacks     []*stack   // deleted ones too, which stay readable by ARN
	failures   []*Failure
	detections map[string]*detection
}

// New returns a Service. Close ends its operations.
func New(c Config) *Service {
	if c.Account == "" {
		c.Account = "123456789012"
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Emit == nil {
		c.Emit = func(context.Context, wire.Event) {}
	}
	// Operations belong to the service, not to the request that starts one.
	ctx, cancel := context.WithCancel(context.Background())
	client := &resource.Client{URL: c.Moto, Tables: c.Tables, Endpoint: c.Endpoint,
		HTTP: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	s := &Service{Config: c, client: client, ctx: ctx, cancel: cancel,
		kinds: resource.Builtin(client), detections: map[string]*detection{}}
	maps.Copy(s.kinds, c.Kinds)
	s.SetTiming(DefaultTiming)
	if c.Timing != nil {
		s.SetTiming(*c.Timing)
	}
	s.actions = s.table()
	return s
}

// SetTiming changes how long things take from now on.
func (s *Service) SetTiming(t Timing) { s.times.Store(&t) }

func (s *Service) timing() Timing { return *s.times.Load() }

// Close ends running operations where they stand and waits for them.
func (s *Service) Close() {
	s.cancel()
	s.running.Wait()
}

// scope is the account and region that a request acts in.
type scope struct{ account, region string }

// action decodes a request, carries it out and returns the SDK's output struct.
type action func(ctx context.Context, at scope, form url.Values) (any, error)

// operation makes an action of a method that takes and returns the SDK's structs.
func operation[In, Out any](f func(context.Context, scope, *In) (*Out, error)) action {
	return func(ctx context.Context, at scope, form url.Values) (any, error) {
		in := new(In)
		if err := decode(form, "", reflect.ValueOf(in).Elem()); err != nil {
			return nil, err
		}
		return f(ctx, at, in)
	}
}

func (s *Service) table() map[string]action {
	return map[string]action{
		"CreateChangeSet":                   operation(s.createChangeSet),
		"DescribeChangeSet":                 operation(s.describeChangeSet),
		"ExecuteChangeSet":                  operation(s.executeChangeSet),
		"DeleteChangeSet":                   operation(s.deleteChangeSet),
		"ListChangeSets":                    operation(s.listChangeSets),
		"CreateStack":                       operation(s.createStack),
		"UpdateStack":                       operation(s.updateStack),
		"DeleteStack":                       operation(s.deleteStack),
		"RollbackStack":                     operation(s.rollbackStack),
		"ContinueUpdateRollback":            operation(s.continueUpdateRollback),
		"CancelUpdateStack":                 operation(s.cancelUpdateStack),
		"UpdateTerminationProtection":       operation(s.updateTerminationProtection),
		"DescribeStacks":                    operation(s.describeStacks),
		"ListStacks":                        operation(s.listStacks),
		"DescribeStackEvents":               operation(s.describeStackEvents),
		"DescribeEvents":                    operation(s.describeEvents),
		"DescribeStackResource":             operation(s.describeStackResource),
		"DescribeStackResources":            operation(s.describeStackResources),
		"ListStackResources":                operation(s.listStackResources),
		"GetTemplate":                       operation(s.getTemplate),
		"GetTemplateSummary":                operation(s.getTemplateSummary),
		"ValidateTemplate":                  operation(s.validateTemplate),
		"GetStackPolicy":                    operation(s.getStackPolicy),
		"ListExports":                       operation(s.listExports),
		"ListImports":                       operation(s.listImports),
		"DetectStackDrift":                  operation(s.detectStackDrift),
		"DetectStackResourceDrift":          operation(s.detectStackResourceDrift),
		"DescribeStackDriftDetectionStatus": operation(s.describeStackDriftDetectionStatus),
		"DescribeStackResourceDrifts":       operation(s.describeStackResourceDrifts),
		"DescribeType":                      operation(s.describeType),
	}
}

// maxRequest is more than the largest form that a 51,200 byte template makes.
const maxRequest = 4 << 20

// ServeHTTP answers CloudFormation's Query protocol, and the switches under ControlPath.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, ControlPath) {
		s.control(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.refuse(w, &wire.Error{Code: "RequestEntityTooLarge", Message: err.Error(), Status: http.StatusRequestEntityTooLarge})
		return
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		s.refuse(w, &wire.Error{Code: "MalformedQueryString", Message: "The query string is malformed"})
		return
	}
	for k, v := range r.URL.Query() {
		form[k] = v
	}
	name := form.Get("Action")
	act, ok := s.actions[name]
	if !ok {
		s.refuse(w, &wire.Error{Code: "InvalidAction", Message: fmt.Sprintf("The sandbox does not have the action %s", name)})
		return
	}
	out, err := act(r.Context(), s.scope(r), form)
	if err != nil {
		s.refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/xml")
	_, _ = io.WriteString(w, answer(name, wire.NewUUID(), out)) // a client that left needs no answer
}

func (s *Service) refuse(w http.ResponseWriter, err error) {
	e := &wire.Error{Code: "InternalFailure", Status: http.StatusInternalServerError}
	if !errors.As(err, &e) {
		e.Message = err.Error()
	}
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, refusal(e, wire.NewUUID()))
}

// scope reads account and region of a request: Caller's answer, else the region within
// "Credential=AKID/date/region/service/aws4_request".
func (s *Service) scope(r *http.Request) scope {
	at := scope{s.Account, s.Region}
	if s.Caller != nil {
		at.account, at.region = s.Caller(r)
		return at
	}
	_, credential, ok := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	if parts := strings.Split(credential, "/"); ok && len(parts) > 3 {
		at.region = parts[2]
	}
	return at
}

// launch runs an operation in the background, and where it is to take no time waits for its
// end: then the call that begins it answers once it is done.
func (s *Service) launch(takes time.Duration, f func(ctx context.Context)) {
	if takes > 0 {
		s.start(f)
		return
	}
	done := make(chan struct{})
	s.start(func(ctx context.Context) {
		defer close(done)
		f(ctx)
	})
	<-done
}

// start runs an operation in the background.
func (s *Service) start(f func(ctx context.Context)) {
	s.running.Add(1)
	go func() {
		defer s.running.Done()
		f(s.ctx)
	}()
}

// pause waits, and says whether the service still runs.
func (s *Service) pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// invalid is the error that CloudFormation answers to most bad requests.
func invalid(format string, args ...any) error {
	return &wire.Error{Code: "ValidationError", Message: fmt.Sprintf(format, args...)}
}
