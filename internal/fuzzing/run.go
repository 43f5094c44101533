package fuzzing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are what Run is told. The zero value of a field is its default.
type Options struct {
	Root   string           // the module's root
	Only   *regexp.Regexp   // of Target.String; nil: all
	Time   time.Duration    // for each target; 10 s
	Jobs   int              // targets at once; 1
	Memory int64            // address space of one process, in KiB; 4 GiB
	Out    io.Writer        // one line for each target
	Now    func() time.Time // to say how long it took
}

// workers is how many processes work on one target.
const workers = "2"

// ErrFound says that an input breaks what a fuzz test promises.
var ErrFound = errors.New("an input was found that breaks a promise")

// Run fuzzes every target for the same time and prints a line for each. The inputs that break
// one are left under testdata/fuzz of its package, where go test finds them from then on, and
// ErrFound is returned. What was found to be interesting stays in Go's own cache.
func Run(ctx context.Context, o Options) error {
	targets, err := o.targets()
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "driftless-fuzz-")
	if err != nil {
		return fmt.Errorf("make scratch directory: %w", err)
	}
	defer os.RemoveAll(scratch)
	began := o.Now()
	b, err := newBuilder(ctx, o.Root, scratch)
	if err != nil {
		return err
	}
	if err := b.build(ctx, targets); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "%d targets, built in %s\n", len(targets), o.Now().Sub(began).Round(time.Second))
	broken := o.all(ctx, b, targets)
	fmt.Fprintf(o.Out, "%d targets, %d broken, %s in all\n", len(targets), broken, o.Now().Sub(began).Round(time.Second))
	if broken > 0 {
		return ErrFound
	}
	return ctx.Err()
}

// targets returns those that are asked for; none is a mistake.
func (o Options) targets() ([]Target, error) {
	all, err := Targets(o.Root)
	if err != nil {
		return nil, err
	}
	chosen := slices.DeleteFunc(slices.Clone(all), func(t Target) bool { return o.Only != nil && !o.Only.MatchString(t.String()) })
	if len(chosen) == 0 {
		return nil, fmt.Errorf("no fuzz test of the %d below %s matches %v", len(all), o.Root, o.Only)
	}
	return chosen, nil
}

// all runs the targets, some at once, and returns how many were broken.
func (o Options) all(ctx context.Context, b builder, targets []Target) (broken int) {
	var mu sync.Mutex
	var group sync.WaitGroup
	queue := make(chan Target)
	for range max(o.Jobs, 1) {
		group.Go(func() {
			for t := range queue {
				began := o.Now()
				said, err := o.one(ctx, b, t)
				mu.Lock()
				if err != nil && ctx.Err() == nil {
					broken++
					fmt.Fprintf(o.Out, "BROKEN  %-32s %-24s %v\n%s\n", t.Dir, t.Name, err, said)
				} else {
					fmt.Fprintf(o.Out, "ok      %-32s %-24s %8s inputs  %s\n", t.Dir, t.Name, executed(said), o.Now().Sub(began).Round(100*time.Millisecond))
				}
				mu.Unlock()
			}
		})
	}
	for _, t := range targets {
		queue <- t
	}
	close(queue)
	group.Wait()
	return broken
}

// one fuzzes one target, under a cap on the memory of each of its processes: GOMEMLIMIT would
// be a goal of the collector's, and no cap.
func (o Options) one(ctx context.Context, b builder, t Target) (said string, err error) {
	memory, span := o.Memory, o.Time
	if memory == 0 {
		memory = 4 << 20
	}
	if span == 0 {
		span = 10 * time.Second
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", `ulimit -v "$0" && exec "$@"`, fmt.Sprint(memory), b.program(t.Dir),
		"-test.run=^$", "-test.fuzz=^"+t.Name+"$", "-test.fuzztime="+span.String(), "-test.parallel="+workers,
		"-test.fuzzminimizetime=20x", // tries to make an input smaller; else a minute of them
		"-test.fuzzcachedir="+filepath.Join(b.cache, filepath.FromSlash(t.Dir)))
	cmd.Dir = filepath.Join(o.Root, filepath.FromSlash(t.Dir))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it ends its workers then
	cmd.WaitDelay = 10 * time.Second
	out, err := cmd.CombinedOutput()
	if ranOut(string(out)) {
		err = nil
	}
	return string(out), err
}

// deadline is all that a failed run says beside its name where no input made it fail.
var deadline = regexp.MustCompile(`--- FAIL: \w+ \([0-9.]+s\)\n    context deadline exceeded\nFAIL\n$`)

// ranOut reports whether a run failed because its time was up and for nothing else: before
// Go 1.27 the engine sometimes takes its own end for a failure (go.dev/issue/75804).
func ranOut(said string) bool {
	return deadline.MatchString(said) && strings.Count(said, "--- FAIL") == 1
}

var execs = regexp.MustCompile(`execs: ([0-9]+)`)

// executed returns how many inputs a run says that it tried.
func executed(said string) string {
	all := execs.FindAllStringSubmatch(said, -1)
	if len(all) == 0 {
		return "0"
	}
	return all[len(all)-1][1]
}

// newBuilder asks cmd/go what it needs to know: the module's name, and where what is
// interesting of it is kept (go help cache), so that the next run begins there, and "go clean
// -fuzzcache" forgets it.
func newBuilder(ctx context.Context, root, scratch string) (builder, error) {
	var said [2]string
	for i, args := range [][]string{{"env", "GOCACHE"}, {"list", "-m"}} {
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			return builder{}, fmt.Errorf("ask go %s: %w", strings.Join(args, " "), err)
		}
		said[i] = strings.TrimSpace(string(out))
	}
	return builder{root: root, scratch: scratch, module: said[1], cache: filepath.Join(said[0], "fuzz", filepath.FromSlash(said[1]))}, nil
}

// builder compiles test programs with the instruments of fuzzing.
type builder struct{ root, scratch, module, cache string }

// program returns where the program of a package's tests is.
func (b builder) program(dir string) string {
	return filepath.Join(b.scratch, strings.ReplaceAll(dir, "/", "-")+".test")
}

// build compiles the packages of the targets with counters in the module's own code and in the
// parsers that it hands strangers' bytes to. With -fuzz, cmd/go would put them into everything,
// the AWS SDK too, which takes minutes and leads the search nowhere.
func (b builder) build(ctx context.Context, targets []Target) error {
	built := map[string]bool{}
	for _, t := range targets {
		if built[t.Dir] {
			continue
		}
		built[t.Dir] = true
		args := []string{"test", "-c", "-vet=off", "-o", b.program(t.Dir)}
		for _, of := range []string{b.module + "/...", "go.yaml.in/yaml/v3", "github.com/goccy/go-yaml/..."} {
			args = append(args, "-gcflags="+of+"=-d=libfuzzer") // what -fuzz passes (cmd/go, fuzzInstrumentFlags)
		}
		cmd := exec.CommandContext(ctx, "go", append(args, "./"+t.Dir)...)
		cmd.Dir = b.root
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("build the tests of %s: %w\n%s", t.Dir, err, &said)
		}
	}
	return nil
}
