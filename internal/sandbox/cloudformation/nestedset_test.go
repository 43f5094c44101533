package cloudformation_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
)

// within is the change set of the nested stack that a change is about.
func (w *world) within(c *cfn.DescribeChangeSetOutput, resource string) *cfn.DescribeChangeSetOutput {
	w.t.Helper()
	for _, change := range c.Changes {
		if aws.ToString(change.ResourceChange.LogicalResourceId) == resource {
			if change.ResourceChange.ChangeSetId == nil {
				w.t.Fatalf("the change of %s has no change set", resource)
			}
			return w.described(change.ResourceChange.ChangeSetId)
		}
	}
	w.t.Fatalf("no change of %s in %v", resource, changes(c))
	return nil
}

func TestNestedChangeSetsAreATreeThatItsRootExecutes(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	root := w.plan("app", parent(url, 10), includeNested)
	nested := w.within(root, "Child")
	if aws.ToString(nested.RootChangeSetId) != aws.ToString(root.ChangeSetId) || aws.ToString(nested.ParentChangeSetId) != aws.ToString(root.ChangeSetId) ||
		root.RootChangeSetId != nil || !aws.ToBool(root.IncludeNestedStacks) || !strings.HasPrefix(aws.ToString(nested.ChangeSetName), aws.ToString(root.ChangeSetName)+"-Child-") {
		t.Errorf("nested change set %s of root %s", aws.ToString(nested.ChangeSetName), aws.ToString(nested.RootChangeSetId))
	}
	if nested.Status != types.ChangeSetStatusCreateComplete || nested.ExecutionStatus != types.ExecutionStatusUnavailable || aws.ToString(nested.StatusReason) != "Executable from root change set" {
		t.Errorf("%s %s %s", nested.Status, nested.ExecutionStatus, aws.ToString(nested.StatusReason))
	}
	if got := changes(nested); !cmp.Equal(got, []string{"Add Jobs"}) {
		t.Errorf("plan: %v", got)
	}
	_, err := w.client.ExecuteChangeSet(t.Context(), &cfn.ExecuteChangeSetInput{ChangeSetName: nested.ChangeSetId})
	if got := message(err); !strings.HasPrefix(got, "InvalidChangeSetStatus: ") {
		t.Errorf("execution of the nested one: %s", got)
	}
	_, err = w.client.DeleteChangeSet(t.Context(), &cfn.DeleteChangeSetInput{ChangeSetName: nested.ChangeSetId})
	if got := message(err); !strings.HasPrefix(got, "ValidationError: ") {
		t.Errorf("deletion of the nested one: %s", got)
	}
	w.execute(root)
	if status := w.settled("app"); status != types.StackStatusCreateComplete {
		t.Fatalf("status %s\n%s", status, w.history("app"))
	}
	if got := w.physical("app", "Child"); got != aws.ToString(nested.StackId) {
		t.Errorf("made %s, planned %s", got, aws.ToString(nested.StackId))
	}
	if got := w.described(nested.ChangeSetId).ExecutionStatus; got != types.ExecutionStatusExecuteComplete {
		t.Errorf("the nested change set is %s", got)
	}
}

func TestNestedChangeSetTellsWhatChangesInside(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	w.must("app", parent(url, 10))
	root := w.plan("app", parent(url, 20), includeNested)
	if got := changes(w.within(root, "Child")); !cmp.Equal(got, []string{"Modify Jobs False /Properties/VisibilityTimeout:10->20"}) {
		t.Errorf("plan: %v", got)
	}
	if root.Changes[0].ResourceChange.Replacement != types.ReplacementFalse {
		t.Errorf("replacement %s", root.Changes[0].ResourceChange.Replacement)
	}
	w.upload("child.yaml", "overwritten") // what was planned is what runs
	w.execute(root)
	if status := w.settled("app"); status != types.StackStatusUpdateComplete {
		t.Fatalf("status %s\n%s", status, w.history("app"))
	}
}

func TestUnchangedNestedStackFailsItsChangeSetAlone(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	w.must("app", parent(url, 10))
	root := w.plan("app", parent(url, 10), includeNested)
	nested := w.within(root, "Child")
	if nested.Status != types.ChangeSetStatusFailed || !strings.HasPrefix(aws.ToString(nested.StatusReason), "The submitted information didn't contain changes.") {
		t.Errorf("nested: %s %s", nested.Status, aws.ToString(nested.StatusReason))
	}
	if root.Status != types.ChangeSetStatusCreateComplete {
		t.Fatalf("root: %s %s", root.Status, aws.ToString(root.StatusReason))
	}
	w.execute(root)
	if status := w.settled("app"); status != types.StackStatusUpdateComplete {
		t.Errorf("status %s\n%s", status, w.history("app"))
	}
}

func TestFailedNestedChangeSetFailsItsRoot(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", strings.Replace(child, "!Ref Seconds", "soon", 1))
	root := w.plan("app", parent(url, 10), includeNested)
	nested := w.within(root, "Child")
	if want := "Nested change set " + aws.ToString(nested.ChangeSetId) + " was not successfully created: Currently in FAILED."; aws.ToString(root.StatusReason) != want {
		t.Errorf("root: %s\nwant %s", aws.ToString(root.StatusReason), want)
	}
	if !strings.Contains(aws.ToString(nested.StatusReason), "AWS::EarlyValidation::PropertyValidation") {
		t.Errorf("nested: %s", aws.ToString(nested.StatusReason))
	}
	root = w.plan("other", parent("https://templates-none.s3.us-east-1.amazonaws.com/x.yaml", 10), includeNested)
	if got := aws.ToString(root.StatusReason); !strings.HasPrefix(got, "S3 error: The specified bucket does not exist") {
		t.Errorf("a template that is not there: %s", got)
	}
}

func TestDeletedRootTakesItsTreeWithIt(t *testing.T) {
	w := newWorld(t)
	url := w.upload("child.yaml", child)
	root := w.plan("app", parent(url, 10), includeNested)
	nested := w.within(root, "Child")
	if _, err := w.client.DeleteChangeSet(t.Context(), &cfn.DeleteChangeSetInput{ChangeSetName: root.ChangeSetId}); err != nil {
		t.Fatal(err)
	}
	_, err := w.client.DescribeChangeSet(t.Context(), &cfn.DescribeChangeSetInput{ChangeSetName: nested.ChangeSetId})
	if got := message(err); !strings.HasPrefix(got, "ChangeSetNotFound: ") {
		t.Errorf("nested change set: %s", got)
	}
	if st := w.find(aws.ToString(nested.StackId)); st.StackStatus != types.StackStatusDeleteComplete {
		t.Errorf("the nested stack in review is left in %s", st.StackStatus)
	}
}
