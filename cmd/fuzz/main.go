// Program fuzz runs every fuzz test of this project for a while, as "make fuzz" does. It
// exits with 1 when an input was found that breaks a promise, with 2 when it could not run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"syscall"
	"time"

	"github.com/driftless-gitops/driftless/internal/fuzzing"
)

func main() {
	root := flag.String("root", ".", "this project's root")
	span := flag.Duration("time", 10*time.Second, "how long each target is fuzzed")
	jobs := flag.Int("jobs", runtime.NumCPU(), "targets at once")
	only := flag.String("only", "", "regular expression of the targets to run, such as 'internal/config FuzzLoad' (default: all)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *root, *only, *span, *jobs)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "✗ "+err.Error())
	if errors.Is(err, fuzzing.ErrFound) {
		os.Exit(1)
	}
	os.Exit(2)
}

func run(ctx context.Context, root, only string, span time.Duration, jobs int) error {
	pattern, err := regexp.Compile(only)
	if err != nil {
		return fmt.Errorf("read -only: %w", err)
	}
	return fuzzing.Run(ctx, fuzzing.Options{Root: root, Only: pattern, Time: span, Jobs: jobs, Out: os.Stdout, Now: time.Now})
}
