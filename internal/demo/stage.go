package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// Stage is a sandbox with Driftless installed in it, and a work tree to push from.
type Stage struct {
	Root    string // of this project: where cdk.json is
	CLI     string // the driftless program
	Sandbox *sandbox.Sandbox
	Dir     string // the work tree
	scratch string // holds everything that the stage wrote
	hosts   []string
}

// Options are a stage's settings.
type Options struct {
	Root    string          // of this project
	CLI     string          // the driftless program; Root/bin/driftless when empty
	Sandbox sandbox.Options // what is not set has the sandbox's own default
	// PrivateHosts may be reached beside the sandbox's own, as a GitHub Enterprise in a VPC.
	PrivateHosts []string
}

// Account is the account that the sandbox plays.
const Account = sandbox.Account

// Open starts the sandbox. Close it.
func Open(ctx context.Context, o Options) (*Stage, error) {
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", o.Root, err)
	}
	o.Root = root
	if o.CLI == "" {
		o.CLI = filepath.Join(o.Root, "bin", "driftless")
	}
	scratch, err := os.MkdirTemp("", "driftless-demo-")
	if err != nil {
		return nil, fmt.Errorf("make scratch directory: %w", err)
	}
	if o.Sandbox.Dir == "" {
		o.Sandbox.Dir = filepath.Join(scratch, "sandbox")
	}
	if o.Sandbox.Log == nil {
		log, err := os.Create(filepath.Join(scratch, "sandbox.log"))
		if err != nil {
			return nil, fmt.Errorf("make log: %w", err)
		}
		o.Sandbox.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	s := &Stage{Root: o.Root, CLI: o.CLI, Dir: filepath.Join(scratch, "infrastructure"), scratch: scratch, hosts: o.PrivateHosts}
	if s.Sandbox, err = sandbox.Start(ctx, o.Sandbox); err != nil {
		_ = os.RemoveAll(scratch)
		return nil, err
	}
	return s, nil
}

// Close ends the sandbox and removes what was written.
func (s *Stage) Close() {
	s.Sandbox.Close()
	_ = os.RemoveAll(s.scratch) // what is left is in the system's temporary directory
}

// Install deploys the CDK app into the sandbox with the CDK CLI, as "make deploy" does into
// an account. Only an endpoint address and the processor's architecture differ. Bootstrapping
// and synthesis do not need each other, and run side by side.
func (s *Stage) Install(ctx context.Context) error {
	assembly := filepath.Join(s.scratch, "cdk.out")
	hosts, err := json.Marshal(append([]string{strings.TrimPrefix(s.Sandbox.URL(), "http://")}, s.hosts...))
	if err != nil {
		return fmt.Errorf("name the private hosts: %w", err)
	}
	synthesised := make(chan error, 1)
	go func() {
		_, err := s.cdk(ctx, "synth", "--quiet", "--output", assembly,
			"--context", "architecture="+architecture(), "--context", "allowPrivateHosts="+string(hosts))
		synthesised <- err
	}()
	_, bootstrapped := s.cdk(ctx, "bootstrap", "--output", filepath.Join(s.scratch, "bootstrap.out"), "aws://"+Account+"/"+sandbox.Region)
	if err := errors.Join(bootstrapped, <-synthesised); err != nil {
		return err
	}
	_, err = s.cdk(ctx, "deploy", "--app", assembly, "--require-approval", "never")
	return err
}

// architecture names this machine's processor as Lambda does.
func architecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

func (s *Stage) cdk(ctx context.Context, args ...string) (string, error) {
	args = append([]string{"--progress", "events", "--ci"}, args...)
	return s.run(ctx, s.Root, filepath.Join(s.Root, "node_modules", ".bin", "cdk"), args...)
}

// Run runs the driftless command line and returns what it printed. An exit code that is
// not zero is a *exec.ExitError, with what it said as the error's text.
func (s *Stage) Run(ctx context.Context, args ...string) (string, error) {
	return s.run(ctx, s.Dir, s.CLI, args...)
}

// Both is Run, with what the program said on standard error above what it printed.
func (s *Stage) Both(ctx context.Context, args ...string) (string, error) {
	var said bytes.Buffer
	out, err := s.runTo(ctx, &said, s.Dir, s.CLI, args...)
	return said.String() + out, err
}

// JSON runs the driftless command line with "-o json" and decodes what it printed.
func (s *Stage) JSON(ctx context.Context, into any, args ...string) error {
	out, err := s.Run(ctx, append(args, "-o", "json")...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		return fmt.Errorf("decode the answer of %q: %w", strings.Join(args, " "), err)
	}
	return nil
}

func (s *Stage) run(ctx context.Context, dir, program string, args ...string) (string, error) {
	return s.runTo(ctx, io.Discard, dir, program, args...)
}

// runTo runs a program as the sandbox's administrator. Nothing of the AWS settings of whoever
// runs the demo gets through, so that it can never reach a real account.
func (s *Stage) runTo(ctx context.Context, stderr io.Writer, dir, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "DRIFTLESS_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, s.Sandbox.Env()...)
	cmd.Env = append(cmd.Env, "NO_COLOR=1", "CI=1", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "AWS_EC2_METADATA_DISABLED=true",
		"CDK_DISABLE_CLI_TELEMETRY=true", "GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_GLOBAL=/dev/null")
	var stdout, both bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&stdout, &both), io.MultiWriter(stderr, &both)
	if err := cmd.Run(); err != nil {
		return stdout.String(), fmt.Errorf("%s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, strings.TrimSpace(both.String()))
	}
	return stdout.String(), nil
}

// ExitCode returns the exit code behind an error of Run, -1 where there is none.
func ExitCode(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return -1
}

// Write copies files into the work tree, which begins as an empty git repository.
func (s *Stage) Write(ctx context.Context, files fs.FS) error {
	if _, err := os.Stat(filepath.Join(s.Dir, ".git")); err != nil {
		if err := os.MkdirAll(s.Dir, 0o755); err != nil {
			return fmt.Errorf("make work tree: %w", err)
		}
		if _, err := s.run(ctx, s.Dir, "git", "init", "-q", "-b", "main"); err != nil {
			return err
		}
	}
	return fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		return s.Set(name, string(data))
	})
}

// Set writes one file of the work tree.
func (s *Stage) Set(name, content string) error {
	path := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("make directory of %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// Replace changes a text in a file of the work tree, which must be there exactly once.
func (s *Stage) Replace(name, before, after string) error {
	data, err := os.ReadFile(filepath.Join(s.Dir, name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if n := strings.Count(string(data), before); n != 1 {
		return fmt.Errorf("%s has %q %d times, want once", name, before, n)
	}
	return s.Set(name, strings.Replace(string(data), before, after, 1))
}

// Commit commits everything in the work tree and returns the commit.
func (s *Stage) Commit(ctx context.Context, message string) (string, error) {
	if _, err := s.run(ctx, s.Dir, "git", "add", "-A"); err != nil {
		return "", err
	}
	_, err := s.run(ctx, s.Dir, "git", "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "commit", "-q", "-m", message)
	if err != nil {
		return "", err
	}
	out, err := s.run(ctx, s.Dir, "git", "rev-parse", "HEAD")
	return strings.TrimSpace(out), err
}

// Push commits and pushes to a CodeCommit repository of the sandbox.
func (s *Stage) Push(ctx context.Context, repository, message string) (commit string, err error) {
	if commit, err = s.Commit(ctx, message); err != nil {
		return "", err
	}
	_, err = s.run(ctx, s.Dir, "git", "push", "-q", "--force", s.Sandbox.GitURL(repository), "HEAD:main")
	return commit, err
}
