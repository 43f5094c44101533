package gitops

import "time"

// OperationState is what an engine sees of an operation.
type OperationState string

// The states of an operation.
const (
	OperationAbsent   OperationState = "absent"   // nothing stands under its token: it can be started
	OperationReady    OperationState = "ready"    // planned and not executed: it can be applied
	OperationRunning  OperationState = "running"  // ours, going on
	OperationForeign  OperationState = "foreign"  // somebody else's operation is in the way: wait
	OperationUnknown  OperationState = "unknown"  // AWS could not say: look again later, conclude nothing
	OperationDone     OperationState = "done"     // applied, or detected
	OperationNoChange OperationState = "nochange" // planned, and there is nothing to do
	OperationStale    OperationState = "stale"    // the world moved: plan again
	OperationFailed   OperationState = "failed"   // ended badly, with the reason
	OperationBlocked  OperationState = "blocked"  // a person has to act first, with the reason
)

// OperationStates returns every state.
func OperationStates() []OperationState {
	return []OperationState{OperationAbsent, OperationReady, OperationRunning, OperationForeign, OperationUnknown,
		OperationDone, OperationNoChange, OperationStale, OperationFailed, OperationBlocked}
}

// Sighting is what an engine sees of an operation right now.
type Sighting struct {
	State     OperationState
	Reason    string            // for Foreign, Stale, Failed and Blocked: for people, with the first cause; for an apply that is Done: what of it could not be read
	Progress  string            // for Running: what it is doing right now
	Announced bool              // for Running: its end wakes the application, so that nobody has to look before
	Operation Operation         // with the ids that are known by now
	Plan      *Plan             // for Ready
	Report    *DriftReport      // for a detection that is Done
	Outputs   map[string]string // for an apply that is Done
	Stacks    []Stack           // for a plan of a CDK app that is Done
	Cause     *Cause            // for Failed and Blocked, where one is known
	Stuck     *Stuck            // for Blocked, where it is the stack that takes no update
	At        time.Time         // for an apply that is Done and a plan without changes: when, by AWS's own clock; zero: not known
}

// Refusal is a mistake of a person's, found before or while something was started: a
// template that cannot be read, a capability that is missing. It ends the deployment as
// Failed with its text, or as Blocked where a person has to act in AWS first.
type Refusal struct {
	Reason  string
	Blocked bool
	Stuck   *Stuck // where Blocked, and it is the stack that takes no update
}

// Error returns the reason.
func (r *Refusal) Error() string { return r.Reason }

// Busy says that something cannot be started right now, since others are in the way: a build
// that the account has no room for. It ends nothing; whoever looks next starts it.
type Busy struct{ Reason string }

// Error returns the reason.
func (b *Busy) Error() string { return b.Reason }
