// Package fleet simulates many applications in several accounts whose drift is looked for every
// hour, while deployments arrive at random: the real sweeper and the real reconciler, above the
// real CloudFormation engine, with a queue, a table and a CloudFormation in memory that throttles
// whoever calls more often than an account and region allow.
//
// Nothing fails but by throttling. What is asked is whether there is room for all of it: whether
// every application is looked at within its hour, whether anybody sees that calls were throttled,
// and what deployments lose by it. A seed decides everything, and a run with drift meets the very
// deployments of a run without.
package fleet
