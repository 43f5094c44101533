// Program demo shows the main job of Driftless in a sandbox, as "make demo" runs it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"

	"github.com/driftless-gitops/driftless/internal/demo"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

func main() {
	keep := flag.Bool("keep", false, "leave the sandbox running until Ctrl-C")
	root := flag.String("root", ".", "this project's root, where cdk.json is")
	addr := flag.String("addr", "", "loopback address of the sandbox (default: a free port, with -keep 127.0.0.1:4566)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := demo.Run(ctx, os.Stdout, width(), *keep, demo.Options{Root: *root, Sandbox: sandbox.Options{Addr: *addr}})
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\n✗ "+err.Error())
		os.Exit(1)
	}
}

// width returns the terminal's columns, 0 where standard output is none.
func width() int {
	columns, _, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
