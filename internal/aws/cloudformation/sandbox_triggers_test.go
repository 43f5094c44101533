package cloudformation_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/driftless-gitops/driftless/internal/aws/cloudformation"
	"github.com/driftless-gitops/driftless/internal/aws/jsonrpc"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// cloudWatch makes a call to CloudWatch.
func (w *world) cloudWatch(operation string, in map[string]any) {
	w.Helper()
	if err := jsonrpc.New(w.config, jsonrpc.CloudWatch, time.Now).Call(w.Context(), w.config.Region, operation, in, &struct{}{}); err != nil {
		w.Fatal(err)
	}
}

// aged is a template of a queue and of an alarm that watches it, named after the stack.
func (w *world) aged(timeout string) string {
	return strings.Replace(w.queue(timeout), "Outputs:\n", `  Age:
    Type: AWS::CloudWatch::Alarm
    Properties: { AlarmName: !Sub "${AWS::StackName}-age", Namespace: AWS/SQS, MetricName: Age, Statistic: Maximum, Period: 60, EvaluationPeriods: 1, Threshold: 1, ComparisonOperator: GreaterThanThreshold }
Outputs:
`, 1)
}

// The deployment that makes an alarm cannot be watched by it, the next one is. What begins while
// it is in ALARM may be what ends that.
func TestAnAlarmOfTheStackItselfWatchesTheDeploymentsAfterTheFirst(t *testing.T) {
	w := newWorld(t)(t, "guarded")
	with := func(c aws.Config) func(context.Context, reconcile.Work) (aws.Config, error) {
		return func(context.Context, reconcile.Work) (aws.Config, error) { return c, nil }
	}
	w.engine = cloudformation.New(cloudformation.Config{Deploy: with(w.front), Drift: with(w.config), Now: time.Now}) // drift's rights read alarms alone here
	w.work.Settings.Verify.Checks = []gitops.Check{{Name: "age", Alarm: "guarded-age"}}
	apply := func(timeout string, between func()) gitops.Sighting {
		t.Helper()
		w.want(w.run(gitops.OperationPlan, w.aged(timeout)), gitops.OperationReady)
		between()
		return w.run(gitops.OperationApply, "")
	}
	goes := func(state string) func() {
		return func() {
			w.cloudWatch("SetAlarmState", map[string]any{"AlarmName": "guarded-age", "StateValue": state, "StateReason": "tested"})
		}
	}
	w.want(apply("5", func() {}), gitops.OperationDone)
	w.want(apply("6", goes("OK")), gitops.OperationDone)
	s := w.want(apply("7", goes("ALARM")), gitops.OperationFailed)
	if !strings.Contains(s.Reason, "alarm:guarded-age] is in ALARM") {
		t.Errorf("the reason is %q", s.Reason)
	}
	w.want(apply("8", func() {}), gitops.OperationDone)
	goes("OK")()
	w.work.Settings.Verify.Checks = nil
	w.want(apply("9", goes("ALARM")), gitops.OperationDone) // nobody asks for it any more
}
