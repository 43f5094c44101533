package bench

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// program is something to be run as a process of its own.
type program struct {
	dir  string
	env  []string // besides what is inherited, of which nothing is AWS's
	args []string // the first is the program
}

// do runs it to its end and returns what it printed and what it needed. Its processor time
// holds that of the processes that it waited for.
func (p program) do(ctx context.Context) (out []byte, u usage, err error) {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...)
	cmd.Dir = p.dir
	cmd.Env = append(inherited(), p.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err = cmd.Run()
	u.wall = time.Since(began)
	if err != nil {
		return nil, u, fmt.Errorf("%s: %w\n%s", strings.Join(p.args, " "), err, strings.TrimSpace(stderr.String()))
	}
	u.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return stdout.Bytes(), u, nil
}

// inherited is the environment without anything that could lead to a real account, or that
// changes how git works.
func inherited() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "DRIFTLESS_") && !strings.HasPrefix(v, "GIT_") {
			env = append(env, v)
		}
	}
	return append(env, "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "AWS_EC2_METADATA_DISABLED=true")
}

// runGit runs the git command line in a directory, and returns what it printed.
func runGit(ctx context.Context, dir string, args ...string) (string, usage, error) {
	out, u, err := program{dir: dir, args: append([]string{"git"}, args...)}.do(ctx)
	return strings.TrimSpace(string(out)), u, err
}

// chain runs programs one after the other, as one.
func chain(ctx context.Context, programs ...program) (usage, error) {
	var all usage
	for _, p := range programs {
		_, u, err := p.do(ctx)
		if err != nil {
			return all, err
		}
		all.wall += u.wall
		all.cpu += u.cpu
	}
	return all, nil
}

// build compiles a program of this module for this machine as functions are compiled, and
// returns where it is.
func (b *bench) build(ctx context.Context, pkg string) (string, error) {
	out := filepath.Join(b.scratch, "bin", filepath.Base(pkg))
	_, _, err := program{dir: b.o.Root, env: []string{"CGO_ENABLED=0", "GOFLAGS=-buildvcs=false"},
		args: []string{"go", "build", "-trimpath", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", out, "./" + pkg}}.do(ctx)
	return out, err
}

func cores() int { return runtime.NumCPU() }

// load is how many programs wanted to run lately, where the system says so.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return string(bytes.Fields(data)[0])
}
