// Program invoke runs one function on one event on this machine, as "make invoke" does: the
// program that is deployed, with the environment of the synthesised template, and an AWS in
// memory around it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/driftless-gitops/driftless/internal/invoke"
)

func main() {
	root := flag.String("root", ".", "this project's root")
	function := flag.String("function", "", "function to run, such as webhook (default: the one that the event is for, by its file's name)")
	event := flag.String("event", "", "file of the event; what stands beside it as .want.json is made beforehand")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := invoke.Print(ctx, os.Stdout, *root, *function, *event)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "✗ "+err.Error())
		os.Exit(1)
	}
}
