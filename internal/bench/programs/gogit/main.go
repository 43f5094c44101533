// Program gogit reads a directory of a repository as go-git is used where nobody thought
// about it: a clone of depth 1 into memory. It prints what program ours prints.
package main

import (
	"context"
	"fmt"
	"os"
	"testing/fstest"

	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/memory"

	"github.com/driftless-gitops/driftless/internal/bench/tally"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("arguments %q: want URL BRANCH PATH", args)
	}
	r, err := git.CloneContext(ctx, memory.NewStorage(), nil, &git.CloneOptions{URL: args[0],
		ReferenceName: plumbing.NewBranchReferenceName(args[1]), SingleBranch: true, Depth: 1, Tags: git.NoTags})
	if err != nil {
		return fmt.Errorf("clone: %w", err)
	}
	head, err := r.Head()
	if err != nil {
		return fmt.Errorf("read head: %w", err)
	}
	commit, err := r.CommitObject(head.Hash())
	if err != nil {
		return fmt.Errorf("read commit: %w", err)
	}
	tree, err := commit.Tree()
	if err != nil {
		return fmt.Errorf("read tree: %w", err)
	}
	if tree, err = tree.Tree(args[2]); err != nil {
		return fmt.Errorf("find %s: %w", args[2], err)
	}
	files := fstest.MapFS{}
	err = tree.Files().ForEach(func(f *object.File) error {
		content, err := f.Contents()
		files[f.Name] = &fstest.MapFile{Data: []byte(content)}
		return err
	})
	if err != nil {
		return fmt.Errorf("read files: %w", err)
	}
	return tally.Print(os.Stdout, files)
}
