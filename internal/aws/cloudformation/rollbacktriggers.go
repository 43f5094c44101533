package cloudformation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/aws/cloudwatch"
	"github.com/driftless-gitops/driftless/internal/gitops"
	"github.com/driftless-gitops/driftless/internal/packaging"
	"github.com/driftless-gitops/driftless/internal/reconcile"
)

// The limits of a rollback configuration (API reference, RollbackConfiguration).
const (
	maxTriggers = 5
	maxMinutes  = 180
)

// alarms finds alarms by name or ARN, as of internal/aws/cloudwatch.
type alarms interface {
	Find(ctx context.Context, w reconcile.Work, alarms []string) (map[string]cloudwatch.Alarm, error)
}

// watched returns what CloudFormation is to watch while it carries the change set out, and for a
// while after: the alarms of the application's checks. An alarm that is missing would fail the
// whole operation (API reference, RollbackTrigger), so that it is refused here by its name; one
// that the template makes is watched from the next deployment on.
//
// Only what git wants is watched so. Whatever brings something back may be what ends an alarm,
// and so may a deployment that begins while the alarm is in ALARM: CloudFormation would take it
// back for that. The application's checks look at the alarm afterwards all the same.
//
// saved is what the stack has of an earlier deployment. It persists until something else is
// given (API reference, RollbackConfiguration), so that it is taken away by an empty list.
func (e *Engine) watched(ctx context.Context, w reconcile.Work, want packaging.Prepared, saved *types.RollbackConfiguration) (*types.RollbackConfiguration, error) {
	names := alarmsOf(w.Settings.Verify)
	if e.alarms == nil || w.Kind != gitops.KindDeploy || len(names) == 0 {
		return unwatched(saved), nil
	}
	if len(names) > maxTriggers {
		return nil, &gitops.Refusal{Reason: fmt.Sprintf("verify has checks of %d alarms; CloudFormation watches at most %d: join some in a composite alarm", len(names), maxTriggers)}
	}
	found, err := e.alarms.Find(ctx, w, names)
	if err != nil {
		return nil, err
	}
	minutes := min(w.Settings.Verify.MonitorSeconds/60, maxMinutes)
	c := &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(int32(minutes))}
	for _, name := range names {
		alarm, there := found[name]
		switch {
		case !there && !made(want, w, name):
			return nil, &gitops.Refusal{Reason: "verify: " + cloudwatch.Missing(w, name) + ", and its name does not stand in the template: CloudFormation would roll the whole deployment back for that; make the alarm first"}
		case there && alarm.State != cloudwatch.StateAlarm:
			c.RollbackTriggers = append(c.RollbackTriggers, trigger(alarm))
		}
	}
	if len(c.RollbackTriggers) == 0 {
		return unwatched(saved), nil
	}
	return c, nil
}

// alarmsOf returns the alarms of an application's checks, each once.
func alarmsOf(v gitops.Verify) (names []string) {
	for _, c := range v.Checks {
		if c.Alarm != "" && !slices.Contains(names, c.Alarm) {
			names = append(names, c.Alarm)
		}
	}
	return names
}

// trigger returns an alarm as CloudFormation takes it: an ARN of another type than it says would
// be one that is missing.
func trigger(a cloudwatch.Alarm) types.RollbackTrigger {
	kind := "AWS::CloudWatch::Alarm"
	if a.Composite {
		kind = "AWS::CloudWatch::CompositeAlarm"
	}
	return types.RollbackTrigger{Arn: aws.String(a.ARN), Type: aws.String(kind)}
}

// unwatched returns what takes saved triggers away, nil where there are none.
func unwatched(saved *types.RollbackConfiguration) *types.RollbackConfiguration {
	if saved == nil || len(saved.RollbackTriggers) == 0 && aws.ToInt32(saved.MonitoringTimeInMinutes) == 0 {
		return nil
	}
	return &types.RollbackConfiguration{MonitoringTimeInMinutes: aws.Int32(0), RollbackTriggers: []types.RollbackTrigger{}}
}

// made reports whether the deployment itself may make an alarm: its name stands in the template,
// with the stack's name and the parameters' values put in where Fn::Sub would.
func made(want packaging.Prepared, w reconcile.Work, alarm string) bool {
	if _, name, isARN := strings.Cut(alarm, ":alarm:"); isARN {
		alarm = name
	}
	to := w.Settings.Target
	values := []string{"${AWS::StackName}", w.Settings.CloudFormation.Stack, "${AWS::Region}", to.Region, "${AWS::AccountId}", to.Account}
	for name, value := range want.Values.Parameters {
		values = append(values, "${"+name+"}", value)
	}
	return strings.Contains(strings.NewReplacer(values...).Replace(string(want.Template)), alarm)
}
