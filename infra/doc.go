// Command infra is the CDK app that installs Driftless into one account and region: the
// table, the queues, the buckets, the six functions, and what wakes them. It holds one
// construct per file, and its tests one assertion per promise on the synthesised template.
//
// What an installation may differ in comes from the CDK context alone (settings.go); the
// app looks nothing up in an account, so that the same template fits every one. The roles
// that it makes for its own account are those of templates/target-role.yaml. It imports
// the CDK and, of Driftless, the definition of the table alone.
package main
