// Package bench measures Driftless beside what people would use instead, on this machine
// and in the same run: the git command line, go-git, "aws cloudformation deploy", plain
// terraform, an empty Lambda handler. What counts is a ratio of medians of interleaved runs, never a time alone,
// and a machine that is busy with something else is said to be too busy to judge.
//
// It writes docs/performance.md and docs/cost.md. The programs that it starts beside the
// peers are below programs. Nothing of the product imports it; it may import everything.
package bench
