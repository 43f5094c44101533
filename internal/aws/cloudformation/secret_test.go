package cloudformation

import (
	"context"
	"encoding/json"
	"errors"
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

const (
	sentinel = `s3nt"inel<&>` // as JSON it reads otherwise
	pin      = "42"           // too short to be looked for inside words
)

// secretive is the work of an application whose parameter file gives secrets, to its own
// template and through it to a nested one.
func secretive(kind gitops.OperationKind) reconcile.Work {
	w := work(kind)
	w.Settings.CloudFormation.Parameters = "prod.json"
	parameters, _ := json.Marshal([]string{"Password=" + sentinel, "Pin=" + pin, "Size=7"})
	w.Files = files(map[string]string{
		"stacks/jobs/template.yaml": "Parameters:\n  Password: {Type: String, NoEcho: true}\n  Pin: {Type: String, NoEcho: true}\n  Size: {Type: String}\n" + goodTemplate +
			"  Vpc:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: vpc.yaml\n      Parameters: {Token: literal-of-git, Plain: seen}\n",
		"stacks/jobs/vpc.yaml":  "Parameters: {Token: {Type: String, NoEcho: true}, Plain: {Type: String}}\n" + goodTemplate,
		"stacks/jobs/prod.json": string(parameters),
	})
	return w
}

// quoted is the sentinel as it stands inside JSON.
func quoted() string {
	data, _ := json.Marshal(sentinel)
	return string(data[1 : len(data)-1])
}

// tells fails where a text holds a secret, in any form.
func tells(t *testing.T, where, text string) {
	t.Helper()
	for _, secret := range []string{sentinel, quoted(), `s3nt\"inel<&>`, "s3nt", "literal-of-git"} {
		if strings.Contains(text, secret) {
			t.Errorf("%s tells %s: %s", where, secret, text)
		}
	}
}

func TestNoSecretIsInAPlanWhateverAWSAnswers(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.with(&bucket{}), secretive(gitops.OperationPlan))
	bare := target("/Properties/Token", "old", "new", types.RequiresRecreationNever)
	change := func(action types.ChangeAction, after string, targets ...*types.ResourceTargetDefinition) types.Change {
		c := added("Queue")
		c.ResourceChange.Action = action
		if after != "" {
			c.ResourceChange.AfterContext = aws.String(after)
		}
		for _, one := range targets {
			c.ResourceChange.Details = append(c.ResourceChange.Details, types.ResourceChangeDetail{Target: one})
		}
		return c
	}
	vpc := a.nest(token, "Vpc", types.ChangeActionAdd, change(types.ChangeActionAdd, `{"Properties":{"Name":"db-`+quoted()+`","Pin":"42","Port":"4242"}}`))
	vpc.ResourceChange.AfterContext = aws.String(`{"Properties":{"Parameters":{"Token":"literal-of-git","Plain":"seen"}}}`)
	caused := change(types.ChangeActionModify, "", bare)
	caused.ResourceChange.Details[0].CausingEntity = aws.String("Password") // declared so, whatever AWS masks
	a.settle(token,
		change(types.ChangeActionAdd, `{"Properties":{"Password":"`+quoted()+`","Url":{"Host":"a","User":"u:`+quoted()+`@"}}}`),
		change(types.ChangeActionModify, "", target("/Properties/Pass", sentinel, "p-"+sentinel, types.RequiresRecreationNever),
			target("/Properties/Size", "7", "pin 42!", types.RequiresRecreationNever)),
		caused, vpc)
	a.findings[setARN] = []types.OperationEvent{{EventType: types.EventTypeValidationError, LogicalResourceId: aws.String("Queue"),
		ValidationFailureMode: types.HookFailureModeWarn, ValidationName: aws.String("QUOTA"), ValidationStatusReason: aws.String("no room for " + sentinel)}}
	s := mustObserve(t, a.engine(), w)
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	tells(t, "the plan", string(data))
	shown := map[string]string{}
	for _, c := range append(s.Plan.Changes, s.Plan.Changes[len(s.Plan.Changes)-1].Nested...) {
		for _, p := range c.Properties {
			shown[p.Path] = p.LastDeployed + " " + p.Proposed
		}
	}
	want := map[string]string{
		"/Password": " ****", "/Url": ` {"Host":"a","User":"u:****@"}`, "/Pass": "**** p-****", "/Size": "7 pin ****!", "/Token": "**** ****",
		"/Parameters": ` {"Plain":"seen","Token":"****"}`, "/Name": " db-****", "/Pin": " ****", "/Port": " 4242",
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
	if !strings.Contains(s.Plan.Note, "no room for ****") {
		t.Errorf("note %q", s.Plan.Note)
	}
}

func TestNoSecretIsInAReason(t *testing.T) {
	said := "Value '" + sentinel + "' at 'password' is refused"
	for name, test := range map[string]func(t *testing.T, a *account) gitops.Sighting{
		"of a change set that failed": func(t *testing.T, a *account) gitops.Sighting {
			w := mustStart(t, a.with(&bucket{}), secretive(gitops.OperationPlan))
			a.settleFailed(token, said)
			return mustObserve(t, a.engine(), w)
		},
		"of a nested one": func(t *testing.T, a *account) gitops.Sighting {
			w := mustStart(t, a.with(&bucket{}), secretive(gitops.OperationPlan))
			a.settle(token, a.nest(token, "Vpc", types.ChangeActionAdd))
			a.settleFailed(token, "Nested change set "+*a.sets[token+"-Vpc"].ChangeSetId+" was not successfully created: Currently in FAILED.")
			a.sets[token].Changes = []types.Change{{ResourceChange: &types.ResourceChange{
				LogicalResourceId: aws.String("Vpc"), ChangeSetId: a.sets[token+"-Vpc"].ChangeSetId}}}
			a.settleFailed(token+"-Vpc", said)
			return mustObserve(t, a.engine(), w)
		},
		"of an update that failed": func(t *testing.T, a *account) gitops.Sighting {
			w := mustStart(t, a.with(&bucket{}), secretive(gitops.OperationPlan))
			a.settle(token, added("Queue"))
			w.Operation.Kind = gitops.OperationApply
			mustStart(t, a.engine(), w)
			a.emit(token, "Queue", "UPDATE_FAILED", said)
			a.emit(token, stackName, "UPDATE_ROLLBACK_COMPLETE", "")
			return mustObserve(t, a.engine(), w)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := test(t, standing("CREATE_COMPLETE"))
			tells(t, "the reason", s.Reason)
			if s.State != gitops.OperationFailed || !strings.Contains(s.Reason, "Value '****' at 'password' is refused") {
				t.Errorf("got %s: %q", s.State, s.Reason)
			}
		})
	}
}

