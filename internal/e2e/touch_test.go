package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/sandbox"
)

// as is for calls to the sandbox as a user of a name, whom the administrator makes.
func as(t *testing.T, name string) aws.Config {
	t.Helper()
	cfg := config(t)
	people := iam.NewFromConfig(cfg)
	if _, err := people.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}); err != nil {
		t.Fatal(err)
	}
	key, err := people.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(key.AccessKey.AccessKeyId), aws.ToString(key.AccessKey.SecretAccessKey), "")
	return cfg
}

// set changes an attribute of a queue as somebody.
func set(t *testing.T, cfg aws.Config, queue, attribute, value string) {
	t.Helper()
	client := sqs.NewFromConfig(cfg)
	url, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: &queue})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: url.QueueUrl, Attributes: map[string]string{attribute: value}}); err != nil {
		t.Fatal(err)
	}
}

// Drift is due in an hour: what is told before that, an event brought up. What deployments change
// through CloudFormation brings up nothing.
func TestAChangeByHandIsToldAtOnceWithWhoMadeIt(t *testing.T) {
	const bo = "arn:aws:iam::" + sandbox.Account + ":user/bo"
	r := watch(t, mapFS(map[string]string{"driftless.yaml": file("touched", "aside"),
		"stacks/touched/template.yaml": queue("touched", 5), "stacks/aside/template.yaml": queue("aside", 5)}))
	r.ends("touched", r.git("rev-parse", "HEAD"), gitops.PhaseSucceeded)
	r.set("stacks/touched/template.yaml", queue("touched", 6))
	r.ends("touched", r.push("another time"), gitops.PhaseSucceeded)
	before, _ := r.app("touched")
	aside := r.ends("aside", r.git("rev-parse", "HEAD^"), gitops.PhaseSucceeded)

	changed := time.Now()
	set(t, as(t, "bo"), "touched", "VisibilityTimeout", "77")
	var v gitops.View
	r.eventually("told", func() bool { v, _ = r.app("touched"); return v.Application.Drift.Drifted == 1 }, func() string { return describe(v, r.repository()) })
	t.Logf("told after %s", time.Since(changed).Round(100*time.Millisecond))
	out := r.cli("drift", "touched")
	for _, want := range []string{"Queue", "live 77", bo, "SetQueueAttributes", "127.0.0.1"} {
		if !strings.Contains(out, want) {
			t.Errorf("the report does not say %q:\n%s", want, out)
		}
	}
	if due := v.Application.DriftDue; !due.Equal(before.Application.DriftDue) || time.Until(due) < 30*time.Minute {
		t.Errorf("drift is due at %s, was at %s: the schedule may have found it", due, before.Application.DriftDue)
	}
	if len(before.Application.Touched) != 0 || len(v.Application.Touched) != 0 {
		t.Errorf("changes are left to be looked at: %+v, %+v", before.Application.Touched, v.Application.Touched)
	}
	if now, _ := r.app("aside"); !now.Application.Drift.At.Equal(aside.Application.Drift.At) || now.Application.Drift.Drifted != 0 {
		t.Errorf("another application was looked at: %+v", now.Application.Drift)
	}
}
