package cloudformation_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

const oneQueue = `
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties: { VisibilityTimeout: 10 }
`

const twoQueues = `
Resources:
  Dead:
    Type: AWS::SQS::Queue
  Jobs:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 20
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3 }
`

func TestFailedCreationRollsBackAndCanOnlyBeDeleted(t *testing.T) {
	w := newWorld(t)
	w.service.Fail("broken", "Jobs", "no more queues")
	if status := w.deploy("broken", twoQueues); status != types.StackStatusRollbackComplete {
		t.Fatalf("status %s", status)
	}
	got := w.history("broken")
	for _, want := range []string{
		"Dead CREATE_IN_PROGRESS Resource creation Initiated", `Jobs CREATE_FAILED Resource handler returned message: "no more queues"`,
		"broken ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Jobs]. Rollback requested by user.",
		"Dead DELETE_COMPLETE", "broken ROLLBACK_COMPLETE",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no event %q in\n%s", want, got)
		}
	}
	if got := w.refusal("broken", oneQueue); !strings.Contains(got, "is in ROLLBACK_COMPLETE state and can not be updated.") {
		t.Errorf("update of it: %s", got)
	}
	w.delete("broken")
}

func TestFailedUpdateRollsBackToWhatWasThere(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.service.Script(cloudformation.Failure{Stack: "jobs", Resource: "Jobs", Action: "UPDATE", Reason: "not today", Times: 1})
	if status := w.deploy("jobs", twoQueues); status != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("status %s\n%s", status, w.history("jobs"))
	}
	got := w.history("jobs")
	for _, want := range []string{
		"Jobs UPDATE_FAILED", "jobs UPDATE_ROLLBACK_IN_PROGRESS The following resource(s) failed to update: [Jobs]. ",
		"Jobs UPDATE_COMPLETE", "jobs UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "Dead DELETE_COMPLETE", "jobs UPDATE_ROLLBACK_COMPLETE",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no event %q in\n%s", want, got)
		}
	}
	w.inSync("jobs")
	w.must("jobs", twoQueues)
	w.inSync("jobs")
}

func TestFailedRollbackIsContinued(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "UPDATE", Reason: "not today", Times: 1})
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "ROLLBACK", Reason: "nor back", Times: 1})
	if status := w.deploy("jobs", twoQueues); status != types.StackStatusUpdateRollbackFailed {
		t.Fatalf("status %s\n%s", status, w.history("jobs"))
	}
	if got := w.refusal("jobs", twoQueues); !strings.Contains(got, "is in UPDATE_ROLLBACK_FAILED state and can not be updated.") {
		t.Errorf("update of it: %s", got)
	}
	if _, err := w.client.ContinueUpdateRollback(t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: aws.String("jobs"), ClientRequestToken: aws.String("again")}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("jobs"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s\n%s", status, w.history("jobs"))
	}
	w.inSync("jobs")
}

func TestSkippedResourceIsNotCheckedAfterwards(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "UPDATE", Reason: "not today", Times: 1})
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "ROLLBACK", Reason: "never"})
	w.deploy("jobs", twoQueues)
	if _, err := w.client.ContinueUpdateRollback(t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: aws.String("jobs"), ResourcesToSkip: []string{"Jobs"}}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("jobs"); status != types.StackStatusUpdateRollbackComplete {
		t.Fatalf("status %s", status)
	}
	w.detect("jobs")
	out, err := w.client.DescribeStackResources(t.Context(), &cfn.DescribeStackResourcesInput{StackName: aws.String("jobs")})
	if err != nil || out.StackResources[0].DriftInformation.StackResourceDriftStatus != types.StackResourceDriftStatusNotChecked {
		t.Errorf("skipped resource: %v %v", out, err)
	}
}

