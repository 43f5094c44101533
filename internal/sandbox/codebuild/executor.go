package codebuild

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// executor runs a build's commands one by one, each in a shell of its own to which the
// variables and the directory of the one before are handed, as version 0.2 of the buildspec
// has it. What a command leaves running is killed when it ends.
type executor struct {
	dir       string
	env       []string
	log       *os.File
	grace     time.Duration
	shell     string
	variables map[string]string
	guard     *exec.Cmd
	lifeline  io.WriteCloser
	group     *atomic.Int64 // of the command that runs, for who would kill it
}

// guardScript kills the last group that it was told of once nobody holds its standard input
// any more: a build ends with the sandbox, however that ends.
const guardScript = `while read -r group; do last=$group; done; [ "${last:-0}" = 0 ] || kill -s KILL -- "-$last"`

// wrapper is the shell's script of every command. Its trap lets the shell wait for its child
// when both are told to end, so that a command's end is the end of what it runs.
const wrapper = `trap 'exit 143' TERM
if [ -f "$CODEBUILD_SANDBOX/env.sh" ]; then . "$CODEBUILD_SANDBOX/env.sh"; fi
export CODEBUILD_BUILD_SUCCEEDING="$1"
shift
. "$CODEBUILD_SANDBOX/command.sh"
CODEBUILD_LAST_EXIT=$?
export CODEBUILD_LAST_EXIT
export -p > "$CODEBUILD_SANDBOX/env.sh"
pwd > "$CODEBUILD_SANDBOX/dir.txt"
exit $CODEBUILD_LAST_EXIT
`

func newExecutor(dir string, env []string, log *os.File, grace time.Duration, group *atomic.Int64) (*executor, error) {
	e := &executor{dir: dir, log: log, grace: grace, group: group, env: append(env, "CODEBUILD_SANDBOX="+dir)}
	if err := os.WriteFile(filepath.Join(dir, "wrapper.sh"), []byte(wrapper), 0o600); err != nil {
		return nil, fmt.Errorf("write script of build: %w", err)
	}
	e.guard = exec.Command("/bin/sh", "-c", guardScript)
	e.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what interrupts us does not end it first
	var err error
	if e.lifeline, err = e.guard.StdinPipe(); err != nil {
		return nil, fmt.Errorf("make guard of build: %w", err)
	}
	if err := e.guard.Start(); err != nil {
		return nil, fmt.Errorf("start guard of build: %w", err)
	}
	return e, nil
}

// close removes what the build left, but for its log.
func (e *executor) close() {
	_, _ = io.WriteString(e.lifeline, "0\n") // nothing to kill; a guard that is gone kills nothing either
	_ = e.lifeline.Close()
	_ = e.guard.Wait()
	_ = e.log.Close()
	_ = os.RemoveAll(e.dir) // a file that cannot be removed goes with the sandbox's directory
}

// steps runs a phase's commands until one fails, then its finally, and returns the first
// command that failed and why.
func (e *executor) steps(ctx context.Context, s steps, succeeding bool) (failed string, err error) {
	run := func(commands []string) {
		for _, command := range commands {
			if ctx.Err() != nil {
				return
			}
			if why := e.execute(ctx, command, succeeding && err == nil); why != nil {
				if err == nil {
					failed, err = command, why
				}
				return
			}
		}
	}
	run(s.Commands)
	run(s.Finally)
	if err == nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return failed, err
}

// execute runs one command. When ctx ends it gets SIGTERM, and SIGKILL after the grace; at
// the end of the sandbox there is none.
func (e *executor) execute(ctx context.Context, command string, succeeding bool) error {
	if err := os.WriteFile(filepath.Join(e.dir, "command.sh"), []byte(command+"\n"), 0o600); err != nil {
		return fmt.Errorf("write command: %w", err)
	}
	fmt.Fprintf(e.log, "[Container] %s Running command %s\n", time.Now().UTC().Format("2006/01/02 15:04:05.000000"), command)
	flag := "0"
	if succeeding {
		flag = "1"
	}
	cmd := exec.Command(e.shell, filepath.Join(e.dir, "wrapper.sh"), flag)
	cmd.Dir = e.workingDir()
	cmd.Env = e.environ()
	cmd.Stdout, cmd.Stderr = e.log, e.log // the file itself: what is written is there at once
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start shell: %w", err)
	}
	group := cmd.Process.Pid
	e.group.Store(int64(group))
	fmt.Fprintln(e.lifeline, group)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	err := e.wait(ctx, group, ended)
	e.group.Store(0)
	signal(group, syscall.SIGKILL) // whatever it left behind
	fmt.Fprintln(e.lifeline, 0)
	return err
}

func (e *executor) wait(ctx context.Context, group int, ended <-chan error) error {
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	if !errors.Is(context.Cause(ctx), context.Canceled) {
		signal(group, syscall.SIGTERM)
		grace := time.NewTimer(e.grace)
		defer grace.Stop()
		select {
		case err := <-ended:
			return err
		case <-grace.C:
		}
	}
	signal(group, syscall.SIGKILL)
	return <-ended
}

func signal(group int, sig syscall.Signal) {
	syscall.Kill(-group, sig) //nolint:errcheck // gone already
}

// workingDir is where the command before ended, if that is still there.
func (e *executor) workingDir() string {
	text, err := os.ReadFile(filepath.Join(e.dir, "dir.txt"))
	at := strings.TrimSuffix(string(text), "\n")
	if info, statErr := os.Stat(at); err != nil || statErr != nil || !info.IsDir() {
		return filepath.Join(e.dir, "src")
	}
	return at
}

// environ is the buildspec's variables under the project's and CodeBuild's own (user guide,
// "Environment variables in build environments", on their order).
func (e *executor) environ() []string {
	var env []string
	for _, name := range slices.Sorted(maps.Keys(e.variables)) {
		env = append(env, name+"="+e.variables[name])
	}
	return append(env, e.env...)
}
