package gitops

import (
	"fmt"
	"strings"
	"time"
)

// Phase is how far a deployment is. Stored values never change.
type Phase string

// The phases. Those before Succeeded hold the application, the others are final.
const (
	PhasePending          Phase = "Pending"
	PhasePlanning         Phase = "Planning"
	PhaseAwaitingApproval Phase = "AwaitingApproval"
	PhaseApplying         Phase = "Applying"
	PhaseVerifying        Phase = "Verifying"
	PhaseRollingBack      Phase = "RollingBack"
	PhaseSucceeded        Phase = "Succeeded"
	PhaseFailed           Phase = "Failed"
	PhaseSuperseded       Phase = "Superseded"
	PhaseRejected         Phase = "Rejected"
	PhaseBlocked          Phase = "Blocked"
)

// Phases returns every phase, in the order in which a deployment passes them.
func Phases() []Phase {
	return []Phase{PhasePending, PhasePlanning, PhaseAwaitingApproval, PhaseApplying, PhaseVerifying,
		PhaseRollingBack, PhaseSucceeded, PhaseFailed, PhaseSuperseded, PhaseRejected, PhaseBlocked}
}

// Done reports whether the phase is final.
func (p Phase) Done() bool {
	switch p {
	case PhaseSucceeded, PhaseFailed, PhaseSuperseded, PhaseRejected, PhaseBlocked:
		return true
	case PhasePending, PhasePlanning, PhaseAwaitingApproval, PhaseApplying, PhaseVerifying, PhaseRollingBack:
		return false
	}
	return false
}

// Kind says what a deployment brings live to.
type Kind string

// The kinds of deployment.
const (
	KindDeploy Kind = "deploy" // to what git wants
	KindRevert Kind = "revert" // back to what was last deployed, where live has drifted from it
	// KindHeal is the same without a person: only what two witnesses agree on and cannot do harm.
	KindHeal     Kind = "heal"
	KindRollback Kind = "rollback" // to what was last good
	KindRecover  Kind = "recover"  // nowhere: the operation that a stack is stuck in is ended
)

// Deployment is the stored record of one attempt to bring an application to a revision.
type Deployment struct {
	ID          string   `json:"id"` // ULID
	Application string   `json:"application"`
	Repository  string   `json:"repositoryId,omitempty"` // not "repository": an index of the table finds applications by that
	Kind        Kind     `json:"kind"`
	Settings    Settings `json:"settings"` // as they were when it began
	Revision    Revision `json:"revision"`
	Digest      string   `json:"digest"`
	Seq         int64    `json:"seq"`
	Bundle      string   `json:"bundle"`
	Fence       int64    `json:"fence"`
	Request     Request  `json:"request,omitzero"` // the request that it answers, if any

	Phase     Phase             `json:"phase"`
	Reason    string            `json:"reason,omitempty"`   // why it is where it is, for people
	Progress  string            `json:"progress,omitempty"` // what its operation is doing right now
	Operation Operation         `json:"operation,omitzero"` // the one that runs or ran last
	PlanKey   string            `json:"planKey,omitempty"`  // of the stored Plan
	Plan      PlanSummary       `json:"plan"`
	Approved  *Approved         `json:"approved,omitempty"`
	Rejected  *Rejected         `json:"rejected,omitempty"`
	Drift     *DriftSummary     `json:"drift,omitempty"`    // what verify found
	Outputs   map[string]string `json:"outputs,omitempty"`  // of the stack, once applied
	AppliedAt time.Time         `json:"appliedAt,omitzero"` // by AWS's own clock, where it said

	Checks     []CheckResult `json:"checks,omitempty"`     // of Settings.Verify.Checks, in their order
	Cause      *Cause        `json:"cause,omitempty"`      // the first thing that went wrong
	Stuck      *Stuck        `json:"stuck,omitempty"`      // the stack takes no update until something is done
	Recoveries []Recovery    `json:"recoveries,omitempty"` // what was done about it
	Undoes     *Undo         `json:"undoes,omitempty"`     // of a rollback

	StartedAt time.Time   `json:"startedAt,omitzero"`
	EndedAt   time.Time   `json:"endedAt,omitzero"`
	Times     []PhaseTime `json:"times,omitempty"` // when each phase began
	Version   int64       `json:"version"`
}

