package cloudformation

import (
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The tables of the SDK's enums, one function each; a stack's status has its own file. Each
// names every value that the SDK has, and a test fails when a later SDK has another one.
// What has no row is an error that says so, never a failure and never a success.

// changeSetState is what the two statuses of a change set mean together.
type changeSetState string

const (
	changeSetPending   changeSetState = "pending"
	changeSetReady     changeSetState = "ready"
	changeSetEmpty     changeSetState = "empty" // nothing to do
	changeSetFailed    changeSetState = "failed"
	changeSetExecuting changeSetState = "executing"
	changeSetExecuted  changeSetState = "executed"
	changeSetObsolete  changeSetState = "obsolete"
	changeSetDeleted   changeSetState = "deleted"
	changeSetUnknown   changeSetState = "unknown" // a status that this version does not know
)

// judge is the table of every status of a change set.
func judge(out *cloudformation.DescribeChangeSetOutput) changeSetState {
	switch out.Status {
	case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
		return changeSetPending
	case types.ChangeSetStatusCreateComplete:
		return judgeExecution(out.ExecutionStatus)
	case types.ChangeSetStatusDeletePending, types.ChangeSetStatusDeleteInProgress,
		types.ChangeSetStatusDeleteComplete, types.ChangeSetStatusDeleteFailed:
		return changeSetDeleted
	case types.ChangeSetStatusFailed:
		if empty(aws.ToString(out.StatusReason)) {
			return changeSetEmpty
		}
		return changeSetFailed
	}
	return changeSetUnknown
}

// judgeExecution is the table of every execution status of a change set that was created.
func judgeExecution(s types.ExecutionStatus) changeSetState {
	switch s {
	case types.ExecutionStatusUnavailable:
		return changeSetPending
	case types.ExecutionStatusAvailable:
		return changeSetReady
	case types.ExecutionStatusExecuteInProgress:
		return changeSetExecuting
	case types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return changeSetExecuted
	case types.ExecutionStatusObsolete:
		return changeSetObsolete
	}
	return changeSetUnknown
}

// noChanges are the reasons by which AWS says that there is nothing to do, the second one
// where a transform is in the template (CDK CLI, changeSetHasNoChanges). An empty list of
// changes says nothing: a change of outputs alone is executable and has one.
var noChanges = []string{
	"The submitted information didn't contain changes.",
	"No updates are to be performed",
}

func empty(reason string) bool {
	for _, r := range noChanges {
		if strings.HasPrefix(reason, r) {
			return true
		}
	}
	return false
}

// actionOf is the table of every action of a change, and for a modification of whether it
// replaces. What may turn out to be a replacement counts as one; AWS leaves the answer out
// where the action is another one.
func actionOf(r types.ResourceChange) (gitops.Action, error) {
	switch r.Action {
	case types.ChangeActionAdd:
		return gitops.ActionAdd, nil
	case types.ChangeActionModify:
		switch r.Replacement {
		case types.ReplacementTrue, types.ReplacementConditional:
			return gitops.ActionReplace, nil
		case types.ReplacementFalse, "":
			return gitops.ActionModify, nil
		}
		return "", unknown("replacement", r.Replacement)
	case types.ChangeActionRemove:
		return gitops.ActionRemove, nil
	case types.ChangeActionImport:
		return gitops.ActionImport, nil
	case types.ChangeActionDynamic, // known once a nested stack was looked at
		types.ChangeActionSyncWithActual: // CloudFormation takes over what live already is
		return gitops.ActionModify, nil
	}
	return "", unknown("action", r.Action)
}

// keeps is the table of every policy action: whether what is removed or replaced stays. A
// snapshot is not the resource.
func keeps(p types.PolicyAction) (bool, error) {
	switch p {
	case types.PolicyActionRetain, types.PolicyActionReplaceAndRetain:
		return true, nil
	case types.PolicyActionDelete, types.PolicyActionSnapshot,
		types.PolicyActionReplaceAndDelete, types.PolicyActionReplaceAndSnapshot, "":
		return false, nil
	}
	return false, unknown("policy action", p)
}

// recreation is the table of how strongly a property's change makes its resource anew.
func recreation(r types.RequiresRecreation) (strength int, err error) {
	switch r {
	case "":
		return 0, nil
	case types.RequiresRecreationNever:
		return 1, nil
	case types.RequiresRecreationConditionally:
		return 2, nil
	case types.RequiresRecreationAlways:
		return 3, nil
	}
	return 0, unknown("recreation", r)
}

// isLive is the table of where the value before a change comes from: live, or what was last
// deployed.
func isLive(from types.BeforeValueFrom) (bool, error) {
	switch from {
	case types.BeforeValueFromActualState:
		return true, nil
	case types.BeforeValueFromPreviousDeploymentState, "": // not said by a plan that does not look at live
		return false, nil
	}
	return false, unknown("source of a value before the change", from)
}

// compared is the table of a stack's drift status: whether every resource that can be looked
// at was, and why not. A change set that does not look at live has none.
func compared(s types.StackDriftStatus) (all bool, why string, err error) {
	switch s {
	case types.StackDriftStatusInSync, types.StackDriftStatusDrifted:
		return true, "", nil
	case types.StackDriftStatusUnknown:
		return false, "AWS could not look at every resource", nil
	case types.StackDriftStatusNotChecked:
		return false, "AWS looked at no resource of the stack", nil
	}
	return false, "", unknown("drift status of a stack", s)
}

// detection is the table of a drift detection's status: whether it ended, and with all that
// it was to look at. What a failed one found counts.
func detection(s types.StackDriftDetectionStatus) (ended, whole bool, err error) {
	switch s {
	case types.StackDriftDetectionStatusDetectionInProgress:
		return false, false, nil
	case types.StackDriftDetectionStatusDetectionComplete:
		return true, true, nil
	case types.StackDriftDetectionStatusDetectionFailed:
		return true, false, nil
	}
	return false, false, unknown("status of a drift detection", s)
}

// driftOf is the table of a resource's drift status. unseen means that AWS tried to look and
// could not.
func driftOf(s types.StackResourceDriftStatus) (r gitops.ResourceStatus, unseen bool, err error) {
	switch s {
	case types.StackResourceDriftStatusInSync:
		return gitops.ResourceInSync, false, nil
	case types.StackResourceDriftStatusModified:
		return gitops.ResourceModified, false, nil
	case types.StackResourceDriftStatusDeleted:
		return gitops.ResourceDeleted, false, nil
	case types.StackResourceDriftStatusNotChecked, types.StackResourceDriftStatusUnsupported:
		return gitops.ResourceNotCheckable, false, nil
	case types.StackResourceDriftStatusUnknown:
		return gitops.ResourceNotCheckable, true, nil
	}
	return "", false, unknown("drift status", s)
}

// sides is the table of how a property differs: on which sides it is there. AWS writes
// "null" for the other one.
func sides(d types.DifferenceType) (declared, live bool, err error) {
	switch d {
	case types.DifferenceTypeAdd:
		return false, true, nil
	case types.DifferenceTypeRemove:
		return true, false, nil
	case types.DifferenceTypeNotEqual:
		return true, true, nil
	}
	return false, false, unknown("kind of difference", d)
}

// stage is where a resource stands in what is done to it.
type stage string

const (
	stageDoing   stage = "doing"
	stageDone    stage = "done"
	stageGone    stage = "gone" // no longer the stack's
	stageFailed  stage = "failed"
	stageUnknown stage = "unknown"
)

// stageOf is the table of every status of a resource. One that is not known ends nothing:
// the stack's own status does.
func stageOf(s types.ResourceStatus) stage {
	switch s {
	case types.ResourceStatusCreateInProgress, types.ResourceStatusUpdateInProgress, types.ResourceStatusDeleteInProgress,
		types.ResourceStatusImportInProgress, types.ResourceStatusExportInProgress, types.ResourceStatusRollbackInProgress,
		types.ResourceStatusUpdateRollbackInProgress, types.ResourceStatusImportRollbackInProgress,
		types.ResourceStatusExportRollbackInProgress:
		return stageDoing
	case types.ResourceStatusCreateComplete, types.ResourceStatusUpdateComplete, types.ResourceStatusImportComplete,
		types.ResourceStatusExportComplete, types.ResourceStatusRollbackComplete, types.ResourceStatusUpdateRollbackComplete,
		types.ResourceStatusImportRollbackComplete, types.ResourceStatusExportRollbackComplete:
		return stageDone
	case types.ResourceStatusDeleteComplete, types.ResourceStatusDeleteSkipped:
		return stageGone
	case types.ResourceStatusCreateFailed, types.ResourceStatusUpdateFailed, types.ResourceStatusDeleteFailed,
		types.ResourceStatusImportFailed, types.ResourceStatusExportFailed, types.ResourceStatusRollbackFailed,
		types.ResourceStatusUpdateRollbackFailed, types.ResourceStatusImportRollbackFailed,
		types.ResourceStatusExportRollbackFailed:
		return stageFailed
	}
	return stageUnknown
}

// isFinding is the table of what an event of early validation is by its type and status.
// What is skipped was not looked at; a status that is not known is told, with its name.
func isFinding(e types.OperationEvent) bool {
	switch e.EventType {
	case types.EventTypeValidationError:
	case types.EventTypeStackEvent, types.EventTypeProgressEvent, types.EventTypeProvisioningError,
		types.EventTypeHookInvocationError:
		return false
	default: // nothing that this version could read
		return false
	}
	switch e.ValidationStatus {
	case types.ValidationStatusSkipped:
		return false
	case types.ValidationStatusFailed:
	}
	return true
}

// severity is the table of what a finding keeps from being applied: it stands before the
// check's name. A mode that is not known is told as it is.
func severity(m types.HookFailureMode) string {
	switch m {
	case types.HookFailureModeFail, "":
		return ""
	case types.HookFailureModeWarn:
		return "warning of "
	}
	return string(m) + " of "
}
