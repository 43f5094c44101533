package diagnose

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/driftless-gitops/driftless/internal/gitops"
)

// The pages of the user guide on what a stack can be stuck in.
const (
	resume  = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html"
	options = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html"
	protect = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html"
)

var status = regexp.MustCompile(`stack \S+ is in ([A-Z_]+)`)

// stuckIn returns what a deployment's stack is stuck in, as far as its record says: an older one
// says it in its reason alone.
func stuckIn(d gitops.Deployment) *gitops.Stuck {
	if d.Stuck != nil {
		return d.Stuck
	}
	m := status.FindStringSubmatch(d.Reason)
	if m == nil {
		return nil
	}
	switch m[1] {
	case "UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "IMPORT_ROLLBACK_FAILED":
		return &gitops.Stuck{Status: m[1]}
	}
	return nil
}

// stuck explains a stack that takes no update until something is done.
func stuck(a gitops.Application, s gitops.Stuck) Finding {
	f := Finding{What: fmt.Sprintf("stack %s is in %s and takes no update", a.Settings.CloudFormation.Stack, s.Status)}
	recover := "driftless recover " + a.ID
	switch s.Status {
	case "UPDATE_ROLLBACK_FAILED":
		f.Why, f.Source = "an update failed, and CloudFormation could not bring everything back to what it was before", resume
		f.Steps = []Step{{Do: "mend what the rollback failed at: bring back what was deleted, allow what was forbidden"}, {Do: "go on with the rollback", Command: recover}}
		if len(s.Resources) > 0 {
			f.Steps = append(f.Steps, Step{Do: "or leave out what cannot be brought back: CloudFormation then takes it to be as its template says, which it is not, so mend it or its template before the next update",
				Command: recover + " --skip " + strings.Join(s.Resources, ",")})
		}
	case "UPDATE_FAILED":
		f.Why, f.Source = "somebody updated it with the rollback switched off, and the update failed", options
		f.Steps = []Step{{Do: "bring it back to its last good state", Command: recover}}
	case "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED":
		f.Why, f.Source, f.Steps = unborn(a, s)
	case "DELETE_FAILED":
		f.Why, f.Source = "its deletion began and could not be ended", trouble
		f.Steps = []Step{{Do: "mend what the deletion failed at: empty what is not empty, end what still uses it"}, aws(a, "end the deletion", "delete-stack")}
	case "IMPORT_ROLLBACK_FAILED":
		f.Why, f.Source = "somebody imported resources into it; that failed, and so did the way back", trouble
		f.Steps = []Step{{Do: "mend it in CloudFormation's console"}}
	}
	f.Steps = append(f.Steps, Step{Do: "then deploy what git wants", Command: "driftless sync " + a.ID})
	return f
}

// unborn explains a stack whose creation failed, of which only its deletion leads on.
func unborn(a gitops.Application, s gitops.Stuck) (why, source string, steps []Step) {
	why, source = "its creation failed: nothing was ever deployed by it, and CloudFormation lets nobody update it", trouble
	switch {
	case s.Protected:
		source = protect
		steps = append(steps, aws(a, "switch off its termination protection, with the right cloudformation:UpdateTerminationProtection", "update-termination-protection --no-enable-termination-protection"))
	case !s.NeverComplete:
		why = "its creation failed, and nobody knows whether it was ever complete: Driftless deletes no such stack"
		steps = append(steps, aws(a, "see what it still holds before you delete it", "list-stack-resources"))
	}
	if s.NeverComplete && !a.Settings.Recover.Recreate {
		steps = append(steps, Step{Do: "let Driftless delete it and make it anew: recover: { recreate: true } in driftless.yaml, in a commit"})
	}
	if !s.NeverComplete || !a.Settings.Recover.Recreate {
		steps = append(steps, aws(a, "or delete it by hand", "delete-stack"))
	}
	return why, source, steps
}

// aws is a step by the AWS CLI on the application's stack.
func aws(a gitops.Application, do, verb string) Step {
	return Step{Do: do, Command: fmt.Sprintf("aws cloudformation %s --stack-name %s --region %s", verb, a.Settings.CloudFormation.Stack, a.Settings.Target.Region)}
}
