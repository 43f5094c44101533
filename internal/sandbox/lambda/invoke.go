package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/driftless-gitops/driftless/internal/sandbox/lambda/bootstrap"
	"github.com/driftless-gitops/driftless/internal/sandbox/wire"
)

const (
	asyncLimit   = 256 << 10        // what an event may hold (Lambda quotas)
	idleTime     = 10 * time.Minute // how long a process waits for work
	sessionTime  = 45 * time.Minute // a role's session lasts an hour; renewed well before
	architecture = runtime.GOARCH
)

// FunctionError is an invocation that failed in the function: an error it returned, a
// crash or a timeout.
type FunctionError struct {
	Function string // ARN as invoked
	Type     string // errorType
	Message  string // errorMessage
	Payload  []byte // the whole error as the function gave it
	Log      []byte // the end of what it wrote
}

// Error names the function, the kind of failure and its message.
func (e *FunctionError) Error() string {
	return fmt.Sprintf("function %s: %s: %s", e.Function, e.Type, e.Message)
}

// Invoke invokes a function and waits for its answer. The ARN, or name, may carry a
// version or an alias. The error is a *FunctionError when the function failed, a
// *wire.Error when Lambda refused the invocation.
func (s *Service) Invoke(ctx context.Context, functionARN string, payload []byte) ([]byte, error) {
	r, err := s.run(ctx, call{ref: parseReference(functionARN), id: wire.NewUUID(), payload: payload, wait: true})
	if err != nil {
		return nil, err
	}
	return r.Payload, s.functionError(parseReference(functionARN), r)
}

// functionError is nil unless the result is a failure.
func (s *Service) functionError(ref reference, r bootstrap.Result) error {
	if !r.Failed {
		return nil
	}
	e := &FunctionError{Function: s.arn(ref.name, ref.qualifier), Payload: r.Payload, Log: r.Log}
	var fields struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal(r.Payload, &fields) != nil {
		fields.Message = string(r.Payload)
	}
	e.Type, e.Message = fields.Type, fields.Message
	return e
}

// call is one invocation to run.
type call struct {
	ref           reference
	id            string // request id
	payload       []byte
	clientContext string
	wait          bool // wait for reserved concurrency instead of being throttled
}

// run invokes a function in one of its processes.
func (s *Service) run(ctx context.Context, c call) (bootstrap.Result, error) {
	f, config, err := s.find(c.ref)
	if err != nil {
		return bootstrap.Result{}, err
	}
	if err := runnable(config); err != nil {
		return bootstrap.Result{}, err
	}
	if len(c.payload) > bootstrap.MaxPayload {
		return bootstrap.Result{}, tooLarge(len(c.payload), bootstrap.MaxPayload)
	}
	if len(c.payload) == 0 {
		c.payload = []byte("{}")
	}
	limit, wait := s.concurrency(f)
	if !f.gate.enter(ctx, limit, wait || c.wait && limit > 0) {
		return bootstrap.Result{}, throttled()
	}
	defer f.gate.leave()
	pool, err := s.pool(f, config)
	if err != nil {
		return bootstrap.Result{}, err
	}
	began := s.config.Now()
	result, err := pool.Invoke(ctx, bootstrap.Invocation{
		ID: c.id, ARN: s.arn(c.ref.name, c.ref.qualifier), Payload: c.payload, ClientContext: c.clientContext,
		TraceID: fmt.Sprintf("Root=1-%08x-%s;Sampled=0", began.Unix(), strings.ReplaceAll(c.id, "-", "")[:24]),
	})
	if err != nil {
		return bootstrap.Result{}, fmt.Errorf("invoke %s: %w", c.ref.name, err)
	}
	s.config.Log.Debug("function invoked", "function", c.ref.name, "request", c.id, "failed", result.Failed, "took", s.config.Now().Sub(began).Round(time.Millisecond))
	return result, nil
}