func TestNoSecretIsInAnError(t *testing.T) {
	said := "1 validation error detected: Value '" + sentinel + "' at 'parameters.1.member.parameterValue' failed to satisfy constraint"
	for name, test := range map[string]struct {
		err     error
		refused bool
		denied  bool
	}{
		"that is a person's to mend": {apiError("ValidationError", "%s", said), true, false},
		"that may pass":              {apiError("Throttling", "%s", said), false, false},
		"that refuses rights":        {apiError("AccessDenied", "%s", said), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := standing("CREATE_COMPLETE")
			a.fails["CreateChangeSet"] = []error{test.err}
			_, err := a.with(&bucket{}).Start(t.Context(), secretive(gitops.OperationPlan))
			if err == nil {
				t.Fatal("no error")
			}
			tells(t, "the error", err.Error())
			var r *gitops.Refusal
			if !strings.Contains(err.Error(), "Value '****' at") || errors.As(err, &r) != test.refused || errors.Is(err, reconcile.ErrDenied) != test.denied {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestNothingIsToldBeforeTheSecretsAreKnown(t *testing.T) {
	a := standing("CREATE_COMPLETE")
	w := mustStart(t, a.with(&bucket{}), secretive(gitops.OperationPlan))
	a.settleFailed(token, "no "+sentinel)
	w.Files = func(context.Context) (fs.FS, error) { return nil, errLost }
	if s, err := a.engine().Observe(t.Context(), w); !errors.Is(err, errLost) || s.Reason != "" {
		t.Errorf("got %q, %v", s.Reason, err)
	}
}

func TestTemplatesThatNestEachOtherAreLookedIntoOnce(t *testing.T) {
	tree := fstest.MapFS{}
	for from, to := range map[string]string{"a.yaml": "b.yaml", "b.yaml": "a.yaml"} {
		tree[from] = &fstest.MapFile{Data: []byte("Parameters: {S: {Type: String, NoEcho: true}}\n" +
			"Resources:\n  Next:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: " + to + "}\n" +
			"  Again:\n    Type: AWS::CloudFormation::Stack\n    Properties: {TemplateURL: " + to + "}\n")}
	}
	known := map[string]*noEcho{}
	d := declarations(tree, "a.yaml", nil, known)
	if !d.names["S"] || !d.nested["Next"].names["S"] || !d.nested["Again"].nested["Next"].names["S"] || len(known) != 2 {
		t.Errorf("got %v, having read %d", d.names, len(known))
	}
}
