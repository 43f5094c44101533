// Program demo shows the main job of Driftless in a sandbox, as "make demo" runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/mattn/go-isatty"

	"github.com/driftless-gitops/driftless/internal/demo"
)

func main() {
	keep := flag.Bool("keep", false, "leave the sandbox running until Ctrl-C")
	root := flag.String("root", ".", "this project's root, where cdk.json is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo.Run(ctx, os.Stdout, isatty.IsTerminal(os.Stdout.Fd()), *keep, demo.Options{Root: *root})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\n✗ "+err.Error())
		os.Exit(1)
	}
}