// entered returns how often the deployment came into a phase.
func (d Deployment) entered(p Phase) (times int) {
	for _, t := range d.Times {
		if t.Phase == p {
			times++
		}
	}
	return times
}

// PhaseTime is when a phase began.
type PhaseTime struct {
	Phase Phase     `json:"phase"`
	At    time.Time `json:"at,omitzero"`
}

// Approved is a person's yes to exactly one plan.
type Approved struct {
	By     string    `json:"by"`
	At     time.Time `json:"at,omitzero"`
	Digest string    `json:"digest"` // of the plan
}

// Rejected is a person's no to exactly one plan.
type Rejected struct {
	By     string    `json:"by"`
	At     time.Time `json:"at,omitzero"`
	Digest string    `json:"digest"` // of the plan
	Reason string    `json:"reason,omitempty"`
}

// OperationKind is what an engine can be asked to start.
type OperationKind string

// The kinds of operation.
const (
	OperationPlan   OperationKind = "plan"
	OperationApply  OperationKind = "apply"
	OperationDetect OperationKind = "detect"
	OperationCancel OperationKind = "cancel" // undo a plan that is not to be applied
	// OperationRecover ends what a stack is stuck in.
	OperationRecover OperationKind = "recover"
)

// Operation is something started in AWS. Its token is saved before the call, so that a
// repeat finds what the call made.
type Operation struct {
	N       int           `json:"n"` // counts the deployment's operations from 1
	Kind    OperationKind `json:"kind,omitempty"`
	Token   string        `json:"token,omitempty"`
	StackID string        `json:"stackId,omitempty"` // ARN, once known
	ID      string        `json:"id,omitempty"`      // ARN of the change set, id of the drift detection, once known
	At      time.Time     `json:"at,omitzero"`       // when the intent was saved
	Again   bool          `json:"again,omitempty"`   // a detection that is a second look
	Skip    []string      `json:"skip,omitempty"`    // of a recovery: resources that the rollback leaves as they are
}

// IsZero reports whether nothing was started.
func (o Operation) IsZero() bool { return o.N == 0 && o.ID == "" && o.Token == "" }

// Token returns the token of a deployment's n-th operation. A change set's name must begin
// with a letter and holds letters, digits and hyphens only, at most 128 of them
// (CreateChangeSet, API reference).
func Token(deployment string, n int) string { return fmt.Sprintf("driftless-%s-%d", deployment, n) }

// TokenOf returns the deployment that a token is of.
func TokenOf(token string) (deployment string) {
	id := strings.TrimPrefix(token, "driftless-")
	if end := strings.LastIndexByte(id, '-'); end >= 0 {
		id = id[:end]
	}
	return id
}

// Approved reports whether a person said yes to the plan as it is.
func (d Deployment) approved() bool {
	return d.Approved != nil && d.Approved.Digest == d.Plan.Digest && d.Plan.Digest != ""
}

// rejected reports whether a person said no to the plan as it is.
func (d Deployment) rejected() bool {
	return d.Rejected != nil && d.Rejected.Digest == d.Plan.Digest && d.Plan.Digest != ""
}

// Waits returns why a plan has to wait for a person, or "" when it does not.
// A person's sync of what drifted is its approval, except for what cannot be undone; so is
// what an application says of healing and rolling back.
func (d Deployment) Waits(p PlanSummary) string {
	destructive := p.Destructive()
	switch {
	case p.Review != "":
		return p.Review
	case d.Kind != KindDeploy && destructive:
		return "the plan replaces or removes resources"
	case d.Kind != KindDeploy:
		return ""
	case d.Settings.Sync.Mode == SyncManual:
		return "sync.mode is manual"
	case d.Settings.Sync.Approval == ApprovalAlways:
		return "sync.approval is always"
	case d.Settings.Sync.Approval == ApprovalDestructive && destructive:
		return "the plan replaces or removes resources"
	}
	return ""
}

// Keep takes over the ids that AWS gave an operation, and nothing else of it.
func (o *Operation) Keep(seen Operation) {
	if seen.StackID != "" {
		o.StackID = seen.StackID
	}
	if seen.ID != "" {
		o.ID = seen.ID
	}
}
