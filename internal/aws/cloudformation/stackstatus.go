package cloudformation

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
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

// meaning is everything that a stack's status decides.
type meaning struct {
	footing footing
	ending  ending
	begins  bool   // it is the first status of an operation
	changed bool   // the operation that led there changed what is there
	failing bool   // the reason beside it tells why the operation failed
	remedy  string // what a person has to do about a dead or stuck stack, {} being the command
	command string // of the AWS CLI, as in the remedy
}

const recreate = "its creation failed and it cannot be updated: delete it with {} and sync again"

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
		return meaning{footing: footingDead, ending: endingRolledBack, failing: true, remedy: recreate, command: "delete-stack"}
	case types.StackStatusCreateFailed, types.StackStatusRollbackFailed:
		return meaning{footing: footingDead, ending: endingStuck, failing: true, remedy: recreate, command: "delete-stack"}
	case types.StackStatusUpdateFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, command: "rollback-stack",
			remedy: "bring it back to its last good state with {} and sync again"}
	case types.StackStatusUpdateRollbackFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, command: "continue-update-rollback",
			remedy: "mend the cause and end the rollback with {} (--resources-to-skip leaves out what cannot be rolled back), then sync again"}
	case types.StackStatusImportRollbackFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true,
			remedy: "somebody's import failed and so did its way back: mend that in CloudFormation's console, then sync again"}
	case types.StackStatusDeleteFailed:
		return meaning{footing: footingStuck, ending: endingStuck, failing: true, command: "delete-stack",
			remedy: "somebody's deletion failed: end it with {}, then sync again"}
	}
	return meaning{footing: footingUnknown, ending: endingUnknown}
}

func footingOf(s types.StackStatus) footing { return meaningOf(s).footing }

func endingOf(s types.StackStatus) ending { return meaningOf(s).ending }

// updated reports whether a status says that the stack's last operation changed what is
// there. A rolled back one did not, and so ends every failed deployment of Driftless too.
func updated(s types.StackStatus) bool { return meaningOf(s).changed }

// remedy returns what a person has to do about a dead or stuck stack.
func remedy(s types.StackStatus, stack, region string) string {
	m := meaningOf(s)
	command := fmt.Sprintf("`aws cloudformation %s --stack-name %s --region %s`", m.command, stack, region)
	return strings.ReplaceAll(m.remedy, "{}", command)
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