func TestUpdateWithoutRollbackStopsAndCanBeRolledBackLater(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	w.service.Fail("jobs", "Jobs", "not today")
	c := w.plan("jobs", twoQueues)
	if _, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: c.ChangeSetId, DisableRollback: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("jobs"); status != types.StackStatusUpdateFailed {
		t.Fatalf("status %s", status)
	}
	if _, err := w.client.RollbackStack(t.Context(), &cfn.RollbackStackInput{StackName: aws.String("jobs")}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("jobs"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s\n%s", status, w.history("jobs"))
	}
	w.inSync("jobs")
}

func TestReplacementMakesTheNewBeforeItDeletesTheOld(t *testing.T) {
	w := newWorld(t)
	named := func(name string) string {
		return "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: { QueueName: " + name + " }\n"
	}
	w.must("jobs", named("old"))
	c := w.plan("jobs", named("new"))
	if got := changes(c); !cmp.Equal(got, []string{"Modify Jobs True /Properties/QueueName:old->new"}) || c.Changes[0].ResourceChange.PolicyAction != types.PolicyActionReplaceAndDelete {
		t.Errorf("plan: %v %s", got, c.Changes[0].ResourceChange.PolicyAction)
	}
	w.execute(c)
	w.settled("jobs")
	got := w.history("jobs")
	made, removed := strings.LastIndex(got, "Jobs UPDATE_COMPLETE"), strings.LastIndex(got, "Jobs DELETE_COMPLETE")
	if made < 0 || removed < made || !strings.Contains(got, "Requested update requires the creation of a new physical resource; hence creating one.") {
		t.Errorf("events:\n%s", got)
	}
	w.inSync("jobs")
}

func TestRetainedResourceStaysWhenItsStackGoes(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    DeletionPolicy: Retain\n    Properties: { QueueName: kept }\n")
	id := aws.ToString(w.find("jobs").StackId)
	w.delete("jobs")
	if got := w.history(id); !strings.Contains(got, "Jobs DELETE_SKIPPED") {
		t.Errorf("events:\n%s", got)
	}
	c := w.plan("again", "Resources:\n  Jobs:\n    Type: AWS::SQS::Queue\n    Properties: { QueueName: kept, VisibilityTimeout: 77 }\n")
	if got := aws.ToString(c.StatusReason); !strings.Contains(got, "AWS::EarlyValidation::ResourceExistenceCheck") {
		t.Errorf("a queue of that name should still be there, but the change set is %s %s", c.Status, got)
	}
}

func TestTerminationProtectionHolds(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	set := func(on bool) {
		if _, err := w.client.UpdateTerminationProtection(t.Context(), &cfn.UpdateTerminationProtectionInput{StackName: aws.String("jobs"), EnableTerminationProtection: aws.Bool(on)}); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
	_, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: aws.String("jobs")})
	if got := message(err); got != "ValidationError: Stack [jobs] cannot be deleted while TerminationProtection is enabled" {
		t.Errorf("deletion: %s", got)
	}
	set(false)
	w.delete("jobs")
}

func TestOnStackFailureDeleteLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.service.Fail("gone", "Jobs", "no")
	status := w.deploy("gone", oneQueue, func(in *cfn.CreateChangeSetInput) { in.OnStackFailure = types.OnStackFailureDelete })
	if status != types.StackStatusDeleteComplete || w.find("gone") != nil {
		t.Errorf("status %s, found by name: %v", status, w.find("gone"))
	}
}

func TestExportInUseKeepsItsStack(t *testing.T) {
	w := newWorld(t)
	w.must("owner", oneQueue+"Outputs: { Arn: { Value: !GetAtt Jobs.Arn, Export: { Name: jobs-arn } } }\n")
	w.must("user", "Resources:\n  P:\n    Type: AWS::SSM::Parameter\n    Properties: { Type: String, Value: !ImportValue jobs-arn }\n")
	_, err := w.client.DeleteStack(t.Context(), &cfn.DeleteStackInput{StackName: aws.String("owner")})
	if got := message(err); got != "ValidationError: Export jobs-arn cannot be deleted as it is in use by user" {
		t.Errorf("deletion: %s", got)
	}
	w.delete("user")
	w.delete("owner")
}

