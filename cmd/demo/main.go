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
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func main() {
	keep := flag.Bool("keep", false, "leave the sandbox running until Ctrl-C")
	root := flag.String("root", ".", "this project's root, where cdk.json is")
	addr := flag.String("addr", "", "loopback address of the sandbox (default: a free port, with -keep 127.0.0.1:4566)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo.Run(ctx, os.Stdout, isatty.IsTerminal(os.Stdout.Fd()), *keep, demo.Options{Root: *root, Sandbox: sandbox.Options{Addr: *addr}})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\n✗ "+err.Error())
		os.Exit(1)
	}
}
