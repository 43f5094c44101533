// Package resource makes CloudFormation's resources in moto: one wire.Kind per resource
// type, each through the service's own API, as AWS's resource handlers do it. Types without
// a kind of their own go through moto's CloudFormation, one stack per resource; a few that
// no service of moto knows are kept here as records.
//
// It knows nothing of stacks: what to make, in what order and what to undo is its caller's.
// Builtin says which types there are; any other is for the caller to refuse.
package resource
