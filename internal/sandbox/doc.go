// Package sandbox is AWS on one machine, to try Driftless without an account and to test it.
//
// One HTTP endpoint on the loopback takes every service's calls. CloudFormation, Lambda,
// EventBridge's events, CodeCommit and STS are ours, each in its own package below this one,
// because there moto lacks what Driftless needs or is laxer than AWS; everything else goes to
// moto unchanged. This package starts and ends the parts, routes requests between them and
// offers a few switches under /_sandbox/. README.md says what the sandbox cannot show.
package sandbox
