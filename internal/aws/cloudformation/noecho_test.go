package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// tainted is a template whose resources are made from secrets in every way, and of which two
// properties are not.
const tainted = `
Parameters:
  Pw: {Type: String, NoEcho: true, Default: s3ntinel-default}
  Plain: {Type: String, Default: seen}
Resources:
  Param:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Ref Pw, Description: !Ref Plain}
  Url:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub "db://u:${Pw}@host"}
  List:
    Type: AWS::Lambda::Function
    Properties: {Environment: {Variables: {Url: {"Fn::Join": ["", [a, {Ref: Pw}]]}}}, Timeout: 3}
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: child.yaml, Parameters: {Handed: !Ref Pw, Other: seen}}
`

// child is handed a secret under a name that is not NoEcho.
const child = `
Parameters: {Handed: {Type: String}, Other: {Type: String}}
Resources:
  Inner:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !Sub "x-${Handed}", Description: !Ref Other}
`

func taintedWork(kind gitops.OperationKind) reconcile.Work {
	w := work(kind)
	w.Files = files(map[string]string{"stacks/jobs/template.yaml": tainted, "stacks/jobs/child.yaml": child})
	return w
}

func differs(path, declared, live string) types.PropertyDifference {
	return types.PropertyDifference{PropertyPath: aws.String(path), ExpectedValue: aws.String(declared), ActualValue: aws.String(live),
		DifferenceType: types.DifferenceTypeNotEqual}
}

// drifted is the report of a detection that found every kind of property changed by hand.
func drifted(t *testing.T, w reconcile.Work) (gitops.Sighting, error) {
	t.Helper()
	a := standing("UPDATE_COMPLETE")
	started := mustStart(t, a.engine(), work(gitops.OperationDetect))
	w.Operation = started.Operation
	a.detection.DetectionStatus, a.detection.StackDriftStatus = types.StackDriftDetectionStatusDetectionComplete, types.StackDriftStatusDrifted
	modified := types.StackResourceDriftStatusModified
	a.resource("Param", "AWS::SSM::Parameter", modified, differs("/Value", "s3ntinel-default", "s3ntinel-by-hand"), differs("/Description", "seen", "changed"))
	a.resource("Url", "AWS::SSM::Parameter", modified, differs("/Value", "db://u:s3ntinel-default@host", "db://u:s3ntinel-by-hand@host"))
	a.resource("List", "AWS::Lambda::Function", modified, differs("/Environment/Variables/Url", "s3ntinel-default", "s3ntinel-by-hand"), differs("/Timeout", "3", "60"))
	a.resource("Child", "AWS::CloudFormation::Stack", modified, differs("/Parameters/Handed", "s3ntinel-default", "s3ntinel-by-hand"), differs("/Parameters/Other", "seen", "changed"))
	a.resource("Odd", "AWS::X::Y", types.StackResourceDriftStatusUnknown)
	a.drifts[len(a.drifts)-1].DriftStatusReason = aws.String("could not read s3ntinel-default")
	return a.engine().Observe(t.Context(), w)
}

// toldOf returns what a report tells of each property that differs.
func toldOf(r *gitops.DriftReport) map[string]string {
	told := map[string]string{}
	for _, d := range r.Resources {
		for _, p := range d.Properties {
			told[d.LogicalID+p.Path] = p.Declared + " " + p.Live
		}
	}
	return told
}

func TestNoSecretIsInADriftReport(t *testing.T) {
	s, err := drifted(t, taintedWork(gitops.OperationDetect))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Param/Value": "**** ****", "Param/Description": "seen changed", "Url/Value": "**** ****",
		"List/Environment/Variables/Url": "**** ****", "List/Timeout": "3 60",
		"Child/Parameters/Handed": "**** ****", "Child/Parameters/Other": "seen changed",
	}
	if diff := cmp.Diff(want, toldOf(s.Report)); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	data, err := json.Marshal(s)
	if err != nil || strings.Contains(string(data), "s3ntinel") {
		t.Errorf("%v: %s", err, data)
	}
	if text := fmt.Sprint(s.Report.Summary()); strings.Contains(text, "s3ntinel") {
		t.Errorf("the summary tells %s", text)
	}
}

