package cloudformation_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
)

// child is a nested template: a queue whose time-out is a parameter, and its ARN.
const child = `
Parameters: { Seconds: { Type: Number, Default: 10 } }
Resources:
  Jobs:
    Type: AWS::SQS::Queue
    Properties: { VisibilityTimeout: !Ref Seconds }
Outputs:
  QueueArn: { Value: !GetAtt Jobs.Arn }
`

// upload puts a template into a bucket and returns its URL.
func (w *world) upload(key, body string) string {
	w.t.Helper()
	bucket := "templates-" + w.account
	client := s3.NewFromConfig(w.config, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := client.CreateBucket(w.t.Context(), &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil && !strings.Contains(err.Error(), "BucketAlready") {
		w.t.Fatal(err)
	}
	if _, err := client.PutObject(w.t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(key), Body: strings.NewReader(body)}); err != nil {
		w.t.Fatal(err)
	}
	return "https://" + bucket + ".s3.us-east-1.amazonaws.com/" + key
}

// parent nests the template at url as Child, with its time-out, beside a parameter that
// holds the nested queue's ARN.
func parent(url string, seconds int) string {
	return fmt.Sprintf(`
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: %s
      Parameters: { Seconds: %d }
  Arn:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !GetAtt Child.Outputs.QueueArn }
`, url, seconds)
}

func includeNested(in *cfn.CreateChangeSetInput) { in.IncludeNestedStacks = aws.Bool(true) }

// nestedOf is the stack that a resource stands for.
func (w *world) nestedOf(stack, resource string) *types.Stack {
	w.t.Helper()
	out, err := w.client.DescribeStackResource(w.t.Context(), &cfn.DescribeStackResourceInput{StackName: aws.String(stack), LogicalResourceId: aws.String(resource)})
	if err != nil {
		w.t.Fatal(err)
	}
	st := w.find(aws.ToString(out.StackResourceDetail.PhysicalResourceId))
	if st == nil {
		w.t.Fatalf("%s of %s is no stack", resource, stack)
	}
	return st
}

// value is what a stack's parameter resource Arn holds.
func (w *world) value(stack string) string {
	w.t.Helper()
	out, err := w.moto().JSON(w.t.Context(), scopeOf(w), "ssm", "GetParameter", map[string]any{"Name": w.physical(stack, "Arn")})
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(out["Parameter"].(map[string]any)["Value"])
}

func (w *world) physical(stack, resource string) string {
	w.t.Helper()
	out, err := w.client.DescribeStackResource(w.t.Context(), &cfn.DescribeStackResourceInput{StackName: aws.String(stack), LogicalResourceId: aws.String(resource)})
	if err != nil {
		w.t.Fatal(err)
	}
	return aws.ToString(out.StackResourceDetail.PhysicalResourceId)
}

func TestNestedStackIsMadeUpdatedAndDeletedWithItsParent(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	w.must("app", parent(url, 10), withTags("team", "a"))
	nested := w.nestedOf("app", "Child")
	root := aws.ToString(w.find("app").StackId)
	if nested.StackStatus != types.StackStatusCreateComplete || aws.ToString(nested.ParentId) != root || aws.ToString(nested.RootId) != root ||
		!strings.HasPrefix(aws.ToString(nested.StackName), "app-Child-") {
		t.Fatalf("nested stack %s %s, parent %s", aws.ToString(nested.StackName), nested.StackStatus, aws.ToString(nested.ParentId))
	}
	if len(nested.Tags) != 1 || aws.ToString(nested.Tags[0].Value) != "a" {
		t.Errorf("tags %v", nested.Tags)
	}
	if got := w.value("app"); got != aws.ToString(nested.Outputs[0].OutputValue) || !strings.HasPrefix(got, "arn:aws:sqs:") {
		t.Errorf("the parent saw the output as %q", got)
	}
	w.must("app", parent(url, 20), withTags("team", "a"))
	got := w.history(aws.ToString(nested.StackId))
	if !strings.HasSuffix(strings.TrimSpace(got), aws.ToString(nested.StackName)+" UPDATE_COMPLETE") || !strings.Contains(got, "Jobs UPDATE_COMPLETE") {
		t.Errorf("events of the nested stack:\n%s", got)
	}
	w.delete("app")
	if st := w.find(aws.ToString(nested.StackId)); st.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("nested stack is left in %s", st.StackStatus)
	}
}

