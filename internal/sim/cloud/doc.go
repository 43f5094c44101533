// Package cloud is a model of CloudFormation in memory, for simulations: stacks, change sets
// and drift detections of one account and region.
//
// It is as strict as AWS about states, names, tokens and what may follow what, and as little
// obliging: a client token is remembered for five minutes only, an execution makes the
// stack's other change sets obsolete or removes them, detections are forgotten, events are
// paged, and somebody else may work on a stack at any time. It has no clock and no randomness
// of its own: both are handed in, so that the same draws give the same world. It knows the
// shapes of the SDK and nothing of Driftless.
package cloud
