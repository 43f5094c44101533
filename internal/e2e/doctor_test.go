package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// queues is a driftless.yaml with an application of one queue for each name, and the recovery
// that it allows.
func queues(visibility int, recovers map[string]string) map[string]string {
	files := map[string]string{}
	yaml := file()
	for _, name := range slices.Sorted(maps.Keys(recovers)) {
		_, entry, _ := strings.Cut(file(name), "applications:\n")
		if yaml += entry; recovers[name] != "" {
			yaml += "    recover: " + recovers[name] + "\n"
		}
		files["stacks/"+name+"/template.yaml"] = queue(name, visibility)
	}
	files["driftless.yaml"] = yaml
	return files
}

// fail scripts how an operation on a stack's queue ends, so many times.
func fail(stack, action, reason string, times int) {
	shared.Sandbox.Script(cloudformation.Failure{Stack: stack, Resource: "Queue", Action: action, Reason: reason, Times: times})
}

func TestTheDoctorEndsWhatStacksAreStuckIn(t *testing.T) {
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	apps := map[string]string{"limping": "", "stranded": "", "halted": "", "reborn": "{ recreate: true }", "unborn": "", "guarded": "{ recreate: true }"}
	for _, name := range []string{"reborn", "unborn", "guarded"} {
		fail(name, "CREATE", "the name is taken", 1)
	}
	r := watch(t, mapFS(queues(5, apps)))
	first := r.git("rev-parse", "HEAD")
	for name, phase := range map[string]gitops.Phase{"limping": gitops.PhaseSucceeded, "stranded": gitops.PhaseSucceeded, "halted": gitops.PhaseSucceeded,
		"reborn": gitops.PhaseFailed, "unborn": gitops.PhaseFailed, "guarded": gitops.PhaseFailed} {
		r.ends(name, first, phase)
	}
	_, err := sdk.NewFromConfig(config(t)).UpdateTerminationProtection(t.Context(), &sdk.UpdateTerminationProtectionInput{
		StackName: aws.String("guarded"), EnableTerminationProtection: aws.Bool(true)})
	r.must(err)
	r.leftFailed("halted")

	fail("limping", "UPDATE", "no such delay", 1)
	fail("limping", "ROLLBACK", "busy", 1)
	fail("stranded", "UPDATE", "no such delay", 1)
	fail("stranded", "ROLLBACK", "the queue is gone", 2)
	for name, body := range queues(6, apps) {
		r.set(name, body)
	}
	second := r.push("what gets stuck")
	r.continuedByItself(second)
	r.leavesOutWhatItIsTold(second)
	r.saysWhy("halted", second, gitops.PhaseBlocked, "stack halted is in UPDATE_FAILED", "`driftless recover halted`")
	r.cli("recover", "halted", "--wait")
	r.ends("reborn", second, gitops.PhaseSucceeded)
	r.saysWhy("unborn", second, gitops.PhaseFailed, "stack unborn is in ROLLBACK_COMPLETE (Queue (AWS::SQS::Queue) CREATE_FAILED", "the name is taken", "recover: { recreate: true }")
	r.saysWhy("guarded", second, gitops.PhaseBlocked, "termination protection is on", "aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name guarded")
	if told := r.cli("diagnose", "guarded"); !strings.Contains(told, "$ aws cloudformation update-termination-protection") {
		t.Errorf("diagnosed as:\n%s", told)
	}

	for name, body := range queues(7, apps) {
		r.set(name, body)
	}
	third := r.push("what follows")
	for _, name := range []string{"limping", "stranded", "halted", "reborn"} {
		r.ends(name, third, gitops.PhaseSucceeded)
	}
}

// leftFailed lets somebody update a stack by hand, with the rollback switched off, in vain.
func (r *repo) leftFailed(name string) {
	r.t.Helper()
	fail(name, "UPDATE", "no such delay", 1)
	c := sdk.NewFromConfig(config(r.t))
	_, err := c.UpdateStack(r.t.Context(), &sdk.UpdateStackInput{StackName: &name, TemplateBody: aws.String(queue(name, 9)), DisableRollback: aws.Bool(true)})
	r.must(err)
	status := types.StackStatus("")
	r.eventually(name+" is left as it failed", func() bool {
		out, err := c.DescribeStacks(r.t.Context(), &sdk.DescribeStacksInput{StackName: &name})
		r.must(err)
		status = out.Stacks[0].StackStatus
		return status == types.StackStatusUpdateFailed
	}, func() string { return "it is in " + string(status) })
}

// saysWhy waits for the end and fails unless the reason has all the texts.
func (r *repo) saysWhy(name, commit string, phase gitops.Phase, texts ...string) gitops.Deployment {
	r.t.Helper()
	v := r.ends(name, commit, phase)
	for _, text := range texts {
		if !strings.Contains(v.Application.Ended.Reason, text) {
			r.t.Errorf("%s: %q does not say %q", name, v.Application.Ended.Reason, text)
		}
	}
	return r.history(name)[0]
}

// continuedByItself: the update failed, so did its rollback, which was continued once. The stack
// is whole again, and the deployment has failed all the same, with its first cause.
func (r *repo) continuedByItself(commit string) {
	r.t.Helper()
	d := r.saysWhy("limping", commit, gitops.PhaseFailed, "no such delay")
	if d.Cause == nil || d.Cause.LogicalID != "Queue" || !strings.Contains(d.Cause.Reason, "no such delay") || d.Stuck != nil {
		r.t.Errorf("cause %+v, stuck %+v", d.Cause, d.Stuck)
	}
	if len(d.Recoveries) != 1 || d.Recoveries[0].Status != "UPDATE_ROLLBACK_FAILED" || d.Recoveries[0].By != "" {
		r.t.Errorf("recoveries %+v", d.Recoveries)
	}
}

// leavesOutWhatItIsTold: the rollback failed twice, so that a person says what to skip.
func (r *repo) leavesOutWhatItIsTold(commit string) {
	r.t.Helper()
	d := r.saysWhy("stranded", commit, gitops.PhaseBlocked, "the queue is gone", "UPDATE_ROLLBACK_FAILED", "`driftless recover stranded --skip Queue`")
	if d.Stuck == nil || !slices.Equal(d.Stuck.Resources, []string{"Queue"}) || len(d.Recoveries) != 1 {
		r.t.Errorf("stuck %+v, recoveries %+v", d.Stuck, d.Recoveries)
	}
	if told := r.cli("diagnose", "stranded"); !strings.Contains(told, "$ driftless recover stranded --skip Queue") {
		r.t.Errorf("diagnosed as:\n%s", told)
	}
	r.cli("recover", "stranded", "--skip", "Queue", "--wait")
	d = r.history("stranded")[0]
	if d.Kind != gitops.KindRecover || d.Phase != gitops.PhaseSucceeded || !slices.Equal(d.Recoveries[0].Skip, []string{"Queue"}) || d.Recoveries[0].By == "" {
		r.t.Errorf("recovered by %s %s: %s, %+v", d.Kind, d.Phase, d.Reason, d.Recoveries)
	}
}