func TestParentLooksBehindAnUnchangedURL(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	w.must("app", parent(url, 10))
	before := w.history(aws.ToString(w.nestedOf("app", "Child").StackId))
	c := w.plan("app", parent(url, 10))
	if got := changes(c); !cmp.Equal(got[0], "Modify Child False :->") || c.Changes[0].ResourceChange.Details[0].ChangeSource != types.ChangeSourceAutomatic {
		t.Fatalf("plan without nested change sets: %v %s", got, c.Changes[0].ResourceChange.Details[0].ChangeSource)
	}
	w.execute(c)
	w.settled("app")
	if after := w.history(aws.ToString(w.nestedOf("app", "Child").StackId)); after != before {
		t.Errorf("an unchanged nested stack has new events:\n%s", after)
	}
	w.upload("child.yaml", strings.Replace(child, "Outputs:", "  Dead: { Type: AWS::SQS::Queue }\nOutputs:", 1))
	w.must("app", parent(url, 10))
	if got := w.history(aws.ToString(w.nestedOf("app", "Child").StackId)); !strings.Contains(got, "Dead CREATE_COMPLETE") {
		t.Errorf("events:\n%s", got)
	}
}

func TestFailedNestedCreationRollsTheParentBack(t *testing.T) {
	w := newWorld(t)
	w.service.Fail("", "Jobs", "no more queues")
	if status := w.deploy("app", parent(w.upload("child.yaml", child), 10)); status != types.StackStatusRollbackComplete {
		t.Fatalf("status %s", status)
	}
	got := w.history("app")
	id := w.physical("app", "Child")
	for _, want := range []string{
		"Child CREATE_FAILED Embedded stack " + id + " was not successfully created: The following resource(s) failed to create: [Jobs]. ",
		"app ROLLBACK_IN_PROGRESS The following resource(s) failed to create: [Child]. Rollback requested by user.", "Child DELETE_COMPLETE",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no event %q in\n%s", want, got)
		}
	}
	if st := w.find(id); st.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("nested stack is left in %s", st.StackStatus)
	}
}

func TestNestedUpdateIsRolledBackByItselfOrWithItsParent(t *testing.T) {
	for name, failing := range map[string]string{"the nested stack fails": "Jobs", "a sibling fails afterwards": "Arn"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			url := w.upload("child.yaml", child)
			w.must("app", parent(url, 10))
			w.service.Script(cloudformation.Failure{Resource: failing, Action: "UPDATE", Reason: "not today", Times: 1})
			changed := strings.Replace(child, "!GetAtt Jobs.Arn", `!Sub "${Jobs.Arn}-"`, 1)
			w.upload("child.yaml", strings.Replace(changed, "Outputs:", "  Dead: { Type: AWS::SQS::Queue }\nOutputs:", 1))
			if status := w.deploy("app", parent(url, 20)); status != types.StackStatusUpdateRollbackComplete {
				t.Fatalf("status %s\n%s", status, w.history("app"))
			}
			nested := w.nestedOf("app", "Child")
			if nested.StackStatus != types.StackStatusUpdateRollbackComplete {
				t.Errorf("nested stack ended in %s\n%s", nested.StackStatus, w.history(aws.ToString(nested.StackId)))
			}
			if failing == "Jobs" {
				// Dead is made beside Jobs, and may be cancelled by its failure.
				want := regexp.MustCompile(`Child UPDATE_FAILED Embedded stack .* was not successfully updated\. Currently in UPDATE_ROLLBACK_IN_PROGRESS with reason: The following .*failed to update: \[Jobs\]\. `)
				if got := w.history("app"); !want.MatchString(got) {
					t.Errorf("no event %q in\n%s", want, got)
				}
			} else if got := w.history(aws.ToString(nested.StackId)); !strings.Contains(got, "Dead DELETE_COMPLETE") {
				t.Errorf("what the update added is left:\n%s", got)
			}
			w.inSync(aws.ToString(nested.StackId))
			if got := w.value("app"); strings.HasSuffix(got, "-") {
				t.Errorf("the parent still has the rolled back output %s", got)
			}
			w.must("app", parent(url, 20))
		})
	}
}

