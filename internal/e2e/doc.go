// Package e2e tests the main job where it really happens: the CDK app through the real CDK
// CLI into the sandbox, the Lambda binaries that are deployed, real git, the real command
// line. It has no code but its tests.
//
// The tests share one installation and push to repositories of their own. All that it asks
// for and lets out is witnessed; the files that begin with zz come last, and hold that against
// its policies and against the secrets that went in. They need what "make e2e" sets up:
// node_modules, bin/driftless, bin/infra and moto.
package e2e
