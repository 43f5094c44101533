// Program faults lets every call of a rollout go wrong in every way, runs the tests of the fault
// matrix, and writes docs/faults.md, as "make faults" runs it. It exits with 1 when something
// did not end as it does undisturbed, with 2 when it could not find out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/driftless-gitops/driftless/internal/faults"
)

func main() {
	o := faults.Options{Out: os.Stdout}
	flag.StringVar(&o.Root, "root", ".", "this project's root, where cdk.json is")
	flag.StringVar(&o.Only, "only", "", "the cases to run, by a regular expression, such as \"sync: reconciler sqs .*: 5xx\" (default: all)")
	flag.IntVar(&o.Width.Lanes, "width", 6, "how many rollouts run side by side in each sandbox")
	flag.IntVar(&o.Width.Labs, "sandboxes", 2, "how many sandboxes run side by side")
	flag.BoolVar(&o.Docs, "docs", false, "write docs/faults.md and do nothing else")
	flag.BoolVar(&o.Rows, "rows", false, "run the tests of the rows alone")
	flag.BoolVar(&o.Calls, "calls", false, "let the calls of a rollout go wrong, and do nothing else")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := faults.Command(ctx, o)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "✗ "+err.Error())
	if errors.Is(err, faults.ErrFailed) {
		os.Exit(1)
	}
	os.Exit(2)
}
