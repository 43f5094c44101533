package bootstrap

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// initTimeout is what Lambda gives an environment between its start and its first request
// for work (Lambda developer guide, "Init phase").
const initTimeout = 10 * time.Second

// Spec is what a process is started from.
type Spec struct {
	Dir     string        // the unpacked package; holds the executable "bootstrap"
	Temp    string        // directory for the process's own temporary directory
	Env     []string      // its whole environment, but for the runtime API's address
	Timeout time.Duration // what one invocation may take
	Log     string        // file that output is appended to; other processes may write there too
	Expires time.Time     // no invocation starts after it; zero: never
	Key     string        // the access key in Env, by which the process is found again
	Now     func() time.Time
}

// Invocation is one request to a function.
type Invocation struct {
	ID            string // the request id
	ARN           string // the function as it was named by the caller
	TraceID       string
	ClientContext string
	Payload       []byte
}

// Result is how an invocation ended.
type Result struct {
	Payload []byte // the function's answer, or the error as Lambda shows it
	Failed  bool   // Payload is an error: the function's own, a crash or a timeout
	Log     []byte // the end of what the function wrote meanwhile, 4 KB at most
}

// Process is one execution environment: a running bootstrap that handles one invocation
// at a time.
type Process struct {
	spec   Spec
	cmd    *exec.Cmd
	server *http.Server
	temp   string

	work   chan *job     // handed to whoever asks for the next invocation
	asked  chan struct{} // the process asks for work; holds one
	exited chan struct{} // closed once the process is gone

	mu      sync.Mutex
	current *job
	since   int64  // where in the log the current invocation, or the start, begins
	initErr []byte // what the process reported of a failed start
	exit    error  // set before exited is closed
}

type job struct {
	Invocation
	done chan Result // holds one
}

// Start starts the bootstrap of a package. The process ends with Close, when it exits by
// itself, and with the program that started it.
func Start(spec Spec) (*Process, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for runtime API: %w", err)
	}
	temp, err := os.MkdirTemp(spec.Temp, "tmp-")
	if err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("make temporary directory: %w", err)
	}
	p := &Process{
		spec: spec, temp: temp,
		work: make(chan *job), asked: make(chan struct{}, 1), exited: make(chan struct{}),
	}
	p.mark()
	p.server = &http.Server{Handler: p.routes(), ReadHeaderTimeout: time.Minute}
	if err := p.start(listener.Addr().String()); err != nil {
		_ = listener.Close()
		_ = os.RemoveAll(temp)
		return nil, err
	}
	go func() { _ = p.server.Serve(listener) }() // ends with Close, whose error says nothing
	go p.wait()
	return p, nil
}

func (p *Process) start(address string) error {
	log, err := os.OpenFile(p.spec.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open log: %w", err)
	}
	defer log.Close()
	build := func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(p.spec.Dir, "bootstrap"))
		cmd.Dir = p.spec.Dir
		cmd.Env = append([]string{"AWS_LAMBDA_RUNTIME_API=" + address, "TMPDIR=" + p.temp}, p.spec.Env...)
		cmd.Stdout, cmd.Stderr = log, log // the file itself: what is written is there at once
		cmd.SysProcAttr = attributes()
		return cmd
	}
	// A process forked elsewhere in this program at the moment the package was unpacked
	// holds the file open for writing until its own exec: "text file busy" (golang/go#22315).
	for range 50 {
		p.cmd = build()
		err := p.cmd.Start()
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.ETXTBSY) {
			return fmt.Errorf("start bootstrap: %w", err)
		}
		<-time.After(10 * time.Millisecond)
	}
	return errors.New("start bootstrap: its file stays open for writing")
}

func (p *Process) wait() {
	err := p.cmd.Wait()
	if err == nil {
		err = errors.New("exit status 0")
	}
	kill(p.cmd) // whatever it left behind in its process group
	p.exit = err
	close(p.exited)
	_ = p.server.Close()
	_ = os.RemoveAll(p.temp)
}

// Close ends the process and waits until it is gone. It may be repeated.
func (p *Process) Close() {
	select {
	case <-p.exited: // its number may be another's by now
	default:
		kill(p.cmd)
		<-p.exited
	}
}