func TestFailedRollbackOfANestedStackIsContinuedPastOneResource(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	w.must("app", parent(url, 10))
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "UPDATE", Reason: "not today", Times: 1})
	w.service.Script(cloudformation.Failure{Resource: "Jobs", Action: "ROLLBACK", Reason: "never"})
	if status := w.deploy("app", parent(url, 20)); status != types.StackStatusUpdateRollbackFailed {
		t.Fatalf("status %s\n%s", status, w.history("app"))
	}
	name := aws.ToString(w.nestedOf("app", "Child").StackName)
	if _, err := w.client.ContinueUpdateRollback(t.Context(), &cfn.ContinueUpdateRollbackInput{StackName: aws.String("app"), ResourcesToSkip: []string{name + ".Jobs"}}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("app"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s\n%s", status, w.history("app"))
	}
}

func TestCancelledUpdateCancelsItsNestedStacks(t *testing.T) {
	slow := quick
	slow.Resource = 300 * time.Millisecond
	w := newWorld(t, func(c *cloudformation.Config) { c.Timing = &slow })
	url := w.upload("child.yaml", child)
	w.must("app", parent(url, 10))
	w.execute(w.plan("app", parent(url, 20)))
	id := w.physical("app", "Child")
	w.eventually("the nested queue is updated", func() bool { return strings.Contains(w.history(id), "Jobs UPDATE_IN_PROGRESS") })
	if _, err := w.client.CancelUpdateStack(t.Context(), &cfn.CancelUpdateStackInput{StackName: aws.String("app")}); err != nil {
		t.Fatal(err)
	}
	if status := w.settled("app"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("status %s\n%s", status, w.history("app"))
	}
	if st := w.find(id); st.StackStatus != types.StackStatusUpdateRollbackComplete || !strings.Contains(w.history(id), "Jobs UPDATE_FAILED Resource update cancelled") {
		t.Errorf("nested stack ended in %s\n%s", st.StackStatus, w.history(id))
	}
}

func TestTemplateThatNestsItselfIsStopped(t *testing.T) {
	w := newWorld(t)
	url := w.upload("loop.yaml", "")
	w.upload("loop.yaml", "Resources:\n  Again:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: "+url+" }\n")
	body := "Resources:\n  Again:\n    Type: AWS::CloudFormation::Stack\n    Properties: { TemplateURL: " + url + " }\n"
	if c := w.plan("loop", body, includeNested); c.Status != types.ChangeSetStatusFailed {
		t.Errorf("change set: %s", c.Status)
	}
	if status := w.deploy("other", body); status != types.StackStatusRollbackComplete {
		t.Errorf("status %s", status)
	}
}

func TestNestedStackCanBeUpdatedByItself(t *testing.T) {
	w := newWorld(t)
	w.must("app", parent(w.upload("child.yaml", child), 10))
	nested := aws.ToString(w.nestedOf("app", "Child").StackName)
	w.must(nested, child, withParameter("Seconds", "30"))
	if st := w.find("app"); st.StackStatus != types.StackStatusCreateComplete {
		t.Errorf("the parent moved to %s", st.StackStatus)
	}
}

func TestNestedTemplateNeedsItsOwnCapabilities(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", "Transform: AWS::LanguageExtensions\n"+child)
	body := parent(url, 10)
	if status := w.deploy("app", body); status != types.StackStatusRollbackComplete {
		t.Fatalf("status %s", status)
	}
	if got := w.history("app"); !strings.Contains(got, "Requires capabilities : [CAPABILITY_AUTO_EXPAND]") {
		t.Errorf("events:\n%s", got)
	}
	w.delete("app")
	w.must("app", body, func(in *cfn.CreateChangeSetInput) {
		in.Capabilities = []types.Capability{types.CapabilityCapabilityAutoExpand}
	})
}
