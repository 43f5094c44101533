package cloudformation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/gitops"
	sandbox "github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// neverBack scripts that a resource is not rolled back, so often, or until cleared for 0.
func (w *world) neverBack(times int) {
	w.cloud.Script(sandbox.Failure{Stack: w.name(), Resource: "Queue", Action: "ROLLBACK", Reason: "the queue is stuck", Times: times})
}

func TestStuckStacksInTheSandboxAreLedOut(t *testing.T) {
	enter := newWorld(t)
	for name, does := range map[string]func(t *testing.T, w *world){
		"a rollback that fails once is continued":                                    continued,
		"one that fails again offers what to skip, and skips it":                     skipped,
		"what is skipped of a nested stack is named by its own name":                 skippedBelow,
		"an update that somebody left failed is rolled back":                         rolledBack,
		"a creation that failed is deleted and made again where the settings say so": recreated,
		"a protected stack is not, and who could lift that is told":                  protectedStays,
		"a stack that somebody else made is not":                                     strangersStay,
	} {
		t.Run(name, func(t *testing.T) {
			does(t, enter(t, "stuck-"+strings.ReplaceAll(strings.ToLower(name[:12]+name[len(name)-6:]), " ", "-")))
		})
	}
}

// stuck brings the stack up and leaves its update unrolled back.
func (w *world) stuck(times int) gitops.Sighting {
	w.Helper()
	w.made()
	w.fails("UPDATE")
	w.neverBack(times)
	w.want(w.run(gitops.OperationPlan, w.queue("7")), gitops.OperationReady)
	s := w.want(w.run(gitops.OperationApply, ""), gitops.OperationBlocked)
	if s.Stuck == nil || s.Stuck.Status != "UPDATE_ROLLBACK_FAILED" || s.Cause == nil || s.Cause.LogicalID != "Queue" || !strings.Contains(s.Cause.Reason, "the queue is on fire") {
		w.Fatalf("stuck %+v, cause %+v", s.Stuck, s.Cause)
	}
	return s
}

// recovered runs a recovery.
func (w *world) recovered(skip ...string) gitops.Sighting {
	w.Helper()
	w.tokens++
	w.work.Operation = gitops.Operation{N: 1, Kind: gitops.OperationRecover, Token: gitops.Token("e2e", w.tokens), Skip: skip, At: time.Now()}
	op, err := w.engine.Start(w.Context(), w.work)
	if err != nil {
		w.Fatal(err)
	}
	if op.StackID == "" {
		w.Fatalf("started %+v", op)
	}
	w.work.Operation = op
	s := w.look()
	for ; s.State == gitops.OperationRunning; s = w.look() {
		w.wait()
	}
	return s
}

func continued(_ *testing.T, w *world) {
	w.stuck(1)
	w.want(w.recovered(), gitops.OperationDone)
	w.goesOn("9")
}

func skipped(t *testing.T, w *world) {
	first := w.stuck(0)
	again := w.want(w.recovered(), gitops.OperationBlocked)
	for _, s := range []gitops.Sighting{first, again} {
		if !slices.Equal(s.Stuck.Resources, []string{"Queue"}) || !strings.Contains(s.Reason, "`driftless recover jobs --skip Queue`") {
			t.Errorf("%+v: %s", s.Stuck, s.Reason)
		}
	}
	w.want(w.recovered("Queue"), gitops.OperationDone)
	w.cloud.ClearFailures()
	w.goesOn("9")
}

func skippedBelow(t *testing.T, w *world) {
	w.bucket()
	w.files = map[string]string{"below.yaml": w.queue("5")}
	parent := "Resources:\n  Below:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: below.yaml}\n"
	w.want(w.run(gitops.OperationPlan, parent), gitops.OperationReady)
	w.want(w.run(gitops.OperationApply, ""), gitops.OperationDone)
	w.cloud.Script(sandbox.Failure{Resource: "Queue", Action: "UPDATE", Reason: "the queue is on fire", Times: 1})
	w.cloud.Script(sandbox.Failure{Resource: "Queue", Action: "ROLLBACK", Reason: "the queue is stuck"})
	defer w.cloud.ClearFailures()
	w.files["below.yaml"] = w.queue("7")
	w.want(w.run(gitops.OperationPlan, parent), gitops.OperationReady)
	s := w.want(w.run(gitops.OperationApply, ""), gitops.OperationBlocked)
	if s.Cause.Nested != "Below" || len(s.Stuck.Resources) != 1 || !strings.HasPrefix(s.Stuck.Resources[0], w.name()+"-Below-") || !strings.HasSuffix(s.Stuck.Resources[0], ".Queue") {
		t.Fatalf("cause %+v, stuck %+v", s.Cause, s.Stuck)
	}
	w.want(w.recovered(s.Stuck.Resources...), gitops.OperationDone)
}

func rolledBack(_ *testing.T, w *world) {
	c := w.made()
	w.fails("UPDATE")
	w.update(c, "9", func(in *sdk.UpdateStackInput) { in.DisableRollback = aws.Bool(true) })
	w.becomes(c, types.StackStatusUpdateFailed)
	w.want(w.recovered(), gitops.OperationDone)
	w.goesOn("7")
}

// stillborn fails to create the stack.
func (w *world) stillborn() {
	w.Helper()
	w.fails("CREATE")
	w.want(w.run(gitops.OperationPlan, w.queue("5")), gitops.OperationReady)
	s := w.want(w.run(gitops.OperationApply, ""), gitops.OperationFailed)
	if s.Stuck == nil || !s.Stuck.NeverComplete {
		w.Fatalf("stuck %+v", s.Stuck)
	}
}

func recreated(_ *testing.T, w *world) {
	w.stillborn()
	w.refuses(false, "ROLLBACK_COMPLETE", "recover: { recreate: true }")
	w.work.Settings.Recover.Recreate = true
	w.refuses(true, "ROLLBACK_COMPLETE")
	w.want(w.recovered(), gitops.OperationDone)
	w.goesOn("5")
}

func protectedStays(t *testing.T, w *world) {
	w.stillborn()
	c := sdk.NewFromConfig(w.front)
	if _, err := c.UpdateTerminationProtection(t.Context(), &sdk.UpdateTerminationProtectionInput{StackName: aws.String(w.name()), EnableTerminationProtection: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	w.work.Settings.Recover.Recreate = true
	w.refuses(true, "termination protection is on", "cloudformation:UpdateTerminationProtection",
		"`aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name "+w.name()+" --region us-east-1`")
	w.becomes(c, types.StackStatusRollbackComplete)
}

func strangersStay(t *testing.T, w *world) {
	c := sdk.NewFromConfig(w.front)
	w.fails("CREATE")
	if _, err := c.CreateStack(t.Context(), &sdk.CreateStackInput{StackName: aws.String(w.name()), TemplateBody: aws.String(w.queue("5")),
		Tags: []types.Tag{{Key: aws.String("driftless:application"), Value: aws.String("jobs")}}}); err != nil {
		t.Fatal(err)
	}
	w.becomes(c, types.StackStatusRollbackComplete)
	w.work.Settings.Recover.Recreate = true
	w.given(w.queue("5"))
	w.tokens++
	w.work.Operation = gitops.Operation{N: 1, Kind: gitops.OperationRecover, Token: gitops.Token("e2e", w.tokens), At: time.Now()}
	if _, err := w.engine.Start(t.Context(), w.work); err == nil || !strings.Contains(err.Error(), "Driftless did not make it for jobs") {
		t.Errorf("got %v", err)
	}
	w.becomes(c, types.StackStatusRollbackComplete)
}
