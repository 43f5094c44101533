// Program driftless is the command line of Driftless.
package main

import (
	"os"

	"github.com/driftless-gitops/driftless/internal/cli"
)

func main() { os.Exit(cli.Main()) }
