// Package git reads repositories over HTTP, without a git binary and without a worktree:
// the head of a branch or tag, the trees of one commit, the regular files below chosen paths.
//
// It speaks git's protocol v2 itself, since only there one reference can be asked for, and
// v0 to servers that know nothing newer (docs/adr/0010): trees first, without a single file,
// then the wanted files by their ids in one request. A server that cannot filter costs a
// whole tree at depth 1. What comes is kept on disk, compressed, and never in memory.
//
// What people put into repositories is never trusted: no link is followed, no submodule
// entered, every size has a cap, and what is refused is named (PathError). Package git
// implements reconcile.Git. It imports gitops, reconcile, guard and go-git, never an AWS
// SDK: who may read, and where CodeCommit is, come in through Client's two hooks.
package git
