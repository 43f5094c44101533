// Package codebuild is the sandbox's CodeBuild: projects without a source, and builds of them,
// each a real process on this machine under the project's own role.
//
// A build runs its project's inline buildspec with sh or bash in a fresh directory, in process
// groups of its own, and ends with the sandbox however that ends. Queue, limits, tokens,
// statuses, phases and events are as AWS documents them (CodeBuild API reference and user
// guide); images are not: a build has the programs of this machine. What the package does not
// do it refuses by name. Logs lie in the sandbox's directory, not in CloudWatch.
package codebuild