func TestADriftReportTellsNoValueWhereNobodyKnowsWhichAreSecret(t *testing.T) {
	for name, open := range map[string]func(context.Context) (fs.FS, error){
		"since nothing says what is deployed": nil,
		"since the bundle is gone":            func(context.Context) (fs.FS, error) { return nil, reconcile.ErrNotFound },
		"since the bundle was changed":        func(context.Context) (fs.FS, error) { return nil, &gitops.Refusal{Reason: "changed"} },
		"since it has no template":            files(nil),
	} {
		t.Run(name, func(t *testing.T) {
			w := work(gitops.OperationDetect)
			w.Files = open
			s, err := drifted(t, w)
			if err != nil {
				t.Fatal(err)
			}
			for at, told := range toldOf(s.Report) {
				if told != "**** ****" {
					t.Errorf("%s: told %s", at, told)
				}
			}
			if len(toldOf(s.Report)) != 7 {
				t.Errorf("told of %v", toldOf(s.Report))
			}
		})
	}
}

func TestADriftReportWaitsForABundleThatCannotBeReadNow(t *testing.T) {
	w := work(gitops.OperationDetect)
	w.Files = func(context.Context) (fs.FS, error) { return nil, errLost }
	if s, err := drifted(t, w); !errors.Is(err, errLost) {
		t.Errorf("got %s, %v", s.State, err)
	}
}

func TestAPlanHidesWhatTheTemplateMakesFromASecret(t *testing.T) {
	for _, kind := range []gitops.Kind{gitops.KindDeploy, gitops.KindRevert} {
		a := standing("UPDATE_COMPLETE")
		w := taintedWork(gitops.OperationPlan)
		w.Kind = kind
		w = mustStart(t, a.with(&bucket{}), w)
		change := func(id string, targets ...*types.ResourceTargetDefinition) types.Change {
			c := added(id)
			c.ResourceChange.Action = types.ChangeActionModify
			for _, one := range targets {
				one.Drift = &types.LiveResourceDrift{PreviousValue: one.BeforeValue, ActualValue: aws.String("s3ntinel-by-hand")}
				if strings.HasSuffix(*one.Path, "Description") {
					one.Drift.ActualValue = aws.String("changed")
				}
				c.ResourceChange.Details = append(c.ResourceChange.Details, types.ResourceChangeDetail{Target: one})
			}
			return c
		}
		never := types.RequiresRecreationNever
		inner := change("Inner", target("/Properties/Value", "x-s3ntinel-old", "x-s3ntinel-new", never), target("/Properties/Description", "seen", "new", never))
		nested := a.nest(token, "Child", types.ChangeActionModify, inner)
		a.settle(token,
			change("Param", target("/Properties/Value", "s3ntinel-old", "s3ntinel-new", never), target("/Properties/Description", "seen", "new", never)),
			change("List", target("/Properties/Environment/Variables/Url", "s3ntinel-old", "s3ntinel-new", never)),
			change("Generated", target("/Properties/Anything", "s3ntinel-old", "s3ntinel-new", never)), nested)
		s := mustObserve(t, a.engine(), w)
		data, err := json.Marshal(s)
		if err != nil || strings.Contains(string(data), "s3ntinel") {
			t.Errorf("%s: %v: %s", kind, err, data)
		}
		if n := strings.Count(string(data), `"changed"`); n != 2 {
			t.Errorf("%s: %d plain properties are shown: %s", kind, n, data)
		}
	}
}

func TestANestedTemplateThatIsNotToBeSeenIsHiddenWhereItIsGivenASecret(t *testing.T) {
	given := map[string]bool{"Token": true}
	if !(&noEcho{}).holds(given, "Any", "/Value") || (&noEcho{}).holds(nil, "Any", "/Value") {
		t.Error("a template that is not to be seen hides what it is given, or hides without a secret")
	}
}
