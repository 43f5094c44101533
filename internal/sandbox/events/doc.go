// Package events is the sandbox's EventBridge: it takes PutEvents and the events of the
// sandbox's own services, matches them against the rules and delivers them to the rules'
// targets, and it fires scheduled rules.
//
// Buses, rules and targets are kept by moto, which gets every other call, and are read back
// from there. Matching and delivery are ours because moto lets anyone send `aws.*` events,
// ignores most of the pattern language and fires no schedule. Every fact about EventBridge
// here comes from its user guide and API reference; none is recorded from AWS.
package events
