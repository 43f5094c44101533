package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// resume continues a rollback under the token "on" and returns what AWS answers.
func (w *world) resume(stack string, force bool, skip ...string) error {
	w.t.Helper()
	in := &cfn.ContinueUpdateRollbackInput{StackName: aws.String(stack), ClientRequestToken: aws.String("on"), ResourcesToSkip: skip}
	if force {
		in.ForceRollback = aws.Bool(true)
	}
	_, err := w.client.ContinueUpdateRollback(w.t.Context(), in)
	return err
}

// stranded makes a stack of a stack of a stack of one queue, whose update could not be rolled
// back, and returns the names of the two nested ones.
func (w *world) stranded() (middle, inner string) {
	w.t.Helper()
	outer := func(url string, seconds int) string {
		return fmt.Sprintf("Resources:\n  Middle:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: %s, Parameters: { Seconds: %d } }\n", url, seconds)
	}
	nest := "Parameters: { Seconds: { Type: Number } }\nResources:\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: " +
		w.upload("child.yaml", child) + ", Parameters: { Seconds: !Ref Seconds } }\n"
	url := w.upload("middle.yaml", nest)
	w.must("app", outer(url, 10))
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "UPDATE", Reason: "not today", Times: 1})
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "ROLLBACK", Reason: "never"})
	if status := w.deploy("app", outer(url, 20)); status != types.StackStatusUpdateRollbackFailed {
		w.t.Fatalf("status %s\n%s", status, w.history("app"))
	}
	below := w.nestedOf("app", "Middle")
	return aws.ToString(below.StackName), aws.ToString(w.nestedOf(aws.ToString(below.StackId), "Inner").StackName)
}

func TestAResourceHoweverDeepIsSkippedByTheNameOfItsOwnStack(t *testing.T) {
	w := newWorld(t)
	middle, inner := w.stranded()
	for _, id := range []string{"Middle", middle + ".Inner", middle + "." + inner + ".Jobs", inner + ".Other", "Jobs"} {
		if got := message(w.resume("app", false, id)); !strings.HasPrefix(got, "ValidationError: Resource "+id+" cannot be skipped") {
			t.Errorf("skipping %s: %s", id, got)
		}
	}
	if err := w.resume("app", false, inner+".Jobs"); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("app"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s\n%s", status, w.history("app"))
	}
}

func TestAForcedRollbackSkipsWhatCannotBeRolledBack(t *testing.T) {
	w := newWorld(t)
	_, inner := w.stranded()
	if got := message(w.resume("app", true, inner+".Jobs")); !strings.Contains(got, "mutually exclusive") {
		t.Errorf("both ways at once: %s", got)
	}
	if err := w.resume("app", true); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("app"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s\n%s", status, w.history("app"))
	}
}

func TestARecoverysEventsCarryItsToken(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "UPDATE", Reason: "not today", Times: 1})
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "ROLLBACK", Reason: "never", Times: 2})
	w.deploy("jobs", twoQueues)
	if err := w.resume("jobs", false); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("jobs"); status != types.StackStatusUpdateRollbackFailed {
		t.Fatalf("status %s\n%s", status, w.history("jobs"))
	}
	out, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for _, e := range out.StackEvents {
		if aws.ToString(e.ClientRequestToken) == "on" {
			seen = append(seen, aws.ToString(e.LogicalResourceId)+" "+string(e.ResourceStatus))
		}
	}
	want := "jobs UPDATE_ROLLBACK_FAILED; Jobs UPDATE_FAILED; Jobs UPDATE_IN_PROGRESS; jobs UPDATE_ROLLBACK_IN_PROGRESS"
	if got := strings.Join(seen, "; "); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	before := w.history("jobs")
	if err := w.resume("jobs", false); err != nil || w.settled("jobs") != types.StackStatusUpdateRollbackFailed || w.history("jobs") != before {
		t.Errorf("the same request again, whose first answer may have been lost, began something: %v\n%s", err, w.history("jobs"))
	}
}

func TestAStackWhoseCreationFailedShowsItsTagsAndIsDeletedUnderAToken(t *testing.T) {
	w := newWorld(t)
	w.service.Fail("jobs", "Jobs", "not today")
	tag := func(in *cfn.CreateChangeSetInput) {
		in.Tags = []types.Tag{{Key: aws.String("team"), Value: aws.String("jobs")}}
	}
	if status := w.deploy("jobs", oneQueue, tag); status != types.StackStatusRollbackComplete {
		t.Fatalf("status %s", status)
	}
	st := w.find("jobs")
	if len(st.Tags) != 1 || aws.ToString(st.Tags[0].Value) != "jobs" {
		t.Errorf("tags %v", st.Tags)
	}
	if _, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: st.StackId, ClientRequestToken: aws.String("away")}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled(aws.ToString(st.StackId)); status != types.StackStatusDeleteComplete {
		t.Errorf("status %s", status)
	}
	w.must("jobs", oneQueue)
}

func TestAStackIsProtectedFromItsCreationOn(t *testing.T) {
	w := newWorld(t)
	if _, err := w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("jobs"), TemplateBody: aws.String(oneQueue), EnableTerminationProtection: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	w.settled("jobs")
	_, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: aws.String("jobs")})
	if got := message(err); got != "ValidationError: Stack [jobs] cannot be deleted while TerminationProtection is enabled" || !aws.ToBool(w.find("jobs").EnableTerminationProtection) {
		t.Errorf("got %s", got)
	}
}
