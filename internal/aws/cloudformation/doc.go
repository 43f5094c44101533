// Package cloudformation is the engine that brings an application's CloudFormation stack
// to what git wants: a change set is the plan, its execution the apply, DetectStackDrift
// the look at live.
//
// Every remote object carries the operation's token, so that a repeat finds what an
// earlier try made: the token is the change set's name and ClientToken, and the
// ClientRequestToken of its execution, which stands in the stack's events afterwards. The
// engine keeps nothing between two calls and has no clock. It decides nothing: it says
// what AWS says, and what AWS could not say is an error, never a state. No value of a NoEcho
// parameter is in what it returns.
//
// It imports reconcile, gitops, drift, packaging, template and the SDK's clients of
// CloudFormation, for what templates do not say Cloud Control, and for what they name S3.
package cloudformation
