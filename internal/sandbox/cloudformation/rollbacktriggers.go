package cloudformation

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/driftless-gitops/driftless/internal/sandbox/cloudformation/resource"
)

// The types of rollback triggers, and where DescribeAlarms lists alarms of each.
var triggerLists = map[string]string{"AWS::CloudWatch::Alarm": "MetricAlarms", "AWS::CloudWatch::CompositeAlarm": "CompositeAlarms"}

// The limits of a rollback configuration (API reference, RollbackConfiguration).
const (
	maxTriggers   = 5
	maxMonitoring = 180
)

// checkTriggers refuses a rollback configuration that is bad in itself.
func checkTriggers(c *types.RollbackConfiguration) error {
	if c == nil {
		return nil
	}
	if len(c.RollbackTriggers) > maxTriggers {
		return invalid("1 validation error detected: Value at 'rollbackConfiguration.rollbackTriggers' failed to satisfy constraint: Member must have length less than or equal to %d", maxTriggers)
	}
	if m := aws.ToInt32(c.MonitoringTimeInMinutes); m < 0 || m > maxMonitoring {
		return invalid("1 validation error detected: Value '%d' at 'rollbackConfiguration.monitoringTimeInMinutes' failed to satisfy constraint: Member must have value between 0 and %d", m, maxMonitoring)
	}
	for _, t := range c.RollbackTriggers {
		if triggerLists[text(t.Type)] == "" {
			return invalid("Rollback trigger [%s] has type [%s], which is none of AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm", text(t.Arn), text(t.Type))
		}
	}
	return nil
}

// saved is the rollback configuration that a request leaves: the stack keeps its triggers unless
// others, or an empty list, are given.
func (st *stack) saved(given *types.RollbackConfiguration) types.RollbackConfiguration {
	if given == nil {
		return st.rollback
	}
	c := *given
	if c.RollbackTriggers == nil {
		c.RollbackTriggers = st.rollback.RollbackTriggers
	}
	return c
}

// applyWatched carries the changes out under the eyes of the stack's rollback triggers: one that
// is missing at the beginning, or in ALARM at the end or while it is monitored, is an error.
func (d *deployment) applyWatched(ctx context.Context) error {
	d.mu.Lock()
	watch := d.st.rollback
	d.mu.Unlock()
	if _, err := d.alarming(ctx, watch.RollbackTriggers); err != nil {
		return err
	}
	if err := d.applyAll(ctx); err != nil {
		return err
	}
	looks := 1 + 2*int(aws.ToInt32(watch.MonitoringTimeInMinutes)) // at the end, and twice a minute
	for i := range looks {
		if i > 0 && !d.pause(ctx, d.timing().Minute/2) {
			return errCancelled
		}
		which, err := d.alarming(ctx, watch.RollbackTriggers)
		if err != nil {
			return err
		}
		if which != "" {
			return invalid("Rollback trigger [%s] is in ALARM state.", which)
		}
	}
	return nil
}

// alarming returns the first trigger whose alarm is in ALARM, "" where none is. One whose alarm
// is not there is an error.
func (d *deployment) alarming(ctx context.Context, triggers []types.RollbackTrigger) (first string, err error) {
	if len(triggers) == 0 {
		return "", nil
	}
	all, err := d.client.Query(ctx, resource.Scope{Account: d.st.at.account, Region: d.st.at.region}, "monitoring", "DescribeAlarms", map[string]any{})
	if err != nil {
		return "", fmt.Errorf("describe alarms: %w", err)
	}
	for _, t := range triggers {
		state := ""
		for _, alarm := range all.List(triggerLists[text(t.Type)]) {
			if alarm.Value("AlarmArn") == text(t.Arn) {
				state = alarm.Value("StateValue")
			}
		}
		switch {
		case state == "":
			return "", invalid("Rollback trigger [%s] does not exist.", text(t.Arn))
		case state == "ALARM" && first == "":
			first = text(t.Arn)
		}
	}
	return first, nil
}
