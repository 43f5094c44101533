package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// Whoever wants to know of deployments and drift makes a rule on the bus, as docs/operations.md says.
func TestEveryChangeOfADeploymentAndOfDriftIsOnTheBus(t *testing.T) {
	receive := listen(t)
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("told"), "stacks/told/template.yaml": queue("told", 5)}))
	r.ends("told", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	want := []string{"Deployment Pending", "Deployment Planning", "Deployment Applying", "Deployment Verifying", "Deployment Succeeded", "Drift Report"}
	heard := map[string]bool{}
	r.eventually("every phase is told", func() bool {
		for _, e := range receive() {
			if e.Detail.Application == "told" && e.Source == "driftless" {
				heard[e.DetailType] = true
			}
		}
		for _, w := range want {
			if !heard[w] {
				return false
			}
		}
		return true
	}, func() string { return strings.Join(want, ", ") + " were wanted" })
}

// told is what an event of the bus says.
type told struct {
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Detail     struct {
		Application string `json:"application"`
	} `json:"detail"`
}

// listen makes a rule on the bus with a queue behind it, and returns what receives from it.
func listen(t *testing.T) func() []told {
	t.Helper()
	cfg := config(t)
	queues, bus := sqs.NewFromConfig(cfg), eventbridge.NewFromConfig(cfg)
	made, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("told-events")})
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:sqs:" + sandbox.Region + ":" + sandbox.Account + ":told-events"
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sqs:SendMessage","Resource":"` + arn + `"}]}`
	if _, err := queues.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: made.QueueUrl, Attributes: map[string]string{"Policy": policy}}); err != nil {
		t.Fatal(err)
	}
	rule := &eventbridge.PutRuleInput{Name: aws.String("told"), EventBusName: aws.String("driftless"), EventPattern: aws.String(`{"source":["driftless"]}`)}
	if _, err := bus.PutRule(t.Context(), rule); err != nil {
		t.Fatal(err)
	}
	if _, err := bus.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: rule.Name, EventBusName: rule.EventBusName,
		Targets: []ebtypes.Target{{Id: aws.String("queue"), Arn: aws.String(arn)}}}); err != nil {
		t.Fatal(err)
	}
	return func() []told {
		out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		var events []told
		for _, m := range out.Messages {
			var e told
			if err := json.Unmarshal([]byte(aws.ToString(m.Body)), &e); err != nil {
				t.Fatal(err)
			}
			events = append(events, e)
		}
		return events
	}
}

// config is for calls to the sandbox as its administrator.
func config(t *testing.T) aws.Config {
	t.Helper()
	if sharedIs != nil {
		t.Fatal(sharedIs)
	}
	return shared.Sandbox.Config()
}
