// Package demo tells the main job of Driftless in a sandbox, from an empty machine to a
// drift that is found and brought back: by the CDK app through the real CDK CLI, by the
// Lambda binaries that are deployed, by real git and by the real command line.
//
// It is a script, not a test: it shows what happens as it happens, and a step that does
// not happen ends it with an error that says which. Package e2e asserts more, on the same
// stage.
package demo
