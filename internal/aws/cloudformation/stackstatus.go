package cloudformation

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// footing is what a stack's status means for a new plan.
type footing string

const (
	footingCreate  footing = "create" // there is no stack, or its shell only
	footingUpdate  footing = "update"
	footingBusy    footing = "busy"    // an operation is under way: wait
	footingDead    footing = "dead"    // its creation failed: only its deletion leads on
	footingStuck   footing = "stuck"   // a person has to end an operation first
	footingUnknown footing = "unknown" // a status that this version does not know: nothing is concluded
)

// ending is what a stack's status says about the operation that led there.
type ending string

const (
	endingNone       ending = "none" // it goes on
	endingDone       ending = "done"
	endingRolledBack ending = "rolled back"
	endingStuck      ending = "stuck"
	endingGone       ending = "gone"
	endingUnknown    ending = "unknown" // as of footing
)

// way is the one call that leads out of a status in which a stack takes no update.
type way string

const (
	wayPerson   way = "a person's"
	wayContinue way = "continue"
	wayRollback way = "roll back"
	wayDelete   way = "delete" // and make it anew
)

// meaning is everything that a stack's status decides.
type meaning struct {
	footing footing
	ending  ending
	begins  bool   // it is the first status of an operation
	changed bool   // the operation that led there changed what is there
	failing bool   // the reason beside it tells why the operation failed
	way     way    // out of a dead or stuck stack; empty: it is neither
	remedy  string // what a person has to do about one; {} is the command, {recover} and {skip} those of Driftless's own
	command string // of the AWS CLI, as in the remedy
}

const recreate = "its creation failed and it cannot be updated: delete it with {} and sync again, or let Driftless do so: recover: { recreate: true } in driftless.yaml"

// meaningOf is the table of every stack status. A clean-up is not an end: what was replaced
// is still being removed, and the stack takes no new update. A roll-back leaves what was
// there, so it changed nothing. What a later SDK adds is unknown, and a test fails.
func meaningOf(s types.StackStatus) meaning {
	switch s {
	case types.StackStatusReviewInProgress:
		return meaning{footing: footingCreate, ending: endingNone}
	case types.StackStatusDeleteComplete:
		return meaning{footing: footingCreate, ending: endingGone}
	case types.StackStatusCreateInProgress, types.StackStatusUpdateInProgress, types.StackStatusImportInProgress:
		return meaning{footing: footingBusy, ending: endingNone, begins: true}
	case types.StackStatusUpdateCompleteCleanupInProgress:
		return meaning{footing: footingBusy, ending: endingNone, changed: true}
	case types.StackStatusDeleteInProgress: // a person's, or that of a shell of ours: made anew once it is gone
		return meaning{footing: footingBusy, ending: endingNone}
	case types.StackStatusRollbackInProgress, types.StackStatusUpdateRollbackInProgress,
		types.StackStatusUpdateRollbackCompleteCleanupInProgress, types.StackStatusImportRollbackInProgress:
		return meaning{footing: footingBusy, ending: endingNone, failing: true}
	case types.StackStatusCreateComplete:
		return meaning{footing: footingUpdate, ending: endingDone}
	case types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return meaning{footing: footingUpdate, ending: endingDone, changed: true}
	case types.StackStatusUpdateRollbackComplete, types.StackStatusImportRollbackComplete: // the stack is whole
		return meaning{footing: footingUpdate, ending: endingRolledBack, failing: true}
	case types.StackStatusRollbackComplete:
		return meaning{footing: footingDead, ending: endingRolledBack, failing: true, way: wayDelete, remedy: recreate, command: "delete-stack"}
	case types.StackStatusCreateFailed, types.StackStatusRollbackFailed:
		return meaning{footing: footingDead, ending: endingStuck, failing: true, way: wayDelete, remedy: recreate, command: "delete-stack"}
	case types.StackStatusUpdateFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, way: wayRollback, command: "rollback-stack",
			remedy: "bring it back to its last good state with {recover}, or {}, and sync again"}
	case types.StackStatusUpdateRollbackFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, way: wayContinue, command: "continue-update-rollback",
			remedy: "mend the cause and end the rollback with {recover}, or {}{skip}; then sync again"}
	case types.StackStatusImportRollbackFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, way: wayPerson,
			remedy: "somebody's import failed and so did its way back: mend that in CloudFormation's console, then sync again"}
	case types.StackStatusDeleteFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, way: wayPerson, command: "delete-stack",
			remedy: "its deletion failed: end it with {}, then sync again"}
	}
	return meaning{footing: footingUnknown, ending: endingUnknown}
}

func footingOf(s types.StackStatus) footing { return meaningOf(s).footing }

func endingOf(s types.StackStatus) ending { return meaningOf(s).ending }

// updated reports whether a status says that the stack's last operation changed what is
// there. A rolled back one did not, and so ends every failed deployment of Driftless too.
func updated(s types.StackStatus) bool { return meaningOf(s).changed }

// remedy returns what a person has to do about a dead or stuck stack.
func remedy(w reconcile.Work, s gitops.Stuck) string {
	m, name, region := meaningOf(types.StackStatus(s.Status)), w.Settings.CloudFormation.Stack, w.Settings.Target.Region
	text, skip := m.remedy, ""
	if s.Protected && m.way == wayDelete {
		text = "termination protection is on; whoever has the right cloudformation:UpdateTerminationProtection switches it off with " +
			command("update-termination-protection --no-enable-termination-protection", name, region) + "; " + text
	}
	if len(s.Resources) > 0 {
		skip = fmt.Sprintf(", or leave out what cannot be rolled back: `driftless recover %s --skip %s`", w.Application, strings.Join(s.Resources, ","))
	}
	return strings.NewReplacer("{}", command(m.command, name, region),
		"{recover}", "`driftless recover "+w.Application+"`", "{skip}", skip).Replace(text)
}

// command returns one of the AWS CLI on a stack, as it is typed.
func command(verb, stack, region string) string {
	return fmt.Sprintf("`aws cloudformation %s --stack-name %s --region %s`", verb, stack, region)
}

// unknown is the error for a value of AWS's that this version has no row for: it is neither
// a failure nor a success, and whoever gets it looks again later.
func unknown(of string, value any) error {
	return fmt.Errorf("%s %q is not known to this version", of, value)
}

// unknownStack is the same for a stack's status.
func unknownStack(doing string, s types.StackStatus) error {
	return fmt.Errorf("%s: %w", doing, unknown("stack status", s))
}
