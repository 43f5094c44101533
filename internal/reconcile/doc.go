// Package reconcile carries out steps: it observes a repository or an application, asks
// gitops.Decide, saves the intent, acts, and says in one log line what it did and why.
//
// It owns the ports through which it reaches everything else, and the three errors that
// adapters translate to. It decides nothing: what to do next is gitops' affair. It imports
// gitops, config and the standard library, never an AWS SDK.
package reconcile
