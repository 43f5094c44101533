package cloudformation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

func TestR26_ARefusalNamesTheFirstFailureAndTheCommand(t *testing.T) {
	for name, test := range map[string]struct{ status, failed, command string }{
		"a stack whose creation failed":  {"ROLLBACK_COMPLETE", "CREATE_FAILED", "aws cloudformation delete-stack --stack-name prod-jobs --region eu-west-1"},
		"a rollback that failed":         {"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "aws cloudformation continue-update-rollback --stack-name prod-jobs --region eu-west-1"},
		"an update left without a way":   {"UPDATE_FAILED", "UPDATE_FAILED", "aws cloudformation rollback-stack --stack-name prod-jobs --region eu-west-1"},
		"a deletion that failed":         {"DELETE_FAILED", "DELETE_FAILED", "aws cloudformation delete-stack --stack-name prod-jobs --region eu-west-1"},
		"an import that went back badly": {"IMPORT_ROLLBACK_FAILED", "IMPORT_FAILED", "console"},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			a.emit("theirs", stackName, "UPDATE_IN_PROGRESS", "User Initiated")
			a.emit("theirs", "Queue", test.failed, "queue is on fire")
			a.emit("theirs", "Topic", "CREATE_FAILED", "Resource creation cancelled")
			a.emit("theirs", stackName, test.status, "")
			reason := refusal(t, a.engine(), work(gitops.OperationPlan)).Reason
			for _, want := range []string{test.status, "Queue (AWS::SQS::Queue) " + test.failed + ": queue is on fire", test.command} {
				if !strings.Contains(reason, want) {
					t.Errorf("%q does not say %q", reason, want)
				}
			}
		})
	}
}