// runnable refuses by name what this machine cannot run.
func runnable(c configuration) error {
	machine := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[architecture]
	refuse := func(format string, args ...any) error {
		return &wire.Error{Code: "InvalidRuntimeException", Message: fmt.Sprintf(format, args...), Status: http.StatusBadGateway}
	}
	switch {
	case c.PackageType != "Zip":
		return refuse("the sandbox runs functions from zip files, %s is an image", c.FunctionName)
	case !slices.Contains([]string{"provided.al2023", "provided.al2"}, c.Runtime):
		return refuse("the sandbox runs the runtimes provided.al2023 and provided.al2, %s has %s", c.FunctionName, c.Runtime)
	case len(c.Layers) > 0:
		return refuse("the sandbox has no layers, %s uses %s", c.FunctionName, c.Layers[0].Arn)
	case c.Architectures[0] != machine:
		return refuse("%s is built for %s and this machine is %s: deploy with the CDK context `-c architecture=%s`", c.FunctionName, c.Architectures[0], machine, machine)
	}
	return nil
}

// concurrency is how many invocations may run at once, and whether more of them wait.
func (s *Service) concurrency(f *function) (limit int, wait bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.reserved != nil {
		return *f.reserved, false
	}
	return defaultConcurrency, true
}

// pool returns the processes of a revision of a function.
func (s *Service) pool(f *function, c configuration) (*bootstrap.Pool, error) {
	temp, err := s.folder("tmp")
	if err != nil {
		return nil, err
	}
	logs, err := s.folder("logs")
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.closing:
		return nil, fmt.Errorf("invoke %s: the sandbox is closing", f.name)
	default:
	}
	if p := f.pools[c.RevisionId]; p != nil {
		return p, nil
	}
	log := filepath.Join(logs, f.name+".log")
	p := bootstrap.NewPool(idleTime, func(ctx context.Context) (bootstrap.Spec, error) {
		env, key, err := s.environment(ctx, c)
		return bootstrap.Spec{
			Dir: c.dir, Temp: temp, Env: env, Key: key, Timeout: time.Duration(c.Timeout) * time.Second,
			Log: log, Now: s.config.Now, Expires: s.config.Now().Add(sessionTime),
		}, err
	})
	f.pools[c.RevisionId] = p
	return p, nil
}

// environment is what a function sees: its own variables, Lambda's, and nothing of ours;
// with the access key that is among them.
func (s *Service) environment(ctx context.Context, c configuration) (env []string, key string, err error) {
	env = []string{
		"_HANDLER=" + c.Handler,
		"LANG=en_US.UTF-8",
		"TZ=:UTC",
		"LAMBDA_TASK_ROOT=" + c.dir,
		"AWS_REGION=" + s.config.Region,
		"AWS_DEFAULT_REGION=" + s.config.Region,
		"AWS_LAMBDA_FUNCTION_NAME=" + c.FunctionName,
		"AWS_LAMBDA_FUNCTION_VERSION=" + c.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(int(c.MemorySize)),
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + c.FunctionName,
		"AWS_EC2_METADATA_DISABLED=true", // the SDK must not look for an instance's role
		"AWS_ENDPOINT_URL=" + s.config.Endpoint(),
	}
	if c.Environment != nil {
		for k, v := range c.Environment.Variables {
			env = append(env, k+"="+v)
		}
	}
	if s.config.Credentials == nil {
		return env, "", nil
	}
	key, secret, token, err := s.config.Credentials(ctx, c.Role, c.FunctionName)
	if err != nil {
		return nil, "", fmt.Errorf("assume role %s: %w", c.Role, err)
	}
	return append(env, "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_SESSION_TOKEN="+token), key, nil
}

func tooLarge(size, limit int) error {
	return &wire.Error{Code: "RequestTooLargeException", Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("%d byte payload is too large for the Invoke operation, whose limit is %d bytes", size, limit)}
}
