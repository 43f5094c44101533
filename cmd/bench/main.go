// Program bench measures Driftless beside its peers, as "make bench" runs it. It exits with
// 1 when a goal is missed, with 3 when the machine was too busy to judge, with 2 when it
// could not measure.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/driftless-gitops/driftless/internal/bench"
)

func main() {
	root := flag.String("root", ".", "this project's root, where cdk.json is")
	only := flag.String("only", "", "goals to measure, such as G1,G3 (default: all, which also writes docs/performance.md and docs/cost.md)")
	quick := flag.Bool("quick", false, "three runs in place of seven")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench.Run(ctx, bench.Options{Root: *root, Quick: *quick, Out: os.Stdout,
		Only: strings.FieldsFunc(*only, func(r rune) bool { return r == ',' })})
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "✗ "+err.Error())
	switch {
	case errors.Is(err, bench.ErrMissed):
		os.Exit(1)
	case errors.Is(err, bench.ErrBusy):
		os.Exit(3)
	}
	os.Exit(2)
}
