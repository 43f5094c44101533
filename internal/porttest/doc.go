// Package porttest holds one contract suite per port: what every implementation of it must
// do, whether it keeps things in memory or in AWS.
//
// A suite takes a function that makes a fresh, empty implementation for every case. The
// fakes run the suites always, the adapters run them against moto_server. It imports gitops,
// reconcile and go-cmp, never an implementation.
package porttest
