// Package git reads repositories over HTTP, without a git binary and without a worktree:
// the head of a branch, the trees of one commit, the regular files below chosen paths.
//
// It speaks go-git's plumbing rather than its porcelain, since only the plumbing has the
// partial fetch: trees first, without a single file, then the wanted files in one request.
// A server that cannot filter costs a whole tree at depth 1, kept on disk, never in memory.
//
// What people put into repositories is never trusted: no link is followed, no submodule
// entered, every size has a cap, and what is refused is named (PathError). Package git
// implements reconcile.Git. It imports gitops, reconcile, guard and go-git, never an AWS
// SDK: who may read, and where CodeCommit is, come in through Client's two hooks.
package git
