// Package builds is the world of what runs in builds: the real reconciler, sweeper, operator and
// engine of builds above a bucket, a CodeBuild and programs in memory, for a Terraform
// configuration and a CDK app, whose stacks roll out on a small CloudFormation (internal/fake).
//
// It is to internal/aws/codebuild what internal/sim is to internal/aws/cloudformation: a seed
// decides everything, what happens and what fails is a list that can be made smaller, and the
// invariants are checked all along and at the end (docs/protocol.md). The programs here keep the
// protocol of ADR 0016 as internal/runner does, one step at a time; they are a model of it.
package builds
