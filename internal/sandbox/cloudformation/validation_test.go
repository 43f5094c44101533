package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// findings are a change set's validation events, a line each.
func (w *world) findings(c *cfn.DescribeChangeSetOutput) []string {
	w.t.Helper()
	out, err := w.client.DescribeEvents(w.t.Context(), &cfn.DescribeEventsInput{ChangeSetName: c.ChangeSetId})
	if err != nil {
		w.t.Fatal(err)
	}
	var lines []string
	for _, e := range out.OperationEvents {
		lines = append(lines, strings.Join([]string{string(e.EventType), aws.ToString(e.ValidationName), string(e.ValidationFailureMode),
			aws.ToString(e.ValidationPath), aws.ToString(e.ValidationStatusReason)}, " "))
	}
	return lines
}

func TestNameThatIsTakenIsFoundBeforeAnythingIsMade(t *testing.T) {
	w := newWorld(t)
	const named = "Resources:\n  Jobs: { Type: AWS::SQS::Queue, Properties: { QueueName: taken } }\n"
	w.must("owner", named)
	c := w.plan("app", named)
	want := []string{"VALIDATION_ERROR NAME_CONFLICT_VALIDATION FAIL /Resources/Jobs Resource of type 'AWS::SQS::Queue' with identifier 'taken' already exists."}
	if diff := cmp.Diff(want, w.findings(c)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestFindingsCanBeScripted(t *testing.T) {
	for name, c := range map[string]struct {
		failure cloudformation.Failure
		status  types.ChangeSetStatus
		reason  string
		want    string
	}{
		"one that fails": {cloudformation.Failure{Action: "VALIDATE", Resource: "Jobs", Path: "/Properties/QueueName", Reason: "no such name"},
			types.ChangeSetStatusFailed, "[AWS::EarlyValidation::PropertyValidation]",
			"VALIDATION_ERROR PROPERTY_VALIDATION FAIL /Resources/Jobs/Properties/QueueName no such name"},
		"one that warns": {cloudformation.Failure{Action: "VALIDATE", Resource: "Jobs", Check: "SERVICE_QUOTA_VALIDATION", Mode: "WARN", Reason: "too many"},
			types.ChangeSetStatusCreateComplete, "", "VALIDATION_ERROR SERVICE_QUOTA_VALIDATION WARN /Resources/Jobs too many"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.service.Script(c.failure)
			plan := w.plan("jobs", oneQueue)
			if plan.Status != c.status || !strings.Contains(aws.ToString(plan.StatusReason), c.reason) {
				t.Errorf("%s %s", plan.Status, aws.ToString(plan.StatusReason))
			}
			if diff := cmp.Diff([]string{c.want}, w.findings(plan)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretsAreMaskedInChangesAndEvents(t *testing.T) {
	w := newWorld(t)
	const body = `
Parameters: { Secret: { Type: String, NoEcho: true } }
Resources:
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !Sub "user:${Secret}" }
`
	w.must("jobs", body, withParameter("Secret", "hush"))
	c := w.plan("jobs", body, withParameter("Secret", "other"))
	if got := changes(c); !cmp.Equal(got, []string{"Modify Name False /Properties/Value:user:****->user:****"}) {
		t.Errorf("plan: %v", got)
	}
	out, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if strings.Contains(aws.ToString(e.ResourceProperties), "hush") {
			t.Errorf("event %s %s shows %s", aws.ToString(e.LogicalResourceId), e.ResourceStatus, aws.ToString(e.ResourceProperties))
		}
	}
}
