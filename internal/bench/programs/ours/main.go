// Program ours reads a repository as the reconciler does, in a process of its own, so that
// its time and memory can be measured: "ours head URL BRANCH" prints the commit, "ours
// directory URL BRANCH PATH" the number of files at a path of it, their bytes, and the most
// memory that the process had.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/driftless-gitops/driftless/internal/bench/tally"
	"github.com/driftless-gitops/driftless/internal/git"
	"github.com/driftless-gitops/driftless/internal/gitops"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) < 3 || args[0] == "directory" && len(args) < 4 {
		return fmt.Errorf("arguments %q: want head URL BRANCH, or directory URL BRANCH PATH", args)
	}
	client, repository := &git.Client{AllowPrivateHosts: []string{"127.0.0.1"}}, gitops.Repository{URL: args[1], Branch: args[2]}
	commit, err := client.Head(ctx, repository)
	if err != nil {
		return err
	}
	if args[0] == "head" {
		_, err := fmt.Println(commit)
		return err
	}
	snapshot, err := client.Snapshot(ctx, repository, commit)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	files, err := snapshot.Fetch(ctx, args[3])
	if err != nil {
		return err
	}
	return tally.Print(os.Stdout, files)
}
