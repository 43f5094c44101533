package cloudformation_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
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

func TestOtherRealTemplatesRunOrAreRefusedWithAReason(t *testing.T) {
	folder := filepath.Join(samples, "aws")
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Skipf("the real templates are not here: %v", err)
	}
	w := newWorld(t)
	for i, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			w.t = t
			body := sample(t, filepath.Join("aws", f.Name()))
			name := fmt.Sprintf("sample-%d", i)
			made, err := w.client.CreateChangeSet(t.Context(), w.request(name, body, withIAM))
			if got := message(err); err != nil {
				if !strings.HasPrefix(got, "ValidationError: ") {
					t.Errorf("refused with %s", got)
				}
				t.Log(got)
				return
			}
			c := w.described(made.Id)
			if c.Status != types.ChangeSetStatusCreateComplete {
				t.Log(c.Status, aws.ToString(c.StatusReason))
				return
			}
			w.execute(c)
			status := w.settled(name)
			t.Log(status)
			if status == types.StackStatusCreateComplete {
				w.inSync(name)
				w.delete(name)
				return
			}
			t.Log(w.history(name))
		})
	}
}
