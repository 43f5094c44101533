// Package assembly reads what a CDK app synthesised: a cloud assembly, which is a directory with
// a manifest, assemblies of stages within it, templates and lists of assets (aws-cdk-cli,
// packages/@aws-cdk/cloud-assembly-schema).
//
// The app is a repository's code, so that nothing in the directory is believed: no name leads
// out of it, and what is read is bounded. The package changes and publishes nothing.
package assembly
