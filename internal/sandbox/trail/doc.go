// Package trail is CloudTrail as far as EventBridge has it: an event for each call that changed
// a resource, in the form of a CloudTrail record.
//
// It stands before the services of the sandbox and looks at what comes through: who asked, for
// what, and whether it was done. Of a request it keeps only what names the resource, since that
// is what is documented of every service's records; no call that reads or fails is told of, and
// a trail on AWS takes minutes. It decides nothing and keeps nobody waiting.
package trail