func TestAPlanOfANewStackIsACreationUnderTheToken(t *testing.T) {
	a := newAccount()
	w := work(gitops.OperationPlan)
	w.Settings.CloudFormation.Capabilities = []string{"CAPABILITY_IAM"}
	w.Settings.CloudFormation.Role = "arn:aws:iam::111122223333:role/exec"
	w.Settings.CloudFormation.Parameters = "prod.json"
	w.Settings.CloudFormation.Tags = map[string]string{"team": "jobs", "driftless:application": "forged"}
	w.Files = files(map[string]string{
		"stacks/jobs/template.yaml": "Parameters: {B: {Type: String}, A: {Type: String}}\n" + goodTemplate,
		"stacks/jobs/prod.json":     `[{"ParameterKey":"B","ParameterValue":"2"},{"ParameterKey":"A","ParameterValue":"1"}]`,
	})
	got := mustStart(t, a.engine(), w)
	if got.Operation.ID != setARN || got.Operation.StackID != stackARN {
		t.Errorf("the ids are %q and %q", got.Operation.ID, got.Operation.StackID)
	}
	in := a.created
	asked := []string{aws.ToString(in.ChangeSetName), aws.ToString(in.ClientToken), string(in.ChangeSetType),
		aws.ToString(in.RoleARN), string(in.Capabilities[0]), fmt.Sprint(in.OnStackFailure == "", in.DeploymentMode == "", aws.ToBool(in.IncludeNestedStacks), in.ImportExistingResources == nil, in.Description == nil)}
	for _, p := range in.Parameters {
		asked = append(asked, aws.ToString(p.ParameterKey)+"="+aws.ToString(p.ParameterValue))
	}
	for _, tag := range in.Tags {
		asked = append(asked, aws.ToString(tag.Key)+"="+aws.ToString(tag.Value))
	}
	want := []string{token, token, "CREATE", "arn:aws:iam::111122223333:role/exec", "CAPABILITY_IAM", "true true true true true",
		"A=1", "B=2", "driftless:application=jobs", "team=jobs"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the change set asked for (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"DescribeStacks", "CreateChangeSet"}, a.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func files(m map[string]string) func(context.Context) (fs.FS, error) {
	return func(context.Context) (fs.FS, error) {
		tree := fstest.MapFS{}
		for name, data := range m {
			tree[name] = &fstest.MapFile{Data: []byte(data)}
		}
		return tree, nil
	}
}

func TestARevertIsDriftAware(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	w := work(gitops.OperationPlan)
	w.Kind = gitops.KindRevert
	mustStart(t, a.engine(), w)
	if a.created.DeploymentMode != types.DeploymentModeRevertDrift || a.created.IncludeNestedStacks != nil {
		t.Errorf("mode %q, nested %v", a.created.DeploymentMode, a.created.IncludeNestedStacks)
	}
}

func TestARevertOfAStackThatIsGoneMakesItAnew(t *testing.T) {
	a := newAccount()
	w := work(gitops.OperationPlan)
	w.Kind = gitops.KindRevert
	mustStart(t, a.engine(), w)
	if a.created.DeploymentMode != "" || a.created.ChangeSetType != types.ChangeSetTypeCreate {
		t.Errorf("mode %q, type %q", a.created.DeploymentMode, a.created.ChangeSetType)
	}
}

func TestAPlanWhoseAnswerWasLostIsFoundByItsName(t *testing.T) {
	a := newAccount()
	a.loses["CreateChangeSet"] = true
	if _, err := a.engine().Start(t.Context(), work(gitops.OperationPlan)); !errors.Is(err, errLost) {
		t.Fatalf("got %v, want the lost answer", err)
	}
	w := mustStart(t, a.engine(), work(gitops.OperationPlan)) // the same token again
	a.settle(token, added("Queue"))
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationReady || s.Operation.ID != setARN || s.Operation.StackID != stackARN {
		t.Errorf("got %s %+v", s.State, s.Operation)
	}
	if len(a.sets) != 1 {
		t.Errorf("%d change sets stand", len(a.sets))
	}
}

func TestAMissingFileIsNamedBeforeAnyCall(t *testing.T) {
	a := newAccount()
	w := work(gitops.OperationPlan)
	w.Settings.CloudFormation.Parameters = "prod.json"
	got := refusal(t, a.engine(), w).Reason
	if want := "stacks/jobs/prod.json: no such file, though cloudformation.parameters names it"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(a.calls) > 0 {
		t.Errorf("calls: %v", a.calls)
	}
}

func TestR29h_EveryMistakeOfATemplateIsOneRefusalBeforeAnyCall(t *testing.T) {
	for name, test := range map[string]struct {
		template, parameters string
		want                 []string
	}{
		"no YAML":                      {"Resources: [", "[]", []string{"stacks/jobs/template.yaml:1:"}},
		"a resource without a type":    {"Resources:\n  Queue:\n    Properties: {}\n", "[]", []string{"stacks/jobs/template.yaml:2:", "Queue"}},
		"a broken parameter file":      {goodTemplate, "{", []string{"stacks/jobs/prod.json:1:"}},
		"two mistakes with parameters": {"Parameters: {A: {Type: String}}\n" + goodTemplate, `[{"ParameterKey":"B","ParameterValue":"1"}]`, []string{"A", "B"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			w := work(gitops.OperationPlan)
			w.Settings.CloudFormation.Parameters = "prod.json"
			w.Files = files(map[string]string{"stacks/jobs/template.yaml": test.template, "stacks/jobs/prod.json": test.parameters})
			r := refusal(t, a.engine(), w)
			for _, want := range test.want {
				if !strings.Contains(r.Reason, want) {
					t.Errorf("%q does not say %q", r.Reason, want)
				}
			}
			if len(a.calls) > 0 || r.Blocked {
				t.Errorf("calls %v, blocked %t", a.calls, r.Blocked)
			}
		})
	}
}

func TestR29i_ATransformIsRefusedBeforeAnyCall(t *testing.T) {
	a := newAccount()
	w := work(gitops.OperationPlan)
	w.Files = files(map[string]string{"stacks/jobs/template.yaml": "Transform: Company-Macro\n" + goodTemplate})
	if r := refusal(t, a.engine(), w); !strings.Contains(r.Reason, "Company-Macro") || len(a.calls) > 0 {
		t.Errorf("%q, calls %v", r.Reason, a.calls)
	}
}

func TestR29_AFullStackIsClearedOfOurLeftoversOnce(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	for i := range 3 {
		name := fmt.Sprintf("driftless-old-%d", i)
		w := work(gitops.OperationPlan)
		w.Operation.Token = name
		mustStart(t, a.engine(), w)
		a.settle(name)
	}
	w := work(gitops.OperationPlan)
	w.Operation.Token = "cdk-deploy"
	mustStart(t, a.engine(), w)
	a.settle("cdk-deploy")
	a.limit = 4
	mustStart(t, a.engine(), work(gitops.OperationPlan))
	if a.sets["cdk-deploy"] == nil || a.sets[token] == nil || len(a.sets) != 2 {
		t.Errorf("left are %d change sets", len(a.sets))
	}
}

func TestR29_AQuotaThatNothingFreesIsForAPerson(t *testing.T) {
	a := newAccount()
	a.limit = 0
	r := refusal(t, a.engine(), work(gitops.OperationPlan))
	if !r.Blocked || !strings.Contains(r.Reason, "limit exceeded") {
		t.Errorf("got %+v", r)
	}
	if n := a.count("CreateChangeSet"); n != 1 {
		t.Errorf("tried %d times", n)
	}
}

func TestR29e_PlanningAgainLeavesNoStalePlanBehind(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	planned(t, a)
	a.sets[token].ExecutionStatus = types.ExecutionStatusObsolete
	w := work(gitops.OperationPlan)
	w.Operation.N, w.Operation.Token = 2, "driftless-01J0-2"
	mustStart(t, a.engine(), w)
	if len(a.sets) != 1 || a.sets["driftless-01J0-2"] == nil {
		t.Errorf("%d change sets stand", len(a.sets))
	}
	a.settle("driftless-01J0-2", added("Queue"))
	mustStart(t, a.engine(), w) // a repeat finds it, and leaves it alone
	if judge(a.sets["driftless-01J0-2"]) != changeSetReady {
		t.Error("the repeat made its own plan anew")
	}
}

func TestR29e_AForeignOperationIsWaitedForAndThenPlannedUpon(t *testing.T) {
	a := standing("UPDATE_IN_PROGRESS")
	w := mustStart(t, a.engine(), work(gitops.OperationPlan))
	s := mustObserve(t, a.engine(), w)
	if s.State != gitops.OperationForeign || !strings.Contains(s.Reason, "UPDATE_IN_PROGRESS") {
		t.Fatalf("got %s: %s", s.State, s.Reason)
	}
	a.stack.StackStatus = "UPDATE_COMPLETE"
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationAbsent {
		t.Fatalf("got %s once the way is free", s.State)
	}
	w = mustStart(t, a.engine(), w)
	a.settle(token, added("Queue"))
	if s := mustObserve(t, a.engine(), w); s.State != gitops.OperationReady {
		t.Errorf("got %s", s.State)
	}
}

func TestR29e_AStackThatMovesBetweenTheTwoCallsIsWaitedFor(t *testing.T) {
	a := standing("UPDATE_COMPLETE")
	a.fails["CreateChangeSet"] = []error{apiError("ValidationError", "Stack:%s is in UPDATE_IN_PROGRESS state and can not be updated.", stackARN)}
	mustStart(t, a.engine(), work(gitops.OperationPlan))
}

func TestR29j_AnotherRoleOfTheStackIsRefused(t *testing.T) {
	const exec, other = "arn:aws:iam::111122223333:role/exec", "arn:aws:iam::111122223333:role/admin"
	for name, test := range map[string]struct {
		has, settings, installation string
		refused                     bool
	}{
		"the same role":                           {exec, exec, "", false},
		"the installation's role":                 {exec, "", exec, false},
		"no role yet":                             {"", exec, "", false},
		"another role":                            {other, exec, "", true},
		"another role than the installation's":    {other, "", exec, true},
		"a role where none is configured":         {other, "", "", true},
		"the settings' go before the default one": {exec, exec, other, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			if test.has != "" {
				a.stack.RoleARN = aws.String(test.has)
			}
			e := a.engine()
			e.role = func(reconcile.Work) string { return test.installation }
			w := work(gitops.OperationPlan)
			w.Settings.CloudFormation.Role = test.settings
			_, err := e.Start(t.Context(), w)
			var r *gitops.Refusal
			if errors.As(err, &r) != test.refused {
				t.Errorf("got %v", err)
			}
			if test.refused && (!strings.Contains(r.Reason, other) || a.count("CreateChangeSet") > 0) {
				t.Errorf("%q, calls %v", r.Reason, a.calls)
			}
		})
	}
}

func TestR29k_WhatAWSFindsWrongIsRefusedInItsWords(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want string
	}{
		"a missing capability": {apiError("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_NAMED_IAM]"),
			"create change set for stack prod-jobs: Requires capabilities : [CAPABILITY_NAMED_IAM]: add it to the application's capabilities in driftless.yaml"},
		"a missing parameter": {apiError("ValidationError", "Parameters: [Size] must have values"),
			"create change set for stack prod-jobs: Parameters: [Size] must have values"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAccount()
			a.fails["CreateChangeSet"] = []error{test.err}
			if got := refusal(t, a.engine(), work(gitops.OperationPlan)); got.Reason != test.want || got.Blocked {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

func TestR29g_WhatAWSCouldNotSayIsAnErrorAndNeverAState(t *testing.T) {
	throttled := apiError("Throttling", "Rate exceeded")
	for _, call := range []string{"DescribeStacks", "CreateChangeSet"} {
		a := newAccount()
		a.fails[call] = []error{throttled}
		_, err := a.engine().Start(t.Context(), work(gitops.OperationPlan))
		var r *gitops.Refusal
		if err == nil || errors.As(err, &r) || errors.Is(err, reconcile.ErrDenied) {
			t.Errorf("%s: got %v", call, err)
		}
	}
	for _, call := range []string{"DescribeChangeSet", "DescribeStackEvents", "DescribeStacks"} {
		a := newAccount()
		w := planned(t, a)
		if call == "DescribeStacks" { // asked once the operation ended
			w = mustStart(t, a.engine(), w)
			a.emit(token, stackName, "CREATE_COMPLETE", "")
		}
		a.fails[call] = []error{throttled}
		if s, err := a.engine().Observe(t.Context(), w); err == nil {
			t.Errorf("%s: got %s", call, s.State)
		}
	}
}

func TestADenialNamesTheCallAndIsTold(t *testing.T) {
	a := newAccount()
	a.fails["DescribeStacks"] = []error{apiError("AccessDenied", "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: cloudformation:DescribeStacks")}
	_, err := a.engine().Start(t.Context(), work(gitops.OperationPlan))
	if !errors.Is(err, reconcile.ErrDenied) || !strings.Contains(err.Error(), "cloudformation:DescribeStacks") {
		t.Errorf("got %v", err)
	}
}
