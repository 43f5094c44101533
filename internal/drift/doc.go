// Package drift tells what differs from what only looks different: it takes away the
// differences between a template and live that mean nothing, and finds what is set in live
// that no template speaks of.
//
// It is pure: property trees in, differences out. Where it is not certain that two values
// mean the same, they differ: a difference too many is read by a person, one too few by
// nobody. What it knows of a resource type stands in tables, each row with its source.
//
// It imports gitops and the standard library.
package drift
