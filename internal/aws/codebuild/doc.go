// Package codebuild is the engine of what runs in a build: Terraform and OpenTofu.
//
// An operation is a job of a build, found again by its token: what the bucket holds under it
// (internal/build; docs/adr/0016) says whose it is and what came of it, and CodeBuild only
// whether that build still lives. StartBuild's own idempotency token is remembered for five
// minutes (StartBuild, API reference), so that it saves a second build in the common case and
// decides nothing.
package codebuild