// Kill sends the process SIGKILL and does not wait.
func (p *Process) Kill() {
	select {
	case <-p.exited: // its number may be another's by now
	default:
		kill(p.cmd)
	}
}

// Current is the invocation that the process works on; found is false while there is none.
func (p *Process) Current() (i Invocation, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current == nil {
		return Invocation{}, false
	}
	return p.current.Invocation, true
}

// Done is closed once the process is gone.
func (p *Process) Done() <-chan struct{} { return p.exited }

// Idle waits until the process asks for its next invocation, and reports false when it
// exited instead.
func (p *Process) Idle() bool {
	select {
	case <-p.asked:
		p.ask() // still true for whoever looks next
		return true
	case <-p.exited:
		return false
	}
}

func (p *Process) ask() {
	select {
	case p.asked <- struct{}{}:
	default: // known already
	}
}

// Invoke hands one invocation to the process and waits for its end: an answer, an error,
// an exit, or the timeout, which kills the process. An error is returned only when ctx
// ends before the process took the invocation; what fails in the function is a Result.
func (p *Process) Invoke(ctx context.Context, i Invocation) (Result, error) {
	j := &job{Invocation: i, done: make(chan Result, 1)}
	init := time.NewTimer(initTimeout)
	defer init.Stop()
	select {
	case p.work <- j:
	case <-p.exited:
		return p.crashed(j), nil
	case <-init.C:
		p.Close()
		return failure("Sandbox.Timedout", "RequestId: %s Error: Init timed out after %.2f seconds", i.ID, initTimeout.Seconds()).with(p), nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("wait for function: %w", ctx.Err())
	}
	limit := time.NewTimer(p.spec.Timeout)
	defer limit.Stop()
	select {
	case r := <-j.done:
		return r.with(p), nil
	case <-p.exited:
		return p.crashed(j), nil
	case <-limit.C:
		p.Close()
		return failure("Sandbox.Timedout", "RequestId: %s Error: Task timed out after %.2f seconds", i.ID, p.spec.Timeout.Seconds()).with(p), nil
	}
}

// crashed is the result of an invocation whose process is gone. The answer stands if it
// came first: a panic is reported by the runtime just before it exits.
func (p *Process) crashed(j *job) Result {
	select {
	case r := <-j.done:
		return r.with(p)
	default:
	}
	p.mu.Lock()
	initErr := p.initErr
	p.mu.Unlock()
	if initErr != nil {
		return Result{Payload: initErr, Failed: true}.with(p)
	}
	return failure("Runtime.ExitError", "RequestId: %s Error: Runtime exited with error: %v", j.ID, p.exit).with(p)
}

func (r Result) with(p *Process) Result {
	r.Log = p.tail()
	return r
}

// failure is an error in the form Lambda gives to callers.
func failure(kind, format string, args ...any) Result {
	payload, err := json.Marshal(map[string]string{"errorType": kind, "errorMessage": fmt.Sprintf(format, args...)})
	if err != nil {
		payload = []byte(`{"errorType":"Runtime.Unknown"}`)
	}
	return Result{Payload: payload, Failed: true}
}

// tailSize is how much of the log Lambda returns for LogType Tail.
const tailSize = 4096

// mark remembers where the log ends now.
func (p *Process) mark() {
	end := int64(0)
	if info, err := os.Stat(p.spec.Log); err == nil {
		end = info.Size()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.since = end
}

// tail is the end of what was logged since the mark, by other processes too.
func (p *Process) tail() []byte {
	p.mu.Lock()
	since := p.since
	p.mu.Unlock()
	f, err := os.Open(p.spec.Log)
	if err != nil {
		return nil
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil
	}
	if since > size {
		since = 0 // somebody emptied the file
	}
	b := make([]byte, min(size-since, tailSize))
	n, err := f.ReadAt(b, size-int64(len(b)))
	if err != nil && n == 0 {
		return nil
	}
	return b[:n]
}

// ID is the process's number.
func (p *Process) ID() int { return p.cmd.Process.Pid }
