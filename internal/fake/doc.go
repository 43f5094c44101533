// Package fake holds reconcile's ports in memory, for tests: Store, Queue, Blobs, Git and
// Engine.
//
// They behave as the real ones do where it matters (versions, transactions, claims, object
// ids, tokens that can be executed once) and refuse what the real ones refuse; internal/porttest
// runs one contract suite on both. Values go in and out as deep copies, through JSON as in
// the table. Every fake counts its calls and can be told to fail them, before or after
// they took effect. There is no clock and no randomness in here. It imports gitops,
// reconcile and the standard library, and txtar for the files of repositories.
package fake
