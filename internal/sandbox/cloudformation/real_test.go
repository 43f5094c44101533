package cloudformation_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

func TestRealTemplatesAreMadeInSyncUnchangedAndDeleted(t *testing.T) {
	for name, options := range map[string][]option{
		"vpc.yaml": nil, "dynamodb.yaml": nil, "sqs.yaml": nil,
		"sns.yaml": {withParameter("SubscriptionEndPoint", "arn:aws:sqs:us-east-1:123456789012:somewhere")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			body := sample(t, name)
			w.must("real", body, options...)
			w.inSync("real")
			if c := w.plan("real", body, options...); c.Status != types.ChangeSetStatusFailed ||
				aws.ToString(c.StatusReason) != "The submitted information didn't contain changes. Submit different information to create a change set." {
				t.Errorf("unchanged: %s %s %v", c.Status, aws.ToString(c.StatusReason), changes(c))
			}
			w.delete("real")
		})
	}
}

func TestRealQueueIsUpdatedFoundDriftedAndReverted(t *testing.T) {
	w := newWorld(t)
	body := sample(t, "sqs.yaml")
	w.must("jobs", body)
	w.must("jobs", body, withParameter("VisibilityTimeout", "20"))
	w.inSync("jobs")
	client := sqs.NewFromConfig(w.config)
	queue := aws.String(w.outputs("jobs")["QueueURL"])
	if _, err := client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{"VisibilityTimeout": "60"}}); err != nil {
		t.Fatal(err)
	}
	status, drifts := w.detect("jobs")
	if status != types.StackDriftStatusDrifted || jsonOf(t, drifts) != `{"SQSQueue":["MODIFIED","NOT_EQUAL /VisibilityTimeout 20 -\u003e 60"]}` {
		t.Errorf("drift: %s %v", status, drifts)
	}
	if c := w.plan("jobs", body, withParameter("VisibilityTimeout", "20")); c.Status != types.ChangeSetStatusFailed {
		t.Errorf("an ordinary change set saw the drift: %v", changes(c))
	}
	c := w.plan("jobs", body, withParameter("VisibilityTimeout", "20"), withMode(types.DeploymentModeRevertDrift))
	if got := jsonOf(t, changes(c)); got != `["Modify SQSQueue False /Properties/VisibilityTimeout:60-\u003e20"]` {
		t.Errorf("revert: %s %s", got, aws.ToString(c.StatusReason))
	}
	w.execute(c)
	w.settled("jobs")
	live, err := client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: []sqstypes.QueueAttributeName{"VisibilityTimeout"}})
	if err != nil || live.Attributes["VisibilityTimeout"] != "20" {
		t.Errorf("live after revert: %v %v", live, err)
	}
	w.inSync("jobs")
}

// answers are given to those templates that cannot do without: they have no default, and name
// what an account has. A subnet is one that moto's default network has.
func answers(w *world) map[string][]option {
	w.t.Helper()
	n, err := w.moto().Query(w.t.Context(), resource.Scope{Account: w.account, Region: "us-east-1"}, "ec2", "DescribeSubnets", map[string]any{})
	if err != nil {
		w.t.Fatal(err)
	}
	subnet := n.Value("subnetId")
	instance := []option{withParameter("KeyName", "key"), withParameter("Subnets", subnet)}
	if _, err := w.moto().Query(w.t.Context(), resource.Scope{Account: w.account, Region: "us-east-1"}, "ec2", "CreateKeyPair", map[string]any{"KeyName": "key"}); err != nil {
		w.t.Fatal(err)
	}
	return map[string][]option{
		"EC2-EC2InstanceWithSecurityGroupSample.yaml": instance, "EC2-EC2_Instance_With_Ephemeral_Drives.yaml": instance, "EC2-EIP_With_Association.yaml": instance,
		"EC2-SingleENIwithMultipleEIPs.yaml": {withParameter("Subnet", subnet)}, "S3-compliant-bucket.yaml": {withParameter("AppName", "shop")},
	}
}

// Every template of others that can be run is in sync right after it was; those that cannot are
// listed with their reasons, as docs/drift.md lists them.
func TestOtherRealTemplatesAreInSyncOnceTheyRunOrAreRefusedWithAReason(t *testing.T) {
	folder := filepath.Join(samples, "aws")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Skipf("the real templates are not here: %v", err)
	}
	w := newWorld(t)
	given, refused := answers(w), map[string]string{}
	for i, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			w.t = t
			if why := w.runs(fmt.Sprintf("sample-%d", i), sample(t, filepath.Join("aws", f.Name())), append(given[f.Name()], withIAM)...); why != "" {
				refused[f.Name()] = why
				t.Log(why)
			}
		})
	}
	w.t = t
	var list strings.Builder
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		fmt.Fprintf(&list, "| %s | %s |\n", name, refused[name])
	}
	t.Logf("%d of %d run and are in sync; the others:\n%s", len(files)-len(refused), len(files), list.String())
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "drift.md"))
	if err != nil {
		t.Fatal(err)
	}
	if _, rest, found := strings.Cut(string(doc), "| Template | Why not |\n|---|---|\n"); !found || !strings.HasPrefix(rest, list.String()+"\n") {
		t.Errorf("docs/drift.md lists other templates that do not run, or other reasons, than\n%s", list.String())
	}
}

// runs deploys a template, finds it in sync and deletes it; or says why it cannot be run.
func (w *world) runs(stack, body string, options ...option) (why string) {
	w.t.Helper()
	made, err := w.client.CreateChangeSet(w.t.Context(), w.request(stack, body, options...))
	if got := message(err); err != nil {
		if !strings.HasPrefix(got, "ValidationError: ") {
			w.t.Errorf("refused with %s", got)
		}
		return strings.TrimPrefix(got, "ValidationError: ")
	}
	c := w.described(made.Id)
	if c.Status != types.ChangeSetStatusCreateComplete {
		return aws.ToString(c.StatusReason)
	}
	w.execute(c)
	if status := w.settled(stack); status != types.StackStatusCreateComplete {
		return string(status) + ": " + w.firstFailure(stack)
	}
	w.inSync(stack)
	w.delete(stack)
	return ""
}

// firstFailure is why the first resource failed, or the stack itself, without what differs from
// run to run: which of several it was.
func (w *world) firstFailure(stack string) string {
	for _, line := range strings.Split(w.history(stack), "\n") {
		for _, status := range []string{"CREATE_FAILED ", "ROLLBACK_IN_PROGRESS "} {
			if _, why, found := strings.Cut(line, status); found {
				why, _, _ = strings.Cut(why, " (RequestToken")
				return why
			}
		}
	}
	return "nothing says why"
}