func TestStackEventsCarryTheTokenAndReachTheBus(t *testing.T) {
	w := newWorld(t)
	c := w.plan("jobs", oneQueue)
	w.execute(c)
	w.settled("jobs")
	out, err := w.client.DescribeStackEvents(t.Context(), &cfn.DescribeStackEventsInput{StackName: aws.String("jobs")})
	if err != nil {
		t.Fatal(err)
	}
	if got := aws.ToString(out.StackEvents[0].ClientRequestToken); got != aws.ToString(c.ChangeSetName) {
		t.Errorf("token %q, want %q", got, aws.ToString(c.ChangeSetName))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.events[len(w.events)-1]
	want := `{"client-request-token":"` + aws.ToString(c.ChangeSetName) + `","stack-id":"` + aws.ToString(c.StackId) + `","status-details":{"status":"CREATE_COMPLETE","status-reason":""}}`
	if last.Source != "aws.cloudformation" || last.DetailType != "CloudFormation Stack Status Change" || string(last.Detail) != want {
		t.Errorf("last event %s %s\n got %s\nwant %s", last.Source, last.DetailType, last.Detail, want)
	}
}

func TestDeletedStackIsFoundByItsARNAlone(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	id := aws.ToString(w.find("jobs").StackId)
	w.delete("jobs")
	_, err := w.client.DescribeStacks(t.Context(), &cfn.DescribeStacksInput{StackName: aws.String("jobs")})
	if got := message(err); got != "ValidationError: Stack with id jobs does not exist" {
		t.Errorf("by name: %s", got)
	}
	if st := w.find(id); st == nil || st.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("by ARN: %v", st)
	}
}

func TestStacksOfOtherRegionsAreOthers(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue)
	elsewhere := w.config.Copy()
	elsewhere.Region = "eu-west-1"
	_, err := cfn.NewFromConfig(elsewhere).DescribeStacks(t.Context(), &cfn.DescribeStacksInput{StackName: aws.String("jobs")})
	if got := message(err); got != "ValidationError: Stack with id jobs does not exist" {
		t.Errorf("in another region: %s", got)
	}
}

func TestStackTagsReachTheResources(t *testing.T) {
	w := newWorld(t)
	w.must("jobs", oneQueue, withTags("team", "a"))
	c := w.plan("jobs", oneQueue, withTags("team", "b"))
	if len(c.Changes) != 1 || !cmp.Equal(c.Changes[0].ResourceChange.Scope, []types.ResourceAttribute{types.ResourceAttributeTags}) {
		t.Fatalf("plan: %v", changes(c))
	}
	w.execute(c)
	w.settled("jobs")
	w.inSync("jobs")
	if got := w.find("jobs").Tags; len(got) != 1 || aws.ToString(got[0].Value) != "b" {
		t.Errorf("tags %v", got)
	}
}

func TestStackIsDeletedWhileItIsMade(t *testing.T) {
	slow := cloudformation.Timing{ChangeSet: 1, Resource: 20 * time.Millisecond, Stack: 1, Detection: 1}
	w := newWorld(t, func(c *cloudformation.Config) { c.Timing = &slow })
	c := w.plan("jobs", twoQueues)
	w.execute(c)
	w.eventually("the first resource is begun", func() bool { return strings.Contains(w.history(aws.ToString(c.StackId)), "Dead CREATE_IN_PROGRESS") })
	w.delete("jobs")
}

func TestFailureIsScriptedOverHTTP(t *testing.T) {
	w := newWorld(t)
	address := w.url + cloudformation.ControlPath + "failures"
	post := func(body string) (int, string) {
		resp, err := http.Post(address, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		said, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(said)
	}
	for body, want := range map[string]string{
		`{"stak":"jobs"}`:                           `unknown field "stak"`,
		`{"action":"create","reason":"said so"}`:    "CREATE, UPDATE, DELETE, ROLLBACK, READ",
		`{"stack":"jobs","action":"CREATE"}`:        "reason is empty",
		`{"stack":"jobs","reason":"no","times":-1}`: "times is -1",
	} {
		if got, said := post(body); got != http.StatusBadRequest || !strings.Contains(said, want) {
			t.Errorf("%s: %d %s, want 400 with %s", body, got, said, want)
		}
	}
	if got, said := post(`{"stack":"jobs","resource":"Jobs","action":"CREATE","reason":"said so","times":1}`); got != http.StatusOK {
		t.Fatalf("status %d %s", got, said)
	}
	if status := w.deploy("jobs", oneQueue); status != types.StackStatusRollbackComplete || !strings.Contains(w.history("jobs"), "said so") {
		t.Errorf("stack ended in %s", status)
	}
}
