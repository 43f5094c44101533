// Package notify shows on a forge what became of a commit: one status per application, and
// one for the repository as a whole.
//
// What to show is a pure function of a record. Showing it is level-triggered: an event only
// says which record to read, what stands there now is shown, and a Notice per place on the
// forge keeps what was shown last, so that whoever loses, repeats or reorders events changes
// when something is shown, never what. It imports gitops, forge and reconcile's errors, and
// neither the SDK nor an adapter of a forge.
package notify
