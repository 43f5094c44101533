// Package runner is what happens inside a build: one job, from its claim to its report
// (docs/adr/0016-a-build-is-ordered-and-claimed-in-the-bucket.md). It claims the job, fetches
// and unpacks the bundle, runs terraform or the CDK on it, and says what came of it.
//
// Everything outside is behind a port: it knows nothing of the SDK, and of AWS only what the
// programs that it runs are told. No string from a repository reaches a shell, but for the
// command of a CDK app, which is the repository's own; what programs print goes to a file and
// never into a pipe, and what is secret stands in terraform's environment alone.
package runner
