package cloudformation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cfn "github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation"
	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

// monitoring calls CloudWatch.
func (w *world) monitoring(action string, params map[string]any) {
	w.t.Helper()
	if _, err := w.moto().Query(w.t.Context(), resource.Scope{Account: w.account, Region: "us-east-1"}, "monitoring", action, params); err != nil {
		w.t.Fatal(err)
	}
}

// alarm makes an alarm in a state, and returns its ARN.
func (w *world) alarm(name, state string) string {
	w.t.Helper()
	w.monitoring("PutMetricAlarm", map[string]any{"AlarmName": name, "Namespace": "AWS/SQS", "MetricName": "Age", "Statistic": "Maximum",
		"Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"})
	w.state(name, state)
	return "arn:aws:cloudwatch:us-east-1:" + w.account + ":alarm:" + name
}

func (w *world) state(alarm, state string) {
	w.t.Helper()
	w.monitoring("SetAlarmState", map[string]any{"AlarmName": alarm, "StateValue": state, "StateReason": "tested"})
}

// watchedBy hands triggers over, metric alarms all of them.
func watchedBy(minutes int32, arns ...string) option {
	return func(in *cfn.CreateChangeSetInput) {
		in.RollbackConfiguration = &types.RollbackConfiguration{MonitoringTimeInMinutes: &minutes, RollbackTriggers: []types.RollbackTrigger{}}
		for _, arn := range arns {
			in.RollbackConfiguration.RollbackTriggers = append(in.RollbackConfiguration.RollbackTriggers,
				types.RollbackTrigger{Arn: aws.String(arn), Type: aws.String("AWS::CloudWatch::Alarm")})
		}
	}
}

func topic(display string) string {
	return fmt.Sprintf("Resources:\n  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: %s } }\n", display)
}

func TestAnUpdateIsTakenBackWhereATriggerIsInAlarmAtItsEnd(t *testing.T) {
	w := newWorld(t)
	arn := w.alarm("errors", "OK")
	w.must("s", topic("one"), watchedBy(0, arn))
	w.state("errors", "INSUFFICIENT_DATA") // is no reason
	w.must("s", topic("two"))
	w.state("errors", "ALARM")
	if status := w.deploy("s", topic("three")); status != types.StackStatusUpdateRollbackComplete { // the triggers of before still hold
		t.Fatalf("ended in %s\n%s", status, w.history("s"))
	}
	if want := "s UPDATE_ROLLBACK_IN_PROGRESS Rollback trigger [" + arn + "] is in ALARM state."; !strings.Contains(w.history("s"), want) {
		t.Errorf("the events do not say %q:\n%s", want, w.history("s"))
	}
	w.inSync("s") // with what was there before
	w.must("s", topic("four"), watchedBy(0))
	if got := w.find("s").RollbackConfiguration; len(got.RollbackTriggers) != 0 {
		t.Errorf("an empty list left %v", got.RollbackTriggers)
	}
}

func TestATriggerIsMonitoredForAsLongAsWasAskedFor(t *testing.T) {
	w := newWorld(t, func(c *cloudformation.Config) { c.Timing.Minute = time.Hour })
	arn := w.alarm("errors", "OK")
	w.must("s", topic("one"))
	set := w.plan("s", topic("two"), watchedBy(5, arn))
	if got := set.RollbackConfiguration; aws.ToInt32(got.MonitoringTimeInMinutes) != 5 || aws.ToString(got.RollbackTriggers[0].Arn) != arn {
		t.Errorf("the change set tells of %v", got)
	}
	w.execute(set)
	w.eventually("the topic is changed", func() bool { return strings.Contains(w.history("s"), "Topic UPDATE_COMPLETE") })
	if got := w.find("s").StackStatus; got != types.StackStatusUpdateInProgress {
		t.Errorf("while it is monitored the stack is in %s", got)
	}
	want := &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(5), RollbackTriggers: []types.RollbackTrigger{{Arn: &arn, Type: aws.String("AWS::CloudWatch::Alarm")}}}
	if diff := cmp.Diff(want, w.find("s").RollbackConfiguration, cmpopts.IgnoreUnexported(types.RollbackConfiguration{}, types.RollbackTrigger{})); diff != "" {
		t.Errorf("the stack tells of (-want +got):\n%s", diff)
	}

	soon := newWorld(t, func(c *cloudformation.Config) { c.Timing.Minute = 100 * time.Millisecond })
	arn = soon.alarm("errors", "OK")
	soon.must("s", topic("one"))
	soon.must("s", topic("two"), watchedBy(1, arn))
	soon.execute(soon.plan("s", topic("three"), watchedBy(180, arn)))
	soon.eventually("the topic is changed", func() bool { return strings.Contains(soon.history("s"), "Topic UPDATE_COMPLETE") })
	soon.state("errors", "ALARM")
	if status := soon.settled("s"); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("ended in %s\n%s", status, soon.history("s"))
	}
}

func TestAMissingTriggerFailsTheWholeOperation(t *testing.T) {
	w := newWorld(t)
	gone := "arn:aws:cloudwatch:us-east-1:" + w.account + ":alarm:gone"
	if status := w.deploy("made", topic("one"), watchedBy(0, gone)); status != types.StackStatusRollbackComplete {
		t.Errorf("a creation ended in %s\n%s", status, w.history("made"))
	}
	w.must("s", topic("one"))
	if status := w.deploy("s", topic("two"), watchedBy(0, gone)); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("an update ended in %s\n%s", status, w.history("s"))
	}
	arn := w.alarm("gone", "OK")
	composite := func(in *cfn.CreateChangeSetInput) {
		in.RollbackConfiguration.RollbackTriggers[0].Type = aws.String("AWS::CloudWatch::CompositeAlarm")
	}
	if status := w.deploy("s", topic("two"), watchedBy(0, arn), composite); status != types.StackStatusUpdateRollbackComplete {
		t.Errorf("an update under an alarm of another type than is said ended in %s\n%s", status, w.history("s"))
	}
	w.must("s", topic("two"), watchedBy(0, arn))
}

func TestARollbackConfigurationHasLimits(t *testing.T) {
	w := newWorld(t)
	w.must("s", topic("one"))
	for want, o := range map[string]option{
		"less than or equal to 5": watchedBy(0, "1", "2", "3", "4", "5", "6"),
		"between 0 and 180":       watchedBy(181),
		"has type [Alarm]": func(in *cfn.CreateChangeSetInput) {
			in.RollbackConfiguration = &types.RollbackConfiguration{RollbackTriggers: []types.RollbackTrigger{{Arn: aws.String("a"), Type: aws.String("Alarm")}}}
		},
	} {
		if got := w.refusal("s", topic("two"), o); !strings.Contains(got, want) {
			t.Errorf("refused with %q, want %q", got, want)
		}
	}
	_, err := w.client.UpdateStack(t.Context(), &cfn.UpdateStackInput{StackName: aws.String("s"), TemplateBody: aws.String(topic("two")),
		RollbackConfiguration: &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(181)}})
	if got := message(err); !strings.Contains(got, "between 0 and 180") {
		t.Errorf("a direct update is refused with %q", got)
	}
	_, err = w.client.CreateStack(t.Context(), &cfn.CreateStackInput{StackName: aws.String("new"), TemplateBody: aws.String(topic("two")),
		RollbackConfiguration: &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(181)}})
	if got := message(err); !strings.Contains(got, "between 0 and 180") {
		t.Errorf("a direct creation is refused with %q", got)
	}
}
