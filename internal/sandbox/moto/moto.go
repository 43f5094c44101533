package moto

import (
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Wanted is the version that the sandbox's workarounds were measured on.
const Wanted = "5.2.1"

// ErrMissing says that no moto_server was found.
var ErrMissing = errors.New("no moto_server on the PATH nor in .venv/bin; install it with: pip install 'moto[server]==" + Wanted + "'")

const startTimeout = 30 * time.Second

// Options are what Start needs.
type Options struct {
	Dir string // existing directory for the log and for moto's own files
	Log string // the log's name there, moto.log when empty; no two servers share one
}

// Server is a running moto_server.
type Server struct {
	url     string
	version string
	cancel  context.CancelFunc
	done    chan struct{}
	err     error // why the process ended; valid once done is closed
}

// Start runs moto_server until ctx ends or Close is called, and returns once it answers.
// It returns ErrMissing when there is no such program.
func Start(ctx context.Context, o Options) (*Server, error) {
	program, err := Find()
	if err != nil {
		return nil, err
	}
	if python, ok := beside(program); ok {
		if s, err := start(ctx, program, o, python, "-"); err == nil || ctx.Err() != nil {
			return s, err
		}
	}
	return start(ctx, program, o, program)
}

// serve runs moto_server without what makes it slow; Python reads it from its standard input.
// Where it does not start, for instance because moto's inside has changed, moto_server itself
// does.
//
//go:embed serve.py
var serve string

// images are machine images that configurations look for by name: a few of those that Canonical
// and Amazon publish, with ids of our own. They are in every region, as moto has it.
//
//go:embed images.json
var images []byte

// beside is the Python that lies beside the program, which is the one that runs it both in a
// virtual environment and under pyenv.
func beside(program string) (string, bool) {
	for _, name := range []string{"python3", "python"} {
		python := filepath.Join(filepath.Dir(program), name)
		if info, err := os.Stat(python); err == nil && !info.IsDir() {
			return python, true
		}
	}
	return "", false
}

// URL is the server's address, without a trailing slash.
func (s *Server) URL() string { return s.url }

// Version is moto's version, "unknown" where Python could not say it.
func (s *Server) Version() string { return s.version }

// Done is closed when the process has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close ends the process and waits for it. It may be repeated.
func (s *Server) Close() {
	s.cancel()
	<-s.done
}

// Find returns the path of moto_server: the one on the PATH, else the one of the nearest
// virtual environment named .venv at or above the working directory.
func Find() (string, error) {
	if p, err := exec.LookPath("moto_server"); err == nil {
		return p, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find moto_server: %w", err)
	}
	for {
		p := filepath.Join(dir, ".venv", "bin", "moto_server")
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			return p, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrMissing
		}
		dir = parent
	}
}

// start runs the command line, which is program or what runs it. The server takes a free port
// by itself and says in its log which: one found beforehand could be another's by then.
func start(ctx context.Context, program string, o Options, command ...string) (*Server, error) {
	logFile, err := os.Create(filepath.Join(o.Dir, cmp.Or(o.Log, "moto.log")))
	if err != nil {
		return nil, fmt.Errorf("open moto's log: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &Server{cancel: cancel, done: make(chan struct{})}
	cmd := exec.CommandContext(ctx, command[0], append(command[1:], "-H", "127.0.0.1", "-p", "0")...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(serve), logFile, logFile
	amis := logFile.Name() + ".images.json"
	if err := os.WriteFile(amis, images, 0o600); err != nil {
		logFile.Close()
		cancel()
		return nil, fmt.Errorf("write machine images: %w", err)
	}
	cmd.Env = append(environ(),
		"MOTO_IAM_LOAD_MANAGED_POLICIES=true", // roles of real templates attach AWS's managed policies
		"MOTO_AMIS_PATH="+amis,
		"MOTO_LAMBDA_DATA_DIR="+filepath.Join(o.Dir, "moto-lambda"),
	)
	cmd.WaitDelay = 5 * time.Second
	dieWithParent(cmd)
	started := make(chan error, 1)
	go s.run(cmd, logFile, started)
	if err := <-started; err != nil {
		cancel()
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	version := make(chan string, 1)
	go func() { version <- readVersion(ctx, program) }()
	if err := s.wait(ctx, logFile.Name()); err != nil {
		s.Close()
		return nil, fmt.Errorf("start %s: %w (see %s)", program, err, logFile.Name())
	}
	s.version = <-version
	return s, nil
}

// run owns the process from its start to its end. It holds one OS thread all the while,
// since Linux sends the parent-death signal when the thread that forked ends, not the
// process (prctl(2), PR_SET_PDEATHSIG).
func (s *Server) run(cmd *exec.Cmd, logFile io.Closer, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer func() { _ = logFile.Close() }() // the child wrote it, not we
	defer close(s.done)
	if err := cmd.Start(); err != nil {
		s.err = err
		started <- err
		return
	}
	started <- nil
	s.err = cmd.Wait()
}

// announced is the line in which werkzeug, moto's server, says that it listens, and where.
var announced = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// wait returns nil once the server has said where it listens.
func (s *Server) wait(ctx context.Context, log string) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(log)
		if err != nil {
			return err
		}
		if m := announced.FindSubmatch(text); m != nil {
			s.url = string(m[1])
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it does not listen: %w", ctx.Err())
		case <-s.done:
			return errors.Join(errors.New("the process ended"), s.err)
		case <-tick.C:
		}
	}
}

// readVersion asks the Python beside the program.
func readVersion(ctx context.Context, program string) string {
	const script = "import importlib.metadata as m; print(m.version('moto'))"
	if python, ok := beside(program); ok {
		if out, err := exec.CommandContext(ctx, python, "-c", script).Output(); err == nil {
			return strings.TrimSpace(string(out))
		}
	}
	return "unknown"
}

// environ is this process's environment without what would send boto3, inside moto, to
// another address than AWS's or ours.
func environ() []string {
	var kept []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "MOTO_") {
			kept = append(kept, kv)
		}
	}
	return append(kept, "AWS_ACCESS_KEY_ID=moto", "AWS_SECRET_ACCESS_KEY=moto")
}
